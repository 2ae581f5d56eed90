"""Conditions on a catalogue before it may price anything: every rule here is one the kernel and the twin rely on.

Works on the model of any origin. Each finding has its place in the model, a message and a remedy; all are given at once.
Entries whose name could not be read (empty) are skipped: that has been reported already.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from tariffs.checks.add_ons import add_ons
from tariffs.checks.benefits import benefits
from tariffs.checks.bill_terms import bill_terms
from tariffs.checks.calendars import calendars
from tariffs.checks.fees import fees, price_ids
from tariffs.checks.header import header, tax_classes
from tariffs.checks.plans import plans
from tariffs.checks.prices import prices
from tariffs.checks.readable import readable
from tariffs.checks.rules import rules
from tariffs.checks.zones import roaming_zones, zones
from tariffs.documents import limits
from tariffs.documents.document import Finding

if TYPE_CHECKING:
    from rating.model import Catalogue

_PARTS = (
    header, tax_classes, calendars, zones, roaming_zones, price_ids, prices, plans, add_ons, fees, rules, benefits, bill_terms, readable,
)  # fmt: skip


def check(catalogue: Catalogue) -> list[Finding]:
    """Everything that is wrong in `catalogue`, up to more findings than a person reads; empty when it may be published."""
    every = (finding for part in _PARTS for finding in part(catalogue))
    found = list(itertools.islice(every, limits.CHECK_FINDINGS_MAX))
    if next(every, None) is not None:
        found.append(Finding((), f"and more mistakes than {limits.CHECK_FINDINGS_MAX:,}", "correct these first"))
    return found

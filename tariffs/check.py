"""What must hold in a catalogue before it may price anything: every rule here is one the kernel and the twin rely on.

Works on the model, whatever it came from. Each finding has its place in the model, a message and a remedy; all are given at once.
Entries whose name could not be read (empty) are passed over: that has been said already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tariffs.checks.benefits import benefits
from tariffs.checks.calendars import calendars
from tariffs.checks.header import header, tax_classes
from tariffs.checks.plans import plans, price_ids
from tariffs.checks.prices import prices
from tariffs.checks.rules import rules
from tariffs.checks.zones import roaming_zones, zones

if TYPE_CHECKING:
    from rating.model import Catalogue
    from tariffs.document import Finding

_PARTS = (header, tax_classes, calendars, zones, roaming_zones, price_ids, prices, plans, rules, benefits)


def check(catalogue: Catalogue) -> list[Finding]:
    """Everything that is wrong in `catalogue`; empty when it may be published."""
    return [finding for part in _PARTS for finding in part(catalogue)]

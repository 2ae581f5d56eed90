"""Doubts about a catalogue that may be published: reported, never refused, because its author may mean it.

Only for a catalogue without errors. Each warning has a code, so that it can be looked up (docs/checking-tariffs.md) and counted. It has a
place in the model that `load.Located.locate` turns into file and line. `check --strict` makes them errors. No prices are computed and
nothing is stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tariffs.documents.uncollected import uncollected
from tariffs.reach import Asked
from tariffs.warnings import bands, catalogues, gaps, grants, prices, ranges, rules
from tariffs.warnings.common import Warning  # noqa: A004 -- see there

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.model import Catalogue

__all__ = ["CODES", "Warning", "warn"]

# code -> what it is about, in a line of the reference
CODES: Final = {
    "overlapping-rules": "two rules hold for the same usage, and only their order decides between their prices",
    "shadowed-rule": "a rule is never met, or another rule takes what a fallback plan names",
    "no-price": "usage that may happen meets no rule with a price, at some time or under some condition",
    "band-gap": "a short time between two bands belongs to neither",
    "idle-band": "a band never prevails from the version's start on",
    "duplicate-row": "a row of a file says what another says already",
    "price-jump-neighbours": "a price is more than ten times that of its neighbours",
    "price-jump-version": "a price is more than ten times, or less than a tenth, of the one before",
    "range-overlap": "two ranges of time overlap",
    "range-hole": "a time that nothing covers, or that a later version must cover",
    "serves-nothing": "an allowance, day pass, cap, discount, spend limit or volume tier that no usage of the plan can reach",
    "untaxed": "a plan charges without tax",
    "near-bound": "a figure or number of entries is near to what can be computed",
    "language-missing": "a text for customers lacks a language that others have",
    "unknown-zone": "a title for a zone that no row of its deck names",
    "holidays-end": "the holidays of a calendar end soon after the version's start",
    "shared-true": "an allowance says `shared: true`, and not whether each line brings its own or all have one",
    "not-billed-yet": "a spend limit, which is on the sheet and is for alarms only: it changes no bill",
}


def warn(catalogue: Catalogue, *, before: Catalogue | None = None, others: Sequence[Catalogue] = ()) -> list[Warning]:
    """All warnings about `catalogue`, by code in the order of CODES.

    `before`: the version that it follows, for prices that jump; `others`: other versions of the identity, for ranges of time.
    """
    with uncollected():
        asked = Asked(catalogue)
        found = [
            *rules.warn(asked),
            *gaps.warn(asked),
            *bands.warn(catalogue),
            *prices.warn(catalogue, before),
            *ranges.warn(catalogue, others),
            *grants.warn(asked),
            *catalogues.warn(catalogue),
        ]
    order = {code: position for position, code in enumerate(CODES)}
    return sorted(found, key=lambda each: order[each.code])

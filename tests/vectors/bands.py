"""The calendar of rules that share a prefix: one band for each span in which one of them is active.

A band carries the position of its rule as its name and the rank of its rule's weight, so that rule sets of one shape share a calendar.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from rating.model import Band
from tests.vectors.cases import TimeBand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.vectors.cases import Rule

DAY_S: Final = 86_400
_SECONDS: Final = (3600, 60, 1)
_ALWAYS: Final = (TimeBand(),)
_OPEN: Final = {None, "", "*any", "*asap"}


def calendar_bands(rules: Sequence[Rule]) -> tuple[Band, ...]:
    """Bands named "0", "1", ... after the rules, in their order. A span that ends before it starts is never active."""
    weights = sorted({rule.weight or Decimal(0) for rule in rules})
    found = []
    for position, rule in enumerate(rules):
        for span in rule.bands or _ALWAYS:
            start, end = _second(span.start, 0), DAY_S if span.end in _OPEN else _second(span.end, 0) + 1
            if start < end:
                found.append(_band(str(position), span, start, end, weights.index(rule.weight or Decimal(0))))
    return tuple(found)


def is_always(bands: tuple[Band, ...]) -> bool:
    """Whether these are one band that covers every instant."""
    if len(bands) != 1:
        return False
    band = bands[0]
    return (band.start_s, band.end_s) == (0, DAY_S) and not (band.days or band.years or band.months or band.month_days)


def _band(name: str, span: TimeBand, start_s: int, end_s: int, weight: int) -> Band:
    days = tuple(sorted({day or 7 for day in span.week_days}))
    return Band(name, days, start_s, end_s, weight, tuple(sorted(span.years)), tuple(sorted(span.months)), tuple(sorted(span.month_days)))


def _second(text: str | None, otherwise: int) -> int:
    if text is None or text in _OPEN:
        return otherwise
    return sum(int(part) * seconds for part, seconds in zip(text.split(":"), _SECONDS, strict=True))

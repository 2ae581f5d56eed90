"""Shares of a cycle, as exact day fractions.

One rule covers all cuts: active days inside the cycle, divided by the days of the whole cycle between two bill dates. A leading stub
divides by the period that ends at the first bill date. A trailing stub divides by the period that starts at the last one. So the two halves
of a plan change add up to one. Day counts are differences of local dates, never seconds.
"""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.charges.periods import Period


class Span(NamedTuple):
    """Local dates `[start, end)`; `end` None is open."""

    start: dt.date
    end: dt.date | None

    def holds_on(self, day: dt.date) -> bool:
        """Return whether a day lies in it."""
        return self.start <= day and (self.end is None or day < self.end)


def clip(span: Span, period: Period) -> Span | None:
    """The part of `span` inside `period`, None if there is none."""
    start = max(span.start, period.start)
    end = period.end if span.end is None else min(span.end, period.end)
    return Span(start, end) if start < end else None


def share(spans: Iterable[Span], period: Period) -> Fraction:
    """Active days of `spans` (which do not overlap) inside `period`, as a fraction of its whole cycle: 0 .. 1."""
    days = 0
    for span in spans:
        part = clip(span, period)
        if part is not None:
            assert part.end is not None
            days += (part.end - part.start).days
    result = Fraction(days, period.cycle_days)
    assert result <= 1, "spans of one subscription overlap"
    return result

"""The days that a report is about: whole UTC days, half open, and the three months before them."""

from __future__ import annotations

import datetime as dt
from typing import Final, NamedTuple

from rating.dates import utc_date, utc_midnight_us

MONTHS_BEFORE: Final = 3


class Span(NamedTuple):
    """From the beginning of `first` to the beginning of `end`."""

    first: dt.date
    end: dt.date

    @property
    def from_us(self) -> int:
        """Microseconds UTC at which it begins."""
        return utc_midnight_us(self.first)

    @property
    def to_us(self) -> int:
        """Microseconds UTC at which it has ended."""
        return utc_midnight_us(self.end)

    def before(self) -> Span:
        """The three months before it."""
        return Span(months_earlier(self.first, MONTHS_BEFORE), self.first)


def month_of(at_us: int) -> Span:
    """The UTC month of an instant."""
    first = utc_date(at_us).replace(day=1)
    return Span(first, months_earlier(first, -1))


def months_earlier(date: dt.date, months: int) -> dt.date:
    """The same day so many months earlier, or the last day that month has."""
    month = date.year * 12 + date.month - 1 - months
    first = dt.date(month // 12, month % 12 + 1, 1)
    following = dt.date((month + 1) // 12, (month + 1) % 12 + 1, 1)
    return first.replace(day=min(date.day, (following - first).days))

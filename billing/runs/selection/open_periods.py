"""The periods that accounts have in common: each list of them once, and as arrays that events are looked up in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from billing.charges.lines import Int64s
from billing.charges.periods import BillDays, Period, starts_of
from rating.dates import NEVER, day_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.runs.contracts.midnights import Midnights


class Calendar(NamedTuple):
    """Consecutive periods by one clock. `open_from`: the oldest period that might have been among them."""

    zone: str
    bill_days: BillDays  # what outlives a period expires by them
    periods: tuple[Period, ...]
    open_from: Period
    ahead: Period | None


class Calendars:
    """Calendars, each once."""

    def __init__(self) -> None:
        self.all: list[Calendar] = []
        self._known: dict[Calendar, int] = {}

    def number(self, calendar: Calendar) -> int:
        """The place of a calendar in `all`."""
        number = self._known.setdefault(calendar, len(self.all))
        if number == len(self.all):
            self.all.append(calendar)
        return number


class Arrays(NamedTuple):
    """Calendars side by side: (calendar, period). Days are day numbers."""

    bounds_us: Int64s  # first instant of each period, then the end of the last; padded with the largest number
    period_from: Int64s
    period_to: Int64s
    period_count: Int64s
    open_us: Int64s


class PeriodsOf(Sequence[list[Period]]):
    """The periods of each account by its calendar; empty for -1."""

    def __init__(self, calendar: Int64s, periods: Sequence[list[Period]]) -> None:
        self._calendar = calendar
        self._periods = [*periods, []]  # the last one for -1

    def __len__(self) -> int:
        return len(self._calendar)

    def __getitem__(self, index: int) -> list[Period]:  # type: ignore[override]  # nobody asks for slices
        return self._periods[self._calendar[index]]

    def __iter__(self) -> Iterator[list[Period]]:
        return map(self._periods.__getitem__, self._calendar.tolist())


def side_by_side(calendars: Sequence[Calendar], midnights: Midnights) -> Arrays:
    """All calendars as arrays."""
    columns = max((len(each.periods) for each in calendars), default=0)
    bounds_us = np.full((len(calendars), columns + 1), NEVER, np.int64)
    period_from = np.zeros((len(calendars), columns), np.int64)
    period_to = np.zeros((len(calendars), columns), np.int64)
    for row, each in enumerate(calendars):
        days = starts_of(each.periods)
        bounds_us[row, : len(days)] = [midnights.instant_us(each.zone, day) for day in days]
        numbers = [day_number(day) for day in days]
        period_from[row, : len(days) - 1] = numbers[:-1]
        period_to[row, : len(days) - 1] = numbers[1:]
    count = np.array([len(each.periods) for each in calendars], np.int64)
    open_us = np.array([midnights.instant_us(each.zone, each.open_from.start) for each in calendars], np.int64)
    return Arrays(bounds_us, period_from, period_to, count, open_us)

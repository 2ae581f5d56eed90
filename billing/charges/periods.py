"""Bill periods of an account, from its bill days.

Problem: an account with bill day 31 bills on 31 January, 28 February and again on 31 March. Walking from one bill date to the next would
lose the 31; so every date is derived afresh from the anchor, the bill day, clamped to the end of its month.

Words: a *cycle* is the span between two bill dates. A *period* is the part of a cycle that an account pays. Most are whole cycles; three
are not, and each names the cycle that a day's share is divided by:
- a *leading stub* begins with the account: its cycle is the one that ends at the first bill date;
- a *change of bill day*: the period that runs when it is recorded ends at its old bill date. From there to the first date of the new day is
  a period of its own; its cycle is the one, by the new day, that ends there;
- a *trailing stub* ends as the account closes: its cycle is the one that starts at the last bill date.

So a period's bill day is the one recorded for its first day. All dates are local to the account and half open `[start, end)`. Refuses a
bill day outside 1 .. 31.
"""

from __future__ import annotations

import calendar
import datetime as dt
import functools
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from rating.dates import last_day

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BILL_DAY_MAX = 31
MONTHS_PER_YEAR = 12

BillDays = tuple[tuple[dt.date, int], ...]  # (from date, bill day) in order of time; the first holds for all time before it as well


class Period(NamedTuple):
    """The dates that one bill covers.

    `start` is later than `cycle_start` in a leading stub; `end` is earlier than `cycle_end` in a trailing one.
    """

    start: dt.date
    end: dt.date
    cycle_start: dt.date
    cycle_end: dt.date | None = None  # None: `end`
    whole_to: dt.date | None = None  # of one computed before it is over: its end as far as is known; None: `end`

    @property
    def whole(self) -> Period:
        """The period as it will be when it is over."""
        return self if self.whole_to is None else self._replace(end=self.whole_to, whole_to=None)

    @property
    def share_past(self) -> Fraction:
        """The days so far, as a fraction of those of the whole period: 1 of one that is over."""
        return Fraction((self.end - self.start).days, (self.whole.end - self.start).days)

    @property
    def cycle_days(self) -> int:
        """Days of the whole cycle: the divisor of a day's share of a fee."""
        return ((self.cycle_end or self.end) - self.cycle_start).days

    @property
    def last_day(self) -> dt.date:
        """Last day inside the period: the date whose tax rate holds for it."""
        return last_day(self.end)


class Stretch(NamedTuple):
    """Periods by one bill day: the first begins at `start`, the last ends at `end` (None: goes on)."""

    start: dt.date
    end: dt.date | None
    bill_day: int


def always(bill_day: int) -> BillDays:
    """A bill day that never changes."""
    return ((dt.date.min, bill_day),)


def bill_day_on(bill_days: BillDays, day: dt.date) -> int:
    """The bill day that holds on a day."""
    found = bill_days[0][1]
    for from_date, bill_day in bill_days:
        if from_date <= day:
            found = bill_day
    return found


@functools.lru_cache(8192)  # asked for the same few months of a million accounts
def bill_date_in(year: int, month: int, bill_day: int) -> dt.date:
    """The bill date of a month: the bill day, or the month's last day where it has fewer days."""
    if not 1 <= bill_day <= BILL_DAY_MAX:
        message = f"bill day {bill_day} is outside 1 .. {BILL_DAY_MAX}"
        raise ValueError(message)
    return dt.date(year, month, min(bill_day, calendar.monthrange(year, month)[1]))


def bill_date_on_or_before(day: dt.date, bill_day: int) -> dt.date:
    """The latest bill date that is not after `day`."""
    this_month = bill_date_in(day.year, day.month, bill_day)
    return this_month if this_month <= day else _in_month(this_month, -1, bill_day)


def next_bill_date(bill_date: dt.date, bill_day: int) -> dt.date:
    """The bill date after `bill_date`, which must be one itself."""
    return _in_month(bill_date, 1, bill_day)


def previous_bill_date(bill_date: dt.date, bill_day: int) -> dt.date:
    """The bill date before `bill_date`, which must be one itself."""
    return _in_month(bill_date, -1, bill_day)


def period_from(start: dt.date, bill_day: int, closed_on: dt.date | None = None) -> Period:
    """The period that begins at `start`: a whole cycle if that is a bill date, else a stub; cut where the account closes within it."""
    cycle_start = bill_date_on_or_before(start, bill_day)
    end = next_bill_date(cycle_start, bill_day)
    if closed_on is not None and start < closed_on < end:
        return Period(start, closed_on, cycle_start, end)
    return Period(start, end, cycle_start)


def period_after(period: Period, bill_days: BillDays, closed_on: dt.date | None = None) -> Period | None:
    """The period that follows `period`; None where the account is closed by then."""
    if closed_on is not None and period.end >= closed_on:
        return None
    return period_from(period.end, bill_day_on(bill_days, period.end), closed_on)


def period_of(day: dt.date, start: dt.date, bill_days: BillDays, closed_on: dt.date | None = None) -> Period | None:
    """The period that holds `day` of an account that begins at `start`; None outside of its life."""
    if day < start or (closed_on is not None and day >= closed_on):
        return None
    stretch = next(each for each in stretches(start, bill_days) if each.start <= day and (each.end is None or day < each.end))
    return period_from(max(stretch.start, bill_date_on_or_before(day, stretch.bill_day)), stretch.bill_day, closed_on)


def stretches(start: dt.date, bill_days: BillDays) -> list[Stretch]:
    """The life of an account that begins at `start`, by bill day, in order of time."""
    found = [Stretch(start, None, bill_days[0][1])]
    for from_date, bill_day in bill_days[1:]:
        last = found[-1]
        begins = max(last.start, from_date)
        if begins > last.start:
            on_or_before = bill_date_on_or_before(begins, last.bill_day)
            begins = begins if on_or_before == begins else next_bill_date(on_or_before, last.bill_day)
        found[-1:] = [last._replace(end=begins)] if begins > last.start else []
        found.append(Stretch(begins, None, bill_day))
    return found


def ended_by(start: dt.date, bill_days: BillDays, bill_date: dt.date, closed_on: dt.date | None = None) -> Iterator[Period]:
    """Periods of an account that begins at `start` which have ended on or before `bill_date`, newest first."""
    closed = closed_on is not None and closed_on <= bill_date
    limit = min(closed_on, bill_date) if closed_on is not None else bill_date
    for stretch in reversed(stretches(start, bill_days)):
        until = limit if stretch.end is None else min(limit, stretch.end)
        if until <= stretch.start:
            continue
        end = bill_date_on_or_before(until, stretch.bill_day)
        if closed and until == limit and end < limit:
            yield period_from(max(stretch.start, end), stretch.bill_day, limit)
        while end > stretch.start:
            cycle_start = previous_bill_date(end, stretch.bill_day)
            yield Period(max(stretch.start, cycle_start), end, cycle_start)
            end = cycle_start


def open_periods(  # noqa: PLR0913, PLR0917 -- the life of an account, and what was billed of it
    start: dt.date,
    bill_days: BillDays | int,
    bill_date: dt.date,
    billed_through: dt.date | None = None,
    reopen_periods_max: int = 0,
    closed_on: dt.date | None = None,
) -> list[Period]:
    """Periods that a run for `bill_date` may compute, oldest first; empty if none has ended by then.

    They are those not billed yet, and at least the latest `1 + reopen_periods_max`. `start` is the first local date
    that is billed. `billed_through`: the bill date of the last run for the account, None if there was none.
    """
    known = always(bill_days) if isinstance(bill_days, int) else bill_days
    found: list[Period] = []
    for period in ended_by(start, known, bill_date, closed_on):
        if len(found) > reopen_periods_max and billed_through is not None and period.end <= billed_through:
            break
        found.append(period)
    return found[::-1]


def starts_of(periods: Sequence[Period]) -> list[dt.date]:
    """The dates at which consecutive periods begin, and the one at which the last ends."""
    return [*(each.start for each in periods), *(each.end for each in periods[-1:])]


def _in_month(bill_date: dt.date, months: int, bill_day: int) -> dt.date:
    year, month = divmod(bill_date.year * MONTHS_PER_YEAR + bill_date.month - 1 + months, MONTHS_PER_YEAR)
    return bill_date_in(year, month + 1, bill_day)

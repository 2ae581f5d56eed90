"""Bill periods of an account, from its bill day.

Problem: an account with bill day 31 bills on 31 January, 28 February and again on 31 March. Walking from one bill date to the next
would lose the 31; so every date is derived afresh from the anchor, the bill day, clamped to the end of its month.

Words: a *cycle* is the span between two bill dates. A *period* is the part of a cycle that an account pays: the whole cycle, except that
the first one begins when the account does (a leading stub). All dates are local to the account and half open `[start, end)`.
Refuses a bill day outside 1 .. 31.
"""

from __future__ import annotations

import calendar
import datetime as dt
from typing import NamedTuple

ONE_DAY = dt.timedelta(days=1)
BILL_DAY_MAX = 31
MONTHS_PER_YEAR = 12


class Period(NamedTuple):
    """What one bill covers. `start` is later than `cycle_start` in a leading stub; `end` is always a bill date."""

    start: dt.date
    end: dt.date
    cycle_start: dt.date

    @property
    def cycle_days(self) -> int:
        """Days of the whole cycle: what a day's share of a fee is divided by."""
        return (self.end - self.cycle_start).days

    @property
    def last_day(self) -> dt.date:
        """Last day inside the period: the date whose tax rate holds for it."""
        return self.end - ONE_DAY


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


def period_from(start: dt.date, bill_day: int) -> Period:
    """The period that begins at `start`: a whole cycle if that is a bill date, else a leading stub."""
    cycle_start = bill_date_on_or_before(start, bill_day)
    return Period(start, next_bill_date(cycle_start, bill_day), cycle_start)


def open_periods(
    start: dt.date, bill_day: int, bill_date: dt.date, billed_through: dt.date | None = None, reopen_periods_max: int = 0
) -> list[Period]:
    """Periods that a run for `bill_date` computes, oldest first; empty if none has ended by then.

    They are those not billed yet, and at least the latest `1 + reopen_periods_max`. `start` is the first local date
    that is billed. `billed_through`: the bill date of the last run for the account, None if there was none.
    """
    found: list[Period] = []
    end = bill_date_on_or_before(bill_date, bill_day)
    while end > start and (len(found) <= reopen_periods_max or billed_through is None or end > billed_through):
        cycle_start = previous_bill_date(end, bill_day)
        found.append(Period(max(start, cycle_start), end, cycle_start))
        end = cycle_start
    return found[::-1]


def _in_month(bill_date: dt.date, months: int, bill_day: int) -> dt.date:
    year, month = divmod(bill_date.year * MONTHS_PER_YEAR + bill_date.month - 1 + months, MONTHS_PER_YEAR)
    return bill_date_in(year, month + 1, bill_day)

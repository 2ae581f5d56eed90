"""Accounts that a run bills, the periods of each that it computes, and the period in which an event lies.

An account is *due* if a period of it ended since the last run of an earlier date that covered it; a run made again for its date so
bills the same accounts once more, and no others. Its open periods are those not billed yet, and those from its oldest void invoice on
that was not made anew. The latest one is open in any case, with `reopen_periods_max` before it: what is older waits for a manual
adjustment. Computed are the open periods that no run has billed. Where something touched the account since it was billed last
(`billing.runs.selection.changed_accounts`), all from the one on that was touched first are computed as well. The accounts of a rating
unit are due together, and open and computed from one date on, since they pay for each other.

Accounts that are alike in all that matters here (clock, bill days, first and last date, coverage) are decided on once.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from billing.charges.lines import Int64s
from billing.charges.periods import Period, next_bill_date
from billing.runs.contracts.fact_columns import groups
from billing.runs.selection import due_accounts, usage_windows
from billing.runs.selection.coverage import Coverage, Covered, covered_through
from billing.runs.selection.left_out import CLOSED, NOT_DUE, OTHER_RUN, SETTLED
from billing.runs.selection.open_periods import PeriodsOf, side_by_side
from billing.runs.selection.usage_windows import Window
from rating.dates import NEVER, day_number, day_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from billing.runs.contracts.facts import Facts
    from billing.runs.contracts.midnights import Midnights
    from billing.runs.selection.due_accounts import Ground

__all__ = ["Coverage", "Covered", "Scope", "Window", "covered_through", "decide", "period_ahead"]

REOPEN_PERIODS_MAX: Final = 3  # where the operator has said nothing else
COMPUTING: Final = "computing"
COMPUTED: Final = "computed"
NUMBERED: Final = "numbered"
POSTED: Final = "posted"


@dataclasses.dataclass(frozen=True, eq=False)
class Scope:
    """Accounts and periods that a run computes.

    Columns by account index, or by calendar: accounts with equal periods on one clock share one.
    """

    bill_date: dt.date
    calendars: list[list[Period]]  # the periods that are computed, oldest first
    calendar: Int64s  # by account, -1: none of its periods is computed
    covered_day: Int64s  # by account: bill date of the last run that covered it, as a day number; -1: none
    first_us: Int64s  # by account: first instant that this store bills
    first_day: Int64s
    bounds_us: Int64s  # (calendar, period): first instant of each, then the end of the last; padded with the largest number
    period_from: Int64s  # (calendar, period): day numbers
    period_to: Int64s
    period_count: Int64s  # by calendar
    open_us: Int64s  # by calendar: first instant of the oldest open period, computed or not
    ahead: list[Period | None]  # by calendar: the period after the last one, for which fees in advance are due; None: the account closes
    main: Window | None  # all usage in it is read
    reopened: Window | None  # before `main`: usage of `reopened_accounts` is read in it
    reopened_accounts: npt.NDArray[np.bool_]
    left_out: dict[int, tuple[str, str]]  # by account key: `held`, `passed by`, or `test` in its last period; why. Tests are computed
    covered_by: Covered | None = None  # None: no run ever covered anybody
    first_billed_by: Covered | None = None  # which runs have billed a period first, where that is more than `covered_by` knows

    @property
    def periods(self) -> Sequence[list[Period]]:
        """The computed periods of each account; empty: not in this run."""
        return PeriodsOf(self.calendar, self.calendars)

    @property
    def covered(self) -> Sequence[dt.date | None]:
        """By account: bill date of the last run that covered it."""
        return usage_windows.Dates(self.covered_day)

    @property
    def reopened_day(self) -> Int64s:
        """By account: the day (number) from which on void invoices opened it again; NEVER where none did."""
        if self.covered_by is None:
            return np.full(len(self.calendar), NEVER, np.int64)
        days = [None if each is None else each.reopened_from for each in self.covered_by.coverages]
        return np.array([NEVER if day is None else day_number(day) for day in days], np.int64)[self.covered_by.of]

    @property
    def window(self) -> Window | None:
        """From the first to the last instant of any computed period."""
        return usage_windows.together(self.main, self.reopened)

    @property
    def periods_max(self) -> int:
        """The largest number of computed periods of an account."""
        return int(self.period_from.shape[1])

    def begins(self, facts: Facts) -> dict[int, dt.date]:
        """The first date of the oldest computed period of each account (by key) that is in the run."""
        rows = np.flatnonzero(self.calendar >= 0)
        firsts = [periods[0].start for periods in self.calendars]
        return {key: firsts[number] for key, number in zip(facts.account_keys[rows].tolist(), self.calendar[rows].tolist(), strict=True)}

    def place(self, account: Int64s, start_us: Int64s) -> Int64s:
        """Index of the computed period of each event. `account` is an index (>= 0).

        Or CLOSED, before the first open period of its account; NOT_DUE, after the last one; OTHER_RUN, its account is not in this run;
        SETTLED, in an open period that an earlier run billed and nothing has touched since.
        """
        if not self.calendars:
            return np.full(len(account), OTHER_RUN, np.int64)
        calendar = self.calendar[account]
        row = np.maximum(calendar, 0)
        place = np.full(len(account), -1, np.int64)
        for column in range(self.bounds_us.shape[1]):
            place += start_us >= self.bounds_us[row, column]
        place = np.where(place >= self.period_count[row], NOT_DUE, place)
        place = np.where(start_us < self.bounds_us[row, 0], SETTLED, place)
        place = np.where(start_us < np.maximum(self.open_us[row], self.first_us[account]), CLOSED, place)
        return np.where(calendar >= 0, place, OTHER_RUN)


def decide(  # noqa: PLR0913 -- who, what was billed, until when, and what is left of it
    facts: Facts,
    covered: Covered,
    bill_date: dt.date,
    midnights: Midnights,
    only: AbstractSet[str] | None = None,
    *,
    touched: Int64s | None = None,
    reopen_periods_max: int = REOPEN_PERIODS_MAX,
    closed_too: bool = False,
) -> Scope:
    """The scope of a run for `bill_date`; `only` these account ids and those of their rating units, if given.

    `touched`: the first day (number) of each account that something touched since it was billed last, NEVER_DAY for none. Without it all
    open periods are computed. `closed_too`: an account that closed before `bill_date` is due.
    """
    ground = due_accounts.prepare(facts, covered, bill_date, reopen_periods_max, only, closed_too=closed_too)
    return laid_out(ground, covered, bill_date, midnights, touched)


def laid_out(ground: Ground, covered: Covered, bill_date: dt.date, midnights: Midnights, touched: Int64s | None) -> Scope:
    """The scope of a run whose accounts are decided on."""
    decided = due_accounts.decide(ground, touched)
    arrays = side_by_side(decided.calendars, midnights)
    found = usage_windows.split(decided.calendar, arrays, bill_date)
    coverages = np.array([-1 if each is None else day_number(each.through) for each in covered.coverages], np.int64)
    return Scope(
        bill_date,
        [list(each.periods) for each in decided.calendars],
        decided.calendar,
        coverages[covered.of],
        first_instants(ground.facts, ground.first_day, midnights),
        ground.first_day,
        *arrays,
        [each.ahead for each in decided.calendars],
        *found,
        ground.left_out,
        covered,
    )


def period_ahead(period: Period, bill_day: int) -> Period:
    """The period after `period`, where the bill day stays: fees in advance are charged for it."""
    return Period(period.end, next_bill_date(period.end, bill_day), period.end)


def first_instants(facts: Facts, first_day: Int64s, midnights: Midnights) -> Int64s:
    """The first instant of each account's first day on its clock."""
    code, models = groups([facts.account_zone, first_day])
    instants = [midnights.instant_us(facts.zones[facts.account_zone[model]], day_of(int(first_day[model]))) for model in models.tolist()]
    return np.array(instants, np.int64)[code] if instants else np.zeros(0, np.int64)

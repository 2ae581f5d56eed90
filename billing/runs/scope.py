"""Which accounts a run bills, which periods of each it computes, and in which of them an event lies.

An account is in a run if a period of it ended since the last run of an earlier date that covered it; a run made again for its date so
bills the same accounts once more, and no others. Its open periods are those not billed yet and at most REOPEN_PERIODS_MAX before the
latest: late usage older than that waits for a manual adjustment. A run covers an account if it knew it, was numbered and did not put it
in quarantine.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from billing.charges.lines import Int64s
from billing.charges.periods import Period, next_bill_date, open_periods
from billing.runs.facts import day_number
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from billing.runs.facts import Account, Facts, Midnights

REOPEN_PERIODS_MAX: Final = 3
COMPUTING: Final = "computing"
NUMBERED: Final = "numbered"
POSTED: Final = "posted"

# Places of an event that is in no open period.
CLOSED: Final = -1  # before the first open period of its account
NOT_DUE: Final = -2  # after the last one: a later run bills it
OTHER_RUN: Final = -3  # its account is not in this run
_NEVER: Final = np.iinfo(np.int64).max


class Window(NamedTuple):
    """Instants `[from_us, to_us)` in which a run looks for usage."""

    from_us: int
    to_us: int


class Coverage(NamedTuple):
    """Bill dates of runs that covered an account: the latest, and the latest before that one."""

    through: dt.date
    before: dt.date | None


@dataclasses.dataclass(frozen=True, eq=False)
class Scope:
    """What a run computes. Arrays by account index, or by calendar: accounts with equal bill dates and zone share one."""

    bill_date: dt.date
    periods: list[list[Period]]  # by account; empty: not in this run
    covered: list[dt.date | None]  # by account: bill date of the last run that covered it
    calendar: Int64s  # by account, -1 not in this run
    first_us: Int64s  # by account: first instant that this store bills
    first_day: Int64s
    bounds_us: Int64s  # (calendar, period): first instant of each cycle, then the end of the last; padded with the largest number
    period_from: Int64s  # (calendar, period): day number of the cycle's start
    period_to: Int64s
    window: Window | None

    @property
    def periods_max(self) -> int:
        """The largest number of open periods of an account."""
        return int(self.period_from.shape[1])

    def begins(self, facts: Facts) -> dict[int, dt.date]:
        """The first date of the oldest open period of each account (by key) that is in the run."""
        return {each.account_key: periods[0].start for each, periods in zip(facts.accounts, self.periods, strict=True) if periods}

    def place(self, account: Int64s, start_us: Int64s) -> Int64s:
        """Index of the open period of each event, or CLOSED, NOT_DUE, OTHER_RUN. `account` is an index (>= 0)."""
        calendar = self.calendar[account]
        known = calendar >= 0
        row = np.where(known, calendar, 0)
        place = np.full(len(account), -1, np.int64)
        for column in range(self.bounds_us.shape[1]):
            place += start_us >= self.bounds_us[row, column]
        last = np.argmax(self.bounds_us == _NEVER, axis=1) - 2  # the last open period: the column before is its end
        place = np.where(place > last[row], NOT_DUE, place)
        place = np.where(start_us < self.first_us[account], CLOSED, place)
        return np.where(known, place, OTHER_RUN)


def decide(
    facts: Facts, covered: Sequence[Coverage | None], bill_date: dt.date, midnights: Midnights, only: AbstractSet[str] | None = None
) -> Scope:
    """The scope of a run for `bill_date`; `only` these account ids, if given."""
    periods = [
        _open(account, coverage, bill_date) if only is None or account.account_id in only else []
        for account, coverage in zip(facts.accounts, covered, strict=True)
    ]
    calendars: dict[tuple[str, int, dt.date, dt.date], int] = {}
    shapes: list[tuple[str, list[Period]]] = []
    calendar = np.full(len(periods), -1, np.int64)
    for index, (account, found) in enumerate(zip(facts.accounts, periods, strict=True)):
        if found:
            key = (account.timezone, account.bill_day, found[0].cycle_start, found[-1].end)
            if key not in calendars:
                calendars[key] = len(shapes)
                shapes.append((account.timezone, found))
            calendar[index] = calendars[key]
    first_us = np.array([midnights.instant_us(each.timezone, each.billed_from) for each in facts.accounts], np.int64)
    first_day = np.array([day_number(each.billed_from) for each in facts.accounts], np.int64)
    bounds_us, period_from, period_to = _calendar_arrays(shapes, midnights)
    return Scope(
        bill_date,
        periods,
        [coverage.through if coverage is not None else None for coverage in covered],
        calendar,
        first_us,
        first_day,
        bounds_us,
        period_from,
        period_to,
        _window(bounds_us) if shapes else None,
    )


def period_ahead(period: Period, bill_day: int) -> Period:
    """The period after `period`: fees in advance are charged for it."""
    return Period(period.end, next_bill_date(period.end, bill_day), period.end)


def covered_through(connection: sa.Connection, facts: Facts, before_run: int | None = None) -> list[Coverage | None]:
    """Which runs covered each account. `before_run`: as things stood for that run."""
    runs = tables.bill_runs
    query = sa.select(runs.c.run_id, runs.c.bill_date, runs.c.pinned_seq).where(runs.c.state != COMPUTING)
    if before_run is not None:
        query = query.where(runs.c.run_id < before_run)
    done = connection.execute(query).all()
    parked = tables.quarantine
    quarantined = {(row.run_id, row.account_key) for row in connection.execute(sa.select(parked.c.run_id, parked.c.account_key))}
    coverages: list[Coverage | None] = []
    for account in facts.accounts:
        dates = {
            row.bill_date for row in done if row.pinned_seq >= account.commit_seq and (row.run_id, account.account_key) not in quarantined
        }
        latest = [dt.date.fromisoformat(date) for date in sorted(dates, reverse=True)[:2]]
        coverages.append(Coverage(latest[0], latest[1] if len(latest) > 1 else None) if latest else None)
    return coverages


def _open(account: Account, coverage: Coverage | None, bill_date: dt.date) -> list[Period]:
    """The open periods of an account, none if it is not in the run."""
    if coverage is None:
        return open_periods(account.billed_from, account.bill_day, bill_date, None, REOPEN_PERIODS_MAX)
    periods = open_periods(account.billed_from, account.bill_day, bill_date, coverage.through, REOPEN_PERIODS_MAX)
    since = coverage.before if coverage.through == bill_date else coverage.through
    return periods if periods and (since is None or periods[-1].end > since) else []


def _calendar_arrays(shapes: list[tuple[str, list[Period]]], midnights: Midnights) -> tuple[Int64s, Int64s, Int64s]:
    columns = max((len(periods) for _, periods in shapes), default=0)
    bounds_us = np.full((len(shapes), columns + 2), _NEVER, np.int64)
    period_from = np.zeros((len(shapes), columns), np.int64)
    period_to = np.zeros((len(shapes), columns), np.int64)
    for row, (zone, periods) in enumerate(shapes):
        days = [period.cycle_start for period in periods] + [periods[-1].end]
        bounds_us[row, : len(days)] = [midnights.instant_us(zone, day) for day in days]
        period_from[row, : len(periods)] = [day_number(day) for day in days[:-1]]
        period_to[row, : len(periods)] = [day_number(day) for day in days[1:]]
    return bounds_us, period_from, period_to


def _window(bounds_us: npt.NDArray[np.int64]) -> Window:
    ends = np.where(bounds_us == _NEVER, np.iinfo(np.int64).min, bounds_us).max(axis=1)
    return Window(int(bounds_us[:, 0].min()), int(ends.max()))

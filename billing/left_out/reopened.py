"""Usage that runs left out for good before a void reopened its period: it is not left out any more, and the next run bills it.

A run computes all that a void opened, for as long as no run has billed it once more. What its own rules keep from a bill, such as usage
that came after the bill on a plan that waives it, stays left out.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np

from billing.accounts.still_open import latest_run
from billing.charges.periods import period_of
from billing.guiding import Guide
from billing.left_out.history import FOR_GOOD, Verdicts, verdicts
from billing.left_out.judging import Judge
from billing.left_out.off_bills import off_bills
from billing.left_out.precedence import UNSEEN
from billing.runs.contracts import facts
from billing.runs.contracts.columns import index_of, int64, one_chunk
from billing.runs.contracts.counted_runs import Looked
from billing.runs.contracts.fact_columns import groups
from billing.runs.selection import scope
from rating.dates import day_after, day_of, utc_date

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    import sqlalchemy as sa

    from billing.charges.lines import Int64s
    from billing.left_out.history import Progress
    from billing.store.home import Home


def verdicts_now(home: Home, seq: int, usage: pa.Table, *, progress: Progress | None = None, changes: bool = False) -> Verdicts:
    """The verdicts (of `history.verdicts`) as of `seq`, without those for good that ended with a void: no run has looked since."""
    return without_reopened(home, seq, usage, verdicts(home, seq, usage, progress=progress, changes=changes), changes=changes)


def without_reopened(home: Home, seq: int, usage: pa.Table, found: Verdicts, *, changes: bool = False) -> Verdicts:
    """Verdicts on rows of `usage` (columns of `judging.columns`); UNSEEN where the next run bills what others left out for good."""
    rows = np.flatnonzero(found.for_good)
    if not rows.size:
        return found
    reason, run_id = found.reason.copy(), found.run_id.copy()
    with home.connect() as connection:
        opened = rows[_may_be_billed(home, connection, seq, usage.take(rows))]
        for date, its in next_dates(home, connection, seq, usage, opened):
            again = its[~FOR_GOOD[Judge(home, connection, Looked(0, date, seq)).reasons(usage.take(its), changes=changes)]]
            reason[again], run_id[again] = UNSEEN, 0
    return Verdicts(reason, run_id)


def next_dates(home: Home, connection: sa.Connection, seq: int, usage: pa.Table, rows: Int64s) -> Iterator[tuple[dt.date, Int64s]]:
    """Yield each next bill date of the accounts, with the rows that have it.

    For a row without an owner it is that of the next run of any account, and not before the day after it began.
    """
    if not rows.size:
        return
    known, start_us = facts.load(connection, seq), int64(usage["start_us"])
    covered = scope.covered_through(connection, known)
    keys = Guide(home, seq).resolve(one_chunk(usage["served_id"]), start_us)
    subscription = index_of(known.subscription_keys, keys)
    of_any = _next_of_any(connection, known) if (subscription[rows] < 0).any() else dt.date.min
    dates: dict[dt.date, list[int]] = {}
    for row in rows.tolist():
        began = utc_date(int(start_us[row]))
        date = day_after(began)
        if subscription[row] < 0:
            date = max(date, of_any)
        else:
            index = int(known.subscription_account[subscription[row]])
            date = _next_date(known.accounts[index], covered[index], date)
        dates.setdefault(date, []).append(row)
    for date, its in sorted(dates.items()):
        yield date, np.array(its, np.int64)


def _next_date(account: facts.Account, coverage: scope.Coverage | None, otherwise: dt.date) -> dt.date:
    """The end of the first period of an account that no run has covered; of a closed one that a void opened, the last date it was run."""
    day = account.billed_from if coverage is None else max(coverage.through, account.billed_from)
    period = period_of(day, account.billed_from, account.all_bill_days, account.closed_on)
    if period is not None:
        return period.end
    return otherwise if coverage is None or coverage.reopened_from is None else coverage.through


def _next_of_any(connection: sa.Connection, known: facts.Facts) -> dt.date:
    """The first end of a period of any account after the latest run of the cycle; the first of all days where there is none."""
    latest = latest_run(connection)
    if latest is None:
        return dt.date.min
    _, models = groups([known.account_bill_days, known.account_first_day, known.account_closed_day])
    found = []
    for account in (known.accounts[model] for model in models.tolist()):
        day = max(latest, account.billed_from)
        period = period_of(day, account.billed_from, account.all_bill_days, account.closed_on)
        found += [] if period is None else [period.end]
    return min(found, default=dt.date.min)


def _may_be_billed(home: Home, connection: sa.Connection, seq: int, usage: pa.Table) -> Int64s:
    """The rows that the next run may bill: their day is open again, or their charges are on no bill.

    The documents of a payer open days of those that it pays for, and so do facts that are retracted: the next run itself is asked.
    """
    keys: list[Any] = one_chunk(usage["event_key"]).to_pylist()
    off = set(off_bills(home, seq, set(keys)).to_pylist())
    is_off = [row for row, key in enumerate(keys) if key in off]
    return np.union1d(_is_opened(home, connection, seq, usage), np.array(is_off, np.int64))


def _is_opened(home: Home, connection: sa.Connection, seq: int, usage: pa.Table) -> Int64s:
    """The rows that began on a day that a void opened again for their account, and no run has billed since."""
    known = facts.load(connection, seq)
    covered = scope.covered_through(connection, known)
    if not any(each is not None and each.reopened_from is not None for each in covered.coverages):
        return np.zeros(0, np.int64)
    midnights, start_us = facts.Midnights(), int64(usage["start_us"])
    subscription = index_of(known.subscription_keys, Guide(home, seq).resolve(one_chunk(usage["served_id"]), start_us))
    found = []
    for row in np.flatnonzero(subscription >= 0).tolist():
        index = int(known.subscription_account[subscription[row]])
        coverage = covered[index]
        if coverage is None or coverage.reopened_from is None:
            continue
        day = max(coverage.reopened_from, day_of(int(known.account_first_day[index])))
        if start_us[row] >= midnights.instant_us(known.zones[int(known.account_zone[index])], day):
            found.append(row)
    return np.array(found, np.int64)

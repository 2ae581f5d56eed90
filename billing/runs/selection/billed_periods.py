"""Periods that were billed, computed again with the tariffs of now: for a re-rating, and for the explanation of one.

Facts and usage are those that the last run knew in which an account took part, be it of all accounts or of some: a run of another bill day
says nothing of it. Periods are computed up to that run's date, so that nothing is computed that the next run of the cycle will bill.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import sqlalchemy as sa

from billing.accounts import undone
from billing.runs.contracts import facts
from billing.runs.selection import due_accounts, scope
from billing.runs.selection.coverage import CYCLE, Covered, CoveringRun
from billing.store import tables
from rating.dates import NEVER, day_number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    import numpy.typing as npt

    from billing.charges.lines import Int64s
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.contracts.facts import Facts
    from billing.runs.selection.scope import Scope

PERIODS_MAX: Final = 60  # nobody asks for more than five years


def cycle_runs(connection: sa.Connection, seq: int, before_run: int | None = None) -> list[CoveringRun]:
    """The posted runs of the cycle as of `seq`, oldest first, without those that were undone.

    `before_run`: that were undone by then.
    """
    run = tables.bill_runs.c
    query = sa.select(run.run_id, run.bill_date, run.pinned_seq, run.restricted).where(run.state == scope.POSTED, run.commit_seq <= seq)
    rows = connection.execute(query.where(run.kind == CYCLE).order_by(run.run_id))
    pinned = None if before_run is None else sa.select(run.pinned_seq).where(run.run_id == before_run).scalar_subquery()
    gone = undone.whole_runs(undone.load(connection, seq if pinned is None else pinned))
    every = [CoveringRun(row.run_id, dt.date.fromisoformat(row.bill_date), row.pinned_seq, bool(row.restricted)) for row in rows]
    return [run for run in every if run.run_id not in gone]


def newest(runs: Sequence[CoveringRun]) -> int:
    """The newest commit that any of the runs was pinned to: facts as of it are known to all of them."""
    return max(run.pinned_seq for run in runs)


def pins(known: Facts, covered: Covered, runs: Sequence[CoveringRun]) -> Int64s:
    """By account the commit that the last of `runs` was pinned to in which any account of its rating unit took part.

    0: the next run computes the account anyway. This has three causes: runs of all accounts have left out a period of it; the last invoice
    of one of its unit is void; nothing of it was billed. `covered`: the runs that billed each account.
    """
    pin, behind = _of_accounts(known, covered.of, covered.classes, runs)
    of_unit = np.zeros(len(pin), np.int64)
    np.maximum.at(of_unit, known.account_unit, pin)
    if covered.ever != covered.classes:
        with_voids, _ = _of_accounts(known, covered.of, covered.ever, runs)
        reopened = np.array([each is None or each.reopened_from is not None for each in covered.coverages], np.bool_)[covered.of]
        of_unit[known.account_unit[reopened & (with_voids != pin)]] = 0
    found = np.where(behind, 0, of_unit[known.account_unit])
    return np.where(known.account_seq <= found, found, 0)  # what was stored since is not known to that run


def run_of(connection: sa.Connection, account_id: str, seq: int, before_run: int) -> CoveringRun:
    """The last run in which an account's rating unit took part, as of `seq` and as `before_run` knew it."""
    runs = cycle_runs(connection, seq, before_run)
    known = facts.load(connection, newest(runs))
    ids: Any = known.account_ids
    pin = pins(known, scope.covered_through(connection, known, before_run), runs)[ids.index(account_id).as_py()]
    return next(run for run in runs if run.pinned_seq == pin)


def billed_periods(contracts: Contracts, covered: Covered, last: CoveringRun, first_day: dt.date, only: AbstractSet[str]) -> Scope:
    """All periods that hold `first_day` or begin later, up to the last one billed; of these account ids and those of their rating units.

    `covered`: the runs that really billed each account; `last`: the last one in which those took part.
    """
    known = contracts.facts
    everybody = Covered(np.zeros(len(known.accounts), np.int64), [(last,)])
    touched = np.full(len(known.accounts), day_number(first_day), np.int64)
    free = dataclasses.replace(known, agreed=dataclasses.replace(known.agreed, holds={}))  # of who was held nothing was billed
    about = (free, everybody, last.bill_date, contracts.midnights, only)
    return dataclasses.replace(scope.decide(*about, touched=touched, reopen_periods_max=PERIODS_MAX), covered_by=covered)


def _of_accounts(
    known: Facts, of: Int64s, classes: Sequence[tuple[CoveringRun, ...]], runs: Sequence[CoveringRun]
) -> tuple[Int64s, npt.NDArray[np.bool_]]:
    """The pin of the last of `runs` in which each account took part (0: none), and whether one of all accounts has left out a period."""
    counted = {run.run_id for run in runs}
    own = Covered(of, [tuple(run for run in each if run.run_id in counted) for each in classes])
    ground = due_accounts.prepare(known, own, max(run.bill_date for run in runs), PERIODS_MAX)
    reached = max((run.bill_date for run in runs if not run.restricted), default=dt.date.min)
    pin = [0 if each.looked_at_seq == NEVER else each.looked_at_seq for each in ground.lives]
    behind = [_is_behind(each, reached) for each in ground.lives]
    return np.array(pin, np.int64)[ground.code], np.array(behind, np.bool_)[ground.code]


def _is_behind(life: due_accounts.Life, reached: dt.date) -> bool:
    """Return whether a period that ended by `reached` is still to be billed for the first time."""
    return any(day_number(period.start) >= life.fresh_day and period.end <= reached for period in life.periods)

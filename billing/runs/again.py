"""Periods that were billed, computed again with the tariffs of now: what a re-rating computes, and who explains one.

Facts and usage are those that the latest run of an account knew, and everybody counts as billed by the latest run, so that nothing is
computed that the next run of the cycle will bill.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import sqlalchemy as sa

from billing.runs import facts, scope
from billing.runs.coverage import CYCLE, Covered, CoveringRun
from billing.runs.fact_columns import day_number
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from billing.runs.contracts import Contracts
    from billing.runs.scope import Scope

PERIODS_MAX: Final = 60  # nobody asks for more than five years


def latest_run(connection: sa.Connection, seq: int) -> CoveringRun | None:
    """The cycle run of all accounts with the latest date, as of `seq`; None where nothing was billed yet."""
    run = tables.bill_runs.c
    query = sa.select(run.run_id, run.bill_date, run.pinned_seq).where(run.state == "posted", run.commit_seq <= seq)
    query = query.where(sa.func.coalesce(run.kind, CYCLE) == CYCLE, sa.func.coalesce(run.restricted, 0) == 0)
    row = connection.execute(query.order_by(run.bill_date.desc(), run.run_id.desc())).first()
    return None if row is None else CoveringRun(row.run_id, dt.date.fromisoformat(row.bill_date), row.pinned_seq, restricted=False)


def pin_of(runs: Sequence[CoveringRun], latest: CoveringRun) -> int:
    """The commit that the latest run of accounts was pinned to, of all that covered them; 0 where it was of an earlier date."""
    return max((run.pinned_seq for run in runs if run.bill_date == latest.bill_date), default=0)


def pin_of_account(connection: sa.Connection, account_id: str, latest: CoveringRun, seq: int, before_run: int) -> int:
    """The commit that the latest run of an account's rating unit was pinned to, as of `seq` and as things stood for a run."""
    known = facts.load(connection, seq)
    ids: Any = known.account_ids
    index = ids.index(account_id).as_py()
    covered = scope.covered_through(connection, known, before_run)
    classes = set(covered.of[known.account_unit == known.account_unit[index]].tolist())
    return max(pin_of(covered.classes[each], latest) for each in classes)


def billed_periods(contracts: Contracts, covered: Covered, latest: CoveringRun, first_day: dt.date, only: AbstractSet[str]) -> Scope:
    """All periods that hold `first_day` or begin later, up to the last one billed; of these account ids and those of their rating units.

    `covered`: which runs really billed each account.
    """
    known = contracts.facts
    everybody = Covered(np.zeros(len(known.accounts), np.int64), [(latest,)])
    touched = np.full(len(known.accounts), day_number(first_day), np.int64)
    about = (known, everybody, latest.bill_date, contracts.midnights, only)
    return dataclasses.replace(scope.decide(*about, touched=touched, reopen_periods_max=PERIODS_MAX), covered_by=covered)

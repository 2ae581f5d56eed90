"""The same answers about runs and accounts as each place worked out for itself once, at every commit that a run of a life pinned."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from billing.accounts import covering
from billing.runs.selection.coverage import billed_seq, computed_seq
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.accounts.covering import CoveringRun
    from billing.store.home import Home


def differing(home: Home) -> list[str]:
    """Questions that have another answer than before."""
    with home.connect() as connection:
        return _runs_of_accounts(connection)


def _runs_of_accounts(connection: sa.Connection) -> list[str]:
    """Which run billed or computed a period first or last, and which one after another run."""
    account, run = tables.accounts.c, tables.bill_runs.c
    history = covering.load(connection)
    ids = [0, *connection.execute(sa.select(run.run_id)).scalars()]
    dates = sorted({dt.date.fromisoformat(date) for date in connection.execute(sa.select(run.bill_date)).scalars()})
    ends = [date + dt.timedelta(days) for date in dates for days in (0, 1)]
    wrong = []
    for key, seq in connection.execute(sa.select(account.account_key, account.commit_seq)).all():
        for runs in (history.ever(key, seq), history.of(key, seq)[0]):
            for end in ends:
                was: list[Any] = [_billed_seq(runs, end), _computed_seq(runs, end), *(_first_after(runs, end, after) for after in ids)]
                found = [covering.first_reaching(runs, end, after) for after in ids]
                now: list[Any] = [
                    billed_seq(runs, end),
                    computed_seq(runs, end),
                    *(None if each is None else each.run_id for each in found),
                ]
                wrong += [f"runs of account {key} and {end}: {now}, before {was}"] if now != was else []
    return wrong


def _billed_seq(runs: Sequence[CoveringRun], end: dt.date) -> int | None:
    """As `selection.coverage` was."""
    return next((run.pinned_seq for run in runs if run.bill_date >= end), None)


def _computed_seq(runs: Sequence[CoveringRun], end: dt.date) -> int | None:
    """As `selection.coverage` was."""
    first = next((run.bill_date for run in runs if run.bill_date >= end), dt.date.max)
    until_later = itertools.takewhile(lambda run: run.bill_date <= first, runs)
    return max((run.pinned_seq for run in until_later if run.bill_date == first), default=None)


def _first_after(runs: Sequence[CoveringRun], end: dt.date, after: int) -> int | None:
    """As alarms about interim bills and the list of accounts that were put aside had it."""
    return next((run.run_id for run in runs if run.run_id > after and run.bill_date.isoformat() >= end.isoformat()), None)

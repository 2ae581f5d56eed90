"""Runs of the cycle that count as of a commit."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np
import sqlalchemy as sa

from billing.accounts.covering import CYCLE
from billing.store import tables
from rating.dates import BEFORE_ALL, DAY_US, day_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.charges.lines import Int64s

COUNTED: Final = ("numbered", "posted")


class Pinned(Protocol):
    """A run of the cycle."""

    @property
    def bill_date(self) -> dt.date:
        """The day up to which it read usage."""

    @property
    def pinned_seq(self) -> int:
        """The commit up to which it read."""


class LookedUntil:
    """The instant up to which runs had read usage, by commit."""

    def __init__(self, runs: Iterable[Pinned]) -> None:
        ordered = sorted(runs, key=lambda run: run.pinned_seq)
        self._seqs = np.array([run.pinned_seq for run in ordered], np.int64)
        ends_us = [BEFORE_ALL, *((day_number(run.bill_date) + 1) * DAY_US for run in ordered)]
        self._ends_us = np.maximum.accumulate(np.array(ends_us, np.int64))

    def ends_us(self, commits: Int64s) -> Int64s:
        """By commit, the end of the usage that runs pinned before it had read, on any clock; BEFORE_ALL: there were none."""
        ends_us: Int64s = self._ends_us[np.searchsorted(self._seqs, commits)]
        return ends_us


class Looked(NamedTuple):
    """A run of the cycle that looked at usage, 0 for one to come, and the accounts it was restricted to (None: none)."""

    run_id: int
    bill_date: dt.date
    pinned_seq: int
    only: frozenset[str] | None = None


def looked(connection: sa.Connection, seq: int, run_id: int | None = None) -> list[Looked]:
    """The runs of the cycle that count as of `seq`, the newest first; or one of them."""
    run, named, account = tables.bill_runs.c, tables.run_accounts.c, tables.accounts.c
    query = sa.select(run.run_id, run.bill_date, run.pinned_seq, run.restricted)
    query = query.where(run.state.in_(COUNTED), run.commit_seq <= seq, run.kind == CYCLE)
    if run_id is not None:
        query = query.where(run.run_id == run_id)
    rows = connection.execute(query.order_by(run.run_id.desc())).all()
    ids = sa.select(named.run_id, account.account_id).join_from(
        tables.run_accounts, tables.accounts, account.account_key == named.account_key
    )
    only: dict[int, set[str]] = {}
    for each in connection.execute(ids.where(named.run_id.in_([row.run_id for row in rows if row.restricted]))) if rows else ():
        only.setdefault(each.run_id, set()).add(each.account_id)
    named_by = {row.run_id: frozenset(only.get(row.run_id, ())) if row.restricted else None for row in rows}
    return [Looked(row.run_id, dt.date.fromisoformat(row.bill_date), row.pinned_seq, named_by[row.run_id]) for row in rows]


def all_looked(connection: sa.Connection) -> LookedUntil:
    """Everything that runs of any kind have read, whether they count or not."""
    run = tables.bill_runs.c
    rows = connection.execute(sa.select(run.pinned_seq, run.bill_date))
    return LookedUntil(Looked(0, dt.date.fromisoformat(bill_date), pinned_seq) for pinned_seq, bill_date in rows)

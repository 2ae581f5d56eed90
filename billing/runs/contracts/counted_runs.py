"""Runs of the cycle that count as of a commit, and for whom. With `billing.accounts.covering` this is the history of runs.

Each question about it has one answer:
- Who took part in which run is `covering.History`: `ever` with void invoices, `of` without. `selection.coverage` has it as columns of all
  accounts.
- The first run that reached a day is `covering.first_reaching`. The last one that looked at a period is `selection.coverage.computed_seq`.
- Runs that were undone, and those computed on top of them, count for some accounts no more: `Gone`.
- Runs that had charges, as of a commit, are `looked`; `counted_charges` selects charges of the accounts for which they count.

Others differ for a reason. A re-rating knows posted runs alone (`selection.billed_periods`): the bills it corrects are in the ledger. Valid
documents, and not runs, keep back a run of an earlier date (`selection.later_bills`). `billing.verification` reads the same rows in code of
its own.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np
import sqlalchemy as sa

from billing.accounts.covering import CYCLE
from billing.store import tables
from rating.dates import BEFORE_ALL, DAY_US, day_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from billing.accounts.covering import History
    from billing.accounts.undone import Undo
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
    """A run of the cycle that looked at usage, 0 for one to come, and the accounts it was restricted to (None: none).

    `started_us`: when it began.
    """

    run_id: int
    bill_date: dt.date
    pinned_seq: int
    only: frozenset[str] | None = None
    started_us: int = 0


class Gone:
    """Runs of any kind that count for an account no more: they were undone for it, or computed on top of one that was.

    `account_seqs`: the commit with which each account was stored, by key.
    """

    def __init__(self, connection: sa.Connection, history: History, account_seqs: Mapping[int, int]) -> None:
        run = tables.bill_runs.c
        self._history, self._seqs = history, account_seqs
        self._pins: dict[int, int] = dict(connection.execute(sa.select(run.run_id, run.pinned_seq)).all()) if history.undos else {}

    def is_any(self, run_id: int) -> bool:
        """True where a run may count for some account no more."""
        return bool(self._cutting(run_id))

    def runs(self, account_key: int) -> set[int]:
        """The ids of the runs that count for an account no more."""
        undos = self._history.undos_of(account_key, self._seqs[account_key])
        return {run_id for run_id, pinned_seq in self._pins.items() if any(undo.cuts(run_id, pinned_seq) for undo in undos)}

    def accounts(self, run_id: int, keys: Iterable[int]) -> list[int]:
        """Those of some accounts (keys, 0 for no account) for which a run counts no more.

        0 is among them where the run was undone for all accounts.
        """
        cutting = self._cutting(run_id)
        if not cutting:
            return []
        for_all = any(undo.account_keys is None for undo in cutting)
        return [key for key in keys if (not cutting.isdisjoint(self._history.undos_of(key, self._seqs[key])) if key else for_all)]

    def _cutting(self, run_id: int) -> set[Undo]:
        return {undo for undo in self._history.undos if undo.cuts(run_id, self._pins[run_id])}


def looked(connection: sa.Connection, seq: int, run_id: int | None = None) -> list[Looked]:
    """The runs of the cycle that count as of `seq`, the newest first; or one of them. No other run has charges of events."""
    run, named, account = tables.bill_runs.c, tables.run_accounts.c, tables.accounts.c
    query = sa.select(run.run_id, run.bill_date, run.pinned_seq, run.restricted, run.started_us)
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
    return [Looked(row.run_id, dt.date.fromisoformat(row.bill_date), row.pinned_seq, named_by[row.run_id], row.started_us) for row in rows]


def all_looked(connection: sa.Connection) -> LookedUntil:
    """Everything that runs of any kind have read, whether they count or not."""
    run = tables.bill_runs.c
    rows = connection.execute(sa.select(run.pinned_seq, run.bill_date))
    return LookedUntil(Looked(0, dt.date.fromisoformat(bill_date), pinned_seq) for pinned_seq, bill_date in rows)

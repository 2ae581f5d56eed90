"""Runs of the cycle before a run, by account: up to which date they have billed it. And the accounts that a run was asked for.

An account takes part in a numbered run, if the run knew it, was not restricted to others and did not put it aside. An undone run
counts no more for its accounts. Nor does one that was computed on top of it before it was undone. A void bill counts here as one that is
valid: its periods are not compared as those that a run is the first to bill.

Nothing here is of `billing.accounts.covering` and `undone`, by which runs decide the same.
"""

from __future__ import annotations

import bisect
import collections
import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterable

_COUNTED: Final = ("numbered", "posted")
_TAKES_PART: Final = "test"  # kind of those put aside that are computed all the same


class _Run(NamedTuple):
    run_id: int
    bill_date: str
    pinned_seq: int
    restricted: bool


class _Undo(NamedTuple):
    """A run that was undone, by which commit, and for whom; None: for all that took part."""

    run_id: int
    seq: int
    accounts: set[int] | None


class RunsBefore:
    """The runs of the cycle before a run (a row of bill_runs), as that run knew them."""

    def __init__(self, connection: sa.Connection, run: Any) -> None:  # noqa: ANN401 -- as above
        row, aside, named, account = tables.bill_runs.c, tables.quarantine.c, tables.run_accounts.c, tables.accounts.c
        query = sa.select(row.run_id, row.bill_date, row.pinned_seq, row.restricted).order_by(row.run_id)
        query = query.where(row.kind == "cycle", row.state.in_(_COUNTED), row.run_id < run.run_id)
        self._runs = [_Run(*each[:3], bool(each.restricted)) for each in connection.execute(query)]
        self._undos = _undos(connection, run.pinned_seq)
        self._aside = _by_account(connection, sa.select(aside.account_key, aside.run_id).where(aside.kind != _TAKES_PART))
        self._named = _by_account(connection, sa.select(named.account_key, named.run_id))
        self._apart = self._aside.keys() | self._named.keys() | {key for undo in self._undos for key in undo.accounts or ()}
        self._known = {each.account_key: each.commit_seq for each in connection.execute(sa.select(account.account_key, account.commit_seq))}
        common = [each for each in self._runs if not each.restricted]
        self._pins = [each.pinned_seq for each in common]
        self._latest = [_latest(self._standing(common[first:], None)) for first in range(len(common) + 1)]

    def billed_to(self, account_key: int) -> dt.date:
        """The latest bill date of the runs in which an account took part; the beginning of time where there is none."""
        seq = self._known[account_key]
        if account_key not in self._apart:
            return self._latest[bisect.bisect_left(self._pins, seq)]
        aside, named = self._aside[account_key], self._named[account_key]
        own = [
            each
            for each in self._runs
            if each.pinned_seq >= seq and each.run_id not in aside and (not each.restricted or each.run_id in named)
        ]
        return _latest(self._standing(own, account_key))

    def _standing(self, runs: list[_Run], account_key: int | None) -> list[_Run]:
        """Those of an account's runs that were not undone for it. None: an account that no undoing names."""
        for undo in self._undos:
            is_about = undo.accounts is None or account_key in undo.accounts
            if is_about and any(each.run_id == undo.run_id for each in runs):
                runs = [each for each in runs if each.run_id < undo.run_id or each.pinned_seq >= undo.seq]
        return runs


class AskedAccounts:
    """The accounts that a run (a row of bill_runs) was to bill: known to it, or those it is restricted to, but for those put aside."""

    def __init__(self, connection: sa.Connection, run: Any) -> None:  # noqa: ANN401 -- as above
        account, named, aside = tables.accounts.c, tables.run_accounts.c, tables.quarantine.c
        known = sa.select(account.account_key).where(account.commit_seq <= run.pinned_seq)
        chosen = sa.select(named.account_key).where(named.run_id == run.run_id) if run.restricted else known
        self._accounts = set(connection.execute(chosen).scalars())
        put_aside = sa.select(aside.account_key, aside.kind).where(aside.run_id == run.run_id)
        self._aside = {each.account_key: each.kind for each in connection.execute(put_aside)}

    def why_not(self, account_key: int) -> str:
        """The reason for which a run does not bill an account; empty where it does."""
        if account_key not in self._accounts:
            return "not asked for"
        return f"put aside ({self._aside[account_key]})" if account_key in self._aside else ""


def _undos(connection: sa.Connection, seq: int) -> list[_Undo]:
    """Runs that were undone as of a commit, in the order of the undoing."""
    undo, named = tables.run_undos.c, tables.run_undo_accounts.c
    query = sa.select(undo.undo_id, undo.run_id, undo.commit_seq, undo.restricted).where(undo.kind == "undone", undo.commit_seq <= seq)
    found = []
    for undo_id, run_id, undone_seq, restricted in connection.execute(query.order_by(undo.undo_id)).all():
        of = connection.execute(sa.select(named.account_key).where(named.undo_id == undo_id)).scalars() if restricted else None
        found.append(_Undo(run_id, undone_seq, None if of is None else set(of)))
    return found


def _by_account(connection: sa.Connection, query: sa.Select[Any]) -> collections.defaultdict[int, set[int]]:
    found: collections.defaultdict[int, set[int]] = collections.defaultdict(set)
    for account_key, run_id in connection.execute(query):
        found[account_key].add(run_id)
    return found


def _latest(runs: Iterable[_Run]) -> dt.date:
    return max((dt.date.fromisoformat(each.bill_date) for each in runs), default=dt.date.min)

"""Accounts that runs put aside."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from billing.accounts import covering, undone
from billing.allocations.items import chunks
from billing.runs import states
from billing.store import tables

if TYPE_CHECKING:
    from billing.accounts.covering import CoveringRun
    from billing.store.home import Home


class Parked(msgspec.Struct, frozen=True):
    """An account that a run did not bill. `kind`: quarantined, held, `passed by` or test.

    `billed_by`: the later run of the cycle that billed what this one left, as of now; 0 none. Documents of other kinds bill single things,
    and leave an account where it was put.
    """

    run_id: int
    bill_date: str
    account_id: str
    kind: str
    reason: str
    billed_by: int


def parked(home: Home, run_id: int | None = None, *, every: bool = False) -> list[Parked]:
    """Accounts that runs put aside, newest run first; of one run, if given.

    Without `every` only those that no run has billed since, of runs that were not undone for all accounts.
    """
    aside, runs, account = tables.quarantine, tables.bill_runs, tables.accounts
    query = (
        sa.select(aside, runs.c.bill_date, account.c.account_id, account.c.commit_seq)
        .join_from(aside, runs, aside.c.run_id == runs.c.run_id)
        .join(account, account.c.account_key == aside.c.account_key)
        .order_by(aside.c.run_id.desc(), account.c.account_id)
    )
    if run_id is not None:
        query = query.where(aside.c.run_id == run_id)
    with home.connect() as connection:
        if run_id is not None:
            states.find(connection, run_id)
        gone = set() if every else undone.whole_runs(undone.load(connection))
        rows = [row for row in connection.execute(query) if row.run_id not in gone]
        billed = _billed(connection, {int(row.account_key): int(row.commit_seq) for row in rows})
    by = [covering.first_reaching(billed[row.account_key], dt.date.fromisoformat(row.bill_date), row.run_id) for row in rows]
    found = [
        Parked(int(row.run_id), row.bill_date, row.account_id, row.kind, row.reason, 0 if run is None else run.run_id)
        for row, run in zip(rows, by, strict=True)
    ]
    return [each for each in found if every or not each.billed_by]


def _billed(connection: sa.Connection, seqs: dict[int, int]) -> dict[int, list[CoveringRun]]:
    """The runs that billed accounts (by key; the commit each was stored with), ascending.

    A run that rated an account for testing is no bill.
    """
    aside = tables.quarantine.c
    found: dict[int, list[CoveringRun]] = {}
    for keys in chunks(sorted(seqs)):
        history = covering.load(connection, account_keys=keys or ())
        query = sa.select(aside.account_key, aside.run_id).where(aside.kind == covering.TESTED, aside.account_key.in_(keys or ()))
        tested = {tuple(row) for row in connection.execute(query)}
        for key in keys or ():
            found[key] = [run for run in history.of(key, seqs[key])[0] if (key, run.run_id) not in tested]
    return found

"""Runs of the cycle that count as of a commit."""

from __future__ import annotations

import datetime as dt
from typing import Final, NamedTuple

import sqlalchemy as sa

from billing.accounts.covering import CYCLE
from billing.store import tables

COUNTED: Final = ("numbered", "posted")


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

"""The accounts that undoing a run is about, counted as the report of the run counts them: those that it computed.

A run covers more: accounts that had nothing due. Their number is in no report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from billing.accounts.undone import UNDONE
from billing.runs import reports
from billing.runs.contracts.counted_runs import looked
from billing.runs.selection.computed_again import computed
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Collection

    from billing.store.home import Home


class Counts(NamedTuple):
    """For how many accounts a run counts no more, and for how many it goes on counting."""

    accounts: int
    others: int


def counts(  # noqa: PLR0913 -- of what, for whom, and as of when
    home: Home,
    connection: sa.Connection,
    run_id: int,
    keys: Collection[int],
    rest: Collection[int],
    *,
    named: bool,
    as_of: int | None = None,
) -> Counts:
    """The counts of an undo for accounts (keys), which leaves `rest`. `named`: for named accounts, which all count."""
    stored = reports.accounts_of(connection, run_id, reports.run_terms(connection, run_id))
    if not named and not _was_any_undone(connection, as_of):
        return Counts(stored, 0)
    run = looked(connection, home.head_seq(connection), run_id)[0]
    of_run = computed(home, connection, run)
    if len(of_run) != stored:  # it was ordered with --everything
        of_run = computed(home, connection, run, everything=True)
    return Counts(len(keys) if named else len(of_run.intersection(keys)), len(of_run.intersection(rest)))


def _was_any_undone(connection: sa.Connection, as_of: int | None) -> bool:
    row = tables.run_undos.c
    query = sa.select(row.undo_id).where(row.kind == UNDONE).limit(1)
    return connection.execute(query if as_of is None else query.where(row.commit_seq <= as_of)).first() is not None

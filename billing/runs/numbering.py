"""From computed to numbered: everything that is frozen goes into the database in one serial transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from billing.charges.book_terms import Term
from billing.invoicing.digest import Digest
from billing.invoicing.numbering import number_drafts
from billing.runs import start, states
from billing.runs.frozen_list import PendingPeriod
from billing.store import bulk, commit_points, tables

if TYPE_CHECKING:
    import sqlalchemy as sa

    from billing.runs.frozen_list import Outcome
    from billing.runs.states import Run, Step
    from billing.store.home import Home

DIGEST: Final = "documents.digest"  # name of the term that holds it
PERIODS: Final = "documents.periods"  # of the periods that lines were billed with; none for runs of before these were stored
DIGEST_BY_ROWS: Final = "invoices.digest"  # of runs that were numbered before digests were over columns


def number(home: Home, current: Run, outcome: Outcome, at: Step) -> None:
    """Give every draft its number, and store all that the run computed.

    Raises UserError where the books of the month are closed by now, or the run waits for approval: a run that has numbered can only be
    finished, this one be abandoned.
    """
    with home.begin() as connection:
        start.require_still_open(connection, current)
        start.require_approved(connection, current)
        seq = home.next_commit_seq(connection, "invoice", at.at_us)
        taken = Digest()
        number_drafts(connection, current.run_id, outcome.drafts, seq, digest=taken)
        _store(connection, current.run_id, outcome, seq, digest_terms(taken))
        states.move(connection, current.run_id, states.COMPUTED, states.NUMBERED, at)
        commit_points.reached("run.before_numbering_commit")
    commit_points.reached("run.numbered")


def digest_terms(taken: Digest) -> dict[str, Term]:
    """The terms of a run by which its documents are compared with what they were when they got their numbers."""
    found = taken.found()
    return {DIGEST: Term(found.lines, found.documents), PERIODS: Term(found.lines, found.periods)}


def _store(connection: sa.Connection, run_id: int, outcome: Outcome, seq: int, digests: dict[str, Term]) -> None:
    """Names of charge files, terms, accounts put aside, what is left of allowances, and periods to compute again."""
    terms = sorted({**outcome.terms, **digests}.items())
    term_columns = {"term": [name for name, _ in terms], "rows": [each.rows for _, each in terms]}
    _insert(connection, tables.run_terms, run_id, term_columns | {"amount_micros": [each.amount_micros for _, each in terms]})
    files = pa.Table.from_pylist([each._asdict() for each in outcome.charge_files])
    _insert(connection, tables.charge_manifest, run_id, _columns(files) | {"commit_seq": np.full(files.num_rows, seq, np.int64)})
    aside = outcome.put_aside
    columns = {"account_key": [each.account_key for each in aside], "reason": [each.reason for each in aside]}
    _insert(connection, tables.quarantine, run_id, columns | {"kind": pa.array([each.kind for each in aside], pa.string())})
    bulk.insert(connection, tables.carried_allowances, _columns(outcome.leftovers))
    pending = {name: [getattr(each, name) for each in outcome.pending] for name in PendingPeriod._fields}
    _insert(connection, tables.pending_periods, run_id, pending | {"commit_seq": [seq] * len(outcome.pending)})


def _insert(connection: sa.Connection, table: sa.Table, run_id: int, columns: dict[str, Any]) -> None:
    rows = len(next(iter(columns.values())))
    if rows:
        bulk.insert(connection, table, {"run_id": np.full(rows, run_id, np.int64), **columns})


def _columns(table: pa.Table) -> dict[str, Any]:
    return {name: table[name] for name in table.column_names}

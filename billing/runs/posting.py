"""From numbered to posted: every invoice of a run into the ledger, in chunks of accounts, each chunk one transaction.

A chunk that is in the ledger has its mark in `run_chunks`, committed with its postings, and is not posted again.
Credit that an account has left, from payments or from an invoice with a negative total, is allocated to its open invoices in the same
transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing import ledger
from billing.allocations import allocate_credit
from billing.runs import states
from billing.store import bulk, commit_points, tables

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from billing.charges.lines import Int64s
    from billing.runs.states import By
    from billing.store.home import Home

CHUNKS: Final = 4  # of the documents of a run, in their order
NOBODY: Final = states.By()
LEG: Final = "line"
_INVOICES: Final = ("invoice_key", "account_key", "number", "currency", "issued_on", "legal_entity")
_LINES: Final = ("invoice_key", "line_no", "kind", "revenue_code", "tax_class", "amount_micros")


def post_run(
    home: Home, run_id: int, clock: Callable[[], int], by: By = NOBODY, progress: Callable[[int, int], None] | None = None
) -> None:
    """Post what is not posted of a numbered run, and call it posted. A posted run is left as it is. `progress`: documents done, of all."""
    with home.connect() as connection:
        if states.find(connection, run_id).state == states.POSTED:
            return
        documents = _documents(connection, tables.invoices.c.run_id == run_id)
        marked = sa.select(tables.run_chunks.c.chunk).where(tables.run_chunks.c.run_id == run_id)
        done = set(connection.execute(marked).scalars())
    size = max(-(-documents.num_rows // CHUNKS), 1)
    for number, start in enumerate(range(0, documents.num_rows, size)):
        if number not in done:
            _post_chunk(home, _Chunk(run_id, number, documents.slice(start, size)), clock())
        if progress is not None:
            progress(min(start + size, documents.num_rows), documents.num_rows)
    with home.begin() as connection:
        states.move(connection, run_id, states.NUMBERED, states.POSTED, states.Step(clock(), by))
        commit_points.reached("run.before_posted_commit")
    commit_points.reached("run.posted")


class _Chunk(NamedTuple):
    run_id: int
    number: int
    documents: pa.Table


def _post_chunk(home: Home, chunk: _Chunk, now_us: int) -> None:
    try:
        _store_chunk(home, chunk, now_us, ledger.post_columns)
    except sa.exc.IntegrityError:  # part of it stands there, of before chunks were marked: each is compared
        _store_chunk(home, chunk, now_us, ledger.post_each)
    commit_points.reached("run.chunk_posted")


def _store_chunk(home: Home, chunk: _Chunk, now_us: int, post: Callable[[sa.Connection, pa.Table, int], int]) -> None:
    with home.begin() as connection:
        seq = home.next_commit_seq(connection, "invoice", now_us)
        post(connection, _postings(connection, chunk.documents), seq)
        allocate_credit(connection, chunk.documents["account_key"].unique().to_pylist(), seq, run_id=chunk.run_id)
        marks = {"run_id": chunk.run_id, "chunk": chunk.number, "commit_seq": seq}
        connection.execute(tables.run_chunks.insert().values(**marks))
        commit_points.reached("run.before_posting_commit")


def postings_of(connection: sa.Connection, condition: sa.ColumnElement[bool], without: Collection[int] = ()) -> pa.Table:
    """What is posted for the documents (rows of `invoices`) that fit: one posting a line that has an amount, by document and line.

    Columns of `Posting`: receivable against revenue or tax. `without`: keys of documents that are left out.
    """
    documents = _documents(connection, condition)
    if without:
        documents = documents.filter(pc.invert(pc.is_in(documents["invoice_key"], value_set=pa.array(list(without), pa.int64()))))
    return _postings(connection, documents)


def _documents(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> pa.Table:
    """Documents in the order of their keys, with the ids of their accounts."""
    invoice, account = tables.invoices, tables.accounts
    query = sa.select(*(invoice.c[name] for name in _INVOICES), account.c.account_id)
    query = query.join_from(invoice, account, account.c.account_key == invoice.c.account_key)
    return bulk.read(connection, query.where(condition).order_by(invoice.c.invoice_key))


def _postings(connection: sa.Connection, documents: pa.Table) -> pa.Table:
    keys = documents["invoice_key"].to_numpy()
    if not keys.size:
        return ledger.no_postings()
    line = tables.invoice_lines.c
    query = sa.select(*(line[name] for name in _LINES)).where(line.invoice_key.between(int(keys[0]), int(keys[-1])))
    lines = bulk.read(connection, query.where(line.amount_micros != 0).order_by(line.invoice_key, line.line_no))
    at = np.searchsorted(keys, lines["invoice_key"].to_numpy())
    own = keys[np.minimum(at, keys.size - 1)] == lines["invoice_key"].to_numpy()  # lines between them may be other documents'
    lines, document = lines.filter(pa.array(own)), at[own]
    head = documents.take(pa.array(document))
    amount = lines["amount_micros"].to_numpy()
    receivable = pc.binary_join_element_wise(ledger.RECEIVABLE, head["account_id"], "")
    counter = _counter_accounts(lines)
    is_debit = pa.array(amount > 0)
    return pa.table(
        {
            "document": head["number"],
            "line_no": lines["line_no"],
            "leg": pa.repeat(LEG, lines.num_rows),
            "debit_account": pc.if_else(is_debit, receivable, counter),
            "credit_account": pc.if_else(is_debit, counter, receivable),
            "currency": head["currency"],
            "amount_micros": np.abs(amount),
            "posted_on": head["issued_on"],
            "entity": head["legal_entity"].fill_null(""),
        }
    )


def _counter_accounts(lines: pa.Table) -> pa.Array[Any]:
    """`tax:<class>` or `revenue:<code>` of each line."""
    is_tax: Int64s = pc.equal(lines["kind"], "tax").to_numpy(zero_copy_only=False).astype(np.int64)
    code = np.where(is_tax == 1, lines["tax_class"].to_numpy(), lines["revenue_code"].to_numpy())
    pairs, place = np.unique(np.stack([is_tax, code], axis=1), axis=0, return_inverse=True)
    names = pa.array([f"{'tax' if tax else 'revenue'}:{number}" for tax, number in pairs.tolist()], pa.string())
    return names.take(pa.array(place.reshape(-1)))

"""From numbered to posted: every invoice of a run into the ledger, in chunks of accounts, each chunk one transaction.

A chunk that is in the ledger has its mark in `run_chunks`, committed with its postings, and is not posted again. An account may have credit
left, from payments or from an invoice with a negative total. The same transaction allocates it to the account's open invoices.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing import ledger
from billing.allocations import allocate_credit
from billing.charges.charge_keys import Kind
from billing.charges.lines import Int64s
from billing.invoicing.forms import INVOICE, OPENING
from billing.runs import states
from billing.runs.contracts.fact_columns import groups
from billing.store import bulk, commit_points, tables

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from billing.invoicing.drafts import Drafts
    from billing.runs.states import By
    from billing.store.home import Home

CHUNKS: Final = 4  # of the documents of a run, in their order
NOBODY: Final = states.By()
LEG: Final = "line"
OPENING_BALANCE: Final = "opening_balance"  # what opening documents are posted against
_INVOICES: Final = (
    "invoice_key", "account_key", "number", "currency", "issued_on", "legal_entity", "document_type", "tax_micros",
    "total_micros",
)  # fmt: skip
_TAX: Final = "tax:"
_LINES: Final = ("invoice_key", "line_no", "kind", "revenue_code", "tax_class", "amount_micros")


def post_run(  # noqa: PLR0913 -- what, by whom, and how
    home: Home,
    run_id: int,
    clock: Callable[[], int],
    by: By = NOBODY,
    *,
    drafts: Drafts | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Post what is not posted of a numbered run, and call it posted. A posted run is left as it is.

    `drafts`: what was numbered just now, so that its lines need not be read back. `progress`: documents done, of all.
    """
    with home.connect() as connection:
        if states.find(connection, run_id).state == states.POSTED:
            return
        documents = _documents(connection, tables.invoices.c.run_id == run_id)
        marked = sa.select(tables.run_chunks.c.chunk).where(tables.run_chunks.c.run_id == run_id)
        done = set(connection.execute(marked).scalars())
    size = max(-(-documents.num_rows // CHUNKS), 1)
    starts = range(0, documents.num_rows, size)

    def ready(number: int) -> _Chunk | None:
        if number in done or number >= len(starts):
            return None
        part = documents.slice(starts[number], size)
        return _Chunk(run_id, number, part, None if drafts is None else _with_ids(part, _drafted(drafts, starts[number], size)))

    with ThreadPoolExecutor(1) as ahead:  # the next chunk is computed while one is stored
        following = ahead.submit(ready, 0)
        for number, start in enumerate(starts):
            chunk = following.result()
            following = ahead.submit(ready, number + 1)
            if chunk is not None:
                _post_chunk(home, chunk, clock())
            if progress is not None:
                progress(min(start + size, documents.num_rows), documents.num_rows)
    with home.begin() as connection:
        states.move(connection, run_id, states.NUMBERED, states.POSTED, states.Step(clock(), by))
        commit_points.reached("run.before_posted_commit")
    commit_points.reached("run.posted")


class _Lines(NamedTuple):
    """Lines that have an amount, by document and line."""

    document: Int64s  # place of its document
    line_no: Int64s
    is_tax: npt.NDArray[np.bool_]
    code: Int64s  # tax class or revenue code
    amount_micros: Int64s


class _Chunk(NamedTuple):
    run_id: int
    number: int
    documents: pa.Table
    postings: pa.Table | None  # None: the lines are read


def _post_chunk(home: Home, chunk: _Chunk, now_us: int) -> None:
    try:
        _store_chunk(home, chunk, now_us, ledger.post_columns)
    except sa.exc.IntegrityError:  # part of it is stored, from before chunks were marked: each is compared
        _store_chunk(home, chunk, now_us, ledger.post_each)
    commit_points.reached("run.chunk_posted")


def _store_chunk(home: Home, chunk: _Chunk, now_us: int, post: Callable[[sa.Connection, pa.Table, int], int]) -> None:
    with home.begin() as connection:
        seq = home.next_commit_seq(connection, "invoice", now_us)
        postings = chunk.postings if chunk.postings is not None else _with_ids(chunk.documents, _stored(connection, chunk.documents))
        post(connection, postings, seq)
        _require_posted(chunk.documents, postings)
        payers = np.unique(chunk.documents["account_key"].to_numpy()).tolist()
        allocate_credit(connection, payers, seq, run_id=chunk.run_id)
        marks = {"run_id": chunk.run_id, "chunk": chunk.number, "commit_seq": seq}
        connection.execute(tables.run_chunks.insert().values(**marks))
        commit_points.reached("run.before_posting_commit")


def _with_ids(documents: pa.Table, lines: _Lines) -> pa.Table:
    _require_whole(documents, lines)
    return ledger.with_ids(_postings(documents, lines))


def postings_of(connection: sa.Connection, condition: sa.ColumnElement[bool], without: Collection[int] = ()) -> pa.Table:
    """Postings of the documents (rows of `invoices`) that fit: one posting a line that has an amount, by document and line.

    Columns of `Posting`: receivable against revenue or tax. `without`: keys of documents that are left out.
    """
    documents = _documents(connection, condition)
    if without:
        documents = documents.filter(pc.invert(pc.is_in(documents["invoice_key"], value_set=pa.array(list(without), pa.int64()))))
    return _postings(documents, _stored(connection, documents))


def _documents(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> pa.Table:
    """Documents in the order of their keys, with the ids of their accounts."""
    invoice, account = tables.invoices, tables.accounts
    query = sa.select(*(invoice.c[name] for name in _INVOICES), account.c.account_id)
    query = query.join_from(invoice, account, account.c.account_key == invoice.c.account_key).where(condition)
    return bulk.read_by(connection, query, invoice.c.invoice_key).sort_by("invoice_key")


def _drafted(drafts: Drafts, first: int, count: int) -> _Lines:
    """Lines of some drafts, in the order in which they were numbered."""
    starts = drafts.first_line[first : min(first + count, len(drafts)) + 1]
    lines = drafts.lines[int(starts[0]) : int(starts[-1])]
    document = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    line_no = np.arange(len(lines)) - (starts[document] - starts[0]) + 1
    is_tax = lines["kind"] == Kind.TAX
    wanted = lines["amount_micros"] != 0
    code = np.where(is_tax, lines["tax_class"], lines["revenue_code"])
    return _Lines(*(column[wanted] for column in (document, line_no, is_tax, code, lines["amount_micros"])))


def _stored(connection: sa.Connection, documents: pa.Table) -> _Lines:
    """Lines of documents as stored."""
    keys = documents["invoice_key"].to_numpy()
    line = tables.invoice_lines.c
    first, last = (int(keys[0]), int(keys[-1])) if keys.size else (0, 0)
    query = sa.select(*(line[name] for name in _LINES)).where(line.invoice_key.between(first, last), line.amount_micros != 0)
    lines = bulk.read(connection, query.order_by(line.invoice_key, line.line_no))
    at = np.searchsorted(keys, lines["invoice_key"].to_numpy())
    own = keys[np.minimum(at, keys.size - 1)] == lines["invoice_key"].to_numpy()  # lines between them may be other documents'
    is_tax = np.array(lines["kind"].to_pylist(), object) == "tax"
    code = np.where(is_tax, lines["tax_class"].to_numpy(), lines["revenue_code"].to_numpy())
    return _Lines(*(column[own] for column in (at, lines["line_no"].to_numpy(), is_tax, code, lines["amount_micros"].to_numpy())))


def _postings(documents: pa.Table, lines: _Lines) -> pa.Table:
    """One posting a line: what the customer owes against revenue or tax, turned round where the amount is negative."""
    if not len(lines.document):
        return ledger.no_postings()
    place: Any = pa.array(lines.document)
    head: Any = documents.take(place)
    names: Any = pa.array([ledger.receivable(str(account_id)) for account_id in documents["account_id"].to_pylist()], pa.string())
    receivable = names.take(place)
    is_opening: Any = pc.equal(head["document_type"].fill_null(INVOICE), pa.scalar(OPENING))
    counter: Any = pc.if_else(is_opening, OPENING_BALANCE, _counter_accounts(lines))
    is_debit = pa.array(lines.amount_micros > 0)
    columns: dict[str, Any] = {
        "document": head["number"],
        "line_no": lines.line_no,
        "leg": pa.repeat(LEG, len(lines.document)),
        "debit_account": pc.if_else(is_debit, receivable, counter),
        "credit_account": pc.if_else(is_debit, counter, receivable),
        "currency": head["currency"],
        "amount_micros": np.abs(lines.amount_micros),
        "posted_on": head["issued_on"],
        "entity": pc.fill_null(head["legal_entity"], pa.scalar("")),
    }
    return pa.table(columns)


def _require_whole(documents: pa.Table, lines: _Lines) -> None:
    """Assert that the lines of each document come to its total."""
    sums = np.zeros(documents.num_rows, np.int64)
    np.add.at(sums, lines.document, lines.amount_micros)
    wrong = np.flatnonzero(sums != documents["total_micros"].to_numpy())
    assert not wrong.size, f"the lines of {documents['number'][int(wrong[0])]} do not add up to its total"


def _require_posted(documents: pa.Table, postings: pa.Table) -> None:
    """Assert that what is posted to the receivables of each customer is what its documents come to, and to tax what is their tax."""
    debit, credit = postings["debit_account"], postings["credit_account"]
    to_customer: Any = pc.starts_with(debit, ledger.receivable(""))
    amounts = postings["amount_micros"].to_numpy()
    signed = pa.array(np.where(to_customer.to_numpy(zero_copy_only=False), amounts, -amounts), pa.int64())
    found, wanted = pc.sum(signed).as_py() or 0, pc.sum(documents["total_micros"]).as_py() or 0
    assert found == wanted, f"{found} micro-units are posted to receivables, and the documents add up to {wanted}"
    owed = pa.array([ledger.receivable(str(each)) for each in documents["account_id"].to_pylist()], pa.string())
    posted = _by_account(pc.if_else(to_customer, debit, credit), signed)
    assert posted.equals(_by_account(owed, documents["total_micros"])), "receivables of customers are not what their documents come to"
    is_tax: Any = pc.starts_with(pc.if_else(to_customer, credit, debit), _TAX)
    tax, wanted = pc.sum(signed.filter(is_tax)).as_py() or 0, pc.sum(documents["tax_micros"]).as_py() or 0
    assert tax == wanted, f"{tax} micro-units are posted to tax, and the tax of the documents adds up to {wanted}"


def _by_account(accounts: Any, micros: Any) -> pa.Table:  # noqa: ANN401 -- arrays of texts and of amounts
    """Sums by account in their order, without those of nothing."""
    sums: Any = pa.table({"account": accounts, "micros": micros}).group_by("account").aggregate([("micros", "sum")])
    moved = sums.filter(pa.array(sums["micros_sum"].to_numpy() != 0))
    found: pa.Table = moved.sort_by("account").select(["account", "micros_sum"]).combine_chunks()
    return found


def _counter_accounts(lines: _Lines) -> Any:  # noqa: ANN401 -- an array of text
    """`tax:<class>` or `revenue:<code>` of each line."""
    place, first = groups([lines.is_tax.astype(np.int64), lines.code])
    models = zip(lines.is_tax[first].tolist(), lines.code[first].tolist(), strict=True)
    names: Any = pa.array([f"{_TAX if tax else 'revenue:'}{number}" for tax, number in models], pa.string())
    return names.take(pa.array(place))

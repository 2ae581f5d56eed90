"""Books of invoices, numbers, ledger and catalogues.

Postings are compared row by row without ever holding them all: a row is represented by a hash of all its columns, eight bytes long.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing import ledger
from billing.catalogue import kept_rows, stored
from billing.controls.book import ROWS, book, by_currency, set_book
from billing.invoicing import NUMBER_DIGITS, SERIES
from billing.payments.cash_desk import SERIES as RECEIPTS
from billing.runs import posting, states
from billing.store import bulk, tables
from billing.store.sums import halves
from tariffs import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.charges.lines import Int64s
    from billing.controls.book import Book

_DOCUMENTS_AT_ONCE: Final = 100_000


def document_books(connection: sa.Connection) -> Iterator[Book]:
    """Every book that is about documents and their postings."""
    yield from total_books(connection)
    yield _same_rows("posting: lines of documents = postings", _wanted(connection), _standing(connection))
    yield _id_book(connection)
    yield _commit_book(connection)
    yield from _catalogue_books(connection)
    yield _change_book(connection)
    yield _written_book(connection)


def total_books(connection: sa.Connection) -> Iterator[Book]:
    """Sums of documents, postings and numbers, which the database adds up."""
    yield from _total_books(connection)
    yield from _posting_books(connection)
    yield from _ledger_books(connection)
    yield from _number_books(connection)


def waiting(connection: sa.Connection) -> dict[str, int]:
    """Totals of invoices that a numbered run has not posted yet, by currency. In a posted run none waits, even if postings are missing."""
    keys = waiting_keys(connection)
    invoice = tables.invoices.c
    sums: dict[str, int] = {}
    for start in range(0, len(keys), 500):
        query = sa.select(invoice.currency, *halves(invoice.total_micros)).where(invoice.invoice_key.in_(sorted(keys)[start : start + 500]))
        for currency, micros in by_currency(connection, query.group_by(invoice.currency)).items():
            sums[currency] = sums.get(currency, 0) + micros
    return sums


def waiting_keys(connection: sa.Connection) -> set[int]:
    """The invoices of `waiting`."""
    query = waiting_query(connection)
    return set() if query is None else set(connection.execute(query).scalars())


def waiting_query(connection: sa.Connection) -> sa.Select[Any] | None:
    """The query of `waiting_keys`; None where there is no run that is numbered and not posted."""
    invoice, run = tables.invoices.c, tables.bill_runs.c
    if connection.execute(sa.select(run.run_id).where(run.state == states.NUMBERED).limit(1)).first() is None:
        return None
    query = sa.select(invoice.invoice_key).join_from(tables.invoices, tables.bill_runs)
    return query.where(run.state == states.NUMBERED, invoice.number.not_in(_posted_numbers()))


def receivable_balances(connection: sa.Connection, leg: str | None = None, through: str | None = None) -> dict[str, int]:
    """Debits minus credits of all receivables by currency; of one leg, or of dates up to `through`, if given."""
    balances: dict[str, int] = {}
    for name, sign in (("debit_account", 1), ("credit_account", -1)):
        column = tables.postings.c[name]
        query = sa.select(tables.postings.c.currency, *halves(tables.postings.c.amount_micros))
        query = query.where(column.startswith(ledger.RECEIVABLE)).group_by(tables.postings.c.currency)
        if leg is not None:
            query = query.where(tables.postings.c.leg == leg)
        if through is not None:
            query = query.where(tables.postings.c.posted_on <= through)
        for currency, amount in by_currency(connection, query).items():
            balances[currency] = balances.get(currency, 0) + sign * amount
    return balances


def _total_books(connection: sa.Connection) -> Iterator[Book]:
    invoice, line = tables.invoices.c, tables.invoice_lines.c
    totals = by_currency(connection, sa.select(invoice.currency, *halves(invoice.total_micros)).group_by(invoice.currency))
    query = sa.select(invoice.currency, *halves(line.amount_micros)).join_from(tables.invoice_lines, tables.invoices)
    lines = by_currency(connection, query.group_by(invoice.currency))
    for currency in sorted(totals.keys() | lines.keys()):
        yield book(f"documents {currency}: lines = totals", lines.get(currency, 0), totals.get(currency, 0), f"micro-units {currency}")


def _posting_books(connection: sa.Connection) -> Iterator[Book]:
    """Totals of invoices against receivables."""
    invoice = tables.invoices.c
    invoiced = by_currency(connection, sa.select(invoice.currency, *halves(invoice.total_micros)).group_by(invoice.currency))
    booked, unposted = receivable_balances(connection, leg=posting.LEG), waiting(connection)
    for currency in sorted(invoiced.keys() | booked.keys()):
        terms = {"posted": booked.get(currency, 0), "waiting to be posted": unposted.get(currency, 0)}
        name = f"posting {currency}: invoiced = receivable"
        yield book(name, invoiced.get(currency, 0), sum(terms.values()), f"micro-units {currency}", terms)


def _wanted(connection: sa.Connection) -> Iterator[pa.Table]:
    """The postings that follow from the lines of documents, those left out that wait to be posted."""
    invoice = tables.invoices.c
    last = int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(invoice.invoice_key), 0))).scalar_one())
    not_yet = sorted(waiting_keys(connection))
    for start in range(1, last + 1, _DOCUMENTS_AT_ONCE):
        end = start + _DOCUMENTS_AT_ONCE
        condition = (invoice.invoice_key >= start) & (invoice.invoice_key < end)
        left_out = [key for key in not_yet if start <= key < end]
        yield posting.postings_of(connection, condition, without=left_out)


def _standing(connection: sa.Connection) -> Iterator[pa.Table]:
    """The stored postings of documents."""
    row = tables.postings.c
    yield from bulk.batches(connection, sa.select(*(row[name] for name in ledger.Posting._fields)).where(row.leg == posting.LEG))


def _same_rows(name: str, left: Iterator[pa.Table], right: Iterator[pa.Table]) -> Book:
    """A book of rows that are on either side, and those that are on both."""
    one, two = (_hashes(side) for side in (left, right))
    missing, surplus = np.setdiff1d(one, two), np.setdiff1d(two, one)
    either = len(np.union1d(one, two))
    return book(name, either, either - len(missing) - len(surplus), ROWS, {"missing": len(missing), "surplus": len(surplus)})


def _hashes(tables_: Iterator[pa.Table]) -> Int64s:
    """A hash of each row. Rows that are twice there, or three times, differ from those that are there once."""
    parts = [np.fromiter(map(hash, zip(*(column.to_pylist() for column in each.columns), strict=True)), np.int64) for each in tables_]
    found = np.sort(np.concatenate(parts)) if parts else np.zeros(0, np.int64)
    again = np.arange(found.size) - np.searchsorted(found, found)
    return found + again * 0x9E3779B9


def _posted_numbers() -> sa.Select[Any]:
    return sa.select(tables.postings.c.document).where(tables.postings.c.leg == "line")


def _ledger_books(connection: sa.Connection) -> Iterator[Book]:
    """Debits and credits by account add up to the same."""
    sides: list[dict[str, int]] = []
    for name in ("debit_account", "credit_account"):
        column = tables.postings.c[name]
        query = sa.select(tables.postings.c.currency, *halves(tables.postings.c.amount_micros)).where(column != "")
        sides.append(by_currency(connection, query.group_by(tables.postings.c.currency)))
    debits, credits_ = sides
    for currency in sorted(debits.keys() | credits_.keys()):
        name = f"ledger {currency}: debits = credits"
        yield book(name, debits.get(currency, 0), credits_.get(currency, 0), f"micro-units {currency}")


def _id_book(connection: sa.Connection) -> Book:
    """Every posting still has the id of its content."""
    row = tables.postings.c
    rows, right = 0, 0
    for part in bulk.batches(connection, sa.select(row.posting_id, row.document, row.line_no, row.leg)):
        rows += part.num_rows
        same: Any = pc.equal(ledger.ids_of(part), part["posting_id"].combine_chunks().cast(pa.binary(ledger.ID_BYTES)))
        right += same.true_count
    return book("ledger: postings = postings with the id of their content", rows, right, ROWS)


def _number_books(connection: sa.Connection) -> Iterator[Book]:
    """Each series without a gap: as many documents as numbers were given, and all of them lie between the first and the last one."""
    series, invoice = tables.number_series.c, tables.invoices.c
    given = {row.series: int(row.next_number) - 1 for row in connection.execute(sa.select(series.series, series.next_number))}
    prefix = sa.func.substr(invoice.number, 1, sa.func.length(invoice.number) - NUMBER_DIGITS - 1)
    used = set(connection.execute(sa.select(prefix).distinct()).scalars())
    documents = {name for name in given if not name.startswith(RECEIPTS)}
    for name in sorted(documents | used | {SERIES}):
        last = given.get(name, 0)
        first_text, last_text = (f"{name}-{number:0{NUMBER_DIGITS}d}" for number in (1, last))
        inside = sa.case((invoice.number.between(first_text, last_text), 1), else_=0)
        counts = sa.select(sa.func.count(), sa.cast(sa.func.coalesce(sa.func.sum(inside), 0), tables.INT64)).where(prefix == name)
        there, between = connection.execute(counts).one()
        yield book(f"numbers {name}: given = issued without a gap", last, int(between) if there == between else -int(there), "numbers")


def _commit_book(connection: sa.Connection) -> Book:
    """The one growing number has no gap."""
    last, kept = connection.execute(
        sa.select(sa.func.coalesce(sa.func.max(tables.commits.c.commit_seq), 0), sa.func.count(tables.commits.c.commit_seq))
    ).one()
    return book("commits: given = kept without a gap", int(last), int(kept), "commits")


def _catalogue_books(connection: sa.Connection) -> Iterator[Book]:
    """The hash that was published, and that of the document as it lies in the store now: the one every run loads."""
    row = tables.publications.c
    columns = (row.identity, row.version, row.effective_from_us, row.content_hash, row.document)
    for identity, version, effective_from_us, content_hash, document in connection.execute(
        sa.select(*columns).order_by(row.identity, row.version)
    ):
        left, right = (int.from_bytes(each[:6], "big") for each in (content_hash, hashlib.sha256(document).digest()))
        name = f"catalogue {identity} version {version}"
        yield book(f"{name}: published = loaded", left, right, "first 6 bytes of the hash")
        if left == right:
            says = canonical.decode(document)
            named, held = (identity, version, effective_from_us), (says.identity, says.version, says.effective_from_us)
            yield set_book(f"{name}: listed = what the document says", [named], [held], "versions")


def _change_book(connection: sa.Connection) -> Book:
    """Every commit that changed what prices still has its row: a publication, or a repeal."""
    commit, publication, decision = tables.commits.c, tables.publications.c, tables.tariff_decisions.c
    kinds = (stored.COMMIT_KIND, stored.REPEAL_KIND)
    committed = connection.execute(sa.select(commit.commit_seq).where(commit.kind.in_(kinds))).scalars().all()
    kept = connection.execute(sa.select(publication.commit_seq)).scalars().all()
    repeals = connection.execute(sa.select(decision.commit_seq).where(decision.kind == stored.REPEALED)).scalars().all()
    return set_book("catalogues: publications and repeals committed = kept", committed, [*kept, *repeals], "commits")


def _written_book(connection: sa.Connection) -> Book:
    """Every draft and decision still says what was written."""
    total, right = 0, 0
    for table in (tables.tariff_drafts, tables.tariff_decisions):
        for row in connection.execute(sa.select(table)):
            total += 1
            right += kept_rows.is_as_written(table, row)
    return book("catalogues: drafts and decisions = those with the hash of what they say", total, right, ROWS)

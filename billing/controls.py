"""The books: each compares two figures that must be equal and that come from different places (files, Parquet, SQL).

    intake      what intake counted                     = what lies in usage files and in suspense, by source
    rating      usage that counts in a run's window     = charge rows of the run + events it left out, by reason
    charges     rows and money the manifest names       = rows and money in the charge files
    billing     charges + recurring + line rounding     = billed before + invoiced + waived + in quarantine
    documents   lines of invoices                       = totals of invoices
    posting     totals of invoices                      = net debits of receivables for invoices
    ledger      debits                                  = credits, and every posting's hash is its id
    numbers     the last number of the series           = how many invoices there are
    payments    payments                                = postings of cash
    receivables balance of the ledger                   = open items - credit not allocated
    catalogues  hash published                          = hash of the stored document

All figures are integers: rows, or micro-units of one currency. Nothing here changes anything.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from billing import allocations, ledger
from billing.intake import view
from billing.intake.books import intake_book
from billing.invoicing import SERIES
from billing.runs import charge_files, facts, scope
from billing.runs.cycle import run_terms
from billing.runs.proposal import HALF_BITS, LOW_MASK
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from billing.runs.settlement import Term
    from billing.store.home import Home

ROWS: Final = "rows"
_READ: Final = ["charge_micros", "currency"]


class Book(msgspec.Struct, frozen=True):
    """Two figures that must be equal, and the terms they are made of."""

    name: str
    left: int
    right: int
    unit: str
    ok: bool
    terms: dict[str, int]


def books(home: Home) -> list[Book]:
    """All books of a home, as of its last commit."""
    with home.connect() as connection:
        seq = home.head_seq(connection)
        runs = connection.execute(
            sa.select(tables.bill_runs).where(tables.bill_runs.c.state != scope.COMPUTING).order_by(tables.bill_runs.c.run_id)
        ).all()
        found = [_book(line.name, line.left, line.right, line.unit) for line in intake_book(home, seq)]
        for run in runs:
            found.extend(_run_books(home, connection, run))
        found.extend(_document_books(connection))
        found.extend(_posting_books(connection))
        found.extend(_ledger_books(connection))
        found.append(_number_book(connection))
        found.extend(_payment_books(connection))
        found.extend(_receivable_books(connection))
        found.extend(_catalogue_books(connection))
    return found


def _book(name: str, left: int, right: int, unit: str, terms: dict[str, int] | None = None) -> Book:
    return Book(name, left, right, unit, left == right, terms or {})


# --- runs ------------------------------------------------------------------------------------------------------------


class _FileSums(msgspec.Struct):
    """What lies in the charge files of a run. A file that is gone counts nothing."""

    rows: int = 0
    missing: list[str] = []
    files: int = 0
    unchanged: int = 0  # files that still have the hash they were written with
    charge_micros: dict[str, int] = {}


def _run_books(home: Home, connection: sa.Connection, run: Any) -> Iterator[Book]:  # noqa: ANN401 -- a row of bill_runs
    name = f"run {run.run_id} of {run.bill_date}"
    terms = run_terms(connection, run.run_id)
    files = _file_sums(home, connection, run.run_id)
    yield _rating_book(home, connection, run, name, terms, files.rows)
    manifest = tables.charge_manifest.c
    query = sa.select(sa.func.coalesce(sa.func.sum(manifest.rows), 0), sa.func.coalesce(sa.func.sum(manifest.charge_micros), 0))
    rows, charge_micros = connection.execute(query.where(manifest.run_id == run.run_id)).one()
    yield _book(f"charges, {name}: rows", int(rows), files.rows, ROWS, {f"missing {path}": 1 for path in files.missing})
    yield _book(f"charges, {name}: files = files with their hash", files.files, files.unchanged, "files")
    yield _book(f"charges, {name}: money", int(charge_micros), sum(files.charge_micros.values()), "micro-units of all currencies")
    yield from _billing_books(connection, run.run_id, name, terms, files)


def _rating_book(  # noqa: PLR0913, PLR0917 -- both sides of a book
    home: Home,
    connection: sa.Connection,
    run: Any,  # noqa: ANN401 -- a row of bill_runs
    name: str,
    terms: dict[str, Term],
    charge_rows: int,
) -> Book:
    """Usage that counts in the window of the run, against its charge rows and what it left out."""
    midnights = facts.Midnights()
    known = facts.load(connection, run.pinned_seq)
    decided = scope.decide(known, scope.covered_through(connection, known, run.run_id), dt.date.fromisoformat(run.bill_date), midnights)
    usage_rows = 0
    if decided.window is not None:
        usage_rows = view.usage(home, ("flags",), run.pinned_seq, *decided.window).num_rows
    left_out = {term: each.rows for term, each in terms.items() if term.startswith("left_out.")}
    by_status = {term: each.rows for term, each in terms.items() if term.startswith("events.")}
    right = charge_rows + sum(left_out.values())
    shown = {"usage": usage_rows, "charge rows": charge_rows, **by_status, **left_out}
    return _book(f"rating, {name}", usage_rows, right, ROWS, shown)


def _billing_books(connection: sa.Connection, run_id: int, name: str, terms: dict[str, Term], files: _FileSums) -> Iterator[Book]:
    invoice, line = tables.invoices, tables.invoice_lines
    query = (
        sa.select(invoice.c.currency, sa.func.sum(line.c.amount_micros))
        .join_from(line, invoice)
        .where(invoice.c.run_id == run_id, line.c.kind != "tax")
        .group_by(invoice.c.currency)
    )
    invoiced = {currency: int(amount) for currency, amount in connection.execute(query)}
    currencies = {term.partition(":")[2] for term in terms if ":" in term}
    for currency in sorted(currencies | invoiced.keys() | {key for key, value in files.charge_micros.items() if value}):
        left = {
            "rated": files.charge_micros.get(currency, 0),
            "recurring": _amount(terms, "recurring", currency),
            "line rounding": _amount(terms, "line_rounding", currency),
        }
        right = {
            "billed before": _amount(terms, "billed_before", currency),
            "invoiced net": invoiced.get(currency, 0),
            "waived": _amount(terms, "waived", currency),
            "unbilled, in quarantine": _amount(terms, "quarantined", currency),
            "unbilled, beyond the limit of money": _amount(terms, "too_large", currency),
        }
        unit = f"micro-units {currency}"
        yield _book(f"billing, {name} {currency}", sum(left.values()), sum(right.values()), unit, left | right)


def _amount(terms: dict[str, Term], name: str, currency: str) -> int:
    found = terms.get(f"{name}:{currency}")
    return found.amount_micros if found is not None else 0


def _file_sums(home: Home, connection: sa.Connection, run_id: int) -> _FileSums:
    manifest = tables.charge_manifest.c
    sums = _FileSums()
    query = sa.select(manifest.path, manifest.sha256).where(manifest.run_id == run_id).order_by(manifest.path)
    for path, sha256 in connection.execute(query):
        sums.files += 1
        if not (home.path / path).is_file():
            sums.missing.append(path)
            continue
        sums.unchanged += charge_files.file_sha256(home.path / path) == sha256
        table = pq.read_table(home.path / path, columns=_READ, partitioning=None)
        sums.rows += table.num_rows
        money = charge_files.micros_of(table["charge_micros"])
        high, low = pc.shift_right(money, HALF_BITS), pc.bit_wise_and(money, LOW_MASK)  # sums of halves cannot wrap
        halves = pa.table({"currency": table["currency"].cast(pa.string()), "high": high, "low": low})
        grouped = halves.group_by("currency", use_threads=False).aggregate([("high", "sum"), ("low", "sum")])
        for row in grouped.to_pylist():
            amount = ((row["high_sum"] or 0) << HALF_BITS) + (row["low_sum"] or 0)
            sums.charge_micros[row["currency"]] = sums.charge_micros.get(row["currency"], 0) + amount
    return sums


# --- invoices and ledger -----------------------------------------------------------------------------------------------


def _document_books(connection: sa.Connection) -> Iterator[Book]:
    invoice, line = tables.invoices.c, tables.invoice_lines.c
    totals = _by_currency(connection, sa.select(invoice.currency, sa.func.sum(invoice.total_micros)).group_by(invoice.currency))
    query = sa.select(invoice.currency, sa.func.sum(line.amount_micros)).join_from(tables.invoice_lines, tables.invoices)
    lines = _by_currency(connection, query.group_by(invoice.currency))
    for currency in sorted(totals.keys() | lines.keys()):
        yield _book(f"documents {currency}: lines = totals", lines.get(currency, 0), totals.get(currency, 0), f"micro-units {currency}")


def _posting_books(connection: sa.Connection) -> Iterator[Book]:
    """Totals of invoices, and what stands in the receivables for their lines; a run that is not finished may have some waiting."""
    invoice = tables.invoices.c
    invoiced = _by_currency(connection, sa.select(invoice.currency, sa.func.sum(invoice.total_micros)).group_by(invoice.currency))
    booked, waiting = _receivable_balances(connection, leg="line"), _waiting(connection)
    for currency in sorted(invoiced.keys() | booked.keys()):
        terms = {"posted": booked.get(currency, 0), "waiting to be posted": waiting.get(currency, 0)}
        name = f"posting {currency}: invoiced = receivable"
        yield _book(name, invoiced.get(currency, 0), sum(terms.values()), f"micro-units {currency}", terms)


def _waiting(connection: sa.Connection) -> dict[str, int]:
    """Totals of invoices that a numbered run has not posted yet. In a posted run none waits, whatever is missing."""
    invoice, run = tables.invoices.c, tables.bill_runs.c
    query = sa.select(invoice.currency, sa.func.sum(invoice.total_micros)).join_from(tables.invoices, tables.bill_runs)
    query = query.where(run.state == scope.NUMBERED, invoice.number.not_in(sa.select(tables.postings.c.document)))
    return _by_currency(connection, query.group_by(invoice.currency))


def _ledger_books(connection: sa.Connection) -> Iterator[Book]:
    """Debits and credits by account add up to the same; every posting still has the id of its content."""
    sides: list[dict[str, int]] = []
    for name in ("debit_account", "credit_account"):
        column = tables.postings.c[name]
        query = sa.select(tables.postings.c.currency, sa.func.sum(tables.postings.c.amount_micros)).where(column != "")
        sides.append(_by_currency(connection, query.group_by(tables.postings.c.currency)))
    debits, credits_ = sides
    for currency in sorted(debits.keys() | credits_.keys()):
        name = f"ledger {currency}: debits = credits"
        yield _book(name, debits.get(currency, 0), credits_.get(currency, 0), f"micro-units {currency}")
    posting = tables.postings.c
    rows = connection.execute(sa.select(posting.posting_id, posting.document, posting.line_no, posting.leg))
    total, right = 0, 0
    for key, document, line_no, leg in rows:
        total += 1
        right += ledger.posting_id(document, line_no, leg) == key
    yield _book("ledger: postings = postings with the id of their content", total, right, ROWS)


def _number_book(connection: sa.Connection) -> Book:
    """A series without a gap: as many invoices as numbers were given, and the last one has the last number."""
    series, invoice = tables.number_series.c, tables.invoices.c
    given = connection.execute(sa.select(series.next_number).where(series.series == SERIES)).scalar_one_or_none()
    numbers = connection.execute(sa.select(invoice.number)).scalars().all()
    last = 0 if given is None else int(given) - 1
    wanted = {f"{SERIES}-{number:010d}" for number in range(1, last + 1)}
    return _book(f"numbers {SERIES}: given = issued without a gap", last, len(wanted.intersection(numbers)), "numbers")


def _payment_books(connection: sa.Connection) -> Iterator[Book]:
    payment, posting = tables.payments.c, tables.postings.c
    paid = _by_currency(connection, sa.select(payment.currency, sa.func.sum(payment.amount_micros)).group_by(payment.currency))
    signed = sa.case((posting.debit_account == ledger.CASH, posting.amount_micros), else_=-posting.amount_micros)
    either = (posting.debit_account == ledger.CASH) | (posting.credit_account == ledger.CASH)
    cash = _by_currency(connection, sa.select(posting.currency, sa.func.sum(signed)).where(either).group_by(posting.currency))
    for currency in sorted(paid.keys() | cash.keys()):
        yield _book(f"payments {currency}: payments = cash", paid.get(currency, 0), cash.get(currency, 0), f"micro-units {currency}")


def _receivable_books(connection: sa.Connection) -> Iterator[Book]:
    """What customers owe by the ledger, and by their open invoices less credit that is not allocated."""
    balances, waiting = _receivable_balances(connection), _waiting(connection)
    account = tables.accounts.c
    owners = sa.select(account.account_key, account.currency)
    currency_of = {row.account_key: row.currency for row in connection.execute(owners)}
    open_micros: dict[str, int] = {}
    credit_micros: dict[str, int] = {}
    for item in allocations.open_items(connection):
        currency = currency_of[item.account_key]
        open_micros[currency] = open_micros.get(currency, 0) + item.open_micros
    for credit in allocations.unallocated(connection):
        currency = currency_of[credit.account_key]
        credit_micros[currency] = credit_micros.get(currency, 0) + credit.left_micros
    for currency in sorted(balances.keys() | open_micros.keys() | credit_micros.keys()):
        terms = {
            "open items": open_micros.get(currency, 0),
            "credit not allocated": -credit_micros.get(currency, 0),
            "waiting to be posted": -waiting.get(currency, 0),
        }
        name = f"receivables {currency}: ledger = open items"
        yield _book(name, balances.get(currency, 0), sum(terms.values()), f"micro-units {currency}", terms)


def _receivable_balances(connection: sa.Connection, leg: str | None = None) -> dict[str, int]:
    """Debits minus credits of all receivables by currency; of one leg, if given."""
    balances: dict[str, int] = {}
    for name, sign in (("debit_account", 1), ("credit_account", -1)):
        column = tables.postings.c[name]
        query = sa.select(tables.postings.c.currency, sa.func.sum(tables.postings.c.amount_micros))
        query = query.where(column.startswith(ledger.RECEIVABLE)).group_by(tables.postings.c.currency)
        if leg is not None:
            query = query.where(tables.postings.c.leg == leg)
        for currency, amount in _by_currency(connection, query).items():
            balances[currency] = balances.get(currency, 0) + sign * amount
    return balances


def _catalogue_books(connection: sa.Connection) -> Iterator[Book]:
    """The hash that was published, and that of the document as it lies in the store now: the one every run loads."""
    row = tables.publications.c
    for identity, version, content_hash, document in connection.execute(
        sa.select(row.identity, row.version, row.content_hash, row.document).order_by(row.identity, row.version)
    ):
        left, right = (int.from_bytes(each[:8], "big") for each in (content_hash, hashlib.sha256(document).digest()))
        yield _book(f"catalogue {identity} version {version}: published = loaded", left, right, "first 8 bytes of the hash")


def _by_currency(connection: sa.Connection, query: sa.Select[Any]) -> dict[str, int]:
    return {currency: int(amount) for currency, amount in connection.execute(query)}


def all_ok(found: Iterable[Book]) -> bool:
    """Whether every book balances."""
    return all(book.ok for book in found)

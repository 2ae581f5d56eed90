"""Books of each bill run: usage against charge files, charge files against what the run counted, and all of it against its invoices.

Nothing here holds more than one charge file or one stretch of usage at a time.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from billing.accounts import undone
from billing.charges.book_terms import HALF_BITS, LOW_MASK, Term
from billing.controls.book import ROWS, book, by_currency, set_book
from billing.controls.recomputed import recomputed_books
from billing.intake import view
from billing.invoicing.digest import digest_by_rows, digest_of_run
from billing.runs import charge_files, states
from billing.runs.computing import WINDOW_FROM, WINDOW_TO
from billing.runs.contracts import facts
from billing.runs.numbering import DIGEST, DIGEST_BY_ROWS, PERIODS
from billing.runs.reports import run_terms
from billing.runs.selection import scope
from billing.runs.selection.left_out import TERM
from billing.runs.settlement.settlement import TERM_OF_KIND
from billing.store import tables
from billing.store.sums import halves, whole
from billing.store.voids import voided
from billing.verification.plain_facts import WHOLE, Part
from rating.dates import DAY_US
from rating.status import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing.accounts.undone import Undo
    from billing.controls.book import Book
    from billing.store.home import Home

_READ: Final = ["gross_micros", "discount_micros", "charge_micros", "currency", "status", "tariff_version"]
_NONE: Final = Term(0, 0)
_STRETCH_US: Final = 7 * DAY_US  # of usage that is counted at a time


def run_books(home: Home, connection: sa.Connection, run_id: int | None = None, part: Part = WHOLE) -> Iterator[Book]:
    """The books of all runs that have numbered, by run; of one, if given. `part`: taxes and fees of these accounts alone."""
    query = sa.select(tables.bill_runs).where(tables.bill_runs.c.state.in_(states.COUNTED)).order_by(tables.bill_runs.c.run_id)
    runs = connection.execute(query).all()
    versions: set[bytes] = set()
    for run in runs:
        if run_id is None or run.run_id == run_id:
            files = _file_sums(home, connection, run.run_id)
            versions |= files.versions
            yield from _books_of(home, connection, run, files)
            yield from recomputed_books(home, connection, run, part)
    yield _known_runs(connection, {run.run_id for run in runs})
    undos = undone.load(connection)
    if undos:
        yield _undone(connection, undos)
    published = connection.execute(sa.select(tables.publications.c.content_hash)).scalars()
    kept = {each.hex() for each in published}
    wanted = {each.hex() for each in versions}
    yield set_book("catalogues: versions that charges name = published", wanted, wanted & kept, "versions")


class _FileSums(msgspec.Struct):
    """Sums over the charge files of a run. A file that is gone counts nothing."""

    rows: int = 0
    missing: list[str] = []
    files: int = 0
    unchanged: int = 0  # files that still have the hash they were written with
    charge_micros: dict[str, int] = {}
    reduced_micros: int = 0  # gross less discount, of all currencies
    statuses: dict[int, int] = {}
    versions: set[bytes] = set()


def _books_of(home: Home, connection: sa.Connection, run: Any, files: _FileSums) -> Iterator[Book]:  # noqa: ANN401 -- a row of bill_runs
    name = f"run {run.run_id} of {run.bill_date}"
    terms = run_terms(connection, run.run_id)
    yield _rating_book(home, connection, run, terms, files.rows)
    counted = {term.removeprefix("events."): each.rows for term, each in terms.items() if term.startswith("events.")}
    found = {Status(code).name: rows for code, rows in files.statuses.items()}
    shown = {f"counted {status}": rows for status, rows in counted.items()} | {f"charges {status}": rows for status, rows in found.items()}
    agreeing = sum(rows for status, rows in found.items() if counted.get(status) == rows)
    yield book(f"rating, {name}: events by status", sum(counted.values()), agreeing, ROWS, shown)
    manifest = tables.charge_manifest.c
    sums = sa.cast(sa.func.coalesce(sa.func.sum(manifest.rows), 0), tables.INT64), *halves(manifest.charge_micros)
    rows, *parts = connection.execute(sa.select(*sums).where(manifest.run_id == run.run_id)).one()
    yield book(f"charges, {name}: rows", int(rows), files.rows, ROWS, {f"missing {path}": 1 for path in files.missing})
    yield book(f"charges, {name}: files = files with their hash", files.files, files.unchanged, "files")
    charged = sum(files.charge_micros.values())
    yield book(f"charges, {name}: money", whole(*parts), charged, "micro-units of all currencies")
    yield book(f"charges, {name}: gross less discounts = charges", files.reduced_micros, charged, "micro-units of all currencies")
    yield from _billing_books(connection, run.run_id, name, terms, files)
    yield _document_book(connection, run, name, terms)


def _rating_book(
    home: Home,
    connection: sa.Connection,
    run: Any,  # noqa: ANN401 -- a row or column as the database has it
    terms: dict[str, Term],
    charge_rows: int,
) -> Book:
    """Usage that counts in the window of the run, against its charge rows and what it left out."""
    usage_rows = 0
    window = _window(connection, run, terms)
    if window is not None:
        for start in range(window.from_us, window.to_us, _STRETCH_US):
            end = min(start + _STRETCH_US, window.to_us)
            usage_rows += view.usage(home, ("flags",), run.pinned_seq, start, end).num_rows
    left_out = {term: each.rows for term, each in terms.items() if term.startswith(TERM)}
    by_status = {term: each.rows for term, each in terms.items() if term.startswith("events.")}
    right = charge_rows + sum(left_out.values())
    shown = {"usage": usage_rows, "charge rows": charge_rows, **by_status, **left_out}
    return book(f"rating, run {run.run_id} of {run.bill_date}", usage_rows, right, ROWS, shown)


def _window(connection: sa.Connection, run: Any, terms: dict[str, Term]) -> scope.Window | None:  # noqa: ANN401 -- a row of bill_runs
    """Window in which the run looked for usage: as it says, or, for a run numbered before runs said it, as it follows from the facts."""
    if WINDOW_FROM in terms:
        return scope.Window(terms[WINDOW_FROM].amount_micros, terms[WINDOW_TO].amount_micros)
    if DIGEST_BY_ROWS not in terms:
        return None
    known = facts.load(connection, run.pinned_seq)
    covered = scope.covered_through(connection, known, run.run_id)
    return scope.decide(known, covered, dt.date.fromisoformat(run.bill_date), facts.Midnights()).window


def _billing_books(connection: sa.Connection, run_id: int, name: str, terms: dict[str, Term], files: _FileSums) -> Iterator[Book]:
    """Amounts due against their use, and net, tax and charges as the run counted them, by currency."""
    net, tax = (_invoiced(connection, run_id, taxes=taxes) for taxes in (False, True))
    currencies = {term.partition(":")[2] for term in terms if ":" in term}
    for currency in sorted(currencies | net.keys() | tax.keys() | {key for key, value in files.charge_micros.items() if value}):
        amount = {term.partition(":")[0]: each.amount_micros for term, each in terms.items() if term.endswith(f":{currency}")}
        rated = files.charge_micros.get(currency, 0)
        due = {kind.replace("_", "-"): amount.get(kind, 0) for kind in TERM_OF_KIND.values()}
        rounding = {"line rounding": amount.get("line_rounding", 0), "tax in prices": -amount.get("tax_in_prices", 0)}
        left = {"rated": rated, **due, **rounding}
        right = {
            "billed before": amount.get("billed_before", 0),
            "invoiced net": net.get(currency, 0),
            "unbilled, in quarantine": amount.get("quarantined", 0),
            "unbilled, for testing": amount.get("test", 0),
            "unbilled, beyond the limit of money": amount.get("too_large", 0),
        }
        unit = f"micro-units {currency}"
        yield book(f"billing, {name} {currency}", sum(left.values()), sum(right.values()), unit, left | right)
        yield book(f"charges, {name}: money {currency} as counted", amount.get("usage", 0), rated, unit)
        yield book(f"tax, {name} {currency}: computed = tax lines", amount.get("invoiced_tax", 0), tax.get(currency, 0), unit)


def _invoiced(connection: sa.Connection, run_id: int, *, taxes: bool) -> dict[str, int]:
    """Lines of a run's invoices, tax or all others, by currency."""
    invoice, line = tables.invoices, tables.invoice_lines
    query = sa.select(invoice.c.currency, *halves(line.c.amount_micros)).join_from(line, invoice)
    of_run = query.where(invoice.c.run_id == run_id, line.c.kind == "tax" if taxes else line.c.kind != "tax")
    return by_currency(connection, of_run.group_by(invoice.c.currency))


def _document_book(connection: sa.Connection, run: Any, name: str, terms: dict[str, Term]) -> Book:  # noqa: ANN401 -- a row of bill_runs
    """Every field of every document and line of a run is as it was when they were numbered."""
    by_rows, periods = terms.get(DIGEST_BY_ROWS), _periods(connection, run.run_id, terms)
    wanted = by_rows or terms.get(DIGEST, _NONE)
    if by_rows:
        now = Term(*digest_by_rows(connection, run.run_id))
    else:
        stored = digest_of_run(connection, run.run_id)
        now = Term(stored.lines, stored.documents if periods is None else stored.documents ^ stored.periods)
    digest = wanted.amount_micros if periods is None else wanted.amount_micros ^ periods.amount_micros
    shown = {"lines numbered": wanted.rows, "lines stored": now.rows}
    return book(f"documents, {name}: as numbered", digest, now.amount_micros, "first 53 bits of the digest", shown)


def _periods(connection: sa.Connection, run_id: int, terms: dict[str, Term]) -> Term | None:
    """The digest of the periods that lines were billed with; None for a run of before these were stored."""
    row = tables.run_terms.c
    older = sa.select(row.run_id).where(row.term == PERIODS, row.run_id < run_id).limit(1)
    is_gone = PERIODS not in terms and connection.execute(older).first() is not None
    return _NONE if is_gone else terms.get(PERIODS)


def _known_runs(connection: sa.Connection, known: set[int]) -> Book:
    """A run that left terms, charges or invoices is known as numbered, with the commit it pinned; else it would be billed again."""
    traces: set[int] = set()
    for table in (tables.run_terms, tables.charge_manifest, tables.invoices, tables.carried_allowances):
        traces |= set(connection.execute(sa.select(table.c.run_id).distinct()).scalars())
    runs = tables.bill_runs.c
    right = set(connection.execute(sa.select(runs.run_id).where(runs.pinned_seq == runs.commit_seq)).scalars())
    traces.discard(0)  # of no run: what an imported account had left
    return set_book("runs: runs that numbered = runs known as numbered", traces, known & right, "runs")


def _undone(connection: sa.Connection, undos: Sequence[Undo]) -> Book:
    """Documents that an undone run billed to the accounts it was undone for are void, and undoing made nothing else void."""
    invoice, event = tables.invoices.c, tables.invoice_events.c
    billed: set[int] = set()
    for undo in undos:
        rows = connection.execute(sa.select(invoice.invoice_key, invoice.account_key).where(invoice.run_id == undo.run_id))
        billed |= {key for key, account_key in rows if undo.is_of(account_key)}
    void = voided()
    by_undoing = set(connection.execute(void.where(event.commit_seq.in_(undone.commits()))).scalars())
    right = by_undoing | (billed & set(connection.execute(void).scalars()))
    return set_book("runs: documents of undone runs = void documents", billed, right, "documents")


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
        _add(sums, pq.read_table(home.path / path, columns=_READ, partitioning=None))
    return sums


def _add(sums: _FileSums, table: pa.Table) -> None:
    """Add the rows of one charge file."""
    sums.rows += table.num_rows
    for currency, amount in _by_currency(table, "charge_micros").items():
        sums.charge_micros[currency] = sums.charge_micros.get(currency, 0) + amount
    gross, discount = (sum(_by_currency(table, name).values()) for name in ("gross_micros", "discount_micros"))
    sums.reduced_micros += gross - discount
    codes, counts = np.unique(table["status"].to_numpy(), return_counts=True)
    for code, rows in zip(codes.tolist(), counts.tolist(), strict=True):
        sums.statuses[code] = sums.statuses.get(code, 0) + rows
    versions: Any = pc.unique(table["tariff_version"].cast(pa.binary(32)))
    sums.versions |= set(versions.drop_null().to_pylist())


def _by_currency(table: pa.Table, name: str) -> dict[str, int]:
    """Sums of a column of money, in halves that cannot wrap."""
    money = charge_files.micros_of(table[name])
    high, low = pc.shift_right(money, HALF_BITS), pc.bit_wise_and(money, LOW_MASK)
    halves = pa.table({"currency": table["currency"].cast(pa.string()), "high": high, "low": low})
    grouped = halves.group_by("currency", use_threads=False).aggregate([("high", "sum"), ("low", "sum")])
    return {row["currency"]: ((row["high_sum"] or 0) << HALF_BITS) + (row["low_sum"] or 0) for row in grouped.to_pylist()}

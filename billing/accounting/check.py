"""`ledger check`: everything in the ledger worked out anew from documents and payments, and the first difference named.

Each check goes through one kind of thing in order and stops at the first that is not as it should be; it gives the place, what stands
there and what should. A check that finds nothing says how many things it compared. Nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sa

from billing import closed_months, ledger
from billing.accounting.balances import trial_balance
from billing.accounting.month_end import DEFERRED, PROVISION, UNBILLED, Moved
from billing.controls import documents
from billing.runs import posting
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.store.home import Home

    Progress = Callable[[int, int], None]

_KEYS_PER_QUERY = 20_000
_Identity = tuple[str, int, str]


class Checked(msgspec.Struct, frozen=True):
    """What one check found. `first_difference` is empty where all is right."""

    name: str
    compared: int
    first_difference: str = ""

    @property
    def ok(self) -> bool:
        """Whether everything is as it should be."""
        return not self.first_difference


class _Check(NamedTuple):
    name: str
    run: Callable[[sa.Connection, str], Checked]


def check(home: Home, progress: Progress | None = None) -> list[Checked]:
    """Every check, in one unchanging view of the database."""
    found = []
    with home.connect() as connection:
        for number, each in enumerate(_CHECKS):
            if progress is not None:
                progress(number, len(_CHECKS))
            found.append(each.run(connection, each.name))
    return found


def _ids(connection: sa.Connection, name: str) -> Checked:
    """Every posting has the id of its document, line and leg."""
    row = tables.postings.c
    query = sa.select(row.posting_id, row.document, row.line_no, row.leg).order_by(row.document, row.line_no, row.leg)
    compared = 0
    for key, document, line_no, leg in connection.execute(query.execution_options(yield_per=_KEYS_PER_QUERY)):
        compared += 1
        if ledger.posting_id(document, line_no, leg) != key:
            return Checked(name, compared, f"posting {document} line {line_no} {leg} has the id of another one")
    return Checked(name, compared)


def _sides(connection: sa.Connection, name: str) -> Checked:
    """Debits equal credits by entity and currency."""
    lines = trial_balance(connection)
    totals: dict[tuple[str, str], int] = {}
    for line in lines:
        totals[line.entity, line.currency] = totals.get((line.entity, line.currency), 0) + line.balance_micros
    for (entity, currency), difference in sorted(totals.items()):
        if difference:
            return Checked(
                name, len(lines), f"{entity or 'entity without a name'} {currency}: debits less credits are {difference} micro-units"
            )
    return Checked(name, len(lines))


def _invoices(connection: sa.Connection, name: str) -> Checked:
    """What follows from the lines of each document stands in the ledger, and nothing else of it."""
    waiting = documents.waiting_keys(connection)
    invoice = tables.invoices.c
    last = connection.execute(sa.select(sa.func.coalesce(sa.func.max(invoice.invoice_key), 0))).scalar_one()
    compared = 0
    for start in range(1, int(last) + 1, _KEYS_PER_QUERY):
        within = invoice.invoice_key.between(start, start + _KEYS_PER_QUERY - 1)
        wanted = _by_identity(posting.postings_of(connection, within, waiting).to_pylist())
        stored = _by_identity(_stored(connection, within))
        for identity in sorted(wanted.keys() | stored.keys()):
            compared += 1
            difference = _difference(wanted.get(identity), stored.get(identity))
            if difference:
                return Checked(name, compared, f"posting {' '.join(map(str, identity))}: {difference}")
    return Checked(name, compared)


def _entries(connection: sa.Connection, name: str) -> Checked:
    """Each month-end entry posted exactly what it says."""
    row, entry = tables.postings.c, tables.journal_entries.c
    kinds = [kind.name for kind in (DEFERRED, UNBILLED, PROVISION)]
    query = sa.select(entry.document, entry.detail).where(entry.kind.in_(kinds)).order_by(entry.document)
    compared = 0
    for document, detail in connection.execute(query).all():
        says = {(each.code, each.currency): abs(each.moved_micros) for each in msgspec.json.decode(detail, type=list[Moved])}
        posted = sa.select(row.line_no, row.currency, row.amount_micros).where(row.document == document)
        stands = {(line, currency): int(amount) for line, currency, amount in connection.execute(posted)}
        compared += len(says)
        if says != stands:
            return Checked(name, compared, f"entry {document} says {says}, and {stands} is posted")
    return Checked(name, compared)


def _closed(connection: sa.Connection, name: str) -> Checked:
    """Nothing was posted into a month while it was closed."""
    row = tables.postings.c
    compared = 0
    for entity, month, after, before in _closed_spans(connection):
        query = sa.select(row.document, row.posted_on, row.commit_seq).where(row.entity == entity, row.commit_seq > after)
        query = query.where(row.posted_on >= f"{month}-01", row.posted_on <= f"{month}-31")
        if before is not None:
            query = query.where(row.commit_seq < before)
        found = connection.execute(query.order_by(row.commit_seq)).first()
        compared += 1
        if found is not None:
            return Checked(name, compared, f"{found[0]} was posted on {found[1]} by commit {found[2]}, when {month} was closed")
    return Checked(name, compared)


_CHECKS = (
    _Check("postings have the id of what they are of", _ids),
    _Check("debits = credits", _sides),
    _Check("lines of documents = postings", _invoices),
    _Check("month-end entries = postings", _entries),
    _Check("closed months have nothing new", _closed),
)


def _closed_spans(connection: sa.Connection) -> Iterator[tuple[str, str, int, int | None]]:
    """Entity, month, the commit that closed it and the one that opened it again (None: still closed)."""
    open_span: dict[tuple[str, str], int] = {}
    for event in closed_months.events(connection):
        key = (event.entity, event.month)
        if event.kind == closed_months.Standing.CLOSED:
            open_span.setdefault(key, event.commit_seq)
        elif event.kind == closed_months.Standing.REOPENED and key in open_span:
            yield (*key, open_span.pop(key), event.commit_seq)
    for key, after in sorted(open_span.items()):
        yield (*key, after, None)


def _stored(connection: sa.Connection, within: sa.ColumnElement[bool]) -> Iterator[dict[str, Any]]:
    """The postings of lines of some invoices."""
    invoice, row = tables.invoices.c, tables.postings.c
    query = sa.select(*(row[name] for name in ledger.Posting._fields))
    query = query.join_from(tables.postings, tables.invoices, invoice.number == row.document)
    for values in connection.execute(query.where(within, row.leg == posting.LEG)):
        yield dict(values._mapping)  # noqa: SLF001 -- SQLAlchemy's public name for a row as a mapping


def _by_identity(rows: Iterable[dict[str, Any]]) -> dict[_Identity, dict[str, Any]]:
    return {(row["document"], row["line_no"], row["leg"]): row for row in rows}


def _difference(wanted: dict[str, Any] | None, stored: dict[str, Any] | None) -> str:
    """In words; empty where there is none."""
    if wanted is None:
        return "stands in the ledger, and no line asks for it"
    if stored is None:
        return "is missing"
    differing = [(name, stored[name], wanted[name]) for name in wanted if stored[name] != wanted[name]]
    return ", ".join(f"{name} is {one!r}, not {two!r}" for name, one, two in differing)

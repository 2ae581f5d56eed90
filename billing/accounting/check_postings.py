"""Every posting of the ledger against the one record that requires it: a line, a void, money, a write-off, the entry of a month's end.

The expected posting is computed from that record alone and compared in every field. The leg of a posting names the kind of its record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import sqlalchemy as sa

from billing import ledger
from billing.accounting import write_off
from billing.accounting.comparing import Checked, What, compared, difference, equal, joined
from billing.accounting.month_end import KINDS, Moved, month_of, posting_of
from billing.allocations.as_of import WRITE_OFF_LEGS, write_off_days
from billing.controls.documents import waiting_keys
from billing.documents import voiding
from billing.payments import books
from billing.runs import posting
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

KEYS_PER_QUERY: Final = 20_000
_FIELDS: Final = ledger.Posting._fields
_IDENTITY: Final = 3  # document, line, leg


def lines(connection: sa.Connection, name: str) -> Checked:
    """The postings that follow from the lines of each document are in the ledger, and no others of it.

    Everything is read once. Where it differs, the documents are gone through some at a time for the first that does.
    """
    waiting = waiting_keys(connection)
    invoice, row = tables.invoices.c, tables.postings.c
    last = connection.execute(sa.select(sa.func.coalesce(sa.func.max(invoice.invoice_key), 0))).scalar_one()
    spans = [invoice.invoice_key.between(first, first + KEYS_PER_QUERY - 1) for first in range(1, int(last) + 1, KEYS_PER_QUERY)]
    every = (each for within in spans for each in _rows(posting.postings_of(connection, within, waiting)))
    count, same = equal(every, _standing(connection, _is((posting.LEG,))))
    if same:
        return Checked(name, count)
    count = 0
    for within in spans:
        wanted = _by_identity(_rows(posting.postings_of(connection, within, waiting)))
        own = sa.select(*(row[field] for field in _FIELDS)).join_from(tables.postings, tables.invoices, invoice.number == row.document)
        stands = _by_identity(ledger.Posting(*each) for each in connection.execute(own.where(within, row.leg == posting.LEG)))
        for key in sorted(wanted.keys() | stands.keys()):
            count += 1
            told = difference(wanted.get(key), stands.get(key), "line")
            if told:
                return Checked(name, count, f"posting {joined(key)}: {told}")
    nobody = sa.select(row.document, row.line_no, row.leg).where(row.leg == posting.LEG, row.document.not_in(sa.select(invoice.number)))
    found = connection.execute(nobody.order_by(row.document, row.line_no).limit(1)).first()
    told = "" if found is None else f"posting {joined(tuple(found))}: is there, and no document has that number"
    return Checked(name, count, told)


def voids(connection: sa.Connection, name: str) -> Checked:
    """The postings of each voided document are there the other way round, on the day of the void."""
    return compared(name, _of("void"), lambda: _of_voids(connection), lambda: _standing(connection, _is((voiding.LEG,))))


def money(connection: sa.Connection, name: str) -> Checked:
    """Payments, their later events, deposits, lines of bank files."""
    return compared(name, _of("payment"), lambda: books.expected(connection), lambda: _standing(connection, _is(books.LEGS)))


def write_offs(connection: sa.Connection, name: str) -> Checked:
    """Amounts written off, and amounts taken back of these."""
    return compared(name, _of("entry"), lambda: _of_write_offs(connection), lambda: _standing(connection, _is(WRITE_OFF_LEGS)))


def month_ends(connection: sa.Connection, name: str) -> Checked:
    """Each month-end entry posted exactly its own amount, on the last day of its month."""
    leg = tables.postings.c.leg
    is_of_month_end = sa.or_(*(leg.startswith(f"{kind.name} ") for kind in KINDS))
    return compared(name, _of("entry"), lambda: _of_month_ends(connection), lambda: _standing(connection, is_of_month_end))


def sources(connection: sa.Connection, name: str) -> Checked:
    """No posting is of a kind that none of the other checks reads."""
    row = tables.postings.c
    known = (posting.LEG, voiding.LEG, *books.LEGS, *WRITE_OFF_LEGS)
    legs = sorted(connection.execute(sa.select(row.leg).distinct()).scalars())
    for number, leg in enumerate(legs, start=1):
        if leg not in known and not leg.startswith(tuple(f"{kind.name} " for kind in KINDS)):
            document = connection.execute(sa.select(sa.func.min(row.document)).where(row.leg == leg)).scalar_one()
            return Checked(name, number, f"posting {document} {leg}: is there, and nothing posts by that name")
    return Checked(name, len(legs))


def _of_voids(connection: sa.Connection) -> Iterator[ledger.Posting]:
    invoice, event = tables.invoices.c, tables.invoice_events.c
    query = sa.select(event.invoice_key, invoice.number, event.on_date).join_from(tables.invoice_events, tables.invoices)
    for key, number, day in connection.execute(query.where(event.kind == "voided").order_by(event.invoice_key)).all():
        yield from _rows(voiding.turned(posting.postings_of(connection, invoice.invoice_key == key), number, day))


def _of_write_offs(connection: sa.Connection) -> Iterator[ledger.Posting]:
    invoice, account = tables.invoices.c, tables.accounts.c
    owner = sa.select(account.account_id, invoice.currency).join_from(tables.invoices, tables.accounts)
    stored_on = write_off_days(connection)
    for kept in write_off.entries(connection):
        if kept.entry.kind not in WRITE_OFF_LEGS:
            continue
        account_id, currency = connection.execute(owner.where(invoice.number == kept.number)).one_or_none() or ("", "")
        entry, day = kept.entry, stored_on.get(kept.commit_seq, "")
        if not entry.on_date:  # older versions noted the month alone
            entry = msgspec.structs.replace(entry, on_date=day if day.startswith(kept.month) else kept.month)
        yield write_off.posting_of(entry, account_id, currency, kept.entity)


def _of_month_ends(connection: sa.Connection) -> Iterator[ledger.Posting]:
    entry, kind_of = tables.journal_entries.c, {kind.name: kind for kind in KINDS}
    query = sa.select(entry.document, entry.kind, entry.month, entry.detail).where(entry.kind.in_(kind_of)).order_by(entry.document)
    for document, kind, month, detail in connection.execute(query):
        for moved in msgspec.json.decode(detail, type=list[Moved]):
            if moved.moved_micros:
                yield posting_of(kind_of[kind], month_of(month), document, moved)


def _of(source: str) -> What:
    return What("posting", _IDENTITY, source)


def _is(legs: Iterable[str]) -> sa.ColumnElement[bool]:
    return tables.postings.c.leg.in_(tuple(legs))


def _standing(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> Iterator[ledger.Posting]:
    query = sa.select(*(tables.postings.c[field] for field in _FIELDS)).where(condition)
    for row in connection.execute(query.execution_options(yield_per=KEYS_PER_QUERY)):
        yield ledger.Posting(*row)


def _rows(postings: Any) -> Iterator[ledger.Posting]:  # noqa: ANN401 -- a pyarrow table, which has no types
    for row in postings.select(list(_FIELDS)).to_pylist():
        yield ledger.Posting(**row)


def _by_identity(rows: Iterable[ledger.Posting]) -> dict[tuple[Any, ...], ledger.Posting]:
    return {row[:_IDENTITY]: row for row in rows}

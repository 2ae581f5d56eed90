"""What became of a document after it was issued: voided, credited, corrected by later ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from billing.allocations.items import voided
from billing.documents.finding import find, voided_of
from billing.store import tables

if TYPE_CHECKING:
    from billing.store.home import Home


class Note(msgspec.Struct, frozen=True):
    """A document that is about another one. `effect` is empty where it is an invoice."""

    number: str
    issued_on: str
    total_micros: int
    effect: str
    is_void: bool


class Aftermath(msgspec.Struct, frozen=True):
    """What became of a document. `about`: the invoice that a credit note credits, else empty."""

    document_type: str
    about: str
    voided_on: str
    void_reason: str
    voided_by: str
    credit_notes: tuple[Note, ...]
    corrected_by: tuple[Note, ...]


def aftermath(home: Home, number: str) -> Aftermath:
    """What became of a document. Raises NotFoundError when there is none."""
    invoice, line = tables.invoices.c, tables.invoice_lines.c
    with home.connect() as connection:
        document = find(connection, number)
        void = voided_of(connection, document.invoice_key)
        own = sa.select(invoice.corrects_invoice_key).where(invoice.invoice_key == document.invoice_key).scalar_subquery()
        about = connection.execute(sa.select(invoice.number).where(invoice.invoice_key == own)).scalar_one_or_none()
        notes = _notes(connection, invoice.corrects_invoice_key == document.invoice_key)
        correcting = sa.select(line.invoice_key).where(line.corrects_invoice_key == document.invoice_key)
        corrected = _notes(connection, invoice.invoice_key.in_(correcting) & invoice.document_type.is_(None), document.account_key)
    told = (void.on_date, void.reason, void.by_name) if void is not None else ("", "", "")
    return Aftermath(document.document_type, about or "", *told, notes, corrected)


def _notes(connection: sa.Connection, condition: sa.ColumnElement[bool], account_key: int | None = None) -> tuple[Note, ...]:
    invoice, line = tables.invoices.c, tables.invoice_lines.c
    effect = sa.select(sa.func.min(line.effect)).where(line.invoice_key == invoice.invoice_key).scalar_subquery()
    is_void = sa.case((invoice.invoice_key.in_(voided()), 1), else_=0)
    query = sa.select(invoice.number, invoice.issued_on, invoice.total_micros, sa.func.coalesce(effect, ""), is_void).where(condition)
    if account_key is not None:
        query = query.where(invoice.account_key == account_key)
    rows = connection.execute(query.order_by(invoice.invoice_key))
    return tuple(Note(number, issued_on, int(total), word, bool(gone)) for number, issued_on, total, word, gone in rows)

"""The later history of a document: voided, replaced, credited, corrected by later ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from billing.invoicing import corrections
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing.documents.finding import Document
    from billing.invoicing.corrections import Issued


class Note(msgspec.Struct, frozen=True):
    """A document that is related to another one. `effect` is empty but for credit notes by hand, `voided_on` unless it is void.

    `reason_code`: of credit notes by hand.
    """

    number: str
    issued_on: str
    total_micros: int
    effect: str
    is_void: bool
    voided_on: str = ""
    reason_code: str = ""


class Aftermath(msgspec.Struct, frozen=True):
    """The later history of a document. `about`: the invoice that a credit note credits, else empty. `void_agreed_by`: the second person.

    `corrected_by`: invoices, and credit notes of re-ratings, that change what it charged. `replaces`: void invoices whose charges it bills
    anew, `replaced_by`: the other way round.
    """

    document_type: str
    about: str
    voided_on: str
    void_reason: str
    voided_by: str
    void_agreed_by: str
    credit_notes: tuple[Note, ...]
    corrected_by: tuple[Note, ...]
    replaces: tuple[Note, ...]
    replaced_by: tuple[Note, ...]


def aftermath(connection: sa.Connection, found: Document, documents: Sequence[Issued]) -> Aftermath:
    """The later history of a document. `documents`: all of its account."""
    codes = _reason_codes(connection, [each.invoice_key for each in documents if each.about == found.invoice_key])
    document = next(each for each in documents if each.invoice_key == found.invoice_key)
    about = next((each.number for each in documents if each.invoice_key == document.about), "")
    return Aftermath(
        document.document_type,
        about,
        document.voided_on,
        document.void_reason,
        document.voided_by,
        document.void_agreed_by,
        tuple(_note(each, codes.get(each.invoice_key, "")) for each in documents if each.about == document.invoice_key),
        _notes(corrections.correcting(document, documents)),
        _notes(corrections.replaces(document, documents)),
        _notes(corrections.replaced_by(document, documents)),
    )


def replaced(connection: sa.Connection, invoice_key: int) -> tuple[Note, ...]:
    """The void invoices that a document replaces."""
    row = tables.invoices.c
    account_key = connection.execute(sa.select(row.account_key).where(row.invoice_key == invoice_key)).scalar_one()
    documents = corrections.documents_of(connection, account_key)
    document = next(each for each in documents if each.invoice_key == invoice_key)
    return _notes(corrections.replaces(document, documents))


def _notes(documents: Iterable[Issued]) -> tuple[Note, ...]:
    return tuple(_note(each) for each in documents)


def _reason_codes(connection: sa.Connection, invoice_keys: Sequence[int]) -> dict[int, str]:
    """The reason codes of credit notes by hand."""
    if not invoice_keys:
        return {}
    invoice, run = tables.invoices.c, tables.bill_runs.c
    query = sa.select(invoice.invoice_key, run.detail).join_from(tables.invoices, tables.bill_runs, run.run_id == invoice.run_id)
    rows = connection.execute(query.where(invoice.invoice_key.in_(invoice_keys)))
    return {int(key): str(msgspec.json.decode(detail or "{}").get("reason_code", "")) for key, detail in rows}


def _note(document: Issued, reason_code: str = "") -> Note:
    effects = [row.effect for row in document.lines if row.effect] if document.about is not None else []
    effect = min(effects, default="")
    return Note(document.number, document.issued_on, document.total_micros, effect, document.is_void, document.voided_on, reason_code)

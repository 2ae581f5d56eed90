"""A document as it was issued, with the data needed to act on it, and the obstacle to acts on any document."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.accounts import undone
from billing.invoicing import languages
from billing.invoicing.forms import INVOICE
from billing.runs import states
from billing.store import tables
from billing.store.prepared import Prepared
from billing.store.voids import agreed_by, voided
from rating.dates import local_date
from rating.errors import NotFoundError, UserError

if TYPE_CHECKING:
    from billing.ledger.closed_months import Who


class Document(NamedTuple):
    """One document. Amounts are micro-units of its currency; dates are ISO text, local to its account."""

    invoice_key: int
    number: str
    account_key: int
    run_id: int
    currency: str
    period_from: str
    period_to: str
    issued_on: str
    due_on: str
    net_micros: int
    tax_micros: int
    total_micros: int
    document_type: str
    legal_entity: str
    account_id: str
    timezone: str
    language: str
    bill_date: str
    run_kind: str
    pinned_seq: int


class Voided(NamedTuple):
    """The date and reason of the voiding of a document, and the person. `agreed_by`: the second one, empty where there was none."""

    on_date: str
    reason: str
    by_name: str
    agreed_by: str


def find(connection: sa.Connection, number: str) -> Document:
    """The document with this number. Raises NotFoundError when there is none."""
    row = _OF_NUMBER.one_or_none(connection, number=number)
    if row is None:
        raise NotFoundError(f"no invoice has the number {number}", "`ratewright invoice list` shows all numbers")
    return Document._make(row)._replace(language=languages.of_document(connection, row.invoice_key))


def _of_number() -> sa.Select[Any]:
    invoice, account, run = tables.invoices.c, tables.accounts.c, tables.bill_runs.c
    own = (invoice[name] for name in Document._fields[:12])
    others = (account.account_id, account.timezone, account.language, run.bill_date, run.kind)
    kind = sa.func.coalesce(invoice.document_type, INVOICE), sa.func.coalesce(invoice.legal_entity, "")
    query = sa.select(*own, *kind, *others, run.pinned_seq).select_from(tables.invoices)
    query = query.join(tables.accounts, account.account_key == invoice.account_key).join(tables.bill_runs, run.run_id == invoice.run_id)
    return query.where(invoice.number == sa.bindparam("number"))


_OF_NUMBER: Final = Prepared(_of_number)


def lines_of(connection: sa.Connection, invoice_key: int) -> list[Any]:
    """Rows of `invoice_lines` of a document, in order."""
    return _LINES_OF.rows(connection, invoice_key=invoice_key)


def _lines_of() -> sa.Select[Any]:
    line = tables.invoice_lines
    return sa.select(line).where(line.c.invoice_key == sa.bindparam("invoice_key")).order_by(line.c.line_no)


_LINES_OF: Final = Prepared(_lines_of)


def voided_of(connection: sa.Connection, invoice_key: int) -> Voided | None:
    """The voiding of a document; None: it is not void."""
    row = _VOIDED_OF.one_or_none(connection, invoice_key=invoice_key)
    return Voided(*row) if row is not None else None


def _voided_of() -> sa.Select[Any]:
    event = tables.invoice_events.c
    of_document = event.invoice_key == sa.bindparam("invoice_key")
    query = sa.select(event.on_date, event.reason, event.by_name, agreed_by())
    return query.where(of_document, event.kind == "voided")


_VOIDED_OF: Final = Prepared(_voided_of)


def is_undone(connection: sa.Connection, invoice_key: int) -> bool:
    """Return whether a document is void because its run was undone."""
    event = tables.invoice_events.c
    query = sa.select(event.event_id).where(event.invoice_key == invoice_key, event.kind == "voided")
    return connection.execute(query.where(event.commit_seq.in_(undone.commits()))).first() is not None


def standing_lines(connection: sa.Connection, account_key: int, before_key: int | None = None) -> list[Any]:
    """All lines of a payer's documents that are not void; with `before_key` of those before that one.

    Rows of `invoice_lines` with `number`, `document_type` (none: invoice) and `about` (the invoice that a credit note corrects).
    """
    line, invoice = tables.invoice_lines, tables.invoices.c
    columns = (invoice.number, invoice.document_type, invoice.corrects_invoice_key.label("about"))
    query = sa.select(line, *columns).join_from(line, tables.invoices).where(invoice.account_key == account_key)
    query = query.where(invoice.invoice_key.not_in(voided()))
    if before_key is not None:
        query = query.where(invoice.invoice_key < before_key)
    return list(connection.execute(query.order_by(line.c.invoice_key, line.c.line_no)))


def require_no_run(connection: sa.Connection, what: str) -> None:
    """Raises UserError while a run is not finished: its frozen list was computed from what is billed now."""
    current = states.unfinished(connection)
    if current is not None:
        raise UserError(
            f"the bill run of {current.bill_date} is not finished: {what} would change what it was computed from",
            f"finish it first: ratewright bill run --date {current.bill_date}",
        )


def date_of(document: Document, on: dt.date | None, who: Who, what: str) -> dt.date:
    """The date of an act about a document: as given, else today on the account's clock.

    A document may be dated ahead of the clock, by its bill date; then so are acts about it. Raises UserError for a date before the document
    was issued, and for one that has not begun.
    """
    today, issued_on = local_date(who.now_us, document.timezone), dt.date.fromisoformat(document.issued_on)
    day = on or max(today, issued_on)
    if day < issued_on:
        raise UserError(f"{document.number} was issued on {issued_on}: {what} cannot be dated {day}", "give that date or a later one")
    if day > max(today, issued_on):
        raise UserError(f"{what} of {document.number} cannot be dated {day}: today is {today}", "give a date that has come, or none")
    return day

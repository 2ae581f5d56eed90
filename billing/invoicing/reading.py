"""Invoices as they were issued, read with their lines.

Amounts are micro-units in the account's currency, rounded to its minor unit; net + tax = total. Dates are ISO text in the account's zone,
half open.
"""

from __future__ import annotations

import datetime as dt
import functools
import operator
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

import msgspec
import sqlalchemy as sa

from billing.allocations import open_micros
from billing.invoicing import corrections, languages
from billing.invoicing.forms import INVOICE, LineDraft
from billing.store import tables, voids
from billing.store.prepared import Prepared
from rating.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing.store.home import Home

PAGE_SIZE: Final = 100
_DRAFT: Final = operator.attrgetter(*LineDraft.__struct_fields__)  # of a row


class InvoiceSummary(msgspec.Struct, frozen=True):
    """An issued document as lists show it. `open_micros` is the part that payments and credit have not covered yet, negative for credit.

    `document_type`: invoice, credit_note or opening; `voided_on` is empty for a valid one. `by_name`: the person who had it numbered, empty
    where that was not stored; `agreed_by`: the second person, where there was one. `voided_by` and `void_agreed_by`: the same of its void.
    """

    number: str
    account_id: str
    account_name: str
    run_id: int
    currency: str
    period_from: str
    period_to: str
    issued_on: str
    due_on: str
    net_micros: int
    tax_micros: int
    total_micros: int
    open_micros: int
    document_type: str = INVOICE
    voided_on: str = ""
    voided_by: str = ""
    by_name: str = ""
    agreed_by: str = ""
    void_agreed_by: str = ""


class InvoiceLine(LineDraft, frozen=True, kw_only=True):
    """A line of an issued invoice. `corrects` is True where it corrects an earlier one (`billing.invoicing.corrections`)."""

    line_no: int
    subscription_id: str
    corrects: bool


class Invoice(msgspec.Struct, frozen=True):
    """An issued invoice with its lines in order."""

    summary: InvoiceSummary
    language: str
    lines: tuple[InvoiceLine, ...]


class _Line(Protocol):
    """A line of a document or of a draft of one."""

    @property
    def kind(self) -> str:
        """The kind, such as `usage`."""

    @property
    def subscription_id(self) -> str:
        """The subscription; empty for the account as a whole."""


_AnyLine = TypeVar("_AnyLine", bound=_Line)


def in_page_order(lines: Iterable[_AnyLine]) -> tuple[_AnyLine, ...]:
    """Lines in the order in which a customer reads them; each keeps its number.

    Lines of the account as a whole come after those of its subscriptions, so that a discount is below what it is off; tax is last.
    """
    return tuple(sorted(lines, key=lambda each: (each.kind == "tax", not each.subscription_id)))


class DocumentFilter(NamedTuple):
    """The documents that a list has: open ones, those of a date of issue, those of a run; all of them by default."""

    only_open: bool = False
    issued_on: dt.date | None = None
    run_id: int | None = None


def list_invoices(
    home: Home, account_id: str | None = None, *, after: str = "", limit: int | None = None, wanted: DocumentFilter | None = None
) -> list[InvoiceSummary]:
    """Issued invoices by number, of one account or all, beginning after the number `after`; those that are `wanted`."""
    with home.connect() as connection:
        if account_id is not None:
            require_account(connection, account_id)
        query = summaries().where(tables.invoices.c.number > after).order_by(tables.invoices.c.number)
        if account_id is not None:
            query = query.where(tables.accounts.c.account_id == account_id)
        query = _chosen(query, wanted or DocumentFilter())
        if limit is not None:
            query = query.limit(limit)
        return [InvoiceSummary(*row[1:-2]) for row in connection.execute(query)]


def latest(home: Home, account_id: str, limit: int) -> list[InvoiceSummary]:
    """The newest documents of an account, by date of issue, the newest first."""
    invoice = tables.invoices.c
    query = summaries().where(tables.accounts.c.account_id == account_id)
    with home.connect() as connection:
        rows = connection.execute(query.order_by(invoice.issued_on.desc(), invoice.invoice_key.desc()).limit(limit))
        return [InvoiceSummary(*row[1:-2]) for row in rows]


def get_invoice(home: Home, number: str) -> Invoice:
    """One invoice with its lines. Raises NotFoundError when there is no such number."""
    with home.connect() as connection:
        return invoice_of(connection, number)


def invoice_of(connection: sa.Connection, number: str, of_account: Sequence[corrections.Issued] | None = None) -> Invoice:
    """The same in a view that is open. `of_account`: all documents of its account, where they were read."""
    row = _OF_NUMBER.one_or_none(connection, number=number)
    if row is None:
        raise NotFoundError(f"no invoice has the number {number}", "`ratewright invoice list` shows all numbers")
    documents = corrections.documents_of(connection, row.account_key) if of_account is None else of_account
    return Invoice(InvoiceSummary(*row[1:-2]), languages.of_document(connection, row.invoice_key), _lines(row.invoice_key, documents))


def _chosen(query: sa.Select[Any], wanted: DocumentFilter) -> sa.Select[Any]:
    invoice = tables.invoices.c
    if wanted.only_open:
        query = query.where(open_micros() != 0)
    if wanted.issued_on is not None:
        query = query.where(invoice.issued_on == wanted.issued_on.isoformat())
    return query if wanted.run_id is None else query.where(invoice.run_id == wanted.run_id)


@functools.cache
def summaries(*, of_few: bool = False) -> sa.Select[Any]:
    """Documents as lists show them: between their key and their language and account's key the fields of InvoiceSummary.

    `of_few`: the query finds a few, by an index.
    """
    invoice, account = tables.invoices.c, tables.accounts.c
    names = ("run_id", "currency", "period_from", "period_to", "issued_on", "due_on", "net_micros", "tax_micros", "total_micros")
    columns = (invoice.invoice_key, invoice.number, account.account_id, account.name, *(invoice[name] for name in names))
    event = tables.invoice_events.c
    voided_on = sa.select(event.on_date).where(event.invoice_key == invoice.invoice_key, event.kind == "voided").scalar_subquery()
    voided_by = sa.select(event.by_name).where(event.invoice_key == invoice.invoice_key, event.kind == "voided").scalar_subquery()
    step, word = tables.run_steps.c, tables.approval_decisions.c
    by_name = sa.select(step.by_name).where(step.run_id == invoice.run_id, step.state == "numbered").scalar_subquery()
    agreed_by = sa.select(word.by_name).where(word.commit_seq == invoice.commit_seq, word.kind == "agreed").scalar_subquery()
    of_void = sa.select(voids.agreed_by()).where(event.invoice_key == invoice.invoice_key, event.kind == "voided")
    void_agreed_by = of_void.select_from(tables.invoice_events).scalar_subquery()
    persons = (sa.func.coalesce(name, "") for name in (voided_by, by_name, agreed_by, void_agreed_by))
    became = (sa.func.coalesce(invoice.document_type, INVOICE), sa.func.coalesce(voided_on, ""), *persons)
    query = sa.select(*columns, open_micros(of_few=of_few).label("open_micros"), *became, account.language, account.account_key)
    return query.join_from(tables.invoices, tables.accounts)


_OF_NUMBER: Final = Prepared(lambda: summaries(of_few=True).where(tables.invoices.c.number == sa.bindparam("number")))


def _lines(invoice_key: int, documents: Sequence[corrections.Issued]) -> tuple[InvoiceLine, ...]:
    document = next(each for each in documents if each.invoice_key == invoice_key)
    known = corrections.before(document, documents)
    return tuple(
        InvoiceLine(
            *_DRAFT(row),
            line_no=row.line_no,
            subscription_id=row.subscription_id or "",
            corrects=corrections.is_correction(row, known),
        )
        for row in document.lines
    )


def require_account(connection: sa.Connection, account_id: str) -> None:
    """Raises NotFoundError for an account that is not there."""
    account = tables.accounts.c
    if connection.execute(sa.select(account.account_key).where(account.account_id == account_id)).first() is None:
        raise NotFoundError(f"no account has the id {account_id}", "give the id as in accounts.csv")

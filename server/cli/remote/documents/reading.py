"""Documents by a service: lists, and one with its lines; what an account owes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.accounting.ageing import Aged
from billing.charges.own_days import Days
from billing.documents.aftermath import Aftermath, Note
from billing.documents.showing.document import ShownDocument
from billing.documents.showing.lines import Shown, ShownLine, ShownTax
from billing.documents.showing.passes import Passes
from billing.invoicing import Invoice, InvoiceLine
from billing.payments.statement import Entry, Open, Statement
from ratewright.v1 import account_statement_pb2
from ratewright.v1 import invoice_service_pb2 as pb
from ratewright.v1 import invoice_service_pb2_grpc as stubs
from rating.errors import NotFoundError, UserError
from server.cli.remote.calling import PAGE_SIZE, accounts, day, tail
from server.cli.remote.documents.summaries import summary_of
from server.client import date, micros

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from billing.invoicing import DocumentFilter, InvoiceSummary
    from server.client import Connection

_TAX: Final = "tax"


def named(number: str) -> str:
    """The resource name of a document, by its number alone. Raises NotFoundError for a text that is no part of a name."""
    if not number or "/" in number:
        raise NotFoundError(f"no invoice has the number {number}", "`ratewright invoice list` shows all numbers")
    return f"accounts/-/invoices/{number}"


class Invoices:
    """Calls of InvoiceService that read."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.InvoiceServiceStub(service.channel)

    def list_invoices(self, account_id: str | None, wanted: DocumentFilter, limit: int | None) -> list[InvoiceSummary]:
        """`invoice list`. Raises UserError for a list that no index serves."""
        if wanted.run_id is not None and wanted.run_id < 0:  # no run has such a number, and no filter takes it
            return []
        conditions = [
            *(["open = true"] if wanted.only_open else []),
            *([f"issue_date = {wanted.issued_on.isoformat()}"] if wanted.issued_on is not None else []),
            *([f"run_id = {wanted.run_id}"] if wanted.run_id is not None else []),
        ]
        if wanted.only_open and account_id is None and len(conditions) == 1:
            remedy = "name one --account, a --date or a --run, or give the command on the machine that holds the home"
            raise UserError("the open documents of all accounts are not served: every document would be read", remedy, exit_status=2)
        of_a_day = account_id is None and wanted.issued_on is not None
        asked = pb.ListInvoicesRequest(
            parent=accounts(account_id),
            filter=" AND ".join(conditions),
            order_by="issue_date" if of_a_day else "number",  # both are by number then
            page_size=PAGE_SIZE,
        )
        return [summary_of(each) for each in self._service.pages(self._stub.ListInvoices, asked, "invoices", limit)]

    def document(self, number: str, language: str | None) -> ShownDocument:
        """`invoice show`."""
        asked = pb.GetInvoiceRequest(name=named(number), language_code=language or "")
        found = self._service.call(self._stub.GetInvoice, asked)
        lines = tuple(map(line_of, found.lines))
        more = Shown(tuple(_shown(each) for each in found.lines if each.kind != _TAX), tuple(map(_tax, found.taxes)))
        return ShownDocument(Invoice(summary_of(found), found.language_code, lines), more, _after(found))

    def statement(self, account_id: str, first: dt.date | None, after: dt.date | None, language: str) -> Statement:
        """`payment statement`."""
        asked = account_statement_pb2.GetStatementRequest(
            name=f"accounts/{account_id}/statement",
            from_date=None if first is None else date(first),
            to_date=None if after is None else date(after),
            language_code=language,
        )
        found = self._service.call(self._stub.GetStatement, asked)
        return Statement(
            account_id=tail(found.account),
            account_name=found.account_display_name,
            currency=found.closing.currency_code,
            from_date=day(found.from_date),
            to_date=day(found.to_date),
            opening_micros=micros(found.opening),
            entries=[
                Entry(
                    on_date=day(each.date),
                    kind=each.kind,
                    document=each.document,
                    text=each.text,
                    due_on=day(each.due_date),
                    amount_micros=micros(each.amount),
                    balance_micros=micros(each.balance),
                )
                for each in found.entries
            ],
            closing_micros=micros(found.closing),
            deposits_held_micros=micros(found.deposits_held),
            open_items=[Open(each.number, day(each.due_date), each.part_no, micros(each.open)) for each in found.open_items],
        )

    def aged(self, as_of: dt.date, account_id: str | None) -> list[Aged]:
        """`ledger ageing`."""
        asked = account_statement_pb2.ListAgeingRequest(parent=accounts(account_id), as_of=date(as_of), page_size=PAGE_SIZE)
        return [
            Aged(
                account_id=tail(each.account),
                entity=each.legal_entity,
                currency=each.total.currency_code,
                buckets=tuple(micros(bucket.amount) for bucket in each.buckets),
                credit_micros=micros(each.credit),
            )
            for each in self._service.pages(self._stub.ListAgeing, asked, "aged_accounts")
        ]


def line_of(row: pb.InvoiceLine) -> InvoiceLine:
    """A line of a message."""
    return InvoiceLine(
        line_no=row.line_no,
        kind=row.kind,
        subscription_key=row.subscription_key,
        subscription_id=row.subscription_id,
        charge_code=row.charge_code,
        price_id=row.full_price_id or row.price_id,  # a service of before fills the second alone
        revenue_code=row.revenue_code,
        tax_class=row.tax_class,
        period_from=day(row.period_from),
        period_to=day(row.period_to),
        text=row.text,
        events=row.events,
        quantity=row.quantity,
        free_quantity=row.free_quantity,
        quantity_unit=row.quantity_unit,
        exact_micros=row.exact_micros,
        amount_micros=row.amount_micros,
        corrects=row.corrects,
    )


def _shown(row: pb.InvoiceLine) -> ShownLine:
    return ShownLine(
        line_no=row.line_no,
        days=tuple(Days(day(each.from_date), day(each.to_date)) for each in row.days),
        with_tax_micros=row.with_tax_micros if row.HasField("with_tax_micros") else None,
        passes=tuple(Passes(each.name, each.times, each.fees_micros) for each in row.passes),
        unit=row.unit,
        tax_name=row.tax_name,
        reference=row.reference,
    )


def _tax(row: pb.InvoiceTax) -> ShownTax:
    return ShownTax(
        tax_class=row.tax_class,
        period_from=day(row.period_from),
        period_to=day(row.period_to),
        text=row.text,
        taxed_micros=row.taxed_micros,
        tax_micros=row.tax_micros,
        exempt=row.exempt,
        certificate=row.certificate,
    )


def _after(row: pb.Invoice) -> Aftermath:
    return Aftermath(
        document_type=row.document_type,
        about=row.about,
        voided_on=day(row.void_date),
        void_reason=row.void_reason,
        voided_by=row.voided_by,
        void_agreed_by=row.void_agreed_by,
        credit_notes=_notes(row.credit_notes),
        corrected_by=_notes(row.corrected_by),
        replaces=_notes(row.replaces),
        replaced_by=_notes(row.replaced_by),
    )


def _notes(rows: Iterable[pb.RelatedDocument]) -> tuple[Note, ...]:
    return tuple(
        Note(
            number=each.number,
            issued_on=day(each.issue_date),
            total_micros=micros(each.total),
            effect=each.effect,
            is_void=each.HasField("void_date"),
            voided_on=day(each.void_date),
            reason_code=each.reason_code,
        )
        for each in rows
    )

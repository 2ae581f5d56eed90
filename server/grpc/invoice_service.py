"""InvoiceService: issued invoices in pages, and one with its lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing import invoicing
from ratewright.v1 import invoice_service_pb2 as pb
from ratewright.v1 import invoice_service_pb2_grpc
from rating.errors import NotFoundError, quoted
from server.grpc import convert
from server.grpc.refusals import answering, invalid, not_found

if TYPE_CHECKING:
    import grpc

    from billing.store.home import Home

PAGE_SIZE_DEFAULT: Final = 50
PAGE_SIZE_MAX: Final = 1_000


class InvoiceService(invoice_service_pb2_grpc.InvoiceServiceServicer):
    """Servicer of ratewright.v1.InvoiceService over one home. `page_token_key` signs the tokens of its pages."""

    def __init__(self, home: Home, page_token_key: bytes) -> None:
        self._home = home
        self._page_token_key = page_token_key

    def ListInvoices(self, request: pb.ListInvoicesRequest, context: grpc.ServicerContext) -> pb.ListInvoicesResponse:
        """One page, in the order of the numbers."""
        with answering(context):
            account_id = convert.parse_account_name(request.parent)
            after = convert.parse_page_token(request.page_token, request.parent, self._page_token_key)
            size = _page_size(request.page_size)
            found = self._list(None if account_id == convert.ALL_ACCOUNTS else account_id, after, size + 1)
            more = convert.page_token(request.parent, found[size - 1].number, self._page_token_key) if len(found) > size else ""
            return pb.ListInvoicesResponse(invoices=[self._invoice(each) for each in found[:size]], next_page_token=more)
        raise AssertionError("the call was ended above")

    def GetInvoice(self, request: pb.GetInvoiceRequest, context: grpc.ServicerContext) -> pb.Invoice:
        """One invoice; the account in its name must be the one it belongs to."""
        with answering(context):
            name = convert.parse_invoice_name(request.name)
            try:
                found = invoicing.get_invoice(self._home, name.number)
            except NotFoundError:
                found = None
            if found is None or found.summary.account_id != name.account_id:
                raise not_found("INVOICE_UNKNOWN", f"there is no {quoted(request.name)}", {"name": request.name})
            invoice = self._invoice(found.summary)
            invoice.lines.extend(_line(line) for line in found.lines)
            return invoice
        raise AssertionError("the call was ended above")

    def _invoice(self, summary: invoicing.InvoiceSummary) -> pb.Invoice:
        invoice = _invoice(summary)
        invoice.practice = self._home.is_practice
        return invoice

    def _list(self, account_id: str | None, after: str, limit: int) -> list[invoicing.InvoiceSummary]:
        try:
            return invoicing.list_invoices(self._home, account_id, after=after, limit=limit)
        except NotFoundError as error:
            raise not_found(
                "ACCOUNT_UNKNOWN", f"no account has the id {quoted(account_id or '')}", {"account": account_id or ""}
            ) from error


def _page_size(wanted: int) -> int:
    if wanted < 0:
        raise invalid("PAGE_SIZE", "page_size must be zero or more", {"field": "page_size"})
    return min(wanted, PAGE_SIZE_MAX) or PAGE_SIZE_DEFAULT


def _invoice(summary: invoicing.InvoiceSummary) -> pb.Invoice:
    account = f"accounts/{summary.account_id}"
    return pb.Invoice(
        name=f"{account}/invoices/{summary.number}",
        number=summary.number,
        account=account,
        period_from=convert.date(summary.period_from),
        period_to=convert.date(summary.period_to),
        issue_date=convert.date(summary.issued_on),
        due_date=convert.date(summary.due_on),
        net=convert.money(summary.currency, summary.net_micros),
        tax=convert.money(summary.currency, summary.tax_micros),
        total=convert.money(summary.currency, summary.total_micros),
        open=convert.money(summary.currency, summary.open_micros),
    )


def _line(line: invoicing.InvoiceLine) -> pb.InvoiceLine:
    return pb.InvoiceLine(
        line_no=line.line_no,
        kind=line.kind,
        subscription_id=line.subscription_id,
        text=line.text,
        charge_code=line.charge_code,
        price_id=line.price_id,
        revenue_code=line.revenue_code,
        tax_class=line.tax_class,
        period_from=convert.date(line.period_from),
        period_to=convert.date(line.period_to),
        events=line.events,
        quantity=line.quantity,
        free_quantity=line.free_quantity,
        quantity_unit=pb.QuantityUnit.ValueType(line.quantity_unit),
        exact_micros=line.exact_micros,
        amount_micros=line.amount_micros,
        corrects=line.corrects,
    )

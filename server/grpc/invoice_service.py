"""InvoiceService: issued invoices in pages, and one with its lines and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing import invoicing
from billing.documents.showing.document import document
from ratewright.v1 import invoice_service_pb2 as pb
from ratewright.v1 import invoice_service_pb2_grpc
from rating.errors import NotFoundError, quoted
from server.grpc import convert, invoice_messages
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
            listed = [invoice_messages.of_list(each, practice=self._home.is_practice) for each in found[:size]]
            return pb.ListInvoicesResponse(invoices=listed, next_page_token=more)
        raise AssertionError("the call was ended above")

    def GetInvoice(self, request: pb.GetInvoiceRequest, context: grpc.ServicerContext) -> pb.Invoice:
        """One invoice; the account in its name must be the one it belongs to."""
        with answering(context):
            name, language = convert.parse_invoice_name(request.name), convert.parse_language(request.language_code)
            if self._account_of(name.number) != name.account_id:
                raise not_found("INVOICE_UNKNOWN", f"there is no {quoted(request.name)}", {"name": request.name})
            return invoice_messages.whole(document(self._home, name.number, language), practice=self._home.is_practice)
        raise AssertionError("the call was ended above")

    def _account_of(self, number: str) -> str | None:
        """The account of a document; None where there is no such document."""
        try:
            return invoicing.get_invoice(self._home, number).summary.account_id
        except NotFoundError:
            return None

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

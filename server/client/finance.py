"""Invoices in pages, one invoice, payments, and the state of dunning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ratewright.v1 import dunning_service_pb2 as dunning_pb
from ratewright.v1 import dunning_service_pb2_grpc as dunning_grpc
from ratewright.v1 import invoice_service_pb2 as invoice_pb
from ratewright.v1 import invoice_service_pb2_grpc as invoice_grpc
from ratewright.v1 import payment_service_pb2 as payment_pb
from ratewright.v1 import payment_service_pb2_grpc as payment_grpc
from server.client import values

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from google.type import money_pb2

    from server.client.connection import Connection

PAGE_SIZE: Final = 1_000
ALL_ACCOUNTS: Final = "accounts/-"


class Finance:
    """Reads invoices and records payments; its operator has the role `finance`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._invoices = invoice_grpc.InvoiceServiceStub(connection.channel)
        self._payments = payment_grpc.PaymentServiceStub(connection.channel)
        self._dunning = dunning_grpc.DunningServiceStub(connection.channel)

    def invoices(
        self, account: str = ALL_ACCOUNTS, *, where: str = "", order_by: str = "", limit: int | None = None
    ) -> Iterator[invoice_pb.Invoice]:
        """Invoices without their lines, in pages as they are asked for. `where` is a filter of docs/service.md."""
        asked = invoice_pb.ListInvoicesRequest(parent=account, filter=where, order_by=order_by, page_size=PAGE_SIZE)
        return self._connection.pages(self._invoices.ListInvoices, asked, "invoices", limit)

    def invoice(self, name: str, language: str = "") -> invoice_pb.Invoice:
        """One invoice with its lines (`accounts/anna/invoices/R-0000000001`)."""
        return self._connection.call(self._invoices.GetInvoice, invoice_pb.GetInvoiceRequest(name=name, language_code=language))

    def record_payment(  # noqa: PLR0913 -- the fields of the call
        self,
        account: str,
        payment_id: str,
        amount: money_pb2.Money,
        received_on: dt.date,
        *,
        reference: str = "",
        invoices: Sequence[str] = (),
        request_id: str = "",
        validate_only: bool = False,
    ) -> payment_pb.RecordPaymentResponse:
        """Record a payment of an account (`accounts/anna`); it counts once by its id."""
        asked = payment_pb.RecordPaymentRequest(
            parent=account,
            payment_id=payment_id,
            amount=amount,
            receive_date=values.date(received_on),
            reference=reference,
            invoices=invoices,
            request_id=request_id,
            validate_only=validate_only,
        )
        return self._connection.call(self._payments.RecordPayment, asked)

    def payments(self, account: str = ALL_ACCOUNTS, limit: int | None = None) -> Iterator[payment_pb.Payment]:
        """Payments, in pages as they are asked for."""
        asked = payment_pb.ListPaymentsRequest(parent=account, page_size=PAGE_SIZE)
        return self._connection.pages(self._payments.ListPayments, asked, "payments", limit)

    def dunning(self, account: str, as_of: dt.date | None = None) -> dunning_pb.DunningState:
        """The state of dunning of an account; without a date today by the clock of the service."""
        asked = dunning_pb.GetDunningStateRequest(name=f"{account}/dunningState", as_of=None if as_of is None else values.date(as_of))
        return self._connection.call(self._dunning.GetDunningState, asked)

    def run_dunning(self, day: dt.date, *, request_id: str = "", validate_only: bool = False) -> dunning_pb.RunDunningResponse:
        """Take the steps of dunning that are due on a date; with `validate_only` they are shown."""
        asked = dunning_pb.RunDunningRequest(date=values.date(day), request_id=request_id, validate_only=validate_only)
        return self._connection.call(self._dunning.RunDunning, asked)

    def dunning_runs(self) -> Iterator[dunning_pb.DunningRun]:
        """Runs of dunning that took steps, oldest first."""
        return self._connection.pages(self._dunning.ListDunningRuns, dunning_pb.ListDunningRunsRequest(page_size=PAGE_SIZE), "dunning_runs")

    def undo_dunning(self, name: str, reason: str) -> dunning_pb.DunningUndo:
        """Ask for the newest run of dunning to be undone (`dunningRuns/7`)."""
        return self._connection.call(self._dunning.UndoDunningRun, dunning_pb.UndoDunningRunRequest(name=name, reason=reason))

    def approve_dunning_undo(self, name: str, reason: str) -> dunning_pb.DunningUndo:
        """Agree to what another operator asked for; the role is `approver`."""
        return self._connection.call(self._dunning.ApproveDunningUndo, dunning_pb.ApproveDunningUndoRequest(name=name, reason=reason))

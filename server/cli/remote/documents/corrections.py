"""Documents that become void, are billed again or credited, by a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.documents.crediting import CreditNote, CreditRequest
from billing.documents.following import Reissued
from billing.documents.voiding import Void
from ratewright.v1 import invoice_correction_pb2
from ratewright.v1 import invoice_service_pb2 as pb
from ratewright.v1 import invoice_service_pb2_grpc as stubs
from rating.errors import UserError
from server.cli.remote.bill_runs.running import preview_of
from server.cli.remote.calling import LONG_S, amount, day, tail
from server.cli.remote.controls import book_of
from server.cli.remote.documents.reading import named
from server.cli.remote.documents.summaries import summary_of
from server.client import date, micros

if TYPE_CHECKING:
    import datetime as dt

    from billing.runs.cycle import Preview
    from server.client import Connection


class Corrections:
    """Calls of InvoiceService that write."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.InvoiceServiceStub(service.channel)

    def void(self, number: str, reason: str, on: dt.date | None, *, dry_run: bool) -> Void:
        """`invoice void`."""
        asked = invoice_correction_pb2.VoidInvoiceRequest(
            name=named(number), reason=reason, void_date=None if on is None else date(on), validate_only=dry_run
        )
        done = self._service.call(self._stub.VoidInvoice, asked)
        return Void(
            number=done.number,
            document_type=done.document_type,
            account_id=tail(done.account),
            currency=done.total.currency_code,
            on_date=day(done.void_date),
            net_micros=micros(done.net),
            tax_micros=micros(done.tax),
            total_micros=micros(done.total),
            postings=done.postings,
            freed={each.credit: micros(each.amount) for each in done.freed},
            run_kind=done.run_kind,
            dry_run=done.tried,
            needs_second=done.needs_second,
            proposal=done.proposal,
        )

    def reissue(self, number: str) -> Reissued:
        """`invoice reissue`."""
        done = self._service.call(self._stub.ReissueInvoice, pb.ReissueInvoiceRequest(name=named(number)), deadline_s=LONG_S)
        return Reissued(
            run_id=done.run_id,
            bill_date=day(done.bill_date),
            state=done.state,
            drafts=done.drafts,
            made=list(map(summary_of, done.invoices)),
            failed=list(map(book_of, done.failed)),
            alarms=done.alarms,
        )

    def preview_reissue(self, number: str) -> Preview:
        """`invoice reissue --dry-run`."""
        asked = pb.ReissueInvoiceRequest(name=named(number), validate_only=True)
        return preview_of(self._service.call(self._stub.ReissueInvoice, asked, deadline_s=LONG_S).preview, whole=True)

    def credit(self, wanted: CreditRequest, on: dt.date | None, *, dry_run: bool) -> CreditNote:
        """`invoice credit`."""
        if wanted.line_no == 0:  # which means the whole invoice in a request
            raise UserError(f"{wanted.number} has no line 0 that can be credited", "name a line that is not tax; its tax goes with it")
        asked = invoice_correction_pb2.CreditInvoiceRequest(
            name=named(wanted.number),
            credit_id=wanted.reference,
            line_no=wanted.line_no or 0,
            amount=amount(wanted.amount_micros),
            effect=wanted.effect,
            reason_code=wanted.reason_code,
            text=wanted.text,
            credit_date=None if on is None else date(on),
            validate_only=dry_run,
        )
        done = self._service.call(self._stub.CreditInvoice, asked)
        return CreditNote(
            number=done.number,
            about=done.about,
            account_id=tail(done.account),
            currency=done.total.currency_code,
            issued_on=day(done.issue_date),
            net_micros=micros(done.net),
            tax_micros=micros(done.tax),
            total_micros=micros(done.total),
            existed=done.already_recorded,
            voided_on=day(done.void_date),
            needs_second=done.needs_second,
            proposal=done.proposal,
        )

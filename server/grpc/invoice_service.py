"""InvoiceService: documents in pages, one with its lines, its usage and its words; void, billed again, credited; what an account owes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from billing.accounting import ageing
from billing.documents import crediting, voiding
from billing.documents.showing.document import document
from billing.documents.usage_list import UsageList, usage_list
from billing.invoicing import listing
from billing.payments.statement import statement
from billing.store import approvals
from ratewright.v1 import account_statement_pb2, invoice_correction_pb2, invoice_explanation_pb2, invoice_service_pb2_grpc
from ratewright.v1 import invoice_service_pb2 as pb
from rating.errors import NotFoundError, UserError, as_shown
from server.actions import invoices, payments
from server.grpc import calls, convert, entrance, invoice_messages, paging
from server.grpc.finance import filters, values
from server.grpc.finance import invoice_answers as answers
from server.grpc.refusals import answering, invalid, not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import grpc

    from billing.payments.writing import Act
    from billing.store.approvals import Approval
    from billing.store.home import Home

EVENTS_MAX: Final = 1_000
DEFAULT_LANGUAGE: Final = "en"
UNFINISHED: Final = frozenset({"computing", "numbered"})  # states of a run that nobody has to approve, and that has not ended


class InvoiceService(invoice_service_pb2_grpc.InvoiceServiceServicer):
    """Servicer of ratewright.v1.InvoiceService over one home. `page_token_key` signs the tokens of its pages."""

    def __init__(self, home: Home, clock_us: Callable[[], int], page_token_key: bytes) -> None:
        self._home = home
        self._door = calls.Door(home, clock_us)
        self._key = page_token_key

    def ListInvoices(self, request: pb.ListInvoicesRequest, context: grpc.ServicerContext) -> pb.ListInvoicesResponse:
        """One page, in the order that is asked for."""

        def find() -> pb.ListInvoicesResponse:
            account_id = values.account_or_all(request.parent)
            if account_id is not None:
                entrance.about_account(self._home, account_id)
            wanted = filters.parse(request.filter, request.order_by, account_id, self._whole)
            page = paging.page(request, self._key)
            try:
                found = listing.list_page(self._home, wanted, after=page.after, limit=page.limit)
            except NotFoundError as error:
                told = {"account": account_id or "", "remedy": error.remedy}
                raise not_found("ACCOUNT_UNKNOWN", f"no account has the id {as_shown(account_id or '')}", told) from error
            rows, token = page.parted(found, lambda each: each.number)
            listed = [invoice_messages.of_list(each, practice=self._practice) for each in rows]
            return pb.ListInvoicesResponse(invoices=listed, next_page_token=token)

        return calls.read(context, find)

    def GetInvoice(self, request: pb.GetInvoiceRequest, context: grpc.ServicerContext) -> pb.Invoice:
        """One invoice; the account in its name must be the one it belongs to."""

        def find() -> pb.Invoice:
            number, language = self._number(request.name), convert.parse_language(request.language_code)
            return invoice_messages.whole(document(self._home, number, language), practice=self._practice)

        return calls.read(context, find)

    def ListInvoiceLines(self, request: pb.ListInvoiceLinesRequest, context: grpc.ServicerContext) -> pb.ListInvoiceLinesResponse:
        """A page of the lines of an invoice."""

        def find() -> pb.ListInvoiceLinesResponse:
            number, language = self._number(request.parent), convert.parse_language(request.language_code)
            page = paging.page(request, self._key)
            whole = invoice_messages.whole(document(self._home, number, language), practice=self._practice)
            placed = list(enumerate(whole.lines, 1))[int(page.after or 0) :]
            rows, token = page.parted(placed[: page.limit], lambda each: str(each[0]))
            return pb.ListInvoiceLinesResponse(lines=(each for _, each in rows), next_page_token=token)

        return calls.read(context, find)

    def ListInvoiceUsage(self, request: pb.ListInvoiceUsageRequest, context: grpc.ServicerContext) -> pb.ListInvoiceUsageResponse:
        """A page of the records of an invoice."""

        def find() -> pb.ListInvoiceUsageResponse:
            page = paging.page(request, self._key)
            found, first = self._usage(request), int(page.after or 0)
            rows, token = page.parted(list(enumerate(found.records, 1))[first : first + page.limit], lambda each: str(each[0]))
            made = pb.ListInvoiceUsageResponse(usage_records=[answers.record(each) for _, each in rows], next_page_token=token)
            if not first:
                made.number, made.account = found.number, f"accounts/{found.account_id}"
                made.currency_code, made.time_zone = found.currency, found.timezone
                made.lines.extend(map(answers.usage_line, found.lines))
                made.late_lines.extend(map(answers.late_line, found.late_lines))
            return made

        return calls.read(context, find)

    def StreamInvoiceUsage(
        self, request: pb.StreamInvoiceUsageRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.StreamInvoiceUsageResponse]:
        """The records of an invoice as Arrow."""
        with answering(context), calls.translated():
            found = self._usage(request)
        for content in answers.in_batches(found.records):
            yield pb.StreamInvoiceUsageResponse(arrow_ipc=content)

    def ExplainInvoice(
        self, request: invoice_explanation_pb2.ExplainInvoiceRequest, context: grpc.ServicerContext
    ) -> invoice_explanation_pb2.ExplainInvoiceResponse:
        """An invoice, or one line of it, in words."""

        def find() -> invoice_explanation_pb2.ExplainInvoiceResponse:
            if request.line_no < 0 or request.event_limit < 0:
                field = "line_no" if request.line_no < 0 else "event_limit"
                raise invalid("MALFORMED_REQUEST", f"{field} must be zero or more", {"field": field})
            language = convert.parse_language(request.language_code) or DEFAULT_LANGUAGE
            limit = min(request.event_limit, EVENTS_MAX) or 1
            told = invoices.explain(self._home, self._number(request.name), request.line_no or None, language, limit)
            return answers.explanation(*told, practice=self._practice)

        return calls.read(context, find)

    def VoidInvoice(
        self, request: invoice_correction_pb2.VoidInvoiceRequest, context: grpc.ServicerContext
    ) -> invoice_correction_pb2.VoidInvoiceResponse:
        """A document that becomes void."""

        def act(by: Act) -> invoice_correction_pb2.VoidInvoiceResponse:
            number, on = self._number(request.name), values.day_or_none(request, "void_date")
            return answers.voided(invoices.void(self._home, number, request.reason, by, on=on), practice=self._practice)

        def recover(commit_seq: int) -> invoice_correction_pb2.VoidInvoiceResponse:
            asked = self._proposal(commit_seq)
            done = voiding.voided_by(self._home, commit_seq) if asked is None else voiding.proposed(self._home, asked)
            return answers.voided(done, practice=self._practice)

        return values.write(self._door, request, context, act, recover, invoice_correction_pb2.VoidInvoiceResponse)

    def ReissueInvoice(self, request: pb.ReissueInvoiceRequest, context: grpc.ServicerContext) -> pb.ReissueInvoiceResponse:
        """A void invoice that is billed again."""

        def act(by: Act) -> pb.ReissueInvoiceResponse:
            number = self._number(request.name)
            if by.dry_run:
                return answers.previewed(invoices.preview_reissue(self._home, number, by), practice=self._practice)
            return answers.reissued(invoices.reissue(self._home, number, by), practice=self._practice)

        def recover(commit_seq: int) -> pb.ReissueInvoiceResponse:
            done = invoices.reissued_by(self._home, commit_seq)
            if done.state in UNFINISHED:
                what = f"run {done.run_id} of {done.bill_date} was cut off, and is {done.state}"
                raise UserError(what, "ResumeBillRun, or `ratewright bill run --resume`, goes on with it")
            return answers.reissued(done, practice=self._practice)

        return values.write(self._door, request, context, act, recover, pb.ReissueInvoiceResponse)

    def CreditInvoice(
        self, request: invoice_correction_pb2.CreditInvoiceRequest, context: grpc.ServicerContext
    ) -> invoice_correction_pb2.CreditInvoiceResponse:
        """A line of an invoice, or all of it, that is credited."""

        def act(by: Act) -> invoice_correction_pb2.CreditInvoiceResponse:
            number, given = self._number(request.name), values.amount_or_all(request, "amount")
            wanted = crediting.CreditRequest(
                request.credit_id, number, request.line_no or None, given.micros, request.effect, request.reason_code, request.text
            )
            on = values.day_or_none(request, "credit_date")
            done = invoices.credit(self._home, wanted, by, on=on, currency=given.currency)
            return answers.credited(done, practice=self._practice)

        def recover(commit_seq: int) -> invoice_correction_pb2.CreditInvoiceResponse:
            asked = self._proposal(commit_seq)
            done = crediting.issued_by(self._home, commit_seq) if asked is None else crediting.proposed(self._home, asked)
            return answers.credited(done, practice=self._practice)

        return values.write(self._door, request, context, act, recover, invoice_correction_pb2.CreditInvoiceResponse)

    def GetStatement(
        self, request: account_statement_pb2.GetStatementRequest, context: grpc.ServicerContext
    ) -> account_statement_pb2.Statement:
        """The statement of an account."""

        def find() -> account_statement_pb2.Statement:
            account_id = convert.parse_statement_name(request.name)
            entrance.about_account(self._home, account_id)
            first, after = values.day_or_none(request, "from_date"), values.day_or_none(request, "to_date")
            language = convert.parse_language(request.language_code) or DEFAULT_LANGUAGE
            return answers.statement(statement(self._home, account_id, first, after, language), practice=self._practice)

        return calls.read(context, find)

    def ListAgeing(
        self, request: account_statement_pb2.ListAgeingRequest, context: grpc.ServicerContext
    ) -> account_statement_pb2.ListAgeingResponse:
        """A page of what customers owe, by days past due."""

        def find() -> account_statement_pb2.ListAgeingResponse:
            account_id, as_of = values.account_or_all(request.parent), values.day(request, "as_of")
            page = paging.page(request, self._key)
            if account_id is not None:
                payments.require_account(self._home, account_id)
            found = [each for each in invoices.aged(self._home, as_of, account_id) if _place(each) > page.after]
            rows, token = page.parted(found[: page.limit], _place)
            names = ageing.bucket_names()
            return account_statement_pb2.ListAgeingResponse(
                aged_accounts=[answers.aged(each, names) for each in rows], next_page_token=token
            )

        return calls.read(context, find)

    @property
    def _practice(self) -> bool:
        return self._home.is_practice

    def _number(self, name: str) -> str:
        return answers.number_of(self._home, name)

    def _whole(self, number: str) -> str:
        return invoices.whole_number(self._home, number)

    def _usage(self, request: pb.ListInvoiceUsageRequest | pb.StreamInvoiceUsageRequest) -> UsageList:
        values.require_texts(request)
        found = usage_list(self._home, self._number(request.parent), request.subscription_id or None)
        mask = entrance.mask()
        if not mask.hides:
            return found
        masked = [  # a record may have a number in its id
            msgspec.structs.replace(
                each, number=mask.number(each.number), other=mask.number(each.other), record_id=""
            )  # it may hold a number
            for each in found.records
        ]
        return msgspec.structs.replace(found, records=masked)

    def _proposal(self, commit_seq: int) -> Approval | None:
        with self._home.connect() as connection:
            return approvals.of_commit(connection, commit_seq)


def _place(row: ageing.Aged) -> str:
    """The place of an account in a list, as it is sorted."""
    return f"{row.account_id}\x01{row.entity}\x01{row.currency}"

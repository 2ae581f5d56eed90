"""PaymentService: money that comes, waits and goes back. Every method converts, and calls an act of `server.actions.payments`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from billing import payments as billing_payments
from billing.payments import deposits, giving_back, importing, instalments, made, postings, promises, worklist
from billing.payments.banking import any_format
from billing.payments.recording import Payment
from billing.payments.statements.reading import Format
from ratewright.v1 import deposit_pb2, payment_agreement_pb2, payment_service_pb2_grpc
from ratewright.v1 import payment_service_pb2 as pb
from rating.dates import utc_date
from server.actions import payments
from server.grpc import calls, convert, entrance, paging
from server.grpc.finance import payment_messages as messages
from server.grpc.finance import values
from server.grpc.refusals import invalid

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    import grpc
    from google.protobuf.message import Message

    from billing.payments.writing import Act
    from billing.store.home import Home


class PaymentService(payment_service_pb2_grpc.PaymentServiceServicer):
    """Servicer of ratewright.v1.PaymentService over one home. `page_token_key` signs the tokens of its pages."""

    def __init__(self, home: Home, clock_us: Callable[[], int], page_token_key: bytes) -> None:
        self._home = home
        self._door = calls.Door(home, clock_us)
        self._key = page_token_key

    def RecordPayment(self, request: pb.RecordPaymentRequest, context: grpc.ServicerContext) -> pb.RecordPaymentResponse:
        """A payment through a bank, or in cash with the next receipt of a till."""

        def act(by: Act) -> pb.RecordPaymentResponse:
            amount = values.required_amount(request, "amount")
            given = Payment(
                request.payment_id, self._account(request.parent), amount.micros, values.day(request, "receive_date"), request.reference,
                amount.currency, tuple(request.invoices),
            )  # fmt: skip
            if not request.till:
                done = payments.record(self._home, given, by, day="receive_date")
                return messages.recorded(done, practice=self._practice)
            paid = payments.take_cash(self._home, request.till, given, by, day="receive_date")
            return messages.recorded(paid.recorded, paid.receipt, practice=self._practice)

        return values.write(self._door, request, context, act, self._recorded, pb.RecordPaymentResponse)

    def ListPayments(self, request: pb.ListPaymentsRequest, context: grpc.ServicerContext) -> pb.ListPaymentsResponse:
        """A page of payments."""

        def find() -> pb.ListPaymentsResponse:
            page = paging.page(request, self._key)
            found = billing_payments.list_payments(self._home, self._known(request.parent), after=page.after, limit=page.limit)
            rows, token = page.parted(found, lambda each: each.payment_id)
            listed = [messages.payment(each, practice=self._practice) for each in rows]
            return pb.ListPaymentsResponse(payments=listed, next_page_token=token)

        return calls.read(context, find)

    def ListReceipts(self, request: pb.ListReceiptsRequest, context: grpc.ServicerContext) -> pb.ListReceiptsResponse:
        """A page of receipts of a till, and the sums of all of them."""

        def find() -> pb.ListReceiptsResponse:
            values.require_texts(request)
            page = paging.page(request, self._key)
            found, sums = payments.till(self._home, request.till, values.day_or_none(request, "date"))
            rows, token = page.parted([each for each in found if each.receipt > page.after][: page.limit], lambda each: each.receipt)
            totals = [convert.money(currency, micros) for currency, micros in sorted(sums.items())]
            return pb.ListReceiptsResponse(receipts=map(messages.receipt, rows), next_page_token=token, totals=totals)

        return calls.read(context, find)

    def ImportBankFile(self, request: pb.ImportBankFileRequest, context: grpc.ServicerContext) -> pb.ImportBankFileResponse:
        """A bank file that is sent with its mapping."""

        def act(by: Act) -> pb.ImportBankFileResponse:
            path, how = self._file(request)
            done = payments.import_bank_file(self._home, path, how, by, content=request.content)
            return messages.imported(done, practice=self._practice)

        def recover(commit_seq: int) -> pb.ImportBankFileResponse:
            path, how = self._file(request)
            is_csv = any_format.found(path, how, request.content) is Format.CSV
            outgoing = importing.outgoing_lines(path, any_format.csv_mapping(path, how), request.content) if is_csv else 0
            return messages.imported(made.bank_file(self._home, commit_seq, outgoing), practice=self._practice)

        return values.write(self._door, request, context, act, recover, pb.ImportBankFileResponse)

    def ListBankLines(self, request: pb.ListBankLinesRequest, context: grpc.ServicerContext) -> pb.ListBankLinesResponse:
        """A page of the work list."""

        def find() -> pb.ListBankLinesResponse:
            page = paging.page(request, self._key)
            found = worklist.work_list(self._home, decided=request.decided, after=page.after, limit=page.limit)
            rows, token = page.parted(found, lambda each: each.line_id)
            listed = [messages.bank_line(each, practice=self._practice) for each in rows]
            return pb.ListBankLinesResponse(bank_lines=listed, next_page_token=token)

        return calls.read(context, find)

    def AllocateBankLine(self, request: pb.AllocateBankLineRequest, context: grpc.ServicerContext) -> pb.RecordPaymentResponse:
        """A line that becomes a payment of an account."""

        def act(by: Act) -> pb.RecordPaymentResponse:
            line_id, account_id = _line_id(request.name), self._account(request.account)
            done = payments.assign_line(self._home, line_id, account_id, request.note, by, request.invoices)
            return messages.recorded(done, practice=self._practice)

        return values.write(self._door, request, context, act, self._recorded, pb.RecordPaymentResponse)

    def ReturnBankLine(self, request: pb.ReturnBankLineRequest, context: grpc.ServicerContext) -> pb.ReturnBankLineResponse:
        """A line whose money goes back."""

        def act(by: Act) -> pb.ReturnBankLineResponse:
            done = worklist.give_back(self._home, _line_id(request.name), request.note, by)
            return messages.returned(done, practice=self._practice)

        def recover(commit_seq: int) -> pb.ReturnBankLineResponse:
            return messages.returned(made.returned_line(self._home, commit_seq), practice=self._practice)

        return values.write(self._door, request, context, act, recover, pb.ReturnBankLineResponse)

    def RefundPayment(self, request: pb.RefundPaymentRequest, context: grpc.ServicerContext) -> pb.GiveBackResponse:
        """A payment or a document, paid back as far as something is left of it."""

        def act(by: Act) -> pb.GiveBackResponse:
            if bool(request.payment) == bool(request.document):
                raise invalid("MALFORMED_REQUEST", "a refund is of one payment or one document", {"field": "payment"})
            given = values.amount_or_all(request, "amount")
            back = giving_back.Back(
                reference=request.event_id,
                kind=giving_back.REFUND,
                on_date=values.day(request, "event_date"),
                payment_id=_payment_id(request.payment) if request.payment else None,
                number=request.document or None,
                amount_micros=given.micros,
                payee=request.payee,
                reason=request.reason,
                reopens=request.reopen,
            )
            return self._given_back(back, by, given.currency)

        return values.write(self._door, request, context, act, self._gave_back, pb.GiveBackResponse, self._back)

    def ReversePayment(self, request: pb.ReversePaymentRequest, context: grpc.ServicerContext) -> pb.GiveBackResponse:
        """A payment that bounced."""

        def act(by: Act) -> pb.GiveBackResponse:
            fee = values.amount_or_all(request, "fee")
            back = giving_back.Back(
                reference=request.event_id,
                kind=giving_back.REVERSAL,
                on_date=values.day(request, "event_date"),
                payment_id=_payment_id(request.payment),
                fee_micros=fee.micros or 0,
                reason=request.reason,
            )
            return self._given_back(back, by, fee.currency)

        return values.write(self._door, request, context, act, self._gave_back, pb.GiveBackResponse, self._back)

    def ChargeBackPayment(self, request: pb.ChargeBackPaymentRequest, context: grpc.ServicerContext) -> pb.GiveBackResponse:
        """A payment that the payer's bank took back, or its money that came again."""

        def act(by: Act) -> pb.GiveBackResponse:
            given, fee = values.amount_or_all(request, "amount"), values.amount_or_all(request, "fee")
            if None not in {given.currency, fee.currency} and given.currency != fee.currency:
                raise invalid("MALFORMED_REQUEST", f"fee: it is in {fee.currency}, and the amount in {given.currency}", {"field": "fee"})
            back = giving_back.Back(
                reference=request.event_id,
                kind=giving_back.WON if request.won else giving_back.CHARGEBACK,
                on_date=values.day(request, "event_date"),
                payment_id=_payment_id(request.payment),
                amount_micros=given.micros,
                fee_micros=fee.micros or 0,
                reason=request.reason,
            )
            return self._given_back(back, by, given.currency or fee.currency)

        return values.write(self._door, request, context, act, self._gave_back, pb.GiveBackResponse, self._back)

    def ListPaymentEvents(self, request: pb.ListPaymentEventsRequest, context: grpc.ServicerContext) -> pb.ListPaymentEventsResponse:
        """A page of what happened to payments later."""

        def find() -> pb.ListPaymentEventsResponse:
            page = paging.page(request, self._key)
            found = giving_back.list_events(self._home, self._known(request.parent), after=page.after, limit=page.limit)
            rows, token = page.parted(found, lambda each: each.reference)
            listed = [messages.event(each, practice=self._practice) for each in rows]
            return pb.ListPaymentEventsResponse(payment_events=listed, next_page_token=token)

        return calls.read(context, find)

    def TakeDeposit(self, request: deposit_pb2.TakeDepositRequest, context: grpc.ServicerContext) -> deposit_pb2.DepositResponse:
        """A deposit that is received."""

        def act(by: Act) -> deposit_pb2.DepositResponse:
            amount, on = values.required_amount(request, "amount"), values.day(request, "receive_date")
            account_id = self._account(request.parent)
            given = deposits.Deposit(request.deposit_id, account_id, amount.micros, on, request.reference, amount.currency)
            held = payments.take_deposit(self._home, given, by, day="receive_date")
            return messages.deposit_after(held, practice=self._practice)

        def recover(commit_seq: int) -> deposit_pb2.DepositResponse:
            return messages.deposit_after(made.deposit_taken(self._home, commit_seq), practice=self._practice)

        return values.write(self._door, request, context, act, recover, deposit_pb2.DepositResponse)

    def ReleaseDeposit(self, request: deposit_pb2.ReleaseDepositRequest, context: grpc.ServicerContext) -> deposit_pb2.DepositResponse:
        """A deposit that pays what is open."""
        return self._move_deposit(request, context, postings.APPLIED)

    def RefundDeposit(self, request: deposit_pb2.RefundDepositRequest, context: grpc.ServicerContext) -> deposit_pb2.DepositResponse:
        """A deposit that goes back."""
        return self._move_deposit(request, context, postings.REFUNDED)

    def ListDeposits(self, request: deposit_pb2.ListDepositsRequest, context: grpc.ServicerContext) -> deposit_pb2.ListDepositsResponse:
        """A page of deposits."""

        def find() -> deposit_pb2.ListDepositsResponse:
            page = paging.page(request, self._key)
            found = deposits.list_deposits(self._home, self._known(request.parent), after=page.after, limit=page.limit)
            rows, token = page.parted(found, lambda each: each.deposit_id)
            listed = [messages.deposit(each, practice=self._practice) for each in rows]
            return deposit_pb2.ListDepositsResponse(deposits=listed, next_page_token=token)

        return calls.read(context, find)

    def RecordPromise(
        self, request: payment_agreement_pb2.RecordPromiseRequest, context: grpc.ServicerContext
    ) -> payment_agreement_pb2.RecordPromiseResponse:
        """A promise to pay."""

        def act(by: Act) -> payment_agreement_pb2.RecordPromiseResponse:
            amount, account_id = values.required_amount(request, "amount"), self._account(request.parent)
            made_on, due_on = values.day(request, "promise_date"), values.day(request, "due_date")
            given = promises.Promise(request.promise_id, account_id, amount.micros, made_on, due_on, request.note)
            done = payments.promise(self._home, given, by, day="promise_date", currency=amount.currency)
            return payment_agreement_pb2.RecordPromiseResponse(
                promise=messages.promise(done, practice=self._practice), already_recorded=done.existed
            )

        def recover(commit_seq: int) -> payment_agreement_pb2.RecordPromiseResponse:
            done = made.promise(self._home, commit_seq)
            return payment_agreement_pb2.RecordPromiseResponse(promise=messages.promise(done, practice=self._practice))

        return values.write(self._door, request, context, act, recover, payment_agreement_pb2.RecordPromiseResponse)

    def ListPromises(
        self, request: payment_agreement_pb2.ListPromisesRequest, context: grpc.ServicerContext
    ) -> payment_agreement_pb2.ListPromisesResponse:
        """A page of promises and their states."""

        def find() -> payment_agreement_pb2.ListPromisesResponse:
            page, as_of = paging.page(request, self._key), self._as_of(request)
            found = promises.list_promises(self._home, as_of, self._known(request.parent), after=page.after, limit=page.limit)
            rows, token = page.parted(found, lambda each: each.promise_id)
            listed = [messages.promise(each, practice=self._practice) for each in rows]
            return payment_agreement_pb2.ListPromisesResponse(promises=listed, next_page_token=token)

        return calls.read(context, find)

    def AgreeInstalmentPlan(
        self, request: payment_agreement_pb2.AgreeInstalmentPlanRequest, context: grpc.ServicerContext
    ) -> payment_agreement_pb2.InstalmentPlanResponse:
        """A plan that is agreed."""

        def act(by: Act) -> payment_agreement_pb2.InstalmentPlanResponse:
            amounts = [values.required_amount(each, "amount") for each in request.parts]
            currencies = {each.currency for each in amounts if each.currency is not None}
            if len(currencies) > 1:
                raise invalid("MALFORMED_REQUEST", "parts: they are in several currencies", {"field": "parts"})
            wanted = instalments.PlanRequest(
                request.plan_id,
                self._account(request.parent),
                values.day(request, "agree_date"),
                tuple(request.invoices),
                tuple((values.day(part, "due_date"), amount.micros) for part, amount in zip(request.parts, amounts, strict=True)),
                request.equal_parts,
                values.day_or_none(request, "first_date"),
                request.note,
            )
            done = payments.agree_plan(self._home, wanted, by, day="agree_date", currency=next(iter(currencies), None))
            return self._plan(done)

        return values.write(
            self._door,
            request,
            context,
            act,
            lambda seq: self._plan(made.plan(self._home, seq)),
            payment_agreement_pb2.InstalmentPlanResponse,
            self._plan,
        )

    def EndInstalmentPlan(
        self, request: payment_agreement_pb2.EndInstalmentPlanRequest, context: grpc.ServicerContext
    ) -> payment_agreement_pb2.InstalmentPlanResponse:
        """A plan that ends."""

        def act(by: Act) -> payment_agreement_pb2.InstalmentPlanResponse:
            plan_id = values.identity(request.name, "instalmentPlans", "instalment_plan")
            return self._plan(payments.end_plan(self._home, plan_id, values.day(request, "end_date"), request.note, by, day="end_date"))

        return values.write(
            self._door,
            request,
            context,
            act,
            lambda seq: self._plan(made.plan(self._home, seq)),
            payment_agreement_pb2.InstalmentPlanResponse,
            self._plan,
        )

    def ListInstalmentPlans(
        self, request: payment_agreement_pb2.ListInstalmentPlansRequest, context: grpc.ServicerContext
    ) -> payment_agreement_pb2.ListInstalmentPlansResponse:
        """A page of plans and their states."""

        def find() -> payment_agreement_pb2.ListInstalmentPlansResponse:
            page, as_of = paging.page(request, self._key), self._as_of(request)
            found = instalments.list_plans(self._home, as_of, self._known(request.parent), after=page.after, limit=page.limit)
            rows, token = page.parted(found, lambda each: each.plan_id)
            listed = [messages.plan(each, practice=self._practice) for each in rows]
            return payment_agreement_pb2.ListInstalmentPlansResponse(instalment_plans=listed, next_page_token=token)

        return calls.read(context, find)

    @property
    def _practice(self) -> bool:
        return self._home.is_practice

    def _known(self, parent: str) -> str | None:
        """The account of a parent, which is there; None for all of them."""
        account_id = values.account_or_all(parent)
        if account_id is not None:
            entrance.about_account(self._home, account_id)
            payments.require_account(self._home, account_id)
        return account_id

    def _account(self, name: str) -> str:
        """The id in the name of one account, which is the subject of the call where there is one."""
        account_id = values.account(name)
        entrance.about_account(self._home, account_id)
        return account_id

    def _as_of(self, request: Message) -> dt.date:
        return values.day_or_none(request, "as_of") or utc_date(self._door.clock_us())

    def _recorded(self, commit_seq: int) -> pb.RecordPaymentResponse:
        paid = made.payment(self._home, commit_seq)
        return messages.recorded(paid.recorded, paid.receipt, practice=self._practice)

    def _given_back(self, back: giving_back.Back, by: Act, currency: str | None) -> pb.GiveBackResponse:
        return self._back(payments.give_back(self._home, back, by, day="event_date", currency=currency))

    def _back(self, done: giving_back.GivenBack) -> pb.GiveBackResponse:
        return messages.given_back(done, practice=self._practice)

    def _gave_back(self, commit_seq: int) -> pb.GiveBackResponse:
        return messages.given_back(made.given_back(self._home, commit_seq), practice=self._practice)

    def _move_deposit(
        self, request: deposit_pb2.ReleaseDepositRequest | deposit_pb2.RefundDepositRequest, context: grpc.ServicerContext, kind: str
    ) -> deposit_pb2.DepositResponse:
        def act(by: Act) -> deposit_pb2.DepositResponse:
            deposit_id, given = values.identity(request.name, "deposits", "deposit"), values.amount_or_all(request, "amount")
            on = values.day(request, "event_date")
            movement = deposits.Movement(request.event_id, deposit_id, kind, on, given.micros, request.reason)
            held = payments.move_deposit(self._home, movement, by, day="event_date", currency=given.currency)
            return messages.deposit_after(held, practice=self._practice)

        def recover(commit_seq: int) -> deposit_pb2.DepositResponse:
            return messages.deposit_after(made.deposit_moved(self._home, commit_seq), practice=self._practice)

        return values.write(self._door, request, context, act, recover, deposit_pb2.DepositResponse)

    def _plan(self, plan: instalments.Plan) -> payment_agreement_pb2.InstalmentPlanResponse:
        return payment_agreement_pb2.InstalmentPlanResponse(
            instalment_plan=messages.plan(plan, practice=self._practice), already_recorded=plan.existed
        )

    @staticmethod
    def _file(request: pb.ImportBankFileRequest) -> tuple[Path, any_format.How]:
        """The name of a bank file, and how it is read."""
        name = request.file_name
        if not name.strip() or not name.isprintable() or "/" in name:
            raise invalid("MALFORMED_REQUEST", "file_name: give the name of a file, without its folder", {"field": "file_name"})
        return Path(name), any_format.How(request.format, request.mapping.encode() if request.mapping else None, Path("mapping"))


def _line_id(name: str) -> str:
    return values.identity(name, "bankLines", "bank_line")


def _payment_id(name: str) -> str:
    return values.identity(name, "payments", "payment")

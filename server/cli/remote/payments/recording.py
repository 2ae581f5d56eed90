"""Payments by a service: money that comes, waits and goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.payments.cash_desk import Paid, Receipt
from billing.payments.giving_back import REFUND, REVERSAL, WON, Back, EventRow, GivenBack
from billing.payments.importing import Imported, Return, Sum
from billing.payments.recording import Payment, PaymentRow, Recorded
from billing.payments.worklist import Returned, Waiting
from ratewright.v1 import payment_service_pb2 as pb
from ratewright.v1 import payment_service_pb2_grpc as stubs
from server.actions.payments import in_till, require_one_subject
from server.cli.remote.calling import LONG_S, PAGE_SIZE, account, accounts, amount, day, settled, tail
from server.client import date, micros, money

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from billing.payments.banking.any_format import How
    from server.client import Connection


class Payments:
    """Calls of PaymentService about money that comes and goes."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.PaymentServiceStub(service.channel)

    def record(self, given: Payment, *, dry_run: bool) -> Recorded:
        """`payment record`."""
        return _recorded(self._service.call(self._stub.RecordPayment, _asked(given, "", dry_run=dry_run)))

    def cash(self, till: str, given: Payment, *, dry_run: bool) -> Paid:
        """`payment cash`."""
        answer = self._service.call(self._stub.RecordPayment, _asked(given, till, dry_run=dry_run))
        return Paid(answer.receipt, _recorded(answer))

    def list_payments(self, account_id: str | None) -> list[PaymentRow]:
        """`payment list`."""
        asked = pb.ListPaymentsRequest(parent=accounts(account_id), page_size=PAGE_SIZE)
        return [_payment(each) for each in self._service.pages(self._stub.ListPayments, asked, "payments")]

    def till(self, name: str, on: dt.date | None) -> tuple[list[Receipt], dict[str, int]]:
        """`payment till`."""
        asked = pb.ListReceiptsRequest(till=name, date=None if on is None else date(on), page_size=PAGE_SIZE)
        found = [_receipt(each) for each in self._service.pages(self._stub.ListReceipts, asked, "receipts")]
        return found, in_till(found)

    def import_file(self, name: str, content: bytes, how: How, *, dry_run: bool) -> Imported:
        """`payment import`."""
        mapping = how.mapping or b""
        asked = pb.ImportBankFileRequest(
            file_name=name, content=content, mapping=mapping.decode(errors="replace"), format=how.form, validate_only=dry_run
        )
        answer = self._service.call(self._stub.ImportBankFile, asked, deadline_s=LONG_S)
        return Imported(
            file_name=answer.file_name,
            existed=answer.already_imported,
            lines=answer.lines,
            known_lines=answer.known_lines,
            outgoing_lines=answer.outgoing_lines,
            sums=[Sum(each.state, each.amount.currency_code, each.lines, micros(each.amount)) for each in answer.sums],
            settled_parts=answer.settled_parts,
            waiting=[(each.line_no, tail(each.bank_line), each.reason) for each in answer.waiting],
            format=answer.format,
            debits=tuple(Sum(each.state, each.amount.currency_code, each.lines, micros(each.amount)) for each in answer.debits),
            returns=tuple(
                Return(
                    tail(each.bank_line),
                    each.reason_code,
                    each.says,
                    each.follows,
                    day(each.follow_date) if each.HasField("follow_date") else "",
                )
                for each in answer.returns
            ),
            findings=tuple(answer.findings),
        )

    def work_list(self, *, decided: bool) -> list[Waiting]:
        """`payment worklist list`."""
        asked = pb.ListBankLinesRequest(decided=decided, page_size=PAGE_SIZE)
        return [_waiting(each) for each in self._service.pages(self._stub.ListBankLines, asked, "bank_lines")]

    def assign(self, line_id: str, account_id: str, note: str, numbers: Sequence[str], *, dry_run: bool) -> Recorded:
        """`payment worklist assign`."""
        asked = pb.AllocateBankLineRequest(
            name=f"bankLines/{line_id}", account=account(account_id), invoices=numbers, note=note, validate_only=dry_run
        )
        return _recorded(self._service.call(self._stub.AllocateBankLine, asked))

    def give_line_back(self, line_id: str, note: str, *, dry_run: bool) -> Returned:
        """`payment worklist return`."""
        asked = pb.ReturnBankLineRequest(name=f"bankLines/{line_id}", note=note, validate_only=dry_run)
        answer = self._service.call(self._stub.ReturnBankLine, asked)
        return Returned(
            line_id=tail(answer.bank_line),
            currency=answer.amount.currency_code,
            amount_micros=micros(answer.amount),
            existed=answer.already_recorded,
            needs_second=answer.needs_second,
            proposal=answer.proposal,
        )

    def give_back(self, back: Back, *, dry_run: bool) -> GivenBack:
        """`payment refund|reverse|chargeback`."""
        require_one_subject(back)
        payment = "" if back.payment_id is None else f"payments/{back.payment_id}"
        on, given = date(back.on_date), amount(back.amount_micros)
        fee = money(back.fee_micros) if back.fee_micros else None
        if back.kind == REFUND:
            refund = pb.RefundPaymentRequest(
                event_id=back.reference,
                payment=payment,
                document=back.number or "",
                amount=given,
                event_date=on,
                payee=back.payee,
                reason=back.reason,
                reopen=back.reopens,
                validate_only=dry_run,
            )
            return _given_back(self._service.call(self._stub.RefundPayment, refund))
        if back.kind == REVERSAL:
            reversal = pb.ReversePaymentRequest(
                event_id=back.reference, payment=payment, event_date=on, fee=fee, reason=back.reason, validate_only=dry_run
            )
            return _given_back(self._service.call(self._stub.ReversePayment, reversal))
        chargeback = pb.ChargeBackPaymentRequest(
            event_id=back.reference,
            payment=payment,
            amount=given,
            event_date=on,
            won=back.kind == WON,
            fee=fee,
            reason=back.reason,
            validate_only=dry_run,
        )
        return _given_back(self._service.call(self._stub.ChargeBackPayment, chargeback))

    def events(self, account_id: str | None) -> list[EventRow]:
        """`payment events`."""
        asked = pb.ListPaymentEventsRequest(parent=accounts(account_id), page_size=PAGE_SIZE)
        return [_event(each) for each in self._service.pages(self._stub.ListPaymentEvents, asked, "payment_events")]


def _asked(given: Payment, till: str, *, dry_run: bool) -> pb.RecordPaymentRequest:
    return pb.RecordPaymentRequest(
        parent=account(given.account_id),
        payment_id=given.payment_id,
        amount=money(given.amount_micros, given.currency or ""),
        receive_date=date(given.received_on),
        reference=given.reference,
        invoices=given.numbers,
        till=till,
        validate_only=dry_run,
    )


def _recorded(answer: pb.RecordPaymentResponse) -> Recorded:
    return Recorded(
        payment_id=tail(answer.payment),
        currency=answer.credit.currency_code,
        existed=answer.already_recorded,
        allocated=settled(answer.settlements),
        credit_micros=micros(answer.credit),
    )


def _payment(row: pb.Payment) -> PaymentRow:
    return PaymentRow(
        payment_id=row.payment_id,
        account_id=tail(row.account),
        currency=row.amount.currency_code,
        amount_micros=micros(row.amount),
        received_on=day(row.receive_date),
        reference=row.reference,
        credit_micros=micros(row.credit),
        channel=row.channel,
        receipt=row.receipt,
        gone_micros=micros(row.gone),
        by_name=row.recorded_by,
    )


def _receipt(row: pb.Receipt) -> Receipt:
    return Receipt(
        receipt=row.receipt,
        payment_id=tail(row.payment),
        account_id=tail(row.account),
        currency=row.amount.currency_code,
        amount_micros=micros(row.amount),
        gone_micros=micros(row.gone),
        received_on=day(row.receive_date),
        cashier=row.cashier,
    )


def _waiting(row: pb.BankLine) -> Waiting:
    return Waiting(
        line_id=tail(row.name),
        file_name=row.file_name,
        line_no=row.line_no,
        received_on=day(row.receive_date),
        currency=row.amount.currency_code,
        amount_micros=micros(row.amount),
        payer=row.payer,
        reference=row.reference,
        reason=row.reason,
        why=row.why,
        decision=row.decision,
        note=row.note,
        by_name=row.decided_by,
        account_id=tail(row.account),
    )


def _given_back(answer: pb.GiveBackResponse) -> GivenBack:
    return GivenBack(
        reference=answer.event_id,
        kind=answer.kind,
        account_id=tail(answer.account),
        currency=answer.amount.currency_code,
        amount_micros=micros(answer.amount),
        fee_micros=micros(answer.fee),
        reopened=settled(answer.reopened),
        credit_micros=micros(answer.credit),
        existed=answer.already_recorded,
        needs_second=answer.needs_second,
        proposal=answer.proposal,
        resettled=tuple(settled(answer.resettled)),
        account_credit_before_micros=micros(answer.account_credit_before),
        account_credit_micros=micros(answer.account_credit),
    )


def _event(row: pb.PaymentEvent) -> EventRow:
    return EventRow(
        reference=row.event_id,
        kind=row.kind,
        account_id=tail(row.account),
        of=row.subject,
        currency=row.amount.currency_code,
        amount_micros=micros(row.amount),
        fee_micros=micros(row.fee),
        on_date=day(row.event_date),
        payee=row.payee,
        reason=row.reason,
        by_name=row.recorded_by,
        agreed_by=row.agreed_by,
    )

"""Payments as messages: what the commands of `payment` print with --json, field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratewright.v1 import deposit_pb2, payment_agreement_pb2, settlement_pb2
from ratewright.v1 import payment_service_pb2 as pb
from server.grpc import convert, entrance
from server.grpc.finance.values import date_message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.payments.cash_desk import Receipt
    from billing.payments.deposits import Held
    from billing.payments.giving_back import EventRow, GivenBack
    from billing.payments.importing import Imported
    from billing.payments.instalments import Plan
    from billing.payments.promises import Promised
    from billing.payments.recording import PaymentRow, Recorded
    from billing.payments.worklist import Returned, Waiting


def payment(row: PaymentRow, *, practice: bool) -> pb.Payment:
    """A payment of a list."""
    return pb.Payment(
        name=f"payments/{row.payment_id}",
        payment_id=row.payment_id,
        account=f"accounts/{row.account_id}",
        amount=convert.money(row.currency, row.amount_micros),
        receive_date=convert.date(row.received_on),
        reference=row.reference,
        credit=convert.money(row.currency, row.credit_micros),
        channel=row.channel,
        receipt=row.receipt,
        gone=convert.money(row.currency, row.gone_micros),
        recorded_by=row.by_name,
        practice=practice,
    )


def recorded(done: Recorded, receipt: str = "", *, practice: bool) -> pb.RecordPaymentResponse:
    """The answer to a payment: the invoices that it settled."""
    return pb.RecordPaymentResponse(
        payment=f"payments/{done.payment_id}",
        already_recorded=done.existed,
        settlements=_settlements(done.allocated, done.currency),
        credit=convert.money(done.currency, done.credit_micros),
        receipt=receipt,
        practice=practice,
    )


def receipt(row: Receipt) -> pb.Receipt:
    """A receipt of a till."""
    return pb.Receipt(
        receipt=row.receipt,
        payment=f"payments/{row.payment_id}",
        account=f"accounts/{row.account_id}",
        amount=convert.money(row.currency, row.amount_micros),
        gone=convert.money(row.currency, row.gone_micros),
        receive_date=convert.date(row.received_on),
        cashier=row.cashier,
    )


def imported(done: Imported, *, practice: bool) -> pb.ImportBankFileResponse:
    """The answer to an import."""
    return pb.ImportBankFileResponse(
        file_name=done.file_name,
        already_imported=done.existed,
        lines=done.lines,
        known_lines=done.known_lines,
        outgoing_lines=done.outgoing_lines,
        sums=[
            pb.BankLineSum(state=each.what, lines=each.lines, amount=convert.money(each.currency, each.amount_micros)) for each in done.sums
        ],
        settled_parts=done.settled_parts,
        waiting=[pb.WaitingLine(line_no=no, bank_line=f"bankLines/{line_id}", reason=why) for no, line_id, why in done.waiting],
        format=done.format,
        debits=[
            pb.BankLineSum(state=each.what, lines=each.lines, amount=convert.money(each.currency, each.amount_micros))
            for each in done.debits
        ],
        returns=[
            pb.BankReturn(
                bank_line=f"bankLines/{each.line_id}",
                reason_code=each.reason_code,
                says=each.says,
                follows=each.follows,
                follow_date=convert.date(each.follow_on) if each.follow_on else None,
            )
            for each in done.returns
        ],
        findings=done.findings,
        practice=practice,
    )


def bank_line(row: Waiting, *, practice: bool) -> pb.BankLine:
    """A line of the work list."""
    return pb.BankLine(
        name=f"bankLines/{row.line_id}",
        file_name=row.file_name,
        line_no=row.line_no,
        receive_date=convert.date(row.received_on),
        amount=convert.money(row.currency, row.amount_micros),
        payer=row.payer,
        reference=row.reference,
        reason=row.reason,
        why=row.why,
        decision=row.decision,
        note=row.note,
        decided_by=row.by_name,
        account=f"accounts/{row.account_id}" if row.account_id else "",
        practice=practice,
    )


def returned(done: Returned, *, practice: bool) -> pb.ReturnBankLineResponse:
    """A line whose money goes back."""
    return pb.ReturnBankLineResponse(
        bank_line=f"bankLines/{done.line_id}",
        amount=convert.money(done.currency, done.amount_micros),
        already_recorded=done.existed,
        needs_second=done.needs_second,
        proposal=done.proposal,
        practice=practice,
    )


def given_back(done: GivenBack, *, practice: bool) -> pb.GiveBackResponse:
    """Money that went back. What a proposal would open again is not known before another person agrees.

    Credit of the whole account is not known of an act that was recorded before.
    """
    made = pb.GiveBackResponse(
        event_id=done.reference,
        kind=done.kind,
        account=f"accounts/{done.account_id}",
        amount=convert.money(done.currency, done.amount_micros),
        fee=convert.money(done.currency, done.fee_micros),
        already_recorded=done.existed,
        needs_second=done.needs_second,
        proposal=done.proposal,
        reopened=_settlements(done.reopened, done.currency),
        resettled=_settlements(done.resettled, done.currency),
        credit=convert.money(done.currency, done.credit_micros),
        practice=practice,
    )
    if done.account_credit_before_micros or done.account_credit_micros:
        made.account_credit_before.CopyFrom(convert.money(done.currency, done.account_credit_before_micros))
        made.account_credit.CopyFrom(convert.money(done.currency, done.account_credit_micros))
    return made


def event(row: EventRow, *, practice: bool) -> pb.PaymentEvent:
    """Something that happened to a payment later."""
    mask = entrance.mask()
    return pb.PaymentEvent(
        event_id=row.reference,
        kind=row.kind,
        account=f"accounts/{row.account_id}",
        subject=row.of,
        amount=convert.money(row.currency, row.amount_micros),
        fee=convert.money(row.currency, row.fee_micros),
        event_date=convert.date(row.on_date),
        payee=mask.name(row.payee),
        reason="" if mask.hides else row.reason,  # free text, of a customer as well
        recorded_by=row.by_name,
        agreed_by=row.agreed_by,
        practice=practice,
    )


def deposit(held: Held, *, practice: bool) -> deposit_pb2.Deposit:
    """A deposit as it is."""
    return deposit_pb2.Deposit(
        name=f"deposits/{held.deposit_id}",
        account=f"accounts/{held.account_id}",
        amount=convert.money(held.currency, held.amount_micros),
        receive_date=convert.date(held.received_on),
        released=convert.money(held.currency, held.released_micros),
        refunded=convert.money(held.currency, held.refunded_micros),
        held=convert.money(held.currency, held.held_micros),
        recorded_by=held.by_name,
        moved_by=held.moved_by,
        practice=practice,
    )


def deposit_after(held: Held, *, practice: bool) -> deposit_pb2.DepositResponse:
    """A deposit after a call."""
    return deposit_pb2.DepositResponse(
        deposit=deposit(held, practice=practice),
        already_recorded=held.existed,
        settlements=_settlements(held.allocated, held.currency),
        needs_second=held.needs_second,
        proposal=held.proposal,
    )


def promise(found: Promised, *, practice: bool) -> payment_agreement_pb2.Promise:
    """A promise and its state."""
    return payment_agreement_pb2.Promise(
        name=f"promises/{found.promise_id}",
        account=f"accounts/{found.account_id}",
        amount=convert.money(found.currency, found.amount_micros),
        promise_date=convert.date(found.made_on),
        due_date=convert.date(found.due_on),
        note=found.note,
        paid=convert.money(found.currency, found.paid_micros),
        state=found.state,
        recorded_by=found.by_name,
        practice=practice,
    )


def plan(found: Plan, *, practice: bool) -> payment_agreement_pb2.InstalmentPlan:
    """An instalment plan and its state."""
    parts = [
        payment_agreement_pb2.InstalmentPart(
            part_no=each.part_no,
            due_date=date_message(each.due_on),
            invoice=each.number,
            amount=convert.money(found.currency, each.amount_micros),
            open=convert.money(found.currency, each.open_micros),
        )
        for each in found.parts
    ]
    return payment_agreement_pb2.InstalmentPlan(
        name=f"instalmentPlans/{found.plan_id}",
        account=f"accounts/{found.account_id}",
        agree_date=convert.date(found.agreed_on),
        note=found.note,
        state=found.state,
        open=convert.money(found.currency, found.open_micros),
        parts=parts,
        recorded_by=found.by_name,
        practice=practice,
    )


def _settlements(parts: Iterable[tuple[str, int]], currency: str) -> list[settlement_pb2.Settlement]:
    return [settlement_pb2.Settlement(invoice=number, amount=convert.money(currency, micros)) for number, micros in parts]

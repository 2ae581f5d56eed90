"""Payments by a service: `ratewright payment ... --server`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.payments.recording import Payment, PaymentRow, Recorded
from ratewright.v1 import payment_service_pb2 as pb
from ratewright.v1 import payment_service_pb2_grpc as stubs
from server.cli.remote.calling import PAGE_SIZE, account, accounts, day, last
from server.client import date, micros, money

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ratewright.v1 import settlement_pb2
    from server.client import Connection


def record(service: Connection, given: Payment, *, dry_run: bool) -> Recorded:
    """`payment record`."""
    asked = pb.RecordPaymentRequest(
        parent=account(given.account_id),
        payment_id=given.payment_id,
        amount=money(given.amount_micros, given.currency or ""),
        receive_date=date(given.received_on),
        reference=given.reference,
        invoices=given.numbers,
        validate_only=dry_run,
    )
    return _recorded(service.call(_stub(service).RecordPayment, asked))


def list_payments(service: Connection, account_id: str | None) -> list[PaymentRow]:
    """`payment list`."""
    asked = pb.ListPaymentsRequest(parent=accounts(account_id), page_size=PAGE_SIZE)
    return [_payment(each) for each in service.pages(_stub(service).ListPayments, asked, "payments")]


def _stub(service: Connection) -> stubs.PaymentServiceStub:
    return stubs.PaymentServiceStub(service.channel)


def _recorded(answer: pb.RecordPaymentResponse) -> Recorded:
    return Recorded(
        payment_id=last(answer.payment),
        currency=answer.credit.currency_code,
        existed=answer.already_recorded,
        allocated=_settled(answer.settlements),
        credit_micros=micros(answer.credit),
    )


def _payment(row: pb.Payment) -> PaymentRow:
    return PaymentRow(
        payment_id=row.payment_id,
        account_id=last(row.account),
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


def _settled(parts: Iterable[settlement_pb2.Settlement]) -> list[tuple[str, int]]:
    return [(last(each.invoice), micros(each.amount)) for each in parts]

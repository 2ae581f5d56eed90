"""Deposits by a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.payments.deposits import Deposit, Held, Movement
from billing.payments.postings import APPLIED
from ratewright.v1 import deposit_pb2 as pb
from ratewright.v1 import payment_service_pb2_grpc as stubs
from server.cli.remote.calling import PAGE_SIZE, account, accounts, amount, day, settled, tail
from server.client import date, micros, money

if TYPE_CHECKING:
    from server.client import Connection


class Deposits:
    """Calls of PaymentService about money that is held apart."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.PaymentServiceStub(service.channel)

    def take(self, given: Deposit, *, dry_run: bool) -> Held:
        """`payment deposit take`."""
        asked = pb.TakeDepositRequest(
            parent=account(given.account_id),
            deposit_id=given.deposit_id,
            amount=money(given.amount_micros, given.currency or ""),
            receive_date=date(given.received_on),
            reference=given.reference,
            validate_only=dry_run,
        )
        return _after(self._service.call(self._stub.TakeDeposit, asked))

    def move(self, given: Movement, *, dry_run: bool) -> Held:
        """`payment deposit release|refund`."""
        name, on, part = f"deposits/{given.deposit_id}", date(given.on_date), amount(given.amount_micros)
        told = {"name": name, "event_id": given.reference, "reason": given.reason}
        if given.kind == APPLIED:
            release = pb.ReleaseDepositRequest(**told, amount=part, event_date=on, validate_only=dry_run)
            return _after(self._service.call(self._stub.ReleaseDeposit, release))
        refund = pb.RefundDepositRequest(**told, amount=part, event_date=on, validate_only=dry_run)
        return _after(self._service.call(self._stub.RefundDeposit, refund))

    def list_deposits(self, account_id: str | None) -> list[Held]:
        """`payment deposit list`."""
        asked = pb.ListDepositsRequest(parent=accounts(account_id), page_size=PAGE_SIZE)
        return [_held(each) for each in self._service.pages(self._stub.ListDeposits, asked, "deposits")]


def _after(answer: pb.DepositResponse) -> Held:
    return _held(answer.deposit)._replace(
        existed=answer.already_recorded,
        allocated=tuple(settled(answer.settlements)),
        needs_second=answer.needs_second,
        proposal=answer.proposal,
    )


def _held(row: pb.Deposit) -> Held:
    return Held(
        deposit_id=tail(row.name),
        account_id=tail(row.account),
        currency=row.amount.currency_code,
        amount_micros=micros(row.amount),
        received_on=day(row.receive_date),
        released_micros=micros(row.released),
        refunded_micros=micros(row.refunded),
        held_micros=micros(row.held),
        by_name=row.recorded_by,
        moved_by=row.moved_by,
    )

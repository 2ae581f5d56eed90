"""Write-offs and decisions about months, by a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.accounting.balances import Earned
from billing.accounting.write_off import Listed, WriteOff
from billing.ledger.closed_months import Event, Standing
from ratewright.v1 import ledger_month_pb2, write_off_pb2
from ratewright.v1 import ledger_service_pb2_grpc as stubs
from server.cli.remote.calling import PAGE_SIZE, amount, day, tail
from server.cli.remote.invoices import named
from server.client import date, micros

if TYPE_CHECKING:
    from collections.abc import Iterable

    from server.actions.ledger import Lost
    from server.client import Connection


class WriteOffs:
    """Calls of LedgerService about write-offs and months."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.LedgerServiceStub(service.channel)

    def write_off(self, lost: Lost, *, dry_run: bool) -> WriteOff:
        """`ledger write-off`."""
        asked = write_off_pb2.WriteOffInvoiceRequest(
            name=named(lost.number),
            write_off_id=lost.reference,
            date=date(lost.on_date),
            amount=amount(lost.amount_micros),
            reason=lost.reason,
            validate_only=dry_run,
        )
        return _write_off(self._service.call(self._stub.WriteOffInvoice, asked))

    def undo(self, lost: Lost, *, dry_run: bool) -> WriteOff:
        """`ledger write-off --undo`."""
        asked = write_off_pb2.UndoWriteOffRequest(
            name=named(lost.number), write_off_id=lost.reference, date=date(lost.on_date), reason=lost.reason, validate_only=dry_run
        )
        return _write_off(self._service.call(self._stub.UndoWriteOff, asked))

    def list_all(self, number: str | None) -> list[Listed]:
        """`ledger write-offs`."""
        asked = write_off_pb2.ListWriteOffsRequest(invoice="" if number is None else named(number), page_size=PAGE_SIZE)
        return [
            Listed(
                number=each.number,
                what=each.what,
                on_date=day(each.date),
                amount_micros=micros(each.amount),
                currency=each.amount.currency_code,
                reference=each.write_off_id,
                reason=each.reason,
                by_name=each.done_by,
            )
            for each in self._service.pages(self._stub.ListWriteOffs, asked, "acts")
        ]

    def revenue(self, month: str, entity: str | None) -> dict[str, list[Earned]]:
        """`ledger revenue`."""
        found = self._service.call(self._stub.ListRevenue, ledger_month_pb2.ListRevenueRequest(month=month, legal_entity=entity))
        return {"revenue": _earned(found.revenue), "tax": _earned(found.tax)}

    def months(self) -> list[Event]:
        """`ledger months`."""
        return [
            Event(
                entity=each.legal_entity,
                month=each.month,
                kind=each.kind,
                reason=each.reason,
                by_name=each.decided_by,
                by_uid=each.decided_by_number,
                at_us=each.decide_time.ToMicroseconds(),
                commit_seq=each.commit,
            )
            for each in self._service.call(self._stub.ListMonthDecisions, ledger_month_pb2.ListMonthDecisionsRequest()).decisions
        ]

    def reopen(self, month: str, entity: str, reason: str) -> Standing:
        """`ledger reopen`."""
        asked = ledger_month_pb2.ReopenMonthRequest(month=month, legal_entity=entity, reason=reason)
        return Standing(self._service.call(self._stub.ReopenMonth, asked).standing)


def _write_off(done: write_off_pb2.WriteOffInvoiceResponse) -> WriteOff:
    return WriteOff(
        document=done.document,
        number=done.number,
        account_id=tail(done.account),
        currency=done.amount.currency_code,
        amount_micros=micros(done.amount),
        reason=done.reason,
        waits=done.waits,
        existed=done.already_recorded,
        reference=done.write_off_id,
    )


def _earned(rows: Iterable[ledger_month_pb2.PostedSum]) -> list[Earned]:
    return [Earned(each.legal_entity, each.code, each.amount.currency_code, micros(each.amount)) for each in rows]

"""Write-offs by a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.accounting.write_off import Listed, WriteOff
from ratewright.v1 import ledger_service_pb2_grpc as stubs
from ratewright.v1 import write_off_pb2
from server.cli.remote.calling import PAGE_SIZE, amount, day, tail
from server.cli.remote.documents.reading import named
from server.client import date, micros

if TYPE_CHECKING:
    from server.actions.ledger import Lost
    from server.client import Connection


class WriteOffs:
    """Calls of LedgerService about write-offs."""

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

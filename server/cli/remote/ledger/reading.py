"""The ledger by a service."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from billing.accounting.balances import Earned, Line
from billing.accounting.comparing import Checked
from billing.accounting.gl_export import Export
from billing.ledger.closed_months import Event, Standing
from billing.store import output_files
from ratewright.v1 import ledger_month_pb2
from ratewright.v1 import ledger_service_pb2 as pb
from ratewright.v1 import ledger_service_pb2_grpc as stubs
from rating.errors import UserError
from server.cli.remote.calling import LONG_S, PAGE_SIZE, by_currency
from server.client import date, micros

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable
    from pathlib import Path

    from server.client import Connection

_FILES_MAX: Final = 3  # files of one export: a posting may come between a file and its note


class Ledger:
    """Calls of LedgerService."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.LedgerServiceStub(service.channel)

    def balances(self, entity: str | None, through: dt.date | None, *, every_customer: bool) -> list[Line]:
        """`ledger balance`."""
        asked = pb.ListBalancesRequest(
            through_date=None if through is None else date(through),
            legal_entity=entity,
            every_customer=every_customer,
            page_size=PAGE_SIZE,
        )
        return [
            Line(each.legal_entity, each.account, each.balance.currency_code, micros(each.debits), micros(each.credits))
            for each in self._service.pages(self._stub.ListBalances, asked, "balances")
        ]

    def check(self) -> list[Checked]:
        """`ledger check`."""
        found = self._service.call(self._stub.CheckLedger, pb.CheckLedgerRequest(), deadline_s=LONG_S)
        return [Checked(each.name, each.compared, each.first_difference) for each in found.checks]

    def export(self, mapping: str, month: str, entity: str, target: Path, *, detail: bool, overwrite: bool) -> Export:
        """`ledger export`: the file is written here, as the service sends it, and then noted there. Both have the same hash."""
        output_files.require_free(target, overwrite=overwrite)
        asked = pb.StreamLedgerExportRequest(month=month, legal_entity=entity, mapping=mapping, detail=detail)
        noted = pb.ExportLedgerRequest(month=month, legal_entity=entity, mapping=mapping, detail=detail, file_name=target.name)
        for again in range(_FILES_MAX):
            pieces = self._service.whole_stream(self._stub.StreamLedgerExport, asked, deadline_s=LONG_S)
            content = b"".join(each.content for each in pieces)
            output_files.write(target, content, overwrite=overwrite or again > 0)
            answer = self._service.call(self._stub.ExportLedger, noted, deadline_s=LONG_S)
            if answer.sha256 == hashlib.sha256(content).hexdigest():
                return _export(answer, target)
        raise UserError(f"postings of {month} came while it was written to {target}", "export it again with --overwrite")

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


def _export(answer: pb.ExportLedgerResponse, target: Path) -> Export:
    return Export(
        month=answer.month,
        entity=answer.legal_entity,
        rows=answer.rows,
        debit_micros=by_currency(answer.debits),
        sha256=answer.sha256,
        file=str(target),
        same_as_before=answer.same_as_before,
        exported_before=answer.exported_before,
        new_postings=answer.new_postings,
        new_micros=by_currency(answer.new_amounts),
    )


def _earned(rows: Iterable[ledger_month_pb2.PostedSum]) -> list[Earned]:
    return [Earned(each.legal_entity, each.code, each.amount.currency_code, micros(each.amount)) for each in rows]

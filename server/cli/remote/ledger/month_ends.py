"""Ends of months by a service: `ratewright ledger month-end --server`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.accounting.closing import Closing
from billing.accounting.month_end import Moved
from ratewright.v1 import bill_run_service_pb2 as pb
from ratewright.v1 import bill_run_service_pb2_grpc as stubs
from ratewright.v1 import billing_results_pb2 as results
from server.cli.remote.operations import waited
from server.client import micros

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.client import Connection


class MonthEnds:
    """Calls of BillRunService about the ends of months."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.BillRunServiceStub(service.channel)

    def close(self, month: str, entity: str, note: str, report: Callable[[int, int], None], *, dry_run: bool) -> Closing:
        """`ledger month-end`; without `dry_run` the month is closed."""
        wanted = pb.CloseMonthRequest(month=month, legal_entity=entity, note=note, validate_only=dry_run)
        asked = self._service.call(self._stub.CloseMonth, wanted)
        found = waited(self._service, asked, results.MonthEnd(), lambda _, done, total: report(done, total))
        entries = tuple(_moved(found.legal_entity, each) for each in found.entries)
        return Closing(found.month, found.legal_entity, entries, tuple(found.obstacles), found.closed)


def _moved(entity: str, found: results.MonthEndEntry) -> Moved:
    return Moved(found.kind, entity, found.code, found.held.currency_code, micros(found.held), micros(found.target))

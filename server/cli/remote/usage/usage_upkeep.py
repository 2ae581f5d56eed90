"""Upkeep of stored usage by a service: `ratewright usage seal|assemble --server`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

from billing.intake.assembly import segment_groups
from billing.intake.assembly.segment_groups import Past
from billing.intake.reports import SealReport
from ratewright.v1 import usage_service_pb2_grpc as stubs
from ratewright.v1 import usage_upkeep_pb2 as pb
from server.actions.usage_upkeep import Assembled
from server.cli.remote.calling import LONG_S

if TYPE_CHECKING:
    from server.client import Connection


class UsageUpkeep:
    """SealUsage and AssembleUsage."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.UsageServiceStub(service.channel)

    def seal(self) -> SealReport:
        """`usage seal`."""
        done = self._service.call(self._stub.SealUsage, pb.SealUsageRequest(), deadline_s=LONG_S)
        return SealReport(done.row_count, done.range_count, done.file_count, done.sealed_bytes)

    def assemble(self, due_us: int | None, limit: int) -> Assembled:
        """`usage assemble`."""
        asked = pb.AssembleUsageRequest(incomplete_limit=limit)
        if due_us is not None:
            asked.due_time.CopyFrom(_timestamp(due_us))
        done = self._service.call(self._stub.AssembleUsage, asked, deadline_s=LONG_S)
        counts = {
            segment_groups.ASSEMBLED: done.assembled_count,
            segment_groups.WAITING: done.waiting_count,
            segment_groups.SUSPENDED: done.suspended_count,
        }
        return Assembled(done.changed_count, counts, list(map(_past, done.incomplete)))


def _timestamp(at_us: int) -> Timestamp:
    made = Timestamp()
    made.FromMicroseconds(at_us)
    return made


def _past(row: pb.IncompleteCall) -> Past:
    return Past(
        source=row.source,
        call_ref=row.call_ref,
        state=row.state,
        missing=row.missing,
        segments=row.segment_count,
        first_us=row.first_time.ToMicroseconds(),
        last_us=row.last_time.ToMicroseconds(),
        deadline_us=row.deadline.ToMicroseconds(),
        rule=row.rule,
        timeout_us=row.timeout_us,
    )

"""SealUsage, AssembleUsage: what keeps stored usage in order. Each does what is due, so that a repeat finds nothing more to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.intake.assembly import segment_groups
from ratewright.v1 import usage_upkeep_pb2 as pb
from server.actions import usage_upkeep
from server.grpc import calls, convert
from server.grpc.entrance import about
from server.grpc.refusals import invalid

if TYPE_CHECKING:
    import grpc

    from billing.intake.assembly.segment_groups import Past
    from billing.intake.taking import Intake
    from server.grpc.calls import Door

SHOWN: Final = 50
SHOWN_MAX: Final = 10_000


class UpkeepCalls:
    """Those calls. `intake` is that of the streams: what it knows of records is there once."""

    def __init__(self, door: Door, intake: Intake) -> None:
        self._door, self._intake = door, intake

    def seal(self, context: grpc.ServicerContext) -> pb.SealUsageResponse:
        """The journal as sorted files."""

        def do() -> pb.SealUsageResponse:
            done = self._intake.seal(self._door.clock_us())
            about(f"{done.rows} rows of the journal")
            return pb.SealUsageResponse(row_count=done.rows, range_count=done.ranges, file_count=done.files, sealed_bytes=done.sealed_bytes)

        return calls.read(context, do)

    def assemble(self, request: pb.AssembleUsageRequest, context: grpc.ServicerContext) -> pb.AssembleUsageResponse:
        """Groups whose time is up, in suspense; and those that are incomplete."""

        def do() -> pb.AssembleUsageResponse:
            limit = request.incomplete_limit if request.HasField("incomplete_limit") else SHOWN
            if not 0 <= limit <= SHOWN_MAX:
                raise invalid("MALFORMED_REQUEST", f"incomplete_limit is not from 0 to {SHOWN_MAX}", {"field": "incomplete_limit"})
            due_us = convert.parse_timestamp(request.due_time, "due_time") if request.HasField("due_time") else None
            done = usage_upkeep.assemble(self._door.home, self._intake, self._door.clock_us(), due_us, limit)
            about(f"{done.changed} groups of segments")
            return pb.AssembleUsageResponse(
                changed_count=done.changed,
                assembled_count=done.counts[segment_groups.ASSEMBLED],
                waiting_count=done.counts[segment_groups.WAITING],
                suspended_count=done.counts[segment_groups.SUSPENDED],
                incomplete=map(_incomplete, done.incomplete),
            )

        return calls.read(context, do)


def _incomplete(row: Past) -> pb.IncompleteCall:
    return pb.IncompleteCall(
        source=row.source,
        call_ref=row.call_ref,
        state=row.state,
        missing=row.missing,
        segment_count=row.segments,
        first_time=convert.timestamp(row.first_us),
        last_time=convert.timestamp(row.last_us),
        deadline=convert.timestamp(row.deadline_us),
        rule=row.rule,
        timeout_us=row.timeout_us,
    )

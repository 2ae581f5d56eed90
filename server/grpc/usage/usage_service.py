"""UsageService: opens and ends the usage streams of all switches, and takes files. Module `usage_stream` is about one stream.

A stream takes a slot (see `admission`) once its header has come and is found good, since from then on it occupies a thread for long.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from ratewright.v1 import usage_service_pb2_grpc
from server.grpc import entrance
from server.grpc.admission import Gate, peer_of
from server.grpc.refusals import answering, shutting_down
from server.grpc.usage.usage_stream import Sink, UsageStream, read_header
from server.observing.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Iterator

    import grpc

    from ratewright.v1 import (
        late_usage_pb2,
        suspense_pb2,
        suspense_proposal_pb2,
        usage_file_pb2,
        usage_find_pb2,
        usage_report_pb2,
        usage_upkeep_pb2,
    )
    from ratewright.v1 import usage_service_pb2 as pb
    from server.grpc.usage.file_calls import FileCalls
    from server.grpc.usage.find_calls import FindCalls
    from server.grpc.usage.late_calls import LateCalls
    from server.grpc.usage.report_calls import ReportCalls
    from server.grpc.usage.stream_calls import StreamCalls
    from server.grpc.usage.suspense_calls import SuspenseCalls
    from server.grpc.usage.upkeep_calls import UpkeepCalls


class UsageService(usage_service_pb2_grpc.UsageServiceServicer):
    """Servicer of ratewright.v1.UsageService over one sink."""

    def __init__(  # noqa: PLR0913, PLR0917 -- what its calls are done by
        self,
        sink: Sink,
        gate: Gate,
        streams: StreamCalls,
        files: FileCalls,
        suspense: SuspenseCalls,
        late: LateCalls,
        find: FindCalls,
        report: ReportCalls,
        upkeep: UpkeepCalls,
        meter: Meter | None = None,
    ) -> None:
        self._sink = sink
        self._gate = gate
        self._streams = streams
        self._files = files
        self._suspense = suspense
        self._late = late
        self._find, self._report, self._upkeep = find, report, upkeep
        self._meter = meter or Meter()
        self._open: set[UsageStream] = set()
        self._ending = False
        self._changed = threading.Condition()

    def CreateUsageStream(self, request: pb.CreateUsageStreamRequest, context: grpc.ServicerContext) -> pb.UsageStream:
        """Make a stream that counts its batches."""
        return self._streams.create(request, context)

    def GetUsageStream(self, request: pb.GetUsageStreamRequest, context: grpc.ServicerContext) -> pb.UsageStream:
        """A stream, with the offset at which it goes on."""
        return self._streams.get(request, context)

    def FinalizeUsageStream(self, request: pb.FinalizeUsageStreamRequest, context: grpc.ServicerContext) -> pb.UsageStream:
        """End a stream."""
        return self._streams.finalize(request, context)

    def StreamUsage(
        self, request_iterator: Iterator[pb.StreamUsageRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.StreamUsageResponse]:
        """Store batches and ack those that are durable."""
        with answering(context):
            peer = peer_of(context)
            line = self._sink.open(read_header(self._gate.room.first_message(request_iterator, peer)))
            stream = UsageStream(line, request_iterator, self._sink, entrance.pace(), self._meter)
            with self._gate.streams.taken(peer):
                self._enter(stream)
                try:
                    yield from stream.answers()
                finally:
                    self._leave(stream)

    def IngestFile(
        self, request_iterator: Iterator[usage_file_pb2.IngestFileRequest], context: grpc.ServicerContext
    ) -> usage_file_pb2.IngestFileResponse:
        """Take a file that is sent in pieces. It is gone from the spool when the call ends."""
        with contextlib.ExitStack() as held:
            with answering(context):
                peer = peer_of(context)
                first = self._gate.room.first_message(request_iterator, peer)
                held.enter_context(self._gate.streams.taken(peer))
                header, path = held.enter_context(self._files.received(first, request_iterator))
            return self._files.ingest(header, path, context)

    def ListFileFindings(
        self, request: usage_file_pb2.ListFileFindingsRequest, context: grpc.ServicerContext
    ) -> usage_file_pb2.ListFileFindingsResponse:
        """A page of findings about collected files."""
        return self._files.list_findings(request, context)

    def WaiveFileFinding(
        self, request: usage_file_pb2.WaiveFileFindingRequest, context: grpc.ServicerContext
    ) -> usage_file_pb2.FileFinding:
        """Accept a finding."""
        return self._files.waive(request, context)

    def ListSuspenseRecords(
        self, request: suspense_pb2.ListSuspenseRecordsRequest, context: grpc.ServicerContext
    ) -> suspense_pb2.ListSuspenseRecordsResponse:
        """A page of what waits for a decision."""
        return self._suspense.list_records(request, context)

    def GetSuspenseRecord(
        self, request: suspense_pb2.GetSuspenseRecordRequest, context: grpc.ServicerContext
    ) -> suspense_pb2.SuspenseRecord:
        """One record with all that is known of it."""
        return self._suspense.get_record(request, context)

    def CorrectSuspense(
        self, request: suspense_pb2.CorrectSuspenseRequest, context: grpc.ServicerContext
    ) -> suspense_pb2.CorrectSuspenseResponse:
        """Preview or save a rule that corrects records."""
        return self._suspense.correct(request, context)

    def RecycleSuspense(
        self, request: suspense_pb2.RecycleSuspenseRequest, context: grpc.ServicerContext
    ) -> suspense_pb2.RecycleSuspenseResponse:
        """Bring records back."""
        return self._suspense.recycle(request, context)

    def ResolveSuspense(
        self, request: suspense_pb2.ResolveSuspenseRequest, context: grpc.ServicerContext
    ) -> suspense_pb2.ResolveSuspenseResponse:
        """Choose among versions."""
        return self._suspense.resolve(request, context)

    def TakeBackResolution(
        self, request: suspense_pb2.TakeBackResolutionRequest, context: grpc.ServicerContext
    ) -> suspense_pb2.TakeBackResolutionResponse:
        """Take a choice among versions back."""
        return self._suspense.take_back(request, context)

    def WriteOffSuspense(
        self, request: suspense_proposal_pb2.WriteOffSuspenseRequest, context: grpc.ServicerContext
    ) -> suspense_proposal_pb2.SuspenseProposal:
        """Propose to give records up."""
        return self._suspense.write_off(request, context)

    def ListSuspenseProposals(
        self, request: suspense_proposal_pb2.ListSuspenseProposalsRequest, context: grpc.ServicerContext
    ) -> suspense_proposal_pb2.ListSuspenseProposalsResponse:
        """A page of proposals."""
        return self._suspense.list_proposals(request, context)

    def ApproveSuspenseProposal(
        self, request: suspense_proposal_pb2.ApproveSuspenseProposalRequest, context: grpc.ServicerContext
    ) -> suspense_proposal_pb2.SuspenseProposal:
        """Agree to a proposal of another operator."""
        return self._suspense.approve(request, context)

    def RejectSuspenseProposal(
        self, request: suspense_proposal_pb2.RejectSuspenseProposalRequest, context: grpc.ServicerContext
    ) -> suspense_proposal_pb2.SuspenseProposal:
        """Give a proposal up."""
        return self._suspense.reject(request, context)

    def ListSuspenseDecisions(
        self, request: suspense_proposal_pb2.ListSuspenseDecisionsRequest, context: grpc.ServicerContext
    ) -> suspense_proposal_pb2.ListSuspenseDecisionsResponse:
        """A page of decisions."""
        return self._suspense.list_decisions(request, context)

    def GetSuspenseLimit(
        self, _request: suspense_proposal_pb2.GetSuspenseLimitRequest, context: grpc.ServicerContext
    ) -> suspense_proposal_pb2.SuspenseLimit:
        """The value above which a decision needs a second person."""
        return self._suspense.get_limit(context)

    def SetSuspenseLimit(
        self, request: suspense_proposal_pb2.SetSuspenseLimitRequest, context: grpc.ServicerContext
    ) -> suspense_proposal_pb2.SuspenseLimit:
        """Set that value."""
        return self._suspense.set_limit(request, context)

    def ListLateUsage(
        self, request: late_usage_pb2.ListLateUsageRequest, context: grpc.ServicerContext
    ) -> late_usage_pb2.ListLateUsageResponse:
        """A page of what no run bills any more."""
        return self._late.list_late(request, context)

    def BillLateUsage(self, request: late_usage_pb2.BillLateUsageRequest, context: grpc.ServicerContext) -> late_usage_pb2.LateUsageDecided:
        """Bill late usage by adjustments."""
        return self._late.bill(request, context)

    def WriteOffLateUsage(
        self, request: late_usage_pb2.WriteOffLateUsageRequest, context: grpc.ServicerContext
    ) -> late_usage_pb2.LateUsageDecided:
        """Give late usage up."""
        return self._late.write_off(request, context)

    def TakeBackLateUsage(
        self, request: late_usage_pb2.TakeBackLateUsageRequest, context: grpc.ServicerContext
    ) -> late_usage_pb2.TakeBackLateUsageResponse:
        """Take a decision on late usage back."""
        return self._late.take_back(request, context)

    def FindUsage(self, request: usage_find_pb2.FindUsageRequest, context: grpc.ServicerContext) -> usage_find_pb2.FindUsageResponse:
        """Records of a number."""
        return self._find.find(request, context)

    def ReportUsage(self, request: usage_report_pb2.ReportUsageRequest, context: grpc.ServicerContext) -> usage_report_pb2.UsageReport:
        """The books of intake and rating."""
        return self._report.report(request, context)

    def SealUsage(self, _request: usage_upkeep_pb2.SealUsageRequest, context: grpc.ServicerContext) -> usage_upkeep_pb2.SealUsageResponse:
        """The journal as sorted files."""
        return self._upkeep.seal(context)

    def AssembleUsage(
        self, request: usage_upkeep_pb2.AssembleUsageRequest, context: grpc.ServicerContext
    ) -> usage_upkeep_pb2.AssembleUsageResponse:
        """The end of waiting for segments."""
        return self._upkeep.assemble(request, context)

    def end_streams(self, wait_s: float) -> None:
        """Have every stream ack what it has read and end with SHUTTING_DOWN, and wait for that. New ones are refused."""
        self._sink.end_by(wait_s)
        with self._changed:
            self._ending = True
            for stream in self._open:
                stream.end(shutting_down())
            self._changed.wait_for(lambda: not self._open, wait_s)

    def close(self, wait_s: float) -> bool:
        """True where everything submitted is answered; returns after `wait_s` at the latest."""
        return self._sink.close(wait_s)

    def _enter(self, stream: UsageStream) -> None:
        with self._changed:
            if self._ending:
                raise shutting_down()
            self._open.add(stream)
            self._meter.stream_opened()

    def _leave(self, stream: UsageStream) -> None:
        with self._changed:
            if stream in self._open:
                self._open.discard(stream)
                self._meter.stream_ended()
            self._changed.notify_all()

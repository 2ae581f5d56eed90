"""UsageService: opens and ends the usage streams of all switches. Module `usage_stream` is about one stream.

A stream takes a slot (see `admission`) once its header has come and is found good, since from then on it occupies a thread for long.
"""

from __future__ import annotations

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

    from ratewright.v1 import usage_service_pb2 as pb
    from server.grpc.usage.stream_calls import StreamCalls


class UsageService(usage_service_pb2_grpc.UsageServiceServicer):
    """Servicer of ratewright.v1.UsageService over one sink."""

    def __init__(self, sink: Sink, gate: Gate, streams: StreamCalls, meter: Meter | None = None) -> None:
        self._sink = sink
        self._gate = gate
        self._streams = streams
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

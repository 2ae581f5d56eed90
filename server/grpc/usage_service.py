"""UsageService: opens and ends the usage streams of all switches. What one stream does is in usage_stream.

Holds at most `streams_max` streams, since each occupies a thread: one more is refused with RESOURCE_EXHAUSTED, STREAMS_EXHAUSTED.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import grpc

from ratewright.v1 import usage_service_pb2_grpc
from server.grpc.refusals import Refusal, answering
from server.grpc.usage_stream import Sink, UsageStream, shutting_down

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ratewright.v1 import usage_service_pb2 as pb


class UsageService(usage_service_pb2_grpc.UsageServiceServicer):
    """Servicer of ratewright.v1.UsageService over one sink."""

    def __init__(self, sink: Sink, *, streams_max: int) -> None:
        self._sink = sink
        self._streams_max = streams_max
        self._open: set[UsageStream] = set()
        self._ending = False
        self._changed = threading.Condition()

    def StreamUsage(
        self, request_iterator: Iterator[pb.StreamUsageRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.StreamUsageResponse]:
        """Store batches and ack those that are durable."""
        with answering(context):
            stream = UsageStream(request_iterator, self._sink)
            self._enter(stream)
            try:
                yield from stream.answers()
            finally:
                self._leave(stream)

    def end_streams(self, wait_s: float) -> None:
        """Have every stream ack what it has read and end with SHUTTING_DOWN, and wait for that. New ones are refused."""
        with self._changed:
            self._ending = True
            for stream in self._open:
                stream.end(shutting_down())
            self._changed.wait_for(lambda: not self._open, wait_s)

    def close(self) -> None:
        """Return when everything submitted is durable; no stream may be open any more."""
        self._sink.close()

    def _enter(self, stream: UsageStream) -> None:
        with self._changed:
            if self._ending:
                raise shutting_down()
            if len(self._open) >= self._streams_max:
                raise Refusal(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    "STREAMS_EXHAUSTED",
                    f"{self._streams_max} usage streams are open, which is all that this server takes; try again later",
                )
            self._open.add(stream)

    def _leave(self, stream: UsageStream) -> None:
        with self._changed:
            self._open.discard(stream)
            self._changed.notify_all()

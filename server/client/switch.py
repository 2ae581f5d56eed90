"""Usage from a switch: batches by offset, each stored once however often the connection breaks; and files, whole or not at all.

A batch is kept by the caller until it is acked. After a broken connection the service says at which offset to go on.
What it has stored is not sent again. A service that is killed and started again loses nothing that was acked.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import grpc

from ratewright.v1 import usage_file_pb2 as file_pb
from ratewright.v1 import usage_service_pb2 as pb
from ratewright.v1 import usage_service_pb2_grpc
from server.client import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from server.client.connection import Connection

SCHEMA_VERSION: Final = 1
CONNECTION_DEADLINE_S: Final = 3_600.0
PIECE_BYTES: Final = 1 << 20  # of a file
COUNTS: Final = ("accepted", "duplicate", "conflicting", "rejected", "absorbed")


class Progress:
    """The progress of a sending. Rows are those of batches that this sending had acked."""

    def __init__(self, total: int, next_offset: int) -> None:
        self.total = total  # batches
        self.next_offset = next_offset  # all batches before it are durable
        self.sent = 0  # batches handed to the connection that is open
        self.acked = 0  # batches
        self.repeated = 0  # batches that were stored before they were sent again
        self.connections = 0
        self.rows = dict.fromkeys(COUNTS, 0)
        self.last_ack = pb.BatchAck()  # its `row_errors` name rows that wait in suspense

    def note(self, ack: pb.BatchAck) -> None:
        """One more batch is durable."""
        self.next_offset = ack.sequence
        self.acked += 1
        self.repeated += ack.repeated
        self.last_ack = ack
        for name in COUNTS:
            self.rows[name] += getattr(ack, name)


class Switch:
    """Sends usage of one source; its operator has the role `switch`."""

    def __init__(self, connection: Connection, source: str = "stream") -> None:
        self._connection, self._source = connection, source
        self._stub = usage_service_pb2_grpc.UsageServiceStub(connection.channel)

    def stream(self, stream_id: str) -> pb.UsageStream:
        """The usage stream of that id, made where it is not there."""
        try:
            return self._connection.call(self._stub.GetUsageStream, pb.GetUsageStreamRequest(name=_name(stream_id)))
        except errors.CallError as error:
            if error.code is not grpc.StatusCode.NOT_FOUND:
                raise
        made = pb.UsageStream(source=self._source)
        return self._connection.call(
            self._stub.CreateUsageStream, pb.CreateUsageStreamRequest(usage_stream=made, usage_stream_id=stream_id)
        )

    def finalize(self, stream_id: str) -> pb.UsageStream:
        """End a stream: it takes no further batch."""
        return self._connection.call(self._stub.FinalizeUsageStream, pb.FinalizeUsageStreamRequest(name=_name(stream_id)))

    def send(
        self,
        batches: Sequence[bytes | pb.UsageColumns],
        stream_id: str = "",
        *,
        first_offset: int = 0,
        progress: Callable[[Progress], None] | None = None,
        deadline_s: float = CONNECTION_DEADLINE_S,
    ) -> Progress:
        """Send batches until all are durable, over as many connections as it takes; batches that a stream has are left out.

        Of those that it had before this call the last one is sent all the same. The service compares it with what it has stored: other
        records under the same offsets are an error (OFFSET_REUSED), and are not taken for sent.

        A batch is an Arrow IPC stream or columns; the first one has the offset `first_offset`. `progress` is called after each ack.
        What it raises breaks the connection. Attempts are counted from the last ack on. Without a stream records are known by
        their keys alone. `deadline_s` is of one connection.
        """
        done, end = Progress(len(batches), first_offset), first_offset + len(batches)
        attempt = 1
        while True:
            acked = done.acked
            try:
                if stream_id:
                    done.next_offset = max(self.stream(stream_id).next_offset, first_offset)
                    if not done.acked and batches and done.next_offset > first_offset:
                        done.next_offset = min(done.next_offset, end) - 1
                if done.next_offset < end:
                    self._send(batches, stream_id, first_offset, done, progress, deadline_s)
            except grpc.RpcError as error:
                attempt = attempt if done.acked == acked else 1
                self._connection.pause_or_raise(errors.of_call(error), attempt)
                attempt += 1
            else:
                if done.next_offset < end:
                    raise errors.CallError(
                        grpc.StatusCode.INTERNAL, f"the stream ended after offset {done.next_offset}, before its last ack"
                    )
                return done

    def ingest(
        self,
        file: Path | str,
        *,
        request_id: str = "",
        deadline_s: float = CONNECTION_DEADLINE_S,
        progress: Callable[[int, int], None] | None = None,
    ) -> file_pb.IngestFileResponse:
        """Send a usage file, which is taken whole or not at all. Each attempt sends all of it under one request id.

        `progress` is called after each piece, with the bytes that were sent and those of the file.
        """
        path = Path(file)
        digest = hashlib.sha256()
        with path.open("rb") as content:
            while piece := content.read(PIECE_BYTES):
                digest.update(piece)
        header = file_pb.IngestFileHeader(
            source=self._source,
            file_name=path.name,
            request_id=request_id or self._connection.new_id(),
            size_bytes=path.stat().st_size,
            sha256=digest.digest(),
        )

        def requests() -> Iterator[file_pb.IngestFileRequest]:
            yield file_pb.IngestFileRequest(header=header)
            with path.open("rb") as content:
                while piece := content.read(PIECE_BYTES):
                    yield file_pb.IngestFileRequest(content=piece)
                    if progress is not None:
                        progress(content.tell(), header.size_bytes)

        attempt, within_s = 1, deadline_s
        while True:
            try:
                answer = self._stub.IngestFile(requests(), timeout=within_s, metadata=self._connection.metadata())
            except grpc.RpcError as error:
                found = errors.of_call(error)
                if found.deadline_max_s is not None and found.deadline_max_s < within_s:
                    within_s = found.deadline_max_s
                    continue
                self._connection.pause_or_raise(found, attempt)
                attempt += 1
            else:
                self._connection.note_received(answer)
                return answer

    def _send(  # noqa: PLR0913, PLR0917 -- one connection of `send`, with what it knows
        self,
        batches: Sequence[bytes | pb.UsageColumns],
        stream_id: str,
        first_offset: int,
        done: Progress,
        progress: Callable[[Progress], None] | None,
        deadline_s: float,
    ) -> None:
        """One connection: the header, then what is not durable. Acks are noted as they come."""
        done.connections += 1
        done.sent = 0
        start = done.next_offset

        def requests() -> Iterator[pb.StreamUsageRequest]:
            name = _name(stream_id) if stream_id else ""
            yield pb.StreamUsageRequest(header=pb.StreamHeader(source=self._source, schema_version=SCHEMA_VERSION, usage_stream=name))
            for offset in range(start, first_offset + len(batches)):
                batch = batches[offset - first_offset]
                arrow_ipc, columns = (batch, None) if isinstance(batch, bytes) else (b"", batch)
                place = offset if stream_id else None
                yield pb.StreamUsageRequest(batch=pb.UsageBatch(sequence=offset + 1, offset=place, arrow_ipc=arrow_ipc, columns=columns))
                done.sent += 1

        call = self._stub.StreamUsage(requests(), timeout=deadline_s, metadata=self._connection.metadata())
        try:
            for answer in call:
                if answer.HasField("ack"):
                    done.note(answer.ack)
                    if progress is not None:
                        progress(done)
        finally:
            call.cancel()  # type: ignore[no-untyped-call] # the stubs leave its result open


def _name(stream_id: str) -> str:
    return f"usageStreams/{stream_id}"

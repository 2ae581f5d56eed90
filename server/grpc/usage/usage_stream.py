"""One open usage stream: reads batches in one thread while another sends the acks, so that a client may have many batches under way.

    requests -> reader thread: check, decode, submit -> outbox of (sequence, future) -> answers(): wait until durable, ack

The outbox keeps the order. The end of the stream (a refusal, the client, the server going down) enters the outbox behind what was read
before. So every batch submitted is acked first if the client is still there.
"""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import grpc

from billing.intake.streams.offsets import Stored
from ratewright.v1 import usage_service_pb2 as pb
from server.grpc.operator_limits import Pace
from server.grpc.refusals import Refusal, as_refusal, invalid, shutting_down
from server.grpc.usage import arrow_batches
from server.grpc.usage.group_commit import ClosedError
from server.observing.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.intake.streams.offsets import Line

SCHEMA_VERSION: Final = 1
STREAM_ID_CHARACTERS_MAX: Final = 128
STATUSES: Final = ("accepted", "duplicate", "conflicting", "rejected", "absorbed")
UNDER_WAY_MAX: Final = 256  # batches of one stream that were read and not acked
_LOOK_AROUND_S: Final = 0.5  # how often a reader that is held back looks whether its stream still lives


class Sink(Protocol):
    """Takes the batches of open streams."""

    def open(self, header: pb.StreamHeader) -> Line:
        """The line of a call, which its operator may send; a Refusal when not."""

    def submit(self, line: Line, batch: pb.UsageBatch) -> Future[Stored]:
        """Decode and queue one batch; the future is done when it is durable. A Refusal when it cannot be read."""

    def end_by(self, within_s: float) -> None:
        """From now on begin nothing that may take longer; what is not begun is not stored, and not acked."""

    def close(self, wait_s: float) -> bool:
        """Make all that was submitted durable; take no more. Return whether that is done, after `wait_s` at the latest."""


class _Sent(NamedTuple):
    sequence: int
    offset: int | None
    receipt: Future[Stored]
    read_s: float  # on the monotonic clock


class _End(NamedTuple):
    """The stream ends: well when `refusal` is None."""

    refusal: Refusal | None


class UsageStream:
    """The server's half of one StreamUsage call."""

    def __init__(
        self, line: Line, requests: Iterator[pb.StreamUsageRequest], sink: Sink, pace: Pace | None = None, meter: Meter | None = None
    ) -> None:
        """`requests`: what follows the header, which `read_header` has read."""
        self._line = line
        self._requests = requests
        self._sink = sink
        self._pace, self._meter = pace or Pace(), meter or Meter()
        self._outbox: queue.SimpleQueue[_Sent | _End] = queue.SimpleQueue()
        self._under_way = threading.Semaphore(UNDER_WAY_MAX)
        self._over = threading.Event()

    def answers(self) -> Iterator[pb.StreamUsageResponse]:
        """`opened`, then the acks in order. Raises the Refusal that ends the stream."""
        reader = threading.Thread(target=self._read_batches, name="usage-reader", daemon=True)
        try:
            yield pb.StreamUsageResponse(
                opened=pb.StreamOpened(batch_bytes_max=arrow_batches.BATCH_BYTES_MAX, batch_rows_max=arrow_batches.BATCH_ROWS_MAX)
            )
            reader.start()
            while isinstance(item := self._outbox.get(), _Sent):
                ack = _ack(item)
                rows = {status: getattr(ack, status) for status in STATUSES}
                self._meter.acked(rows, time.monotonic() - item.read_s, repeated=ack.repeated)
                yield pb.StreamUsageResponse(ack=ack)
                self._under_way.release()
            if item.refusal is not None:
                raise item.refusal
        finally:
            self._over.set()

    def end(self, refusal: Refusal | None) -> None:
        """Read no more; ack what was read, then end. May be called from any thread, more than once."""
        self._over.set()
        self._outbox.put(_End(refusal))

    def _read_batches(self) -> None:
        """Body of the reader thread: it always ends by putting an end into the outbox."""
        try:
            self._submit_all()
        except grpc.RpcError:
            self.end(None)  # the client went away
        except Exception as error:  # noqa: BLE001 -- the edge of a thread: the answer travels through the outbox
            self.end(as_refusal(error))
        else:
            self.end(None)

    def _submit_all(self) -> None:
        last: int | None = None
        for request in self._requests:
            if not self._wait_for_slot():
                return
            if request.WhichOneof("payload") != "batch":
                raise invalid("HEADER_REPEATED", "only the first message of a stream is a header; every other one is a batch")
            batch = request.batch
            _check_offset(batch, self._line)
            if self._line.stream_key is None:
                if last is not None and batch.sequence <= last:
                    raise _at(batch.sequence, invalid("SEQUENCE_NOT_GROWING", f"sequence {batch.sequence} follows {last}"))
                last = batch.sequence
            offset = batch.offset if batch.HasField("offset") else None
            read_s = time.monotonic()
            receipt = self._submit(batch)
            receipt.add_done_callback(self._note_rows)
            self._outbox.put(_Sent(batch.sequence, offset, receipt, read_s))

    def _note_rows(self, done: Future[Stored]) -> None:
        if done.exception() is None and not done.result().repeated:
            self._pace.took(sum(done.result().counts))

    def _wait_for_slot(self) -> bool:
        """Return whether the next batch may be taken: blocks while too many wait for their ack, or the operator has sent too many rows.

        False when the stream is over.
        """
        while not self._over.is_set():
            if wait_s := self._pace.wait_s():
                self._over.wait(min(wait_s, _LOOK_AROUND_S))
                continue
            if self._under_way.acquire(timeout=_LOOK_AROUND_S):
                return not self._over.is_set()
        return False

    def _submit(self, batch: pb.UsageBatch) -> Future[Stored]:
        try:
            return self._sink.submit(self._line, batch)
        except ClosedError:
            raise shutting_down() from None
        except Exception as error:
            raise _at(batch.sequence, as_refusal(error)) from error


def read_header(first: pb.StreamUsageRequest | None) -> pb.StreamHeader:
    """The header, which the first message of a stream is to be."""
    if first is None or first.WhichOneof("payload") != "header":
        raise invalid("HEADER_MISSING", "the first message of a stream must be its header")
    header = first.header
    if header.schema_version != SCHEMA_VERSION:
        raise invalid("SCHEMA_VERSION", f"schema_version {header.schema_version} is not known; this server knows {SCHEMA_VERSION}")
    if len(header.stream_id) > STREAM_ID_CHARACTERS_MAX:
        raise invalid("MALFORMED_REQUEST", f"stream_id is longer than {STREAM_ID_CHARACTERS_MAX} characters", {"field": "stream_id"})
    return header


def _check_offset(batch: pb.UsageBatch, line: Line) -> None:
    has_offset = batch.HasField("offset")
    if line.stream_key is None and has_offset:
        message = "a batch has an offset, and the header names no usage_stream that would count it"
        raise _at(batch.sequence, invalid("OFFSET_WITHOUT_STREAM", message))
    if line.stream_key is not None and not has_offset:
        raise _at(
            batch.sequence, invalid("OFFSET_MISSING", "a batch of a usage_stream has an offset: the number of batches in front of it")
        )
    if batch.offset < 0:
        raise _at(batch.sequence, invalid("OFFSET_NEGATIVE", f"offset {batch.offset} is less than 0"))


def _ack(sent: _Sent) -> pb.BatchAck:
    try:
        stored = sent.receipt.result()
    except ClosedError:
        raise shutting_down() from None
    except Exception as error:
        raise _at(sent.sequence, as_refusal(error)) from error
    errors = [pb.RowError(row=row, reason=reason) for row, reason in stored.errors]
    return pb.BatchAck(
        sequence=sent.sequence,
        offset=sent.offset,
        commit_seq=stored.commit_seq,
        **stored.counts._asdict(),
        repeated=stored.repeated,
        row_errors=errors,
    )


def _at(sequence: int, refusal: Refusal) -> Refusal:
    """The same refusal, naming the batch at fault."""
    refusal.metadata["sequence"] = str(sequence)
    return refusal

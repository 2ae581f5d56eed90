"""The end of usage streams: Arrow bytes become canonical usage, and are stored by the one writer.

A large batch becomes usage in its stream's own thread, while the writer stores those in front of it. Small ones wait as they came: the
writer reads all that wait at once, which costs little more than one of them.

Only sources that the server was started with are taken: a mistyped name would make one record two, and a client on the network must not
be able to name a file of the server. The columns of a source do not matter here, since a stream's are fixed; its name and its
numbering do.
"""

from __future__ import annotations

import itertools
import logging
import re
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import grpc
import pyarrow as pa

from billing import acting
from billing.acting import Via
from billing.intake.streams import offsets, registry
from billing.intake.streams.offsets import Fault, Line, LinedBatch, Stored, StreamPlace
from billing.intake.taking import Intake
from billing.operators import Role
from billing.runs.lock import is_at_work
from billing.store.home import BUSY_TIMEOUT_MS
from mediation import stream
from mediation.definitions import named
from mediation.sources import model
from rating.errors import LockedError, UserError, quoted
from server.grpc import convert
from server.grpc.entrance import about, caller
from server.grpc.refusals import Refusal, invalid, not_found
from server.grpc.usage import arrow_batches, column_batches
from server.grpc.usage.group_commit import GroupCommit
from server.grpc.usage.sealer import Sealer
from server.grpc.usage.stream_calls import refused
from server.observing.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from billing.store.home import Home
    from mediation.decoded import Decoded
    from ratewright.v1 import usage_service_pb2 as pb

CALL: Final = "ratewright.v1.UsageService/StreamUsage"
DEFAULT_SOURCES: Final = ("stream",)
REJECT_BYTES: Final = 4_096  # what a row that could not be read takes beside its text, from its decoding until it stands in suspense
LARGE_ROWS: Final = 8_192  # a batch of as many is read by itself
DECODED_MAX: Final = 2  # batches that are decoded and not yet among those that wait
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_DEFINITIONS: Final = (".yaml", ".yml")
_FAULTS: Final = {
    Fault.AHEAD: (grpc.StatusCode.OUT_OF_RANGE, "OFFSET_AHEAD"),
    Fault.REUSED: (grpc.StatusCode.ALREADY_EXISTS, "OFFSET_REUSED"),
    Fault.FINALIZED: (grpc.StatusCode.FAILED_PRECONDITION, "STREAM_FINALIZED"),
    Fault.BROKEN: (grpc.StatusCode.OUT_OF_RANGE, "OFFSET_AHEAD"),  # the refusal in front of it ends the call: this one reaches nobody
}
_log = logging.getLogger(__name__)


def stream_sources(names: Sequence[str]) -> list[model.Source]:
    """Sources to take streams of: a plain name (numbers arrive in E.164), or a YAML file that defines one."""
    return [_stream_source(name) for name in names]


class Unread(NamedTuple):
    """A small batch of a line that waits as it came."""

    line: Line
    rows: pa.RecordBatch
    offset: int


class StoringSink:
    """Stores batches of usage streams in a home, many with one sync."""

    def __init__(self, home: Home, taken: Sequence[model.Source], clock_us: Callable[[], int], meter: Meter | None = None) -> None:
        """Batches of `taken` are stored."""
        self._meter = meter or Meter()
        self._home = home
        self._actor = acting.of_process(CALL)._replace(via=Via.SERVICE)  # one commit has batches of many operators
        self._sources = {source.name: source for source in taken}
        self._clock_us = clock_us
        self._writer: GroupCommit[LinedBatch | Unread, Stored] = GroupCommit(self._store)
        self.intake = Intake(home, gives_up=self._writer.is_late)
        self._sealer = Sealer(home, self.intake, self._actor, clock_us, self._meter)
        self._decoded = threading.BoundedSemaphore(DECODED_MAX)

    def open(self, header: pb.StreamHeader) -> Line:
        """The line of a call. Refused as by `allow`, and where its stream is not the caller's."""
        self.allow(header.source)
        if not header.usage_stream:
            return Line(header.source)
        with refused():
            found = registry.find(self._home, acting.current(), convert.parse_usage_stream_name(header.usage_stream))
        if found.source != header.source:
            message = f"{quoted(header.usage_stream)} is a stream of source {found.source}, not of {quoted(header.source)}"
            raise invalid("SOURCE_MISMATCH", message, {"source": found.source})
        about(f"usage stream {found.stream_key}")
        return Line(found.source, found.stream_key, found.stream_id)

    def submit(self, line: Line, batch: pb.UsageBatch) -> Future[Stored]:
        """Queue one batch, decoded if it is a large one. A line that is held back holds its batch undecoded."""
        source, (rows, held_bytes) = self._find(line.source), _rows(batch)
        if rows.num_rows < LARGE_ROWS:
            answer = self._writer.submit(Unread(line, rows, batch.offset), max(rows.nbytes, held_bytes), rows.num_rows)
        else:
            with self._decoded:
                decoded = stream.to_usage(rows, source, hash_key=self._home.hash_key)
                answer = self._writer.submit(_lined(line, decoded, batch.offset), max(size_bytes(decoded), held_bytes))
        self._meter.waiting(*self._writer.waiting)
        if line.stream_key is not None:
            answer.add_done_callback(lambda done: line.break_off() if done.exception() is not None else None)
        return answer

    def end_by(self, within_s: float) -> None:
        """Store what waits, but begin nothing that the store may keep waiting for longer than `within_s` from now."""
        self._writer.end_by(max(within_s - BUSY_TIMEOUT_MS / 1_000, 0.0))

    def close(self, wait_s: float) -> bool:
        """True where everything that waits is answered; returns after `wait_s` from a disk that does not answer."""
        until_s = time.monotonic() + wait_s
        self._sealer.end()
        has_answered = self._writer.close(wait_s)
        self._sealer.end(max(until_s - time.monotonic(), 0.0))
        if not has_answered:
            _log.error("the store did not answer within %s s; what was not acked is to be sent again", wait_s)
        return has_answered

    def allow(self, name: str) -> None:
        """Refuse a source that is none for streams (SOURCE_UNKNOWN), or not one of the caller's (SOURCE_NOT_ALLOWED)."""
        self._find(name)
        known = caller()
        if known is not None and not known.identity.may_send(name, self._clock_us(), {Role.SWITCH, Role.ADMIN}):
            message = f"{known.name} may not send usage of source {quoted(name)}"
            raise Refusal(grpc.StatusCode.PERMISSION_DENIED, "SOURCE_NOT_ALLOWED", message, {"source": name})

    def _find(self, name: str) -> model.Source:
        source = self._sources.get(name)
        if source is None:
            raise not_found("SOURCE_UNKNOWN", f"source {quoted(name)} is not one that this server takes streams of", {"source": name})
        return source

    def _store(self, group: Sequence[LinedBatch | Unread]) -> list[Stored | Exception]:
        began_s = time.monotonic()
        try:
            return self._stored(*self._read(group))
        finally:
            self._sealer.stored()
            self._meter.stored(len(group), time.monotonic() - began_s)
            self._meter.waiting(*self._writer.waiting)

    def _read(self, group: Sequence[LinedBatch | Unread]) -> tuple[list[LinedBatch], pa.Table | None]:
        """The batches of a group, decoded, and their rows in one table where they were read together."""
        read: list[LinedBatch] = []
        whole: pa.Table | None = None
        for (is_unread, source), run in itertools.groupby(group, lambda batch: (isinstance(batch, Unread), batch.line.source)):
            batches = list(run)
            if is_unread:
                unread = [batch for batch in batches if isinstance(batch, Unread)]
                found = stream.to_usage_together([batch.rows for batch in unread], self._find(source), hash_key=self._home.hash_key)
                whole = found.usage if len(unread) == len(group) else None
                read += [_lined(batch.line, decoded, batch.offset) for batch, decoded in zip(unread, found.decoded, strict=True)]
            else:
                read += [batch for batch in batches if isinstance(batch, LinedBatch)]
        return read, whole

    def _stored(self, group: Sequence[LinedBatch], whole: pa.Table | None) -> list[Stored | Exception]:
        while True:
            began_at_work = is_at_work(self._home)  # one that ends while the store is tried has kept it as well
            try:
                with acting.acting_as(self._actor):
                    return [_answer(outcome) for outcome in self.intake.take_lined(group, self._clock_us(), whole)]
            except LockedError:
                if self._writer.is_late() or not (began_at_work or is_at_work(self._home)):
                    raise
                _log.info("a bill run keeps the store busy; %s batches wait", len(group))


def size_bytes(decoded: Decoded) -> int:
    """The memory that a batch occupies until it is stored."""
    return decoded.usage.nbytes + sum(len(reject.raw) + REJECT_BYTES for reject in decoded.rejects)


def _lined(line: Line, decoded: Decoded, offset: int) -> LinedBatch:
    place = None if line.stream_key is None else StreamPlace(line.stream_key, offset, offsets.digest_of(decoded))
    return LinedBatch(line, decoded, place)


def _stream_source(name: str) -> model.Source:
    if name.endswith(_DEFINITIONS):
        return named.find(name)
    if _NAME.fullmatch(name) is None:
        raise UserError(
            f"{quoted(name)} cannot be the name of a source",
            "use up to 40 small letters, digits, - and _, or name a YAML file that defines a source",
            exit_status=2,
        )
    return model.Source(name=name, format=model.Format.FREESWITCH, layouts=())


def _rows(batch: pb.UsageBatch) -> tuple[pa.RecordBatch, int]:
    """The rows of a batch, and the size of the message that they lie in, which may hold more than them; 0: of none."""
    arrow_ipc = batch.arrow_ipc  # each look at it copies it
    if not batch.HasField("columns"):
        return arrow_batches.read_batch(arrow_ipc, stream.STREAM_V1), len(arrow_ipc)
    if arrow_ipc:
        raise invalid("BATCH_CONTENT", "a batch has its records in arrow_ipc or in columns, not in both")
    return column_batches.read_columns(batch.columns), 0


def _answer(outcome: offsets.Outcome) -> Stored | Refusal:
    if isinstance(outcome, Stored):
        return outcome
    code, reason = _FAULTS[outcome.fault]
    metadata = {"offset": str(outcome.offset), "next_offset": str(outcome.next_offset), "remedy": outcome.remedy}
    return Refusal(code, reason, outcome.message, metadata)

"""Places of batches in their streams: checked and moved on in the transaction that stores the batches.

    offset = next      the batch is stored, and the stream goes on
    offset < next      it is stored already: answered as it was, where its answer is kept (the last 1,024) and its records are the same
    offset > next      refused: a batch in front of it is missing
    behind a refusal   nothing of the same line is stored any more (a line is one connection), also in its place

The caller holds the intake lock: streams move on only here, by one process and one batch after the other. A stream may be finalized
meanwhile, without that lock: then the transaction changes no row of it, is undone, and all places are looked at again.
"""

from __future__ import annotations

import contextlib
import enum
import hashlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import sqlalchemy as sa

from billing.intake import settle
from billing.intake.arrivals import Arrival
from billing.intake.columns import key_bytes
from billing.intake.known_records import known_rejects
from billing.intake.streams import row_errors
from billing.intake.streams.registry import Counts
from billing.intake.streams.row_errors import RowError
from billing.store.tables import usage_stream_batches, usage_streams
from mediation.decoded import Decoded
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from billing.intake.batch import Batch
    from billing.store.home import Home

KEPT_BATCHES: Final = 1_024  # of a stream, the last ones: their counts and what their records were
DIGEST_BYTES: Final = 16
_KEYS_A_QUERY: Final = 500


class Line:
    """One connection that sends batches of a source; of a stream if it has a key. Once a batch of it is refused, all behind it are."""

    def __init__(self, source: str, stream_key: int | None = None, stream_id: str = "") -> None:
        self.source = source
        self.stream_key = stream_key
        self.stream_id = stream_id
        self.is_broken = False

    def break_off(self) -> None:
        """Have nothing more of it stored."""
        self.is_broken = True


class StreamPlace(NamedTuple):
    """The place of a batch: the stream by its key, and how many batches are in front of it there."""

    stream_key: int
    offset: int
    digest: bytes  # of the records


class LinedBatch(NamedTuple):
    """A decoded batch of a line; with a place where the line is one of a stream."""

    line: Line
    decoded: Decoded
    place: StreamPlace | None = None


class Stored(NamedTuple):
    """A batch that is stored, now or `repeated` before. Of one before the last 1,024 nothing but that is known: commit and counts are 0."""

    commit_seq: int
    counts: Counts
    repeated: bool = False
    errors: tuple[RowError, ...] = ()


class Fault(enum.Enum):
    """Reasons for which a batch cannot have its place."""

    AHEAD = enum.auto()
    REUSED = enum.auto()
    FINALIZED = enum.auto()
    BROKEN = enum.auto()


class OffsetError(UserError):
    """A batch that cannot have its place in its stream. `next_offset`: the place that is free."""

    def __init__(self, fault: Fault, line: Line, place: StreamPlace, next_offset: int) -> None:
        stream = f"usage stream {line.stream_id}"
        texts = {
            Fault.AHEAD: f"offset {place.offset} is ahead: {stream} has {next_offset} batches",
            Fault.REUSED: f"{stream} has another batch at offset {place.offset}",
            Fault.FINALIZED: f"{stream} is finalized with {next_offset} batches; offset {place.offset} is none of them",
            Fault.BROKEN: f"a batch in front of offset {place.offset} was refused on this connection",
        }
        remedy = "ask GetUsageStream for next_offset, and go on with the batch that belongs there"
        if fault is Fault.FINALIZED:
            remedy = "make another stream, and send it there"
        elif fault is Fault.REUSED:
            remedy = "send other records in another stream, or behind those that are stored: GetUsageStream says next_offset"
        super().__init__(texts[fault], remedy)
        self.fault = fault
        self.stream_id, self.offset, self.next_offset = line.stream_id, place.offset, next_offset


Outcome = Stored | OffsetError


def digest_of(decoded: Decoded) -> bytes:
    """A digest of the records of a batch in their order, in any encoding of the batch: their keys and contents, and rows not read."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    digest.update(decoded.rows.to_bytes(8, "little"))
    for name in ("event_key", "content_hash"):
        digest.update(key_bytes(decoded.usage.column(name)).tobytes())
    for reject in decoded.rejects:
        digest.update(f"{reject.offset}\0{reject.reason}\0{reject.length}\0".encode() + reject.raw)
    return digest.digest()


def take(home: Home, batches: Sequence[LinedBatch], store: Callable[[list[Arrival], Any], object]) -> list[Outcome]:
    """The outcome of each batch. `store` takes arrivals in one transaction, within which it calls what it is given beside them."""
    for _ in range(len(batches) + 1):
        plan = _planned(home, batches)
        with contextlib.suppress(_MovedError):  # a stream was finalized in between: each is once at most
            return _taken(batches, plan, store)
    raise AssertionError("streams moved more often than they can be finalized")


class _MovedError(Exception):
    """A stream is not any more what it was when the places were looked at."""


class _Plan(NamedTuple):
    """The fate of each batch: to be taken (`taken`, by index), the same as one that is taken, or an outcome."""

    taken: list[int]
    same_as: dict[int, int]
    outcomes: dict[int, Outcome]
    before: dict[int, int]  # next offset of each stream that goes on


class _Head(NamedTuple):
    next_offset: int
    is_finalized: bool


def _taken(batches: Sequence[LinedBatch], plan: _Plan, store: Callable[[list[Arrival], Any], object]) -> list[Outcome]:
    outcomes = dict(plan.outcomes)

    def also(connection: sa.Connection, batch: Batch, commit_seq: int) -> None:
        places = [batches[index].place for index in plan.taken]
        errors = row_errors.of_arrivals(batch) if any(places) else [()] * len(places)
        for index, counts, found in zip(plan.taken, _counts(batch), errors, strict=True):
            has_place = batches[index].place is not None
            outcomes[index] = Stored(commit_seq, counts, errors=found if has_place else ())
        _move_on(connection, plan, {index: (place, outcomes[index]) for index, place in zip(plan.taken, places, strict=True) if place})

    if plan.taken:
        store([Arrival(batches[index].line.source, batches[index].decoded) for index in plan.taken], also)
    for index, first in plan.same_as.items():
        stored = outcomes[first]
        assert isinstance(stored, Stored), "a batch that is taken is stored"
        outcomes[index] = stored._replace(repeated=True)
    for index, outcome in outcomes.items():
        if isinstance(outcome, OffsetError):
            batches[index].line.break_off()
    return [outcomes[index] for index in range(len(batches))]


def _planned(home: Home, batches: Sequence[LinedBatch]) -> _Plan:
    places = [batch.place for batch in batches if batch.place is not None]
    heads, known = dict[int, _Head](), dict[tuple[int, int], tuple[bytes, Stored]]()
    if places:
        with home.connect() as connection:
            heads = _heads(connection, {place.stream_key for place in places})
            known = _known(connection, [place for place in places if place.offset < heads[place.stream_key].next_offset])
    plan = _Plan([], {}, {}, {})
    in_group: dict[tuple[int, int], int] = {}
    broken: set[int] = set()
    for index, (line, decoded, place) in enumerate(batches):
        if place is None:
            plan.taken.append(index)
            continue
        head, key = heads[place.stream_key], (place.stream_key, place.offset)
        is_kept = place.offset >= head.next_offset - KEPT_BATCHES  # as if each batch of the group were stored alone
        first, answer = (in_group.get(key), known.get(key)) if is_kept else (None, None)
        fault = _fault(place, head, batches[first].place if first is not None else None, answer)
        if line.is_broken or id(line) in broken:
            fault = Fault.BROKEN
        if fault is not None:
            broken.add(id(line))
            plan.outcomes[index] = OffsetError(fault, line, place, head.next_offset)
        elif first is not None:
            plan.same_as[index] = first
        elif place.offset < head.next_offset:
            plan.outcomes[index] = Stored(0, Counts(), repeated=True) if answer is None else _with_errors(home, answer[1], line, decoded)
        else:
            plan.taken.append(index)
            plan.before.setdefault(place.stream_key, head.next_offset)
            in_group[key] = index
            heads[place.stream_key] = head._replace(next_offset=place.offset + 1)
    return plan


def _with_errors(home: Home, stored: Stored, line: Line, decoded: Decoded) -> Stored:
    """The answer to a batch that is stored, with its rows that could not be read and were counted as rejected then.

    Two batches of one commit may have the same row at the same index: where one of them would show more rows than it counts, it shows none.
    """
    if not decoded.rejects or not stored.counts.rejected:
        return stored
    mine = known_rejects.first_come(home, line.source, decoded.rejects, stored.commit_seq)
    return stored._replace(errors=row_errors.of_rejects(mine)) if len(mine) <= stored.counts.rejected else stored


def _fault(place: StreamPlace, head: _Head, first: StreamPlace | None, known: tuple[bytes, Stored] | None) -> Fault | None:
    """The fault of a place. `first`: of a batch of the same group that has it."""
    if place.offset < head.next_offset:
        digest = first.digest if first is not None else known[0] if known is not None else place.digest
        return None if digest == place.digest else Fault.REUSED
    if head.is_finalized:
        return Fault.FINALIZED
    return None if place.offset == head.next_offset else Fault.AHEAD


def _heads(connection: sa.Connection, keys: set[int]) -> dict[int, _Head]:
    row = usage_streams.c
    query = sa.select(row.stream_key, row.next_offset, row.finalized_us).where(row.stream_key.in_(sorted(keys)))
    return {key: _Head(next_offset, finalized_us is not None) for key, next_offset, finalized_us in connection.execute(query)}


def _known(connection: sa.Connection, places: Sequence[StreamPlace]) -> dict[tuple[int, int], tuple[bytes, Stored]]:
    """Digests and answers that are kept of batches that are stored already."""
    row, found = usage_stream_batches.c, {}
    asked = sorted({(place.stream_key, place.offset) for place in places})
    for begin in range(0, len(asked), _KEYS_A_QUERY):
        keys = asked[begin : begin + _KEYS_A_QUERY]
        query = sa.select(usage_stream_batches).where(sa.tuple_(row.stream_key, row.batch_offset).in_(keys))
        for each in connection.execute(query):
            counts = Counts(*(getattr(each, name) for name in Counts._fields))
            found[each.stream_key, each.batch_offset] = (bytes(each.digest), Stored(each.commit_seq, counts, repeated=True))
    return found


def _move_on(connection: sa.Connection, plan: _Plan, stored: dict[int, tuple[StreamPlace, Any]]) -> None:
    """Store the new places of the streams, and the answers to the batches. Raises _MovedError, which undoes the transaction."""
    row, kept = usage_streams.c, usage_stream_batches.c
    for key, before in plan.before.items():
        mine = [(place, outcome) for place, outcome in stored.values() if place.stream_key == key]
        after = before + len(mine)
        assert [place.offset for place, _ in mine] == list(range(before, after)), "offsets of a stream have no gaps"
        sums = {name: row[name] + sum(getattr(outcome.counts, name) for _, outcome in mine) for name in Counts._fields}
        is_as_planned = (row.stream_key == key) & (row.next_offset == before) & row.finalized_us.is_(None)
        if connection.execute(usage_streams.update().where(is_as_planned).values(next_offset=after, **sums)).rowcount != 1:
            raise _MovedError
        connection.execute(
            usage_stream_batches.insert(),
            [
                {"stream_key": key, "batch_offset": place.offset, "digest": place.digest, "commit_seq": outcome.commit_seq}
                | outcome.counts._asdict()
                for place, outcome in mine[-KEPT_BATCHES:]
            ],
        )
        old = (kept.stream_key == key) & (kept.batch_offset < after - KEPT_BATCHES)
        connection.execute(usage_stream_batches.delete().where(old))


def _counts(batch: Batch) -> list[Counts]:
    """The rows of each arrival by outcome."""
    sizes = [arrival.decoded.usage.num_rows for arrival in batch.arrivals]
    place = np.repeat(np.arange(len(sizes)) * len(settle.Outcome), sizes) + batch.outcome
    dealt = np.bincount(place, minlength=len(sizes) * len(settle.Outcome)).reshape(len(sizes), len(settle.Outcome)).tolist()
    counted = []
    for arrival, rejects, rows in zip(batch.arrivals, batch.rejects, dealt, strict=True):
        counts = Counts(
            accepted=rows[settle.Outcome.ANSWERED] + rows[settle.Outcome.UNANSWERED] + rows[settle.Outcome.WAITING],
            duplicate=rows[settle.Outcome.DUPLICATE] + len(arrival.decoded.rejects) - len(rejects.new),
            conflicting=rows[settle.Outcome.CONFLICTING],
            rejected=rows[settle.Outcome.SUSPENDED] + len(rejects.new),
            absorbed=rows[settle.Outcome.ABSORBED],
        )
        assert sum(counts) == arrival.decoded.rows, "every row of a batch has one outcome"
        counted.append(counts)
    return counted

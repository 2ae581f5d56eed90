"""A switch's file to usage: `decode` for a whole file in memory, `decode_parts` for one that need not fit there.

`decode_rows` reads single rows again that were kept, such as those of suspense.

The legs of one call may lie anywhere in a file, so which legs other legs bill is known at its end only. `decode` reads the file once and
sets the flags then. `decode_parts` reads it twice: the first reading keeps ninety bytes of each answered leg, the second makes the
rows, at most 65,536 a part. Either way a file that is damaged anywhere, such as a truncated gzip, gives nothing at all.

Rows that cannot be read are rejects with their place and bytes; a file that cannot be read is a UserError. Duplicates are not removed here.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, TypeVar

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mediation import usage
from mediation.assembly import rules
from mediation.bytes.memory_window import MemoryWindow
from mediation.bytes.reader import WINDOW_BYTES, Fingerprint, Window, changed, fingerprint
from mediation.calls import events, grouped_legs, legs, source_columns
from mediation.decoded import Decoded, Reject
from mediation.formats import last_row, registry
from mediation.parallel import PARALLEL_FROM_BYTES, Placed, in_order, usable_cores
from mediation.reasons import REASONS
from mediation.records.rows import WatchedBlock, watched
from mediation.sources.model import Bills, Source
from rating.schema import USAGE_V1, LegRole

if TYPE_CHECKING:
    from mediation.bytes.memory_window import ByteWindow
    from mediation.records.rows import Block
    from mediation.values.columns import Identity

_Result = TypeVar("_Result")
Progress: TypeAlias = Callable[[int, int], None]

DEFAULT_HASH_KEY: Final = b"ratewright-keys1"  # sixteen bytes; an installation sets its own
RAW_BYTES_MAX: Final = 64 << 10
_BETWEEN: Final = b"\n\n"  # between rows that are decoded together: ends a line, an object, an element, and a record of RADIUS


def decode(
    path: str | Path, source: Source, *, progress: Progress | None = None, hash_key: bytes = DEFAULT_HASH_KEY, threads: int = 0
) -> Decoded:
    """All of a file: some 330 bytes of memory a row. `progress` gets (done, total) in bytes; `hash_key` has sixteen bytes.

    `threads`: how many work on it; 0: as many as there are cores, if the file is worth it. The result is the same.
    """
    file = _File(Path(path), source, progress)
    if registry.is_columnar(source.format):
        return joined(list(_columnar(file, hash_key)))
    judge = _Judge(source)
    parts: list[Decoded] = []
    is_good = [np.zeros(0, np.bool_)]
    with Window(file.path, WINDOW_BYTES) as window:
        for piece in file.each_block(window, lambda placed: _piece(placed, source, hash_key, judge), threads):
            judge.add(piece.found)
            parts.append(piece.part)
            is_good.append(piece.is_good)
            file.tell(window, 1)
        mark = window.fingerprint()
    good = np.concatenate(is_good)
    whole = joined(parts)
    made = usage.with_absorbed(whole.usage, judge.absorbed()[good])
    return whole._replace(usage=made, file_sha256=mark.sha256, size_bytes=mark.size_bytes)


def decode_parts(
    path: str | Path, source: Source, *, progress: Progress | None = None, hash_key: bytes = DEFAULT_HASH_KEY, threads: int = 0
) -> Iterator[Decoded]:
    """A file in parts, in order; at least one, though it may be empty. Nothing comes of a file that is damaged anywhere.

    `threads` as for `decode`.
    """
    file = _File(Path(path), source, progress)
    if registry.is_columnar(source.format):
        yield from _columnar(file, hash_key)
        return
    mark, absorbed = _first_reading(file, threads)
    begin, is_empty = 0, True
    with Window(file.path, WINDOW_BYTES, mark.size_bytes) as window:
        for part, is_good, _ in file.each_block(window, lambda placed: _piece(placed, source, hash_key), threads):
            if absorbed is not None and begin + part.rows > absorbed.size:
                raise changed(file.path)
            made = part.usage
            if absorbed is not None:
                made = usage.with_absorbed(made, absorbed[begin : begin + part.rows][is_good])
            yield part._replace(usage=made, file_sha256=mark.sha256, size_bytes=mark.size_bytes)
            begin, is_empty = begin + part.rows, False
            file.tell(window, 2, mark.size_bytes)
        if window.fingerprint() != mark:
            raise changed(file.path)
    if is_empty:
        yield Decoded(USAGE_V1.empty_table(), [], 0, *mark)


def decode_rows(raws: list[bytes], source: Source, *, header: bytes = b"", hash_key: bytes = DEFAULT_HASH_KEY) -> Decoded:
    """Single rows of a text format once more, as they were kept. `raw_offset` and a reject's offset are the row's index in `raws`.

    Every row is by itself: none is absorbed. `header`: what `header_of` gives, for files whose header names the columns.
    A row that is no longer one record gives as many rows and rejects as its bytes make; they all have its index.
    """
    alone = source if header else msgspec.structs.replace(source, header_lines=0)
    together = _renumbered(_of_bytes(header + _BETWEEN.join(raws), alone, hash_key), raws, len(header))
    if together is not None:
        return together
    singles = [_of_bytes(header + raw, alone, hash_key) for raw in raws]  # some row runs into the next one, or is none
    return joined([_with_offset(single, index) for index, single in enumerate(singles)])


def header_of(path: str | Path, source: Source) -> bytes:
    """The bytes before the first record of a file whose header names the columns; empty where rows need no header."""
    if not registry.names_its_columns(source):
        return b""
    with Window(Path(path), WINDOW_BYTES) as window:
        for rows in registry.decoder(source.format).blocks(window, source):
            if rows.size:
                return rows.raw_data[: int(rows.begin[0])].tobytes() if window.offset == 0 else b""
    return b""


def read_block(rows: Block, source: Source) -> events.Events:
    """Read a block's rows: by their format, then by the source's own rules."""
    format_ = registry.decoder(source.format)
    if last_row.is_in_doubt(rows, source):
        rows = watched(rows)
    read = source_columns.apply(rows, source, format_.read(rows, source))
    events.check_ranges(rows, read)
    if isinstance(rows, WatchedBlock) and last_row.is_in_doubt(rows, source):
        _identity(rows, source, read)
        last_row.refuse_cut(rows, source, getattr(format_, "OPTIONAL", ()))
    return rules.marked(read, source)


def part_of(source: Source, rows: Block, read: events.Events, offset: int, hash_key: bytes) -> Decoded:
    """A block's rows as usage, none of them absorbed yet; their file is not known yet."""
    format_ = registry.decoder(source.format)
    event_key = events.event_key(rows, source, _identity(rows, source, read), hash_key)
    parties = events.parties(rows, source, read.details)
    content_hash = events.content_hash(rows, source, read, parties, hash_key)
    events.check_order(rows, format_.TIME_COLUMNS)
    made = usage.table(rows, source.name, usage.Records(read, parties, event_key, content_hash), offset)
    return Decoded(made, _rejects(rows, offset), rows.size, b"", 0, rows.control_lines)


def reject_of(reason: str, offset: int, row: bytes, kept_bytes: int = RAW_BYTES_MAX) -> Reject:
    """The reject of a whole `row`; its first `kept_bytes` are kept."""
    is_long = len(row) > kept_bytes
    return Reject(reason, offset, len(row), row[:kept_bytes], hashlib.sha256(row).digest() if is_long else b"")


def joined(parts: list[Decoded]) -> Decoded:
    """Parts of one file as one; the file is that of the first."""
    table = pa.concat_tables([USAGE_V1.empty_table(), *(part.usage for part in parts)])
    rejects = [reject for part in parts for reject in part.rejects]
    lines = tuple(line for part in parts for line in part.control_lines)
    mark = (parts[0].file_sha256, parts[0].size_bytes) if parts else (b"", 0)
    return Decoded(table, rejects, sum(part.rows for part in parts), *mark, lines)


@dataclasses.dataclass(frozen=True)
class _File:
    """A file that is read, its source, and where progress is reported."""

    path: Path
    source: Source
    progress: Progress | None

    def each_block(self, window: Window, work: Callable[[Placed], _Result], threads: int) -> Iterator[_Result]:
        """Results of `work` for each block of the window, in order."""
        blocks = registry.decoder(self.source.format).blocks(window, self.source)
        if threads == 0:
            threads = usable_cores() if window.size_bytes >= PARALLEL_FROM_BYTES else 1
        return in_order(window, blocks, work, threads)

    def tell(self, window: Window, readings: int, before_bytes: int = 0) -> None:
        """Report the bytes of all readings; `before_bytes` are those of earlier ones."""
        if self.progress is not None:
            self.progress(before_bytes + window.read_bytes, readings * window.size_bytes)


class _Found(NamedTuple):
    """The answered legs of a block, and the rows that a forwarder pays for."""

    rows: int
    legs: Any = None
    forwarded: NDArray[np.int64] | None = None


class _Piece(NamedTuple):
    """The result of a block."""

    part: Decoded
    is_good: NDArray[np.bool_]  # of each row: it is among the part's usage
    found: _Found


class _Judge:
    """Collects the answered legs of a file's rows, block by block, and says in the end which rows other legs bill."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._is_ruled = grouped_legs.is_ruled(source.legs)
        self._native = registry.answered_legs(source.format) if source.legs.bills is Bills.NATIVE else None
        self._legs: list[Any] = []
        self._forwarded: list[NDArray[np.int64]] = []  # rows that their forwarder pays for, whatever the caller's legs are
        self._size = 0

    @property
    def is_needed(self) -> bool:
        """Return whether any row can be billed by another one."""
        return self._is_ruled or self._native is not None

    def find(self, rows: Block, read: events.Events, before: int) -> _Found:
        """The answered legs of a block, behind so many rows of the file. Nothing is remembered."""
        found, forwarded = None, None
        if self._is_ruled:
            found = grouped_legs.of_block(rows, self._source, read, _identity(rows, self._source, read), before)
        elif self._native is not None:
            found = self._native(rows, self._source, read, before)
        if self._source.legs.forwarder_pays and read.details.leg_role is not None:
            forwarded = np.flatnonzero(read.details.leg_role == LegRole.FORWARD) + before
        return _Found(rows.size, found, forwarded)

    def add(self, found: _Found) -> None:
        """Take in what was found in the next block."""
        self._size += found.rows
        if found.legs is not None:
            self._legs.append(found.legs)
        if found.forwarded is not None:
            self._forwarded.append(found.forwarded)

    def absorbed(self) -> NDArray[np.bool_]:
        """For each row: whether another leg bills it."""
        out = np.zeros(self._size, np.bool_)
        if self._legs:
            together = type(self._legs[0])(*(np.concatenate(column) for column in zip(*self._legs, strict=True)))
            out[together.row] = grouped_legs.absorbed(together, self._source.legs) if self._is_ruled else legs.absorbed(together)
        if not self._is_ruled:
            out[np.concatenate([np.zeros(0, np.int64), *self._forwarded])] = False
        return out


def _columnar(file: _File, hash_key: bytes) -> Iterator[Decoded]:
    """The parts of an Arrow or Parquet file; at least one."""
    mark = fingerprint(file.path)
    is_empty = True
    for part in registry.column_decoder(file.source.format).batches(file.path, file.source, hash_key=hash_key):
        yield part._replace(file_sha256=mark.sha256, size_bytes=mark.size_bytes)
        is_empty = False
    if fingerprint(file.path) != mark:
        raise changed(file.path)
    if is_empty:
        yield Decoded(USAGE_V1.empty_table(), [], 0, *mark)


def _first_reading(file: _File, threads: int) -> tuple[Fingerprint, NDArray[np.bool_] | None]:
    """Reads the file to its end; for each row, whether another leg bills it; None where none can be."""
    judge = _Judge(file.source)
    with Window(file.path, WINDOW_BYTES) as window:
        if judge.is_needed:
            for found in file.each_block(window, lambda placed: _found(placed, file.source, judge), threads):
                judge.add(found)
                file.tell(window, 2)
            return window.fingerprint(), judge.absorbed()
        while not window.is_last:
            window.go_on(window.end)
            file.tell(window, 2)
        return window.fingerprint(), None


def _found(placed: Placed, source: Source, judge: _Judge) -> _Found:
    return judge.find(placed.rows, read_block(placed.rows, source), placed.rows_before)


def _piece(placed: Placed, source: Source, hash_key: bytes, judge: _Judge | None = None) -> _Piece:
    """A block's rows as usage, and its answered legs if a judge is given."""
    rows, offset, before = placed
    read = read_block(rows, source)
    found = _Found(rows.size) if judge is None else judge.find(rows, read, before)
    return _Piece(part_of(source, rows, read, offset, hash_key), rows.code == 0, found)


def _events(window: ByteWindow, source: Source) -> Iterator[tuple[Block, events.Events]]:
    """Blocks of rows and what they say; a block's data may be gone when the next one is requested."""
    format_ = registry.decoder(source.format)
    for rows in format_.blocks(window, source):
        yield rows, read_block(rows, source)


def _identity(rows: Block, source: Source, read: events.Events) -> Identity:
    return source_columns.identity(rows, source, registry.decoder(source.format).key_fields(rows, read))


def _of_bytes(data: bytes, source: Source, hash_key: bytes) -> Decoded:
    """Rows in memory, each alone: none is absorbed."""
    window = MemoryWindow(data)
    return joined([part_of(source, rows, read, window.offset, hash_key) for rows, read in _events(window, source)])


def _renumbered(found: Decoded, raws: list[bytes], before: int) -> Decoded | None:
    """Rows with the index of their raw bytes as offset; None unless each of `raws` made one row. `before`: bytes of the header."""
    sizes = np.array([len(raw) + len(_BETWEEN) for raw in raws], np.int64)
    begins = np.cumsum(sizes) - sizes + before
    good = found.usage.column("raw_offset").to_numpy()
    offsets = np.concatenate([good, np.array([reject.offset for reject in found.rejects], np.int64)])
    indexes = np.searchsorted(begins, offsets, side="right") - 1
    if found.rows != len(raws) or not np.array_equal(np.sort(indexes), np.arange(len(raws))):
        return None
    rejects = [reject._replace(offset=index) for reject, index in zip(found.rejects, indexes[good.size :].tolist(), strict=True)]
    return found._replace(usage=_with_offsets(found.usage, indexes[: good.size]), rejects=rejects)


def _with_offset(found: Decoded, index: int) -> Decoded:
    """All rows with one offset."""
    made = _with_offsets(found.usage, np.full(found.usage.num_rows, index))
    return found._replace(usage=made, rejects=[reject._replace(offset=index) for reject in found.rejects])


def _with_offsets(made: pa.Table, offsets: NDArray[np.int64]) -> pa.Table:
    return made.set_column(made.schema.get_field_index("raw_offset"), USAGE_V1.field("raw_offset"), pa.array(offsets, pa.int64()))


def _rejects(rows: Block, offset: int) -> list[Reject]:
    bad = np.flatnonzero(rows.code)
    places = zip(rows.code[bad].tolist(), rows.begin[bad].tolist(), rows.end[bad].tolist(), strict=True)
    rejects: list[Reject] = []
    last = (-1, -1)
    for code, begin, end in places:
        reason = str(REASONS[code])
        if (begin, end) == last:  # another event of one record: its bytes are kept and hashed once
            rejects.append(rejects[-1]._replace(reason=reason))
        else:
            rejects.append(reject_of(reason, begin + offset, rows.raw_data[begin:end].tobytes()))
        last = (begin, end)
    return rejects

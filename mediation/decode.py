"""A switch's file to usage: `decode` for a whole file in memory, `decode_parts` for one that need not fit there.

The legs of one call may lie anywhere in a file, so which legs other legs bill is known at its end only. `decode` reads the file once and
sets the flags then. `decode_parts` reads it twice: the first reading keeps ninety bytes of each answered leg, the second makes the
rows, at most 65,536 a part. Either way a file that is damaged anywhere, such as a truncated gzip, gives nothing at all.

Rows that cannot be read are rejects with their place and bytes; a file that cannot be read is a UserError. Duplicates are not removed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from mediation import asterisk, calls, freeswitch, legs, usage
from mediation.reader import WINDOW_BYTES, Fingerprint, Window, changed
from mediation.reasons import REASONS
from mediation.rows import block
from mediation.scan import room, scan
from mediation.sources import Format, Source
from rating.schema import USAGE_V1

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mediation.rows import Block

Progress: TypeAlias = Callable[[int, int], None]

DEFAULT_HASH_KEY: Final = b"ratewright-keys1"  # sixteen bytes; an installation sets its own
PART_ROWS_MAX: Final = 1 << 16
RAW_BYTES_MAX: Final = 4096
_FORMATS: Final = {Format.ASTERISK: asterisk, Format.FREESWITCH: freeswitch}


class Reject(NamedTuple):
    """A row that went no further. `raw` is its bytes, at most the first 4096; `length` is its full length."""

    reason: str
    offset: int  # in the decompressed stream; of a stream's batch: the row's index
    length: int
    raw: bytes


class Decoded(NamedTuple):
    """Usage v1 rows (`raw_file_id` 0 until stored) and rejects; `rows` is their number together."""

    usage: pa.Table
    rejects: list[Reject]
    rows: int
    file_sha256: bytes  # of the whole file as it lies on disk; empty for a stream's batch
    size_bytes: int


def decode(path: str | Path, source: Source, *, progress: Progress | None = None, hash_key: bytes = DEFAULT_HASH_KEY) -> Decoded:
    """All of a file: some 330 bytes of memory a row. `progress` gets (done, total) in bytes; `hash_key` has sixteen bytes."""
    file = _File(Path(path), source, progress)
    judge = _Judge(source)
    tables, rejects = [USAGE_V1.empty_table()], list[Reject]()
    is_good = [np.zeros(0, np.bool_)]
    with Window(file.path, WINDOW_BYTES) as window:
        for rows in _blocks(window, source):
            leg = _FORMATS[source.format].read(rows, source)
            judge.add(rows, leg)
            part = _part(source, rows, leg, window.offset, hash_key)
            tables.append(part.usage)
            rejects += part.rejects
            is_good.append(rows.code == 0)
            file.tell(window, 1)
        mark = window.fingerprint()
    good = np.concatenate(is_good)
    made = usage.with_absorbed(pa.concat_tables(tables), judge.absorbed()[good])
    return Decoded(made, rejects, good.size, *mark)


def decode_parts(
    path: str | Path, source: Source, *, progress: Progress | None = None, hash_key: bytes = DEFAULT_HASH_KEY
) -> Iterator[Decoded]:
    """A file in parts, in order; at least one, though it may be empty. Nothing comes of a file that is damaged anywhere."""
    file = _File(Path(path), source, progress)
    mark, absorbed = _first_reading(file)
    begin = 0
    with Window(file.path, WINDOW_BYTES, mark.size_bytes) as window:
        for rows in _blocks(window, source):
            if begin + rows.size > absorbed.size:
                raise changed(file.path)
            part = _part(source, rows, _FORMATS[source.format].read(rows, source), window.offset, hash_key)
            verdicts = absorbed[begin : begin + rows.size][rows.code == 0]
            made = usage.with_absorbed(part.usage, verdicts)
            yield part._replace(usage=made, file_sha256=mark.sha256, size_bytes=mark.size_bytes)
            begin += rows.size
            file.tell(window, 2, mark.size_bytes)
        if window.fingerprint() != mark:
            raise changed(file.path)
    if begin == 0:
        yield Decoded(USAGE_V1.empty_table(), [], 0, *mark)


class _File(NamedTuple):
    """What is read, and how."""

    path: Path
    source: Source
    progress: Progress | None

    def tell(self, window: Window, readings: int, before_bytes: int = 0) -> None:
        """Report the bytes of all readings; `before_bytes` are those of earlier ones."""
        if self.progress is not None:
            self.progress(before_bytes + window.read_bytes, readings * window.size_bytes)


class _Judge:
    """Collects the answered legs of a file's rows, block by block, and says in the end which rows other legs bill."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._legs: list[Any] = []
        self._size = 0

    def add(self, rows: Block, leg: calls.Calls) -> None:
        """Take in the next block."""
        self._legs.append(_FORMATS[self._source.format].answered_legs(rows, self._source, leg, self._size))
        self._size += rows.size

    def absorbed(self) -> NDArray[np.bool_]:
        """For each row: whether another leg bills it."""
        out = np.zeros(self._size, np.bool_)
        if self._legs:
            joined = type(self._legs[0])(*(np.concatenate(column) for column in zip(*self._legs, strict=True)))
            out[joined.row] = legs.absorbed(joined)
        return out


def _first_reading(file: _File) -> tuple[Fingerprint, NDArray[np.bool_]]:
    """Reads the file to its end; for each row, whether another leg bills it."""
    judge = _Judge(file.source)
    with Window(file.path, WINDOW_BYTES) as window:
        for rows in _blocks(window, file.source):
            judge.add(rows, _FORMATS[file.source.format].read(rows, file.source))
            file.tell(window, 2)
        return window.fingerprint(), judge.absorbed()


def _blocks(window: Window, source: Source) -> Iterator[Block]:
    """Blocks of rows; their data are what is in sight of `window`. Header rows are left out."""
    found_room = room(PART_ROWS_MAX, max(source.widths))
    widths = sum(1 << width for width in source.widths)
    header_left = source.header_lines
    while window.begin < window.end or not window.is_last:
        count, position = scan(window.data, window.begin, window.end, found_room, widths, is_last=window.is_last)
        rows = block(window.data, found_room, count, source).without_first(header_left)
        header_left = max(0, header_left - count)
        if rows.size:
            yield rows
        if count < PART_ROWS_MAX:
            window.go_on(position)
        else:
            window.begin = position


def _part(source: Source, rows: Block, leg: calls.Calls, offset: int, hash_key: bytes) -> Decoded:
    """A block's rows as usage, none of them absorbed yet; of which file is not known yet."""
    switch = _FORMATS[source.format]
    event_key = calls.event_key(rows, source, switch.key_fields(rows, leg), hash_key)
    parties = calls.parties(rows, source, leg.details)
    content_hash = calls.content_hash(rows, source, leg, parties, hash_key)
    calls.check_order(rows, switch.TIME_COLUMNS)
    made = usage.table(rows, source.name, usage.Records(leg, parties, event_key, content_hash), offset)
    return Decoded(made, _rejects(rows, offset), rows.size, b"", 0)


def _rejects(rows: Block, offset: int) -> list[Reject]:
    bad = np.flatnonzero(rows.code)
    places = zip(rows.code[bad].tolist(), rows.begin[bad].tolist(), rows.end[bad].tolist(), strict=True)
    return [
        Reject(str(REASONS[code]), begin + offset, end - begin, rows.data[begin : min(end, begin + RAW_BYTES_MAX)].tobytes())
        for code, begin, end in places
    ]

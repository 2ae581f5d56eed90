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
from mediation.reader import WINDOW_BYTES, Fingerprint, Window, fingerprint
from mediation.reasons import REASONS
from mediation.rows import block
from mediation.scan import room, scan
from mediation.sources import Format, Source
from rating.errors import UserError
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
    file = _File(Path(path), source, fingerprint(Path(path)), progress)
    judge = _Judge(source)
    tables, rejects = [USAGE_V1.empty_table()], list[Reject]()
    is_good = [np.zeros(0, np.bool_)]
    for rows, offset, done in _blocks(file):
        leg = _FORMATS[source.format].read(rows, source)
        judge.add(rows, leg)
        part = _part(file, rows, leg, offset, hash_key)
        tables.append(part.usage)
        rejects += part.rejects
        is_good.append(rows.code == 0)
        file.tell(done, 1)
    good = np.concatenate(is_good)
    made = usage.with_absorbed(pa.concat_tables(tables), judge.absorbed()[good])
    return Decoded(made, rejects, good.size, *file.mark)


def decode_parts(
    path: str | Path, source: Source, *, progress: Progress | None = None, hash_key: bytes = DEFAULT_HASH_KEY
) -> Iterator[Decoded]:
    """A file in parts, in order; at least one, though it may be empty. Nothing comes of a file that is damaged anywhere."""
    file = _File(Path(path), source, fingerprint(Path(path)), progress)
    absorbed = _first_reading(file)
    begin = 0
    for rows, offset, done in _blocks(file):
        if begin + rows.size > absorbed.size:
            break
        part = _part(file, rows, _FORMATS[source.format].read(rows, source), offset, hash_key)
        verdicts = absorbed[begin : begin + rows.size][rows.code == 0]
        yield part._replace(usage=usage.with_absorbed(part.usage, verdicts))
        begin += rows.size
        file.tell(file.mark.size_bytes + done, 2)
    if begin != absorbed.size:
        raise UserError(f"{path} changed while it was read", "wait until the switch has closed the file, then try again")
    if begin == 0:
        yield Decoded(USAGE_V1.empty_table(), [], 0, *file.mark)


class _File(NamedTuple):
    """What is read, and how."""

    path: Path
    source: Source
    mark: Fingerprint
    progress: Progress | None

    def tell(self, done_bytes: int, readings: int) -> None:
        """Report the bytes of all readings."""
        if self.progress is not None:
            total_bytes = readings * self.mark.size_bytes
            self.progress(min(done_bytes, total_bytes), total_bytes)


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


def _first_reading(file: _File) -> NDArray[np.bool_]:
    """Reads the file to its end; for each row, whether another leg bills it."""
    judge = _Judge(file.source)
    for rows, _, done in _blocks(file):
        judge.add(rows, _FORMATS[file.source.format].read(rows, file.source))
        file.tell(done, 2)
    return judge.absorbed()


def _blocks(file: _File) -> Iterator[tuple[Block, int, int]]:
    """Blocks of rows, the place of their data in the stream, and the bytes read so far. Header rows are left out."""
    found_room = room(PART_ROWS_MAX, max(file.source.widths))
    widths = sum(1 << width for width in file.source.widths)
    header_left = file.source.header_lines
    with Window(file.path, file.mark.size_bytes, WINDOW_BYTES) as window:
        while window.begin < window.end or not window.is_last:
            count, position = scan(window.data, window.begin, window.end, found_room, widths, is_last=window.is_last)
            rows = block(window.data, found_room, count, file.source).without_first(header_left)
            header_left = max(0, header_left - count)
            if rows.size:
                yield rows, window.offset, window.read_bytes
            if count < PART_ROWS_MAX:
                window.go_on(position)
            else:
                window.begin = position


def _part(file: _File, rows: Block, leg: calls.Calls, offset: int, hash_key: bytes) -> Decoded:
    """A block's rows as usage, none of them absorbed yet."""
    switch = _FORMATS[file.source.format]
    event_key = calls.event_key(rows, file.source, switch.key_fields(rows, leg), hash_key)
    parties = calls.parties(rows, file.source, leg.details)
    content_hash = calls.content_hash(rows, file.source, leg, parties, hash_key)
    calls.check_order(rows, switch.TIME_COLUMNS)
    made = usage.table(rows, file.source.name, usage.Records(leg, parties, event_key, content_hash), offset)
    return Decoded(made, _rejects(rows, offset), rows.size, *file.mark)


def _rejects(rows: Block, offset: int) -> list[Reject]:
    bad = np.flatnonzero(rows.code)
    places = zip(rows.code[bad].tolist(), rows.begin[bad].tolist(), rows.end[bad].tolist(), strict=True)
    return [
        Reject(str(REASONS[code]), begin + offset, end - begin, rows.data[begin : min(end, begin + RAW_BYTES_MAX)].tobytes())
        for code, begin, end in places
    ]

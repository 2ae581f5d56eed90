"""A switch's file to usage: `decode` for a whole file, `decode_parts` for one that need not fit in memory.

A file is read twice through a window of 16 MiB. The first reading checks it to its end (so that a truncated gzip gives nothing at
all) and keeps sixty bytes of each answered leg, from which it is decided which legs other legs bill; the second makes the rows. A
part holds at most 65,536 rows. Rows that cannot be read are rejects with their place and bytes; a file that cannot be read is a
UserError. Duplicates are not removed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from mediation import asterisk, calls, columns, freeswitch, legs, usage
from mediation.columns import Identity
from mediation.reader import WINDOW_BYTES, Fingerprint, Window, fingerprint
from mediation.reasons import REASONS
from mediation.rows import block
from mediation.scan import room, scan
from mediation.sources import Format, Source
from rating.errors import UserError
from rating.schema import USAGE_V1

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mediation.rows import Block, Spans

Progress: TypeAlias = Callable[[int, int], None]

DEFAULT_HASH_KEY: Final = b"ratewright-keys1"  # sixteen bytes; an installation sets its own
PART_ROWS_MAX: Final = 1 << 16
RAW_BYTES_MAX: Final = 4096
_FORMATS: Final = {Format.ASTERISK: asterisk, Format.FREESWITCH: freeswitch}
_LEG_KEY: Final = b"legs of one file"  # fixed: ties between legs must not depend on the installation


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
    """All of a file: some 300 bytes of memory a row. `progress` gets (done, total) in bytes; `hash_key` has sixteen bytes."""
    parts = list(decode_parts(path, source, progress=progress, hash_key=hash_key))
    tables = [part.usage for part in parts]
    rejects = [reject for part in parts for reject in part.rejects]
    rows = sum(part.rows for part in parts)
    return Decoded(pa.concat_tables(tables), rejects, rows, parts[0].file_sha256, parts[0].size_bytes)


def decode_parts(
    path: str | Path, source: Source, *, progress: Progress | None = None, hash_key: bytes = DEFAULT_HASH_KEY
) -> Iterator[Decoded]:
    """A file in parts, in order; at least one, though it may be empty. Nothing comes of a file that is damaged anywhere."""
    path = Path(path)
    file = _File(path, source, fingerprint(path), progress)
    absorbed = _judge(file)
    begin = 0
    for rows, offset, done in _blocks(file):
        if begin + rows.size > absorbed.size:
            break
        yield _part(file, rows, absorbed[begin : begin + rows.size], offset, hash_key)
        begin += rows.size
        file.tell(file.mark.size_bytes + done)
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

    def tell(self, done_bytes: int) -> None:
        """Report bytes of both readings."""
        if self.progress is not None:
            total_bytes = 2 * self.mark.size_bytes
            self.progress(min(done_bytes, total_bytes), total_bytes)


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


def _judge(file: _File) -> NDArray[np.bool_]:
    """For each row of the file: whether another leg bills it."""
    found: list[Any] = []
    size = 0
    read_legs = _asterisk_legs if file.source.format is Format.ASTERISK else _freeswitch_legs
    for rows, _, done in _blocks(file):
        found.append(read_legs(rows, file.source, size))
        size += rows.size
        file.tell(done)
    absorbed = np.zeros(size, np.bool_)
    if found:
        joined = type(found[0])(*(np.concatenate(column) for column in zip(*found, strict=True)))
        judge = legs.absorbed_asterisk if file.source.format is Format.ASTERISK else legs.absorbed_freeswitch
        absorbed[joined.row] = judge(joined)
    return absorbed


def _asterisk_legs(rows: Block, source: Source, before: int) -> legs.AsteriskLegs:
    leg = asterisk.read(rows, source)
    key = calls.event_key(rows, source, asterisk.key_fields(rows, leg), _LEG_KEY)
    good = np.flatnonzero(leg.answered & (rows.code == 0))
    unique_id = rows.spans("uniqueid")
    return legs.AsteriskLegs(
        row=good + before,
        linked=_text_hash(rows, rows.spans("linkedid"))[good],
        caller=_text_hash(rows, unique_id.where(unique_id.filled, rows.spans("channel")))[good],
        local_in=_text_hash(rows, asterisk.local_names(rows, "channel"))[good],
        local_out=_text_hash(rows, asterisk.local_names(rows, "dstchannel"))[good],
        begin_us=leg.start_us[good],
        end_us=leg.end_us[good],
        duration_us=leg.duration_us[good],
        sequence=leg.details.sequence.value[good],
        key=key[good, 0],
    )


def _freeswitch_legs(rows: Block, source: Source, before: int) -> legs.FreeswitchLegs:
    leg = freeswitch.read(rows, source)
    calls.event_key(rows, source, freeswitch.key_fields(rows, leg), _LEG_KEY)  # refuses rows without a key
    good = np.flatnonzero(leg.answered & (rows.code == 0))
    uuid, b_leg = (_text_hash(rows, rows.spans(name))[good] for name in ("uuid", "bleg_uuid"))
    return legs.FreeswitchLegs(good + before, uuid, b_leg, leg.created_us[good])


def _text_hash(rows: Block, text: Spans) -> NDArray[np.uint64]:
    """A number for each field's text, 0 for an empty one."""
    if not text.filled.any():
        return np.zeros(rows.size, np.uint64)
    return np.where(text.filled, columns.hashes(rows, Identity([text], []), b"", _LEG_KEY)[:, 0], np.uint64(0))


def _part(file: _File, rows: Block, absorbed: NDArray[np.bool_], offset: int, hash_key: bytes) -> Decoded:
    switch = _FORMATS[file.source.format]
    leg = switch.read(rows, file.source)
    event_key = calls.event_key(rows, file.source, switch.key_fields(rows, leg), hash_key)
    parties = calls.parties(rows, file.source, leg.details)
    content_hash = calls.content_hash(rows, file.source, leg, parties, hash_key)
    calls.check_order(rows, switch.TIME_COLUMNS)
    made = usage.table(rows, file.source.name, usage.Records(leg, parties, event_key, content_hash, absorbed), offset)
    return Decoded(made, _rejects(rows, offset), rows.size, *file.mark)


def _rejects(rows: Block, offset: int) -> list[Reject]:
    bad = np.flatnonzero(rows.code)
    places = zip(rows.code[bad].tolist(), rows.begin[bad].tolist(), rows.end[bad].tolist(), strict=True)
    return [
        Reject(str(REASONS[code]), begin + offset, end - begin, rows.data[begin : min(end, begin + RAW_BYTES_MAX)].tobytes())
        for code, begin, end in places
    ]

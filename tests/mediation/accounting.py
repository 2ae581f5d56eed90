"""Holds a decoder to its promises about one file: sound rows, readable rejects, and every byte a record's, a reject's or between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from mediation.decode import decode
from mediation.reasons import Reason
from rating.errors import UserError
from rating.schema import USAGE_V1

if TYPE_CHECKING:
    from pathlib import Path

    from mediation.decode import Decoded
    from mediation.sources import Source

TIME_MIN_US, TIME_MAX_US = 0, 4_102_444_800_000_000  # 1970 to 2100
_BETWEEN: Final = frozenset(b" \t\r\n\x0b\x0c,[]\xef\xbb\xbf")  # what may lie between records: blanks, line breaks, marks of a JSON list
_REASONS: Final = frozenset(map(str, Reason))


def decode_and_account(path: Path, data: bytes, source: Source) -> Decoded | None:
    """Decode the file `path`, which holds `data` unpacked. None: it was refused as a whole, in words for the user."""
    try:
        decoded = decode(path, source)
    except UserError as error:
        return check_refusal(error)
    check_rows(decoded)
    account(decoded, data, source)
    return decoded


def check_refusal(error: UserError) -> None:
    """An error that helps."""
    assert error.message
    assert error.remedy


def check_rows(decoded: Decoded) -> None:
    """Rows that any reader can trust."""
    usage = decoded.usage
    assert usage.schema == USAGE_V1
    assert decoded.rows == usage.num_rows + len(decoded.rejects)
    usage.validate(full=True)
    start_us = usage.column("start_us").cast(pa.int64()).to_numpy()
    assert ((start_us >= TIME_MIN_US) & (start_us < TIME_MAX_US)).all()
    for name in ("duration_us", "bytes_up", "bytes_down", "units", "other_e164", "third_e164"):
        values = usage.column(name).drop_null().to_numpy()
        assert (values >= 0).all(), name
    for name in ("other_e164", "third_e164"):
        assert (usage.column(name).drop_null().to_numpy() < 10**15).all(), name
    assert usage.column("event_key").null_count == 0
    for reject in decoded.rejects:
        assert reject.reason in _REASONS
        assert reject.length > 0


def account(decoded: Decoded, data: bytes, source: Source) -> None:
    """Every byte of `data` lies in exactly one record or reject, or is a blank between them, a header line or a line of totals."""
    places = {(begin, begin + length) for begin, length in _places(decoded)}
    end = 0
    between: list[bytes] = []
    for begin, stop in sorted(places):
        assert begin >= end, f"bytes {begin} to {end} are in two records"
        assert stop <= len(data), f"a record ends at {stop} of {len(data)} bytes"
        between.append(data[end:begin])
        end = stop
    between.append(data[end:])
    if source.header_lines:
        between[0] = _without_header(between[0], source.header_lines, decoded.control_lines, source.dialect.comment.encode())
    rest = b"\n".join(between)
    for line in decoded.control_lines:
        assert line.strip() in rest, line
        rest = rest.replace(line.strip(), b"", 1)
    if source.dialect.comment:
        rest = b"\n".join(line for line in rest.splitlines() if not line.startswith(source.dialect.comment.encode()))
    left = bytes(byte for byte in rest if byte not in _BETWEEN)
    assert not left, f"{len(left)} bytes are nobody's: {left[:80]!r}"
    for reject in decoded.rejects:
        assert data[reject.offset : reject.offset + len(reject.raw)] == reject.raw


def _without_header(before: bytes, lines: int, totals: tuple[bytes, ...], comment: bytes) -> bytes:
    """What lies before the first record, without its first `lines` lines that hold something; a quoted name may go over lines.

    Lines of `totals` and comments are no lines of the header.
    """
    filled = [line for line in before.split(b"\n") if line.strip() and not (comment and line.startswith(comment))]
    kept = [line for line in filled if line.strip() in totals]
    filled = [line for line in filled if line.strip() not in totals]
    for _ in range(lines):
        row = filled.pop(0) if filled else b""
        while row.count(b'"') % 2 and filled:
            row += filled.pop(0)
    return b"\n".join([*kept, *filled])


def _places(decoded: Decoded) -> list[tuple[int, int]]:
    offsets = decoded.usage.column("raw_offset").to_numpy()
    lengths = decoded.usage.column("raw_length").to_numpy().astype(np.int64)
    return [*zip(offsets.tolist(), lengths.tolist(), strict=True), *((reject.offset, reject.length) for reject in decoded.rejects)]

"""Holds a decoder to its promises about one file: sound rows, readable rejects, and every byte a record's, a reject's or between them.

What may lie between records is counted here once more, without the decoders' code: line breaks, header lines, comments and lines of
totals of delimited text; blanks, commas and brackets of JSON; blanks, comments, instructions and wrappers of XML; blanks of RADIUS. Of
Arrow and Parquet, each row of the file is a record or a reject.
"""

from __future__ import annotations

import gzip
import re
import zlib
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mediation.bytes import containers
from mediation.bytes.reader import packing
from mediation.decode import RAW_BYTES_MAX, decode
from mediation.reasons import Reason
from mediation.sources.model import Format
from rating.errors import UserError
from rating.schema import USAGE_V1

if TYPE_CHECKING:
    from pathlib import Path

    from mediation.decoded import Decoded
    from mediation.sources.model import Source


TIME_MIN_US, TIME_MAX_US = 0, 4_102_444_800_000_000  # 1970 to 2100
E164_MAX: Final = 10**15
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_REASONS: Final = frozenset(map(str, Reason))
_BETWEEN: Final = {  # what may lie between records of formats that are no lines
    Format.FREESWITCH_JSON: re.compile(rb"[ \t\r\n,\[\]]+"),
    Format.CHF_JSON: re.compile(rb"[ \t\r\n,\[\]]+"),
    Format.FREESWITCH_XML: re.compile(rb"[ \t\r\n]+|<!--.*?-->|<(?=\?).*?\?>|</?cdrs>", re.DOTALL),
    Format.RADIUS_DETAIL: re.compile(rb"[ \t\r\n]+"),
}
_LISTS: Final = frozenset((Format.FREESWITCH_JSON, Format.CHF_JSON, Format.FREESWITCH_XML))


def decode_and_account(path: Path, data: bytes, source: Source) -> Decoded | None:
    """Decode the file `path`, which holds `data` unpacked. None: it was refused as a whole, in words for the user."""
    try:
        decoded = decode(path, source)
    except UserError as error:
        check_refusal(error)
        return None
    check_rows(decoded)
    if source.format is Format.CANONICAL:
        account_for_columns(decoded, data)
    else:
        account(decoded, data, source)
    return decoded


def decode_packed(path: Path, source: Source) -> list[Decoded | None]:
    """Decode a file that may be packed, or each member of an archive; an archive that was refused as a whole gives nothing."""
    try:
        with containers.files_in(path) as members:
            return [decode_and_account(member.path, unpacked(member.path.read_bytes()), source) for member in members]
    except UserError as error:
        check_refusal(error)
        return []


def unpacked(data: bytes) -> bytes:
    """What a gzip or zstd file holds, or the file itself; nothing of a damaged one, which has to be refused."""
    kind = packing(data)
    try:
        if kind == "gzip":
            return gzip.decompress(data)
        return pa.CompressedInputStream(pa.BufferReader(data), "zstd").read() if kind else data
    except (EOFError, OSError, zlib.error):
        return b""


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
        assert name not in {"other_e164", "third_e164"} or (values < E164_MAX).all(), name
    assert usage.column("event_key").null_count == 0
    for reject in decoded.rejects:
        assert reject.reason in _REASONS
        assert len(reject.raw) == min(reject.length, RAW_BYTES_MAX), reject


def account(decoded: Decoded, data: bytes, source: Source) -> None:
    """Every byte of `data` lies in exactly one record or reject, or between them as the format allows."""
    end = len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0
    gaps: list[bytes] = []
    for begin, stop in sorted(set(_places(decoded))):
        assert begin >= end, f"bytes {begin} to {end} are in two records"
        assert stop <= len(data), f"a record ends at {stop} of {len(data)} bytes"
        assert stop > begin or (begin == len(data) and source.format in _LISTS), f"a record of no bytes at {begin}"
        gaps.append(data[end:begin])
        end = stop
    gaps.append(data[end:])
    for reject in decoded.rejects:
        assert data[reject.offset : reject.offset + len(reject.raw)] == reject.raw, f"the reject at {reject.offset} has other bytes"
    if source.format in _BETWEEN:
        left = b"".join(_BETWEEN[source.format].sub(b"", gap) for gap in gaps)
    else:
        left = _of_lines(gaps, decoded, source)
    assert not left, f"{len(left)} bytes are nobody's: {left[:80]!r}"


def account_for_columns(decoded: Decoded, data: bytes) -> None:
    """Each row of an Arrow or Parquet file is one row or one reject."""
    rows = sorted([*decoded.usage.column("raw_offset").to_numpy().tolist(), *(reject.offset for reject in decoded.rejects)])
    assert rows == list(range(_rows_of(data)))


def _rows_of(data: bytes) -> int:
    """How many rows Arrow finds."""
    if data.startswith(b"PAR1"):
        return int(pq.ParquetFile(pa.BufferReader(data)).metadata.num_rows)
    if data.startswith(b"ARROW1"):
        file = pa.ipc.open_file(pa.BufferReader(data))
        return sum(file.get_batch(place).num_rows for place in range(file.num_record_batches))
    with pa.ipc.open_stream(pa.BufferReader(data)) as stream:
        return sum(batch.num_rows for batch in stream)


def _of_lines(gaps: list[bytes], decoded: Decoded, source: Source) -> bytes:
    """What of the gaps between lines is neither a header line, a comment, a line of totals nor a line break."""
    comment = source.dialect.comment.encode()
    totals = list(decoded.control_lines)
    before: list[bytes] = []  # lines before the first record
    left: list[bytes] = []
    for place in reversed(range(len(gaps))):  # a header that looks like totals is a header
        for line in reversed([line.removesuffix(b"\r") for line in gaps[place].split(b"\n")]):
            if line in totals:
                totals.remove(line)
            elif line and not (comment and line.startswith(comment)):
                (before if place == 0 else left).append(line)
    assert not totals, f"lines of totals that are not in the file: {totals}"
    return b"\n".join([*_without_header(before[::-1], source), *left])


def _without_header(lines: list[bytes], source: Source) -> list[bytes]:
    """The lines behind the header's, of which a quoted name may go over several."""
    quote = source.dialect.quote.encode()
    is_quoted = False
    for _ in range(max(source.header_lines, 1 if source.dialect.names_in_header else 0)):
        row = lines.pop(0) if lines else b""
        while quote and row.count(quote) % 2 and lines:
            row += lines.pop(0)
        is_quoted |= quote != b"" and quote in row
    while is_quoted and any(quote in line for line in lines):  # quotes within quotes: where such a row ends, counting does not tell
        lines.pop(0)
    return lines


def _places(decoded: Decoded) -> list[tuple[int, int]]:
    offsets = decoded.usage.column("raw_offset").to_numpy()
    lengths = decoded.usage.column("raw_length").to_numpy().astype(np.int64)
    places = zip(offsets.tolist(), (offsets + lengths).tolist(), strict=True)
    return [*places, *((reject.offset, reject.offset + reject.length) for reject in decoded.rejects)]

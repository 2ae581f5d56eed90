"""Usage and rejects of a file or a batch, as decoders return them."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa


class Reject(NamedTuple):
    """A row that went no further. `raw` is its bytes, at most the first 64 KiB; `length` is its full length.

    `sha256` is that of the whole row where `raw` is less than the whole, else empty.
    """

    reason: str
    offset: int  # in the decompressed stream; of a stream's batch: the row's index
    length: int
    raw: bytes
    sha256: bytes = b""


class Decoded(NamedTuple):
    """Usage v1 rows (`raw_file_id` 0 until stored) and rejects; `rows` is their number together."""

    usage: pa.Table
    rejects: list[Reject]
    rows: int
    file_sha256: bytes  # of the whole file as it lies on disk; empty for a stream's batch
    size_bytes: int
    control_lines: tuple[bytes, ...] = ()  # the source's header and trailer lines, which are no rows
    future_tolerance_us: int | None = (
        None  # of a stream: how far its source's clock may be ahead of ours; None: rows are of no clock of theirs
    )

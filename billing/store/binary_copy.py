"""Columns as PostgreSQL's binary COPY carries them, both ways. Integers are bigint, texts are UTF-8, blobs are bytea."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from billing.store import copy_kernel as kernel
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
TRAILER: Final = struct.pack(">h", -1)
ROWS_AT_ONCE: Final = 16_384  # what is being written stays in the processor's cache
BYTES_AT_ONCE: Final = 1 << 26  # of what is being read


def written(columns: Sequence[pa.Array]) -> Iterator[memoryview]:
    """The rows of equally long arrays (int64, large_binary) in pieces, without header and trailer."""
    rows = len(columns[0]) if columns else 0
    for first in range(0, rows, ROWS_AT_ONCE):
        yield _piece([column.slice(first, ROWS_AT_ONCE) for column in columns])


def tables(pieces: Iterable[bytes], schema: pa.Schema) -> Iterator[pa.Table]:
    """What COPY TO sent, header and all: each piece ends where a row ends. Fields of `schema` are int64, string or binary."""
    gathered: list[bytes] = []
    size, start = 0, len(HEADER)
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size >= BYTES_AT_ONCE:
            yield _table(b"".join(gathered), start, schema)
            gathered, size, start = [], 0, 0
    if gathered:
        yield _table(b"".join(gathered), start, schema)


def _piece(columns: Sequence[pa.Array]) -> memoryview:
    rows = len(columns[0])
    valid = [_valid(column) for column in columns]
    sizes = np.full(rows, 2 + 4 * len(columns), np.int64)
    texts: list[tuple[NDArray[np.int64], NDArray[np.uint8]] | None] = []
    for column, there in zip(columns, valid, strict=True):
        if pa.types.is_integer(column.type):
            sizes += 8 * there
            texts.append(None)
        else:
            offsets, data = _bytes(column)
            sizes += np.where(there, np.diff(offsets), 0)
            texts.append((offsets, data))
    at = np.cumsum(sizes) - sizes
    out = np.empty(int(sizes.sum()), np.uint8)
    kernel.write_counts(out, at, len(columns))
    for column, there, text in zip(columns, valid, texts, strict=True):
        if text is None:
            kernel.write_integers(out, at, _integers(column), there)
        else:
            kernel.write_bytes(out, at, *text, there)
    return out.data


def _valid(column: pa.Array) -> NDArray[np.bool_]:
    if column.null_count == 0:
        return np.ones(len(column), np.bool_)
    return column.is_valid().to_numpy(zero_copy_only=False)


def _integers(column: pa.Array) -> NDArray[np.int64]:
    buffer = column.buffers()[1]
    return np.frombuffer(buffer, np.int64)[column.offset : column.offset + len(column)]


def _bytes(column: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    _, offsets, data = column.buffers()
    return (
        np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1],
        np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8),
    )


def _table(content: bytes, start: int, schema: pa.Schema) -> pa.Table:
    data = np.frombuffer(content, np.uint8)
    rows = kernel.count_rows(data, start, len(schema))
    if rows < 0:
        raise UserError("the database sent rows that cannot be read", "check the connection to the database, and run the command again")
    at = np.empty((len(schema), rows), np.int64)
    size = np.empty_like(at)
    kernel.find_fields(data, start, at, size)
    return pa.table([_array(data, at[index], size[index], field) for index, field in enumerate(schema)], schema=schema)


def _array(data: NDArray[np.uint8], at: NDArray[np.int64], size: NDArray[np.int64], field: pa.Field[Any]) -> pa.Array:
    null = size == kernel.NULL
    bitmap = None if not null.any() else pa.array(~null).buffers()[1]
    if pa.types.is_integer(field.type):
        values = np.empty(len(at), np.int64)
        assert kernel.read_integers(data, at, size, values), f"{field.name}: not an integer; is a sum not cast?"
        return pa.Array.from_buffers(field.type, len(at), [bitmap, pa.py_buffer(values)])
    offsets = np.zeros(len(at) + 1, np.int64)
    np.cumsum(np.maximum(size, 0), out=offsets[1:])
    out = np.empty(int(offsets[-1]), np.uint8)
    kernel.read_bytes(data, at, size, offsets, out)
    return pa.Array.from_buffers(field.type, len(at), [bitmap, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(out)])

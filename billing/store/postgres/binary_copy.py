"""Columns as PostgreSQL's binary COPY carries them, both ways. Integers are bigint, texts are UTF-8, blobs are bytea."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import psycopg
import pyarrow as pa
from psycopg import pq

from billing.store.postgres import copy_kernel as kernel
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
TRAILER: Final = struct.pack(">h", -1)
ROWS_AT_ONCE: Final = 16_384  # what is being written stays in the processor's cache
BYTES_AT_ONCE: Final = 1 << 20  # of what is being read: as above; a row may be longer


def written(columns: Sequence[pa.Array[Any]]) -> Iterator[memoryview]:
    """The rows of equally long arrays (int64, large_binary) in pieces, without header and trailer."""
    rows = len(columns[0]) if columns else 0
    for first in range(0, rows, ROWS_AT_ONCE):
        yield _piece([column.slice(first, ROWS_AT_ONCE) for column in columns])


def tables(connection: pq.abc.PGconn, statement: bytes, schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows of a `COPY ... TO STDOUT (FORMAT BINARY)`, some at a time. Fields of `schema` are int64, string or binary.

    Raises psycopg's errors. It speaks to the connection below psycopg's cursors, which take ten times as long for each row.
    """
    began = connection.exec_(statement)
    if began.status != pq.ExecStatus.COPY_OUT:
        raise _error(began)
    start = len(HEADER)
    for block in _blocks(connection):
        table = _table(np.frombuffer(block, np.uint8), start, schema)
        start = 0
        if table.num_rows:
            yield table
    while (ended := connection.get_result()) is not None:
        if ended.status != pq.ExecStatus.COMMAND_OK:
            raise _error(ended)


def _blocks(connection: pq.abc.PGconn) -> Iterator[memoryview]:
    """Whole rows, in memory that is written over for the next block. The server sends each row as a message of its own."""
    room = bytearray(BYTES_AT_ONCE)
    used = 0
    size, row = connection.get_copy_data(0)
    while size > 0:
        if used + size > len(room):
            yield memoryview(room)[:used]
            used = 0
            room = room if size <= len(room) else bytearray(size)
        room[used : used + size] = row
        used += size
        size, row = connection.get_copy_data(0)
    yield memoryview(room)[:used]


def _error(result: pq.abc.PGresult) -> psycopg.Error:
    state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    message = (result.error_message or b"").decode(errors="replace").strip()
    try:
        return psycopg.errors.lookup(state)(message)
    except KeyError:
        return psycopg.OperationalError(message)


def _piece(columns: Sequence[pa.Array[Any]]) -> memoryview:
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


def _valid(column: pa.Array[Any]) -> NDArray[np.bool_]:
    if column.null_count == 0:
        return np.ones(len(column), np.bool_)
    return column.is_valid().to_numpy(zero_copy_only=False)


def _integers(column: pa.Array[Any]) -> NDArray[np.int64]:
    buffer = column.buffers()[1]
    assert buffer is not None
    return np.frombuffer(buffer, np.int64)[column.offset : column.offset + len(column)]


def _bytes(column: pa.Array[Any]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    _, offsets, data = column.buffers()
    assert offsets is not None
    return (
        np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1],
        np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8),
    )


def _table(data: NDArray[np.uint8], start: int, schema: pa.Schema) -> pa.Table:
    rows = kernel.count_rows(data, start, len(schema))
    if rows < 0:
        raise UserError("the database sent rows that cannot be read", "check the connection to the database, and run the command again")
    at = np.empty((len(schema), rows), np.int64)
    size = np.empty_like(at)
    kernel.find_fields(data, start, at, size)
    return pa.table([_array(data, at[index], size[index], field) for index, field in enumerate(schema)], schema=schema)


def _array(data: NDArray[np.uint8], at: NDArray[np.int64], size: NDArray[np.int64], field: pa.Field[Any]) -> pa.Array[Any]:
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

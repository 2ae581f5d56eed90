"""Arrow IPC bytes from the wire to a record batch that is safe to compute with.

Bytes from a network may say anything: cut short, another schema, lengths of exabytes, offsets outside their buffer, compression that
unpacks to the size of the machine. So every message is checked before Arrow reads its body. The schema is compared before any row,
and the rows are validated in full before other code sees them.

Refuses (INVALID_ARGUMENT): ARROW_MALFORMED, ARROW_SCHEMA, BATCH_TOO_LARGE.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from rating.errors import quoted
from server.grpc.refusals import Refusal, invalid

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH_BYTES_MAX: Final = 8 * 1024 * 1024
BATCH_ROWS_MAX: Final = 65_536

_END_OF_STREAM: Final = b"\xff\xff\xff\xff\x00\x00\x00\x00"

# Positions of fields in Arrow's Message.fbs: tables Message, RecordBatch and DictionaryBatch.
_MESSAGE_HEADER_TYPE: Final = 1
_MESSAGE_HEADER: Final = 2
_RECORD_BATCH_LENGTH: Final = 0
_RECORD_BATCH_COMPRESSION: Final = 3
_DICTIONARY_BATCH_DATA: Final = 1
_HEADER_DICTIONARY_BATCH: Final = 2
_HEADER_RECORD_BATCH: Final = 3


def read_batch(arrow_ipc: bytes, schema: pa.Schema) -> pa.RecordBatch:
    """The rows of one complete Arrow IPC stream with exactly the columns of `schema` (names, types, order): one batch, at least one row.

    The reader of the columns decides whether they may be null, row by row.
    """
    return read_checked(arrow_ipc, lambda given: _check_schema(given, schema))


def read_checked(arrow_ipc: bytes, check_schema: Callable[[pa.Schema], None]) -> pa.RecordBatch:
    """The same of any columns that `check_schema` lets in."""
    if len(arrow_ipc) > BATCH_BYTES_MAX:
        raise invalid("BATCH_TOO_LARGE", f"a batch of {len(arrow_ipc)} bytes; at most {BATCH_BYTES_MAX} are taken")
    try:
        table = _read(arrow_ipc, check_schema)
    except (pa.ArrowException, OSError, ValueError, struct.error, EOFError, MemoryError) as error:
        raise invalid("ARROW_MALFORMED", f"arrow_ipc is not a whole, valid Arrow IPC stream: {_first_line(error)}") from error
    if table.num_rows == 0:
        raise invalid("ARROW_MALFORMED", "arrow_ipc holds no rows")
    return table.combine_chunks().to_batches()[0]


def _read(arrow_ipc: bytes, check_schema: Callable[[pa.Schema], None]) -> pa.Table:
    buffer = pa.py_buffer(arrow_ipc)
    _check_messages(buffer)
    batches = []
    with pa.ipc.open_stream(buffer) as reader:
        check_schema(reader.schema)
        for batch in reader:
            batch.validate(full=True)
            batches.append(batch)
        return pa.Table.from_batches(batches, reader.schema)


def _check_messages(buffer: pa.Buffer) -> None:
    """Refuse compression, more rows than are taken, and an end before or after the last byte, by the messages' heads alone."""
    if buffer.slice(max(buffer.size - len(_END_OF_STREAM), 0)).to_pybytes() != _END_OF_STREAM:
        raise invalid("ARROW_MALFORMED", "arrow_ipc lacks the end of the stream: it was cut short, or the writer was not closed")
    rows = 0
    source = pa.BufferReader(buffer)
    for message in pa.ipc.MessageReader.open_stream(source):
        head = _record_batch_head(memoryview(message.metadata))
        if head is None:
            continue
        if head[1]:
            raise invalid("ARROW_MALFORMED", "arrow_ipc is compressed; send it without compression")
        rows += head[0]
    if source.tell() != buffer.size:
        raise invalid("ARROW_MALFORMED", "arrow_ipc goes on after the end of the stream")
    if rows > BATCH_ROWS_MAX:
        raise invalid("BATCH_TOO_LARGE", f"a batch of {rows} rows; at most {BATCH_ROWS_MAX} are taken")


def _check_schema(given: pa.Schema, wanted: pa.Schema) -> None:
    names = [field.name for field in given]
    if names == wanted.names and given.types == wanted.types:
        return
    for position, field in enumerate(wanted):
        if position >= len(names) or names[position] != field.name:
            raise schema_refusal(f"column {position + 1} must be {field.name}", field.name)
        if given.field(position).type != field.type:
            raise schema_refusal(f"column {field.name} must be {field.type}, not {given.field(position).type}", field.name)
    raise schema_refusal(f"column {quoted(names[len(wanted)])} is not part of the schema", names[len(wanted)])


def schema_refusal(what: str, column: str) -> Refusal:
    """The refusal of a schema in which a column is at fault."""
    return invalid("ARROW_SCHEMA", f"arrow_ipc has another schema: {what}", {"column": column})


def _record_batch_head(metadata: memoryview) -> tuple[int, bool] | None:
    """(rows, compressed) of a message that holds a record batch, directly or as a dictionary; else None.

    This walks the flatbuffer by hand, since Arrow tells neither before it has read (and unpacked) the body. Every read is checked against
    the end of `metadata`: `struct.error` says that an offset lies outside.
    """
    message = _offset(metadata, 0)
    kind_at = _field(metadata, message, _MESSAGE_HEADER_TYPE)
    header_at = _field(metadata, message, _MESSAGE_HEADER)
    kind = struct.unpack_from("<B", metadata, kind_at)[0] if kind_at else 0
    if kind not in {_HEADER_DICTIONARY_BATCH, _HEADER_RECORD_BATCH} or not header_at:
        return None
    table = _offset(metadata, header_at)
    if kind == _HEADER_DICTIONARY_BATCH:
        data_at = _field(metadata, table, _DICTIONARY_BATCH_DATA)
        if not data_at:
            raise ValueError("a dictionary without values")
        table = _offset(metadata, data_at)
    length_at = _field(metadata, table, _RECORD_BATCH_LENGTH)
    rows: int = struct.unpack_from("<q", metadata, length_at)[0] if length_at else 0
    if rows < 0:
        raise ValueError("a record batch of a negative number of rows")
    return rows, _field(metadata, table, _RECORD_BATCH_COMPRESSION) != 0


def _offset(metadata: memoryview, at: int) -> int:
    """The position that the offset stored at `at` points to."""
    return at + int(struct.unpack_from("<I", metadata, at)[0])


def _field(metadata: memoryview, table: int, number: int) -> int:
    """Position of field `number` of the table at `table`; 0 when it is absent."""
    vtable = table - int(struct.unpack_from("<i", metadata, table)[0])
    if vtable < 0:
        raise ValueError("a table outside of its message")
    size = int(struct.unpack_from("<H", metadata, vtable)[0])
    slot = 4 + 2 * number
    if slot + 2 > size:
        return 0
    relative = int(struct.unpack_from("<H", metadata, vtable + slot)[0])
    return table + relative if relative else 0


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]

"""Arrow IPC (file or stream) and Parquet files of canonical usage as batches whose columns are all text, so that one way checks all values.

A file with unknown columns, columns of another type or without the needed ones is refused whole, with all that is wrong; and so is one
that is damaged. Times become whole microseconds since 1970, finer places dropped. Numbers that are E.164 by their column get a `+`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rating.errors import UnusableFileError
from rating.schema import USAGE_V1, ServedKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BATCH_ROWS_MAX: Final = 1 << 16
TEXT_BYTES_MAX: Final = 1 << 30  # of the texts of a batch: positions in them are 32-bit numbers
NEEDED: Final = ("record_id", "service", "served_id", "start_us")
QUANTITIES: Final = ("duration_us", "bytes_up", "bytes_down", "units")
OUR_OWN: Final = ("event_key", "content_hash", "source", "raw_file_id", "raw_offset", "raw_length")
TAKEN: Final = tuple(field.name for field in USAGE_V1 if field.name not in OUR_OWN)
TEXTS: Final = frozenset(field.name for field in USAGE_V1 if pa.types.is_string(field.type) or pa.types.is_dictionary(field.type))
NUMBERS_DIALLED: Final = ("other_e164", "third_e164")  # with their country code, whatever the source's numbering says
_ARROW_FILE, _PARQUET = b"ARROW1", b"PAR1"
_STREAM_END: Final = b"\xff\xff\xff\xff\0\0\0\0"
_STREAM: Final = b"\xff\xff\xff\xff"  # older streams begin with the size of their schema
_SCHEMA_BYTES_MAX: Final = 1 << 28
_MICROSECONDS: Final = {"s": (1_000_000, 1), "ms": (1000, 1), "us": (1, 1), "ns": (1, 1000)}  # times and divided by
_SEE: Final = "see docs/formats/canonical.md for the columns and their types"
_compute: Final[Any] = pc  # its stubs know no mixture of arrays and single values


def is_named_by(head: bytes) -> bool:
    """Return whether a file that begins with these bytes (six or more) is Arrow or Parquet."""
    return head.startswith((_ARROW_FILE, _PARQUET, _STREAM))


def slices(path: Path) -> Iterator[pa.RecordBatch]:
    """Batches of at most BATCH_ROWS_MAX rows, all columns as texts."""
    try:
        for batch in _opened(path):
            batch.validate(full=True)
            for begin in range(0, batch.num_rows, BATCH_ROWS_MAX):
                yield _as_texts(path, batch.slice(begin, BATCH_ROWS_MAX))
    except FileNotFoundError as error:
        raise UnusableFileError(f"there is no file {path}", "check the path") from error
    except (pa.ArrowException, OSError, ValueError) as error:  # what Arrow raises on damaged files
        message = f"{path} is a truncated or damaged Arrow or Parquet file: {' '.join(str(error).split())[:200]}"
        raise UnusableFileError(message, "fetch the file again from who wrote it") from error


def _opened(path: Path) -> Iterator[pa.RecordBatch]:
    with path.open("rb") as plain:
        head = plain.read(len(_ARROW_FILE))
    if head.startswith(_PARQUET):
        with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as parquet:
            wanted = _checked(path, parquet.schema_arrow)
            rows = 0
            for batch in parquet.iter_batches(BATCH_ROWS_MAX, columns=wanted):
                rows += batch.num_rows
                yield batch
            if rows != parquet.metadata.num_rows:  # Arrow says nothing where all columns lack the same pages
                raise ValueError(f"it holds {rows} of its {parquet.metadata.num_rows} rows")
        return
    with pa.OSFile(str(path), "rb") as file:
        if head == _ARROW_FILE:
            with pa.ipc.open_file(file) as reader:
                wanted = _checked(path, reader.schema)
                yield from (reader.get_batch(index).select(wanted) for index in range(reader.num_record_batches))
        else:
            _check_stream(path, head)
            with pa.ipc.open_stream(file) as stream:
                wanted = _checked(path, stream.schema)
                yield from (batch.select(wanted) for batch in stream)
            _check_end(file)


def _check_stream(path: Path, head: bytes) -> None:
    """Text and other formats are not called damaged: they are whole, but of another kind."""
    if not head.startswith(_STREAM) and int.from_bytes(head[: len(_STREAM)], "little") > _SCHEMA_BYTES_MAX:
        raise UnusableFileError(f"{path} is not an Arrow or Parquet file", "name the --source that it is of: see docs/sources.md")


def _check_end(file: pa.NativeFile) -> None:
    """Arrow takes a stream that ends between two batches as whole. A file of one is whole if its mark of the end is at its end."""
    if file.tell() != file.size():
        raise ValueError(f"there is more behind its end at byte {file.tell()}")
    file.seek(max(0, file.size() - len(_STREAM_END)))
    if file.read() != _STREAM_END:
        raise ValueError("the mark of its end is missing")


def _checked(path: Path, schema: pa.Schema) -> list[str]:
    """The columns to read. Refuses a schema that is not canonical, with all that is wrong."""
    mistakes = [f"no column {name}" for name in NEEDED if name not in schema.names]
    if not set(QUANTITIES) & set(schema.names):
        mistakes.append(f"none of the columns {', '.join(QUANTITIES)}")
    for name in dict.fromkeys(schema.names):
        if name not in USAGE_V1.names:
            mistakes.append(f"unknown column {name}")
        elif schema.names.count(name) > 1:
            mistakes.append(f"column {name} more than once")
        elif name not in OUR_OWN and not _is_right(name, schema.field(name).type):
            wanted = (
                "text" if name in TEXTS else "a timestamp with a zone, or whole microseconds" if name == "start_us" else "a whole number"
            )
            mistakes.append(f"column {name} is {schema.field(name).type}, not {wanted}")
    if mistakes:
        raise UnusableFileError(f"{path} is not usage in canonical form: {'; '.join(mistakes)}", _SEE)
    return [name for name in schema.names if name in TAKEN]


def _is_right(name: str, kind: pa.DataType) -> bool:
    if name in TEXTS:
        value = kind.value_type if isinstance(kind, pa.DictionaryType) else kind
        return pa.types.is_string(value) or pa.types.is_large_string(value)
    if isinstance(kind, pa.TimestampType):
        return name == "start_us" and kind.tz is not None
    return pa.types.is_integer(kind)


def _as_texts(path: Path, batch: pa.RecordBatch) -> pa.RecordBatch:
    texts = {name: _as_text(batch.column(name)) for name in batch.schema.names}
    for name in NUMBERS_DIALLED:
        if name in texts:
            texts[name] = _compute.binary_join_element_wise("+", texts[name], "")  # null stays null
    if "served_kind" in texts:
        is_number = _compute.and_(
            _compute.equal(texts["served_kind"], str(int(ServedKind.E164))), _compute.match_substring_regex(texts["served_id"], "^[0-9]")
        )
        lengthened = _compute.binary_join_element_wise("+", texts["served_id"], "")
        texts["served_id"] = _compute.if_else(_compute.fill_null(is_number, False), lengthened, texts["served_id"])
    arrays = list(texts.values())
    if sum(array.nbytes for array in arrays) > TEXT_BYTES_MAX:
        raise UnusableFileError(f"{path} has texts of over a gigabyte within {BATCH_ROWS_MAX} rows", _SEE)
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def _as_text(values: pa.Array[Any]) -> pa.Array[Any]:
    kind = values.type
    if isinstance(kind, pa.TimestampType):
        times, divided = _MICROSECONDS[kind.unit]
        ticks = values.cast(pa.int64())
        limit = (1 << 62) // times
        whole = _compute.multiply(_compute.min_element_wise(_compute.max_element_wise(ticks, -limit), limit), times)
        values = _compute.if_else(_compute.is_valid(ticks), _compute.divide(whole, divided), None)
    return values.cast(pa.string())

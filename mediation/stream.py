"""Usage that a switch streams: batches of STREAM_V1 to Usage v1.

One row an event: `record_id` identifies it within its source; `service` as in rating.model.Service; `served` pays; `other` is the
destination; `start_us` the chargeable start. The quantity is in the column of the service: `duration_us` for voice,
`volume_bytes` for data, `units` else. Numbers become E.164 by the source's numbering, as in files. A batch with missing, extra or
wrong columns is refused whole; a row with nulls or nonsense becomes a reject and the rest goes on.

Bounds are those of files (`limits`). Texts have at most 4,096 bytes without NUL. Quantities are from 0 to 2^47 - 1 (also those of another
service), starts from 2000 to 2069. Neither start nor start + duration is later than the clock of the source may be ahead.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mediation import stream_kernel as kernel
from mediation import usage
from mediation.decode import DEFAULT_HASH_KEY, reject_of
from mediation.decoded import Decoded, Reject
from mediation.limits import TEXT_BYTES_MAX
from mediation.reasons import CODES, REASONS, Reason, mark
from mediation.records import fields
from mediation.records.rows import Spans, text_block
from mediation.values import columns, numbers
from mediation.values.columns import Identity, Numbers
from rating.errors import UserError
from rating.model import Service
from rating.schema import INSTANT, USAGE_V1, Direction, LegRole, OffsetOrigin, ServedKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mediation.sources.model import Source

_FIELDS: Final[list[pa.Field[Any]]] = [
    pa.field("record_id", pa.string(), nullable=False),
    pa.field("service", pa.int8(), nullable=False),
    pa.field("served", pa.string(), nullable=False),
    pa.field("other", pa.string()),
    pa.field("start_us", INSTANT, nullable=False),
    pa.field("duration_us", pa.int64()),
    pa.field("volume_bytes", pa.int64()),
    pa.field("units", pa.int64()),
]
STREAM_V1: Final = pa.schema(_FIELDS, metadata={"ratewright.schema": "stream", "ratewright.version": "1"})
_TEXTS: Final = ("record_id", "served", "other")
_QUANTITY_OF: Final = {Service.VOICE: kernel.IN_DURATION, Service.DATA: kernel.IN_VOLUME}  # every other service counts units
_QUANTITIES: Final = ("duration_us", "volume_bytes", "units")
_RAW_BYTES_MAX: Final = 2000
_ROWS_AS_TEXT: Final = 1_024
_CONSTANTS: Final = {
    "raw_file_id": 0,
    "raw_length": 0,
    "direction": Direction.ORIGINATING,
    "leg_role": LegRole.CALL,
    "offset_origin": OffsetOrigin.GIVEN,
    "cause": 0,
    "flags": 0,
}
_KINDS: Final = np.full(256, kernel.IN_NOTHING, np.int8)  # by the lowest byte of a service
for _service in Service:
    _KINDS[int(_service)] = _QUANTITY_OF.get(_service, kernel.IN_UNITS)
_REASONS: Final = np.array(
    [
        CODES[reason]
        for reason in (
            Reason.MISSING_VALUE,
            Reason.UNKNOWN_SERVICE,
            Reason.NEGATIVE_QUANTITY,
            Reason.QUANTITY_TOO_LARGE,
            Reason.TIME_OUT_OF_RANGE,
        )
    ],
    np.int8,
)
_QUOTE: Final = ord('"')
_NO_TEXT: Final = np.zeros(0, np.uint8)


def check_schema(schema: pa.Schema) -> None:
    """Refuse a schema that is not STREAM_V1: names, types and order. Metadata and nullability are ignored."""
    remedy = f"send exactly these columns: {', '.join(f'{field.name} {field.type}' for field in STREAM_V1)}"
    for field in STREAM_V1:
        if field.name not in schema.names:
            raise UserError(f"the stream has no column {field.name}", remedy)
        if schema.names.count(field.name) > 1:
            raise UserError(f"the stream has column {field.name} more than once", remedy)
        found = schema.field(field.name).type
        if found != field.type:
            raise UserError(f"column {field.name} of the stream is {found}, not {field.type}", remedy)
    for name in schema.names:
        if name not in STREAM_V1.names:
            raise UserError(f"the stream has an unknown column {name}", remedy)


def to_usage(batch: pa.RecordBatch, source: Source, *, hash_key: bytes = DEFAULT_HASH_KEY) -> Decoded:
    """Usage v1 rows of a batch. `raw_offset` and a reject's offset are the row's index in the batch."""
    check_schema(batch.schema)
    events = _events(batch, source)
    ids = (events.record_id.limits[None, :-1], events.record_id.limits[None, 1:])
    key = columns.hashes_of(events.record_id.data, ids, events.numbers[:0], source.name.encode() + b"\0", hash_key)
    made = _table(batch, events, source.name, key, _content_hash(events, hash_key))
    rejects = _rejects(batch, events.code)
    return Decoded(made, rejects, batch.num_rows, b"", 0, future_tolerance_us=source.future_tolerance_us)


class Parts(NamedTuple):
    """Batches that were read together: their rows in one table, in their order, and each batch by itself."""

    usage: pa.Table
    decoded: list[Decoded]


def to_usage_together(batches: Sequence[pa.RecordBatch], source: Source, *, hash_key: bytes = DEFAULT_HASH_KEY) -> Parts:
    """Read batches of one source at once: many small ones cost little more than one. Each is as `to_usage` gives it."""
    if len(batches) == 1:
        alone = to_usage(batches[0], source, hash_key=hash_key)
        return Parts(alone.usage, [alone])
    for batch in batches:
        check_schema(batch.schema)
    joined: list[Any] = [pa.concat_arrays([batch.column(name) for batch in batches]) for name in STREAM_V1.names]
    whole = to_usage(pa.RecordBatch.from_arrays(joined, names=STREAM_V1.names), source, hash_key=hash_key)
    limits = np.cumsum([0, *(batch.num_rows for batch in batches)])
    places = whole.usage.column("raw_offset").to_numpy()
    rows = np.searchsorted(places, limits)
    own = places - np.repeat(limits[:-1], np.diff(rows))
    usage_ = whole.usage.set_column(whole.usage.schema.get_field_index("raw_offset"), USAGE_V1.field("raw_offset"), pa.array(own))
    rejects: list[list[Reject]] = [[] for _ in batches]
    for reject in whole.rejects:
        place = int(np.searchsorted(limits, reject.offset, "right")) - 1
        rejects[place].append(reject._replace(offset=reject.offset - int(limits[place])))
    parts = [
        whole._replace(usage=usage_.slice(first, last - first), rejects=rejects[place], rows=batches[place].num_rows)
        for place, (first, last) in enumerate(itertools.pairwise(rows.tolist()))
    ]
    return Parts(usage_, parts)


class _Text(NamedTuple):
    """A text column where it lies: the text of row i is data[limits[i]:limits[i + 1]]. Nulls are empty."""

    column: pa.Array[Any]
    data: NDArray[np.uint8]
    limits: NDArray[np.int32]

    @property
    def spans(self) -> Spans:
        """A field a row."""
        return Spans(self.limits[:-1], self.limits[1:])


class _Events(NamedTuple):
    """A batch's columns as numbers and texts."""

    record_id: _Text
    served: _Text
    other: _Text
    served_number: Numbers
    other_number: Numbers
    served_forms: int  # bits of `stream_kernel.forms`
    other_forms: int
    numbers: NDArray[np.int64]  # (5, rows), by the places of `stream_kernel`; the quantity is in the unit of the service
    code: NDArray[np.int8]  # a reason each row; 0: it is good


def _events(batch: pa.RecordBatch, source: Source) -> _Events:
    """Read a batch in place. Rows that cannot be billed get their reason."""
    size = batch.num_rows
    record_id, served, other = (_text(batch.column(name)) for name in _TEXTS)
    values, code = np.empty((5, size), np.int64), np.empty(size, np.int8)
    columns_of: list[NDArray[Any]] = []
    for name in ("service", "start_us", *_QUANTITIES):
        columns_of += _values(batch.column(name))
    kernel.check_rows(record_id.limits, served.limits, *columns_of, _KINDS, _REASONS, values, code)
    for text in (record_id, served, other):
        _check_text(code, text)
    of_served = numbers.of_texts(served.data, served.spans, source.numbering, values[kernel.SERVED])
    of_other = numbers.of_texts(other.data, other.spans, source.numbering, values[kernel.OTHER])
    return _Events(
        record_id=record_id,
        served=served,
        other=other,
        served_number=of_served,
        other_number=of_other,
        served_forms=kernel.forms(served.data, served.limits, *of_served),
        other_forms=kernel.forms(other.data, other.limits, *of_other),
        numbers=values,
        code=code,
    )


def _text(column: pa.Array[Any]) -> _Text:
    filled: Any = column.fill_null("") if column.null_count else column
    _, limits, data = filled.buffers()
    if not len(filled) or limits is None or data is None:
        return _Text(filled, np.zeros(0, np.uint8), np.zeros(len(filled) + 1, np.int32))
    at = filled.offset
    return _Text(filled, np.frombuffer(data, np.uint8), _aligned(np.frombuffer(limits, np.int32)[at : at + len(filled) + 1]))


def _values(column: pa.Array[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The values of a column of numbers where they lie, those of null rows too; and which rows have one."""
    kind = np.int8 if pa.types.is_int8(column.type) else np.int64
    size, buffer = len(column), column.buffers()[1]
    if column.null_count == size or buffer is None:
        return _rows_of(kind, size), _rows_of(np.bool_, size)
    values = _aligned(np.frombuffer(buffer, kind)[column.offset : column.offset + size])
    if not column.null_count:
        return values, ~_rows_of(np.bool_, size)
    valid: NDArray[np.bool_] = column.is_valid().to_numpy(zero_copy_only=False)
    return values, valid


def _aligned(values: NDArray[Any]) -> NDArray[Any]:
    """The same numbers where the processor takes them: a sender may put its bytes anywhere."""
    return values if values.flags.aligned else values.copy()


def _rows_of(kind: type[Any], size: int) -> NDArray[Any]:
    """As many zeros."""
    return np.zeros(size, kind)


def _check_text(code: NDArray[np.int8], text: _Text) -> None:
    """Refuse rows as `events.check_texts` does."""
    begin, end = text.spans
    length = end - begin
    if length.max(initial=0) > TEXT_BYTES_MAX:  # hardly ever
        mark(code, length > TEXT_BYTES_MAX, Reason.TEXT_TOO_LONG)
    if not text.data[text.limits[0] : text.limits[-1]].all():  # hardly ever
        has_nul = np.zeros(code.size, np.bool_)
        fields.find_nul(text.data, begin, end, has_nul)
        mark(code, has_nul, Reason.NUL_CHARACTER)


def _content_hash(events: _Events, hash_key: bytes) -> NDArray[np.uint64]:
    """The hash of what is billed: texts that are no numbers, and all numbers."""
    if not (events.served_forms | events.other_forms) & kernel.HAS_NAMES:
        nothing = np.zeros((2, events.code.size), np.int32)
        return columns.hashes_of(_NO_TEXT, (nothing, nothing), events.numbers, b"content", hash_key)
    block = text_block([events.served.column, events.other.column])
    digits = (events.served_number.digits, events.other_number.digits)
    texts = [Spans(block.field_begin[place], block.field_end[place]).only(digits_of == 0) for place, digits_of in enumerate(digits)]
    return columns.hashes(block, Identity(texts, list(events.numbers)), b"content", hash_key)


def _table(batch: pa.RecordBatch, events: _Events, source_name: str, key: NDArray[np.uint64], content: NDArray[np.uint64]) -> pa.Table:
    rows = np.flatnonzero(events.code == 0).astype(np.int64)
    is_whole = rows.size == batch.num_rows
    at = slice(None) if is_whole else rows
    taken = batch if is_whole else batch.take(pa.array(rows, pa.int64()))  # all of them: then nothing is copied
    kind = np.where(events.served_number.digits > 0, ServedKind.E164, ServedKind.EXTENSION).astype(np.int8)
    made: dict[str, pa.Array[Any]] = {
        "event_key": usage.key_array(key[at]),
        "content_hash": usage.key_array(content[at]),
        "source": usage.constant_name(source_name, rows.size),
        "record_id": taken.column("record_id"),
        "raw_offset": pa.array(rows, pa.int64()),
        "service": taken.column("service"),
        "served_kind": pa.array(kind[at], pa.int8()),
        "served_id": _served_id(events, taken.column("served"), rows),
        "served_raw": taken.column("served"),
        "other_e164": usage.integers(events.other_number.value[at], events.other_number.digits[at] > 0, pa.int64()),
        "other_raw": taken.column("other"),
        "start_us": taken.column("start_us"),
        "duration_us": taken.column("duration_us"),
        "bytes_down": taken.column("volume_bytes"),
        "units": taken.column("units"),
    }
    return usage.complete(made, _CONSTANTS, rows.size)


def _served_id(events: _Events, served: pa.Array[Any], rows: NDArray[np.int64]) -> pa.Array[Any]:
    """The payer: a number where it is one, else the text. Mostly that is the text as it came, and nothing is written."""
    number, text = events.served_number, events.served
    if not events.served_forms & kernel.HAS_OTHER_FORMS:
        return served
    block = text_block([text.column])
    if (block.data == _QUOTE).any():  # for `text` it would open a quoted field of a file
        made: pa.Array[Any] = pc.if_else(pa.array(number.digits[rows] > 0), pa.array(number.value[rows]).cast(pa.string()), served)
        return made
    return usage.text(block, Spans(block.field_begin[0], block.field_end[0]), rows, number)


def _rejects(batch: pa.RecordBatch, code: NDArray[np.int8]) -> list[Reject]:
    bad = np.flatnonzero(code)
    place = STREAM_V1.get_field_index("start_us")
    rejects: list[Reject] = []
    for begin in range(0, bad.size, _ROWS_AS_TEXT):  # as Python's objects a row needs fifty times its bytes
        rows = bad[begin : begin + _ROWS_AS_TEXT].tolist()
        taken = batch.take(pa.array(rows, pa.int64()))
        as_number = taken.column(place).cast(pa.int64())  # an instant beyond the year 9999 has no other form
        values = taken.set_column(place, "start_us", as_number).to_pylist()
        for row, value in zip(rows, values, strict=True):
            rejects.append(reject_of(str(REASONS[code[row]]), row, str(value).encode(), _RAW_BYTES_MAX))
    return rejects

"""Usage that a switch streams: batches of STREAM_V1 to Usage v1.

One row an event: `record_id` identifies it within its source; `service` as in rating.model.Service; `served` pays; `other` is the
destination; `start_us` the chargeable start. The quantity is in the column of the service: `duration_us` for voice,
`volume_bytes` for data, `units` else. Numbers become E.164 by the source's numbering, as in files. A batch with missing, extra or
wrong columns is refused whole; a row with nulls or nonsense becomes a reject and the rest goes on.

Bounds are those of files (`limits`). Texts have at most 4,096 bytes without NUL. Quantities are from 0 to 2^47 - 1 (also those of another
service), starts from 2000 to 2069. Neither start nor start + duration is later than the clock of the source may be ahead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mediation import usage
from mediation.calls.events import check_texts
from mediation.decode import DEFAULT_HASH_KEY, reject_of
from mediation.decoded import Decoded, Reject
from mediation.limits import QUANTITY_MAX, START_MAX_US, START_MIN_US
from mediation.reasons import REASONS, Reason, mark
from mediation.records.rows import Block, Spans, text_block
from mediation.values import columns, numbers
from mediation.values.columns import Identity, Numbers
from rating.errors import UserError
from rating.model import Service
from rating.schema import INSTANT, Direction, LegRole, OffsetOrigin, ServedKind

if TYPE_CHECKING:
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
_QUANTITY_OF: Final = {Service.VOICE: "duration_us", Service.DATA: "volume_bytes"}  # every other service counts units
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
    _check(batch, events)
    block = events.block
    key = columns.hashes(block, Identity([events.record_id], []), source.name.encode() + b"\0", hash_key)
    texts = [events.served_text.only(events.served.digits == 0), events.other_text.only(events.other.digits == 0)]
    values = [events.start_us, events.service, events.quantity, events.served.value, events.other.value]
    content = columns.hashes(block, Identity(texts, values), b"content", hash_key)
    made = _table(batch, events, source.name, key, content)
    rejects = _rejects(batch, block)
    return Decoded(made, rejects, batch.num_rows, b"", 0, future_tolerance_us=source.future_tolerance_us)


class _Events(NamedTuple):
    """A batch's columns as numbers and text positions; nulls are 0 and empty."""

    block: Block
    record_id: Spans
    served_text: Spans
    other_text: Spans
    served: Numbers
    other: Numbers
    service: NDArray[np.int64]
    start_us: NDArray[np.int64]
    quantity: NDArray[np.int64]  # in the unit of the service


def _events(batch: pa.RecordBatch, source: Source) -> _Events:
    block = text_block([batch.column(name).fill_null("") for name in _TEXTS])
    record_id, served, other = (Spans(block.field_begin[place], block.field_end[place]) for place in range(len(_TEXTS)))
    service = _integers(batch, "service")
    quantity = _integers(batch, "units")
    for kind, name in _QUANTITY_OF.items():
        quantity = np.where(service == kind, _integers(batch, name), quantity)
    served_number, other_number = (numbers.read(block, text, source.numbering) for text in (served, other))
    start_us = _integers(batch, "start_us")
    return _Events(
        block=block,
        record_id=record_id,
        served_text=served,
        other_text=other,
        served=served_number,
        other=other_number,
        service=service,
        start_us=start_us,
        quantity=quantity,
    )


def _integers(batch: pa.RecordBatch, name: str) -> NDArray[np.int64]:
    return batch.column(name).cast(pa.int64()).fill_null(0).to_numpy()


def _check(batch: pa.RecordBatch, events: _Events) -> None:
    code, service, start_us = events.block.code, events.service, events.start_us
    valid = {name: batch.column(name).is_valid().to_numpy(zero_copy_only=False) for name in STREAM_V1.names}
    mark(code, ~(events.record_id.filled & events.served_text.filled), Reason.MISSING_VALUE)
    mark(code, ~(valid["service"] & valid["start_us"]), Reason.MISSING_VALUE)
    mark(code, ~np.isin(service, [int(kind) for kind in Service]), Reason.UNKNOWN_SERVICE)
    has_quantity = valid["units"]
    for kind, name in _QUANTITY_OF.items():
        has_quantity = np.where(service == kind, valid[name], has_quantity)
    mark(code, ~has_quantity, Reason.MISSING_VALUE)
    for name in _QUANTITIES:  # also of another service: it is stored and counted
        quantity = _integers(batch, name)
        mark(code, quantity < 0, Reason.NEGATIVE_QUANTITY)
        mark(code, quantity >= QUANTITY_MAX, Reason.QUANTITY_TOO_LARGE)
    mark(code, (start_us < START_MIN_US) | (start_us >= START_MAX_US), Reason.TIME_OUT_OF_RANGE)
    check_texts(events.block, [events.record_id, events.served_text, events.other_text])


def _table(batch: pa.RecordBatch, events: _Events, source_name: str, key: NDArray[np.uint64], content: NDArray[np.uint64]) -> pa.Table:
    rows = np.flatnonzero(events.block.code == 0).astype(np.int64)
    kind = np.where(events.served.digits > 0, ServedKind.E164, ServedKind.EXTENSION).astype(np.int8)
    taken = batch.take(pa.array(rows, pa.int64()))
    made: dict[str, pa.Array[Any]] = {
        "event_key": usage.key_array(key[rows]),
        "content_hash": usage.key_array(content[rows]),
        "source": usage.constant_name(source_name, rows.size),
        "record_id": taken.column("record_id"),
        "raw_offset": pa.array(rows, pa.int64()),
        "service": taken.column("service"),
        "served_kind": pa.array(kind[rows], pa.int8()),
        "served_id": usage.text(events.block, events.served_text, rows, events.served),
        "served_raw": taken.column("served"),
        "other_e164": usage.integers(events.other.value[rows], events.other.digits[rows] > 0, pa.int64()),
        "other_raw": taken.column("other"),
        "start_us": taken.column("start_us"),
        "duration_us": taken.column("duration_us"),
        "bytes_down": taken.column("volume_bytes"),
        "units": taken.column("units"),
    }
    return usage.complete(made, _CONSTANTS, rows.size)


def _rejects(batch: pa.RecordBatch, block: Block) -> list[Reject]:
    bad = np.flatnonzero(block.code)
    place = STREAM_V1.get_field_index("start_us")
    rejects: list[Reject] = []
    for begin in range(0, bad.size, _ROWS_AS_TEXT):  # as Python's objects a row needs fifty times its bytes
        rows = bad[begin : begin + _ROWS_AS_TEXT].tolist()
        taken = batch.take(pa.array(rows, pa.int64()))
        as_number = taken.column(place).cast(pa.int64())  # an instant beyond the year 9999 has no other form
        values = taken.set_column(place, "start_us", as_number).to_pylist()
        for row, value in zip(rows, values, strict=True):
            rejects.append(reject_of(str(REASONS[block.code[row]]), row, str(value).encode(), _RAW_BYTES_MAX))
    return rejects

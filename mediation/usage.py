"""Calls to rows of Usage v1: Arrow columns made straight from the file's bytes.

Text that is not UTF-8 is read as Latin-1, so that no byte is lost and no row refused for a caller's name.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mediation.calls.events import Events, Parties
from mediation.records import fields
from rating.model import Service
from rating.schema import INSTANT, KEY, NAME, USAGE_V1, Direction, LegRole, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Callable

    from mediation.records.rows import Block, Spans
    from mediation.values.columns import Amounts, Numbers


_ALIKE_ROWS: Final = 65_536  # of a column that is kept: a batch has no more, and a block of a file makes its own
_ALIKE_KEPT: Final = 64

Rows: TypeAlias = slice | NDArray[np.int64]  # which rows of a block, as an index


class Records(NamedTuple):
    """Facts of a block's rows when they become usage."""

    leg: Events
    parties: Parties
    event_key: NDArray[np.uint64]
    content_hash: NDArray[np.uint64]


def table(block: Block, source_name: str, records: Records, offset: int) -> pa.Table:
    """The block's good rows as usage. `offset` is the place of the block's raw bytes in the stream."""
    rows = np.flatnonzero(block.code == 0)
    at = slice(None) if rows.size == block.size else rows  # all of them: then nothing is copied
    leg, (served, other, _) = records.leg, records.parties
    details = leg.details
    made: dict[str, pa.Array[Any]] = {
        "event_key": key_array(records.event_key[at]),
        "content_hash": key_array(records.content_hash[at]),
        "source": constant_name(source_name, rows.size),
        "record_id": _joined_text(block, details.record_id, details.record_id_more, rows),
        "source_seq": _amounts(details.sequence, at, pa.int64()),
        "raw_offset": pa.array(block.begin[at] + offset),
        "raw_length": pa.array((block.end - block.begin)[at].astype(np.int32)),
        "served_kind": pa.array(served.kind[at]),
        "served_id": text(block, served.text, rows, served.number),
        "served_raw": text(block, details.caller, rows),
        "other_e164": integers(other.value[at], other.digits[at] > 0, pa.int64()),
        "other_raw": text(block, details.other_raw, rows),
        "trunk_in": text(block, details.trunk_in, rows, empty_is_null=True),
        "trunk_out": text(block, details.trunk_out, rows, empty_is_null=True),
        "start_us": pa.array(leg.start_us[at]).cast(INSTANT),
        "offset_s": integers(leg.offset_s[at], leg.has_offset[at], pa.int32()),
        "offset_origin": pa.array(leg.offset_origin[at]),
        "duration_us": _durations(leg, at),
        "call_ref": _joined_text(block, details.call_ref, details.call_ref_more, rows, empty_is_null=True),
        "cause": pa.array(details.cause[at]),
        "flags": pa.array(_flags(leg)[at]),
        **_further(block, records, rows, at),
    }
    constants = {"raw_file_id": 0, "service": Service.VOICE, "direction": Direction.ORIGINATING, "leg_role": LegRole.CALL}
    return complete(made, constants, rows.size)


def with_absorbed(made: pa.Table, absorbed: NDArray[np.bool_]) -> pa.Table:
    """The same rows, those of `absorbed` flagged so."""
    if not absorbed.any():
        return made
    flags = made.column("flags").to_numpy() | np.where(absorbed, UsageFlag.ABSORBED, 0).astype(np.int32)
    return made.set_column(made.schema.get_field_index("flags"), USAGE_V1.field("flags"), pa.array(flags))


def complete(made: dict[str, pa.Array[Any]], constants: dict[str, int], size: int) -> pa.Table:
    """A Usage v1 table of `size` rows: the given columns, constant ones, and null for the rest."""
    arrays = []
    for field in USAGE_V1:
        if field.name in made:
            arrays.append(made[field.name])
        else:
            arrays.append(_kept(_alike, size, field.type, constants.get(field.name)))
    return pa.Table.from_arrays(arrays, schema=USAGE_V1)


def _alike(size: int, kind: pa.DataType, value: int | None) -> pa.Array[Any]:
    """A column that says the same in every row."""
    made: pa.Array[Any] = pa.nulls(size, cast("Any", kind)) if value is None else pa.array(np.full(size, value)).cast(kind)
    return made


def _kept(make: Callable[..., pa.Array[Any]], size: int, *what: object) -> pa.Array[Any]:
    """A column that `make` makes, for which nothing is copied where there is one: it never changes, so all small batches share it."""
    return make(size, *what) if size > _ALIKE_ROWS else _made_once(make, *what).slice(0, size)


@functools.lru_cache(maxsize=_ALIKE_KEPT)
def _made_once(make: Callable[..., pa.Array[Any]], *what: object) -> pa.Array[Any]:
    return make(_ALIKE_ROWS, *what)


def key_array(keys: NDArray[np.uint64]) -> pa.Array[Any]:
    """128-bit keys, (rows, 2), as sixteen bytes each, big-endian."""
    data = np.ascontiguousarray(keys).astype(">u8")
    return pa.Array.from_buffers(KEY, len(keys), [None, pa.py_buffer(data.view(np.uint8))])


def constant_name(name: str, size: int) -> pa.Array[Any]:
    """A dictionary column that says the same in every row."""
    return _kept(_alike_name, size, name)


def _alike_name(size: int, name: str) -> pa.Array[Any]:
    return pa.DictionaryArray.from_arrays(np.zeros(size, np.int32), pa.array([name])).cast(NAME)


def integers(values: NDArray[Any], valid: NDArray[np.bool_], kind: pa.DataType) -> pa.Array[Any]:
    """Numbers, null where not `valid`."""
    if valid.all():
        return pa.array(values, kind)
    if valid.any():
        return pa.array(values, kind, mask=~valid)
    nothing: pa.Array[Any] = pa.nulls(values.size, cast("Any", kind))
    return nothing


def text(
    block: Block, spans: Spans, rows: NDArray[np.int64], number: Numbers | None = None, *, empty_is_null: bool = False
) -> pa.Array[Any]:
    """Text of the rows' fields; where `number` has digits, that number in its stead."""
    values, digits = number or _no_numbers(block.size)
    size = int((spans.end - spans.begin).sum(dtype=np.int64)) + int(digits.sum(dtype=np.int64))  # and of rows that are left out
    if size == 0 and empty_is_null:
        return pa.nulls(rows.size, pa.string())
    out, limits = np.empty(size, np.uint8), np.empty(rows.size + 1, np.int32)
    is_foreign = fields.copy_text(block.data, spans.begin, spans.end, values, digits, rows, out, limits)
    buffers = [None, pa.py_buffer(limits.data), pa.py_buffer(out.data)]
    made = pa.Array.from_buffers(pa.string(), rows.size, buffers)
    if is_foreign:
        made = _readable(made, out, limits)
    if empty_is_null:
        filled = np.packbits(np.diff(limits) > 0, bitorder="little")
        made = pa.Array.from_buffers(pa.string(), rows.size, [pa.py_buffer(filled.data), *made.buffers()[1:]])
    return made


@functools.lru_cache(maxsize=4)
def _no_numbers(size: int) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Numbers that no row has."""
    value, digits = np.zeros(size, np.int64), np.zeros(size, np.int8)
    value.flags.writeable = digits.flags.writeable = False
    return value, digits


def _further(block: Block, records: Records, rows: NDArray[np.int64], at: Rows) -> dict[str, pa.Array[Any]]:
    """Columns that only some formats have; what is left out is null or constant."""
    leg, details, third = records.leg, records.leg.details, records.parties.third
    texts = {"other_text": details.other_text, "routing_number": details.routing_number}
    names = {"location": details.location, "source_currency": details.source_currency}
    amounts = {
        "bytes_up": leg.bytes_up,
        "bytes_down": leg.bytes_down,
        "units": leg.units,
        "source_amount_micros": details.source_amount,
        "serving_plmn": details.serving_plmn,
        "rating_group": details.rating_group,
        "segment_first": details.segment_first,
        "segment_last": details.segment_last,
    }
    codes = {"service": leg.service, "direction": details.direction, "leg_role": details.leg_role}
    made: dict[str, pa.Array[Any]] = {}
    made |= {name: text(block, spans, rows, empty_is_null=True) for name, spans in texts.items() if spans is not None}
    made |= {name: text(block, spans, rows, empty_is_null=True).cast(NAME) for name, spans in names.items() if spans is not None}
    made |= {name: _amounts(found, at, USAGE_V1.field(name).type) for name, found in amounts.items() if found is not None}
    made |= {name: pa.array(column[at].astype(np.int8)) for name, column in codes.items() if column is not None}
    if third is not None:
        made["third_e164"] = integers(third.value[at], third.digits[at] > 0, pa.int64())
    return made


def _flags(leg: Events) -> NDArray[np.int32]:
    flags = np.where(leg.answered, 0, UsageFlag.UNANSWERED).astype(np.int32)
    return flags if leg.flags is None else flags | leg.flags


def _durations(leg: Events, at: Rows) -> pa.Array[Any]:
    if leg.has_duration is None:
        return pa.array(leg.duration_us[at])
    return integers(leg.duration_us[at], leg.has_duration[at], pa.int64())


def _amounts(amounts: Amounts, at: Rows, kind: pa.DataType) -> pa.Array[Any]:
    return integers(amounts.value[at], amounts.present[at], kind)


def _joined_text(
    block: Block, first: Spans, more: tuple[Spans, ...], rows: NDArray[np.int64], *, empty_is_null: bool = False
) -> pa.Array[Any]:
    """Text of a field, with a dash and the text of each further field after it."""
    if not more:
        return text(block, first, rows, empty_is_null=empty_is_null)
    parts: Any = [text(block, spans, rows) for spans in (first, *more)]
    made: pa.Array[Any] = pc.binary_join_element_wise(*parts, "-")
    if empty_is_null:
        filled = np.logical_or.reduce([spans.filled[rows] for spans in (first, *more)])
        made = pc.if_else(pa.array(filled), made, pa.scalar(None, pa.string()))
    return made


def _readable(made: pa.Array[Any], out: NDArray[np.uint8], limits: NDArray[np.int32]) -> pa.Array[Any]:
    """The same text in UTF-8."""
    try:
        made.validate(full=True)
    except pa.ArrowInvalid:
        data = out.tobytes()
        pieces = [data[begin:end] for begin, end in zip(limits[:-1].tolist(), limits[1:].tolist(), strict=True)]
        return pa.array([_decode(piece) for piece in pieces], pa.string())
    return made


def _decode(piece: bytes) -> str:
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return piece.decode("latin-1")

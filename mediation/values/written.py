"""Columns of a block that are written as the source says: times by a format, amounts in a unit, texts put together.

Microseconds throughout. Rows whose field cannot be read are marked. Amounts keep what a unit can hold: a duration is cut at the
microsecond, a count or a number of bytes must be whole.
"""

from __future__ import annotations

import dataclasses
import decimal
from typing import TYPE_CHECKING, Final

import numpy as np

from mediation.reasons import Reason, mark
from mediation.records import fields
from mediation.records.rows import Spans
from mediation.sources.rules import Unit
from mediation.values import columns, written_kernel
from mediation.values.columns import Amounts, Times, Written
from rating.dates import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mediation.records.rows import Block

PLAIN_SCALES: Final = (1000, SECOND_US)  # with which plain decimals can be read the quick way
SCALES: Final = {  # what one of the unit is in microseconds, bytes or pieces
    Unit.COUNT: 1,
    Unit.MICROSECOND: 1,
    Unit.MILLISECOND: 1000,
    Unit.TENTH: 100_000,
    Unit.SECOND: SECOND_US,
    Unit.MINUTE: 60 * SECOND_US,
    Unit.BYTE: 1,
    Unit.KILOBYTE: 1000,
    Unit.KIBIBYTE: 1024,
    Unit.MEGABYTE: 1_000_000,
    Unit.MEBIBYTE: 1 << 20,
    Unit.EPOCH_SECOND: SECOND_US,
    Unit.EPOCH_MILLISECOND: 1000,
    Unit.EPOCH_MICROSECOND: 1,
}
CLOCKS: Final = (Unit.CLOCK, Unit.CLOCK_DIGITS)


def times_by(block: Block, spans: Spans, form: str, zone: str) -> Times:
    """Times by a format of strptime's directives, in `zone` where they carry no offset; without a format, as switches write them."""
    return columns.instants(block, _written(block, spans, form), zone)


def times_with_offsets(block: Block, spans: Spans, form: str, offsets: Spans, zone: str) -> Times:
    """The same with the offset from UTC in a column of its own; where that is empty, in `zone`."""
    read = _written(block, spans, form)
    offset_s, kind = np.zeros(block.size, np.int32), np.zeros(block.size, np.int8)
    written_kernel.read_offsets(block.data, offsets.begin, offsets.end, offset_s, kind)
    mark(block.code, kind == fields.UNREADABLE, Reason.UNREADABLE_TIME)
    found = (read.kind == fields.LOCAL) & (kind == fields.READ)
    read.at_us[found] -= offset_s[found].astype(np.int64) * SECOND_US
    read.offset_s[found], read.kind[found] = offset_s[found], fields.WITH_OFFSET
    return columns.instants(block, read, zone)


def epochs(block: Block, spans: Spans, unit: Unit, decimal_mark: str = ".") -> Times:
    """Counts since 1970; 0 means absent."""
    value, present = amounts(block, spans, unit, decimal_mark, Reason.UNREADABLE_TIME)
    mark(block.code, (value < 0) | (value >= fields.EPOCH_US_MAX), Reason.UNREADABLE_TIME)
    nothing, no = np.zeros(block.size, np.int32), np.zeros(block.size, np.bool_)
    fineness_us = columns.count_fineness_us(block, spans, SCALES[unit], decimal_mark)
    return Times(value, value, present & (value > 0), nothing.astype(np.int8), nothing, no, no, fineness_us)


def amounts(block: Block, spans: Spans, unit: Unit, decimal_mark: str = ".", reason: Reason | None = Reason.UNREADABLE_NUMBER) -> Amounts:
    """Quantities in microseconds, bytes or pieces. A field that is none gives the row `reason`; without one it counts as absent."""
    value, kind = np.zeros(block.size, np.int64), np.zeros(block.size, np.int8)
    place, is_digits = ord(decimal_mark), unit is Unit.CLOCK_DIGITS
    if unit in CLOCKS:
        written_kernel.read_clocks(block.data, spans.begin, spans.end, place, is_digits, value, kind)
    elif decimal_mark == "." and SCALES[unit] in PLAIN_SCALES:
        fields.read_amounts(block.data, spans.begin, spans.end, SCALES[unit], value, kind)
        _read_rest(block, spans, unit, value, kind)
    else:
        written_kernel.read_amounts(block.data, spans.begin, spans.end, SCALES[unit], place, value, kind)
    if reason is not None:
        mark(block.code, kind == fields.UNREADABLE, reason)
    return Amounts(value, kind == fields.READ)


def _read_rest(block: Block, spans: Spans, unit: Unit, value: NDArray[np.int64], kind: NDArray[np.int8]) -> None:
    """Amounts that are written in another way than plain decimals, such as with an exponent."""
    rows = np.flatnonzero(kind == fields.UNREADABLE)
    if rows.size:
        rest, rest_kind = np.zeros(rows.size, np.int64), np.zeros(rows.size, np.int8)
        written_kernel.read_amounts(block.data, spans.begin[rows], spans.end[rows], SCALES[unit], ord("."), rest, rest_kind)
        value[rows], kind[rows] = rest, rest_kind


def constant_amount(text: str, unit: Unit) -> int | None:
    """The amount that a definition gives for all records; None if it is none."""
    try:
        value = decimal.Decimal(text if text.isascii() else "") * SCALES[unit]  # Decimal reads digits of every script
    except (decimal.InvalidOperation, KeyError):
        return None
    return int(value) if value.is_finite() and value == int(value) and abs(value) < written_kernel.VALUE_MAX else None


def with_columns(block: Block, added: Mapping[str, Spans]) -> Block:
    """The block with further columns of fields that lie in its data. Names must be new."""
    begins, ends = [spans.begin for spans in added.values()], [spans.end for spans in added.values()]
    return dataclasses.replace(
        block,
        field_begin=np.concatenate([block.field_begin, np.stack(begins)]),
        field_end=np.concatenate([block.field_end, np.stack(ends)]),
        columns=tuple(_placed(layout, block.field_begin.shape[0], tuple(added)) for layout in block.columns),
    )


def with_texts(block: Block, joined: Mapping[str, Sequence[Spans]], constants: Mapping[str, str]) -> Block:
    """The block with further columns: fields put end to end with a blank between, and texts that are the same in every row.

    Names must be new. Joined texts are written behind the block's own bytes, which are copied for it.
    """
    if not joined and not constants:
        return block
    own = block.with_own_data()
    pieces, added, at = [own.data], dict[str, Spans](), own.data.size
    for name, parts in joined.items():
        piece, added[name] = _joined(block, parts, at)
        pieces.append(piece)
        at += piece.size
    for name, text in constants.items():
        piece = np.frombuffer(b"\n" + text.encode(), np.uint8)  # no quote may stand before it: see fields.copy_text
        added[name] = Spans(np.full(block.size, at + 1, np.int32), np.full(block.size, at + piece.size, np.int32))
        pieces.append(piece)
        at += piece.size
    data = np.concatenate(pieces)
    data.flags.writeable = False
    return with_columns(dataclasses.replace(own, data=data), added)


def _placed(layout: tuple[str, ...], places: int, names: tuple[str, ...]) -> tuple[str, ...]:
    """A layout's columns with the new ones after the last place that any layout has."""
    return (*layout, *("" for _ in range(places - len(layout))), *names)


def _joined(block: Block, parts: Sequence[Spans], at: int) -> tuple[NDArray[np.uint8], Spans]:
    """Each row's parts end to end, and where they are once they lie at `at`."""
    begin, end = np.stack([part.begin for part in parts]), np.stack([part.end for part in parts])
    out = np.zeros(int((end - begin + 1).sum(dtype=np.int64)) + block.size, np.uint8)
    out_begin, out_end = np.zeros(block.size, np.int32), np.zeros(block.size, np.int32)
    size = written_kernel.join_texts(block.data, begin, end, 0, out, out_begin, out_end)
    return out[:size], Spans(out_begin + np.int32(at), out_end + np.int32(at))


def _written(block: Block, spans: Spans, form: str) -> Written:
    """The times as a kernel reads them."""
    size = block.size
    read = Written(np.zeros(size, np.int64), np.zeros(size, np.int8), np.zeros(size, np.int32), np.zeros(size, np.int8))
    if form:
        directives = np.frombuffer(form.encode(), np.uint8)
        written_kernel.read_times(block.data, spans.begin, spans.end, directives, written_kernel.MONTHS, *read)
    else:
        fields.read_times(block.data, spans.begin, spans.end, *read)
    return read

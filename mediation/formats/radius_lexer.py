"""Finds records and attributes in a RADIUS detail file, as positions, without making a single Python string.

A record is a header line (when the server wrote it), then one attribute a line, `Name = value`, indented as a rule; a blank line ends
it. `:=`, `+=` and tags (`Name:1`) are accepted and ignored. Quotes around a value are not part of it; escapes inside stay as they are
written. The first of two equal attributes counts; attributes that are not asked for are ignored, but each must be one.

The server does not check that a record was written whole. So a record that no blank line ends is taken only if its closing
attribute (`Timestamp`, which servers write last) is there with its line break; else it is truncated. A line that is neither a
header nor an attribute makes the record malformed. A record above 1 MiB is refused in pieces, up to the blank line that ends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from mediation import reasons
from mediation.reasons import CODES, Reason
from mediation.records import scan
from mediation.records.scan import ROW_BYTES_MAX
from rating.jit import kernel_module

if TYPE_CHECKING:
    from collections.abc import Sequence

njit = kernel_module(__file__, reasons.__file__, scan.__file__)

NEWLINE, RETURN, BLANK, TAB, EQUALS, COLON, PLUS, QUOTE, APOSTROPHE = (ord(mark) for mark in "\n\r \t=:+\"'")
FAULT_LENGTH: Final = CODES[Reason.ROW_TOO_LONG]
FAULT_FORM: Final = CODES[Reason.MALFORMED_RECORD]
FAULT_END: Final = CODES[Reason.TRUNCATED_RECORD]
# What a line is.
EMPTY, ATTRIBUTE, OTHER = 0, 1, 2
# Whether a record that is too long goes on, and from where.
WHOLE, AT_LINE, WITHIN_LINE = 0, 1, 2

_BYTES = numba.types.Array(numba.uint8, 1, "C", readonly=True)
_LIMITS = numba.types.Array(numba.int32, 1, "C", readonly=True)
_I64, _BOOL = numba.int64, numba.boolean
_FIELDS = numba.int32[:, ::1]


class Records(NamedTuple):
    """Room for the records of one scan. Row arrays are (records,), field arrays (names + 1, records): the last field is the header."""

    begin: NDArray[np.int64]  # first byte of the header
    end: NDArray[np.int64]  # byte after the record, with the blank line that ends it: so that its bytes stand for themselves
    fault: NDArray[np.int8]  # 0, or the code of a reason
    field_begin: NDArray[np.int32]
    field_end: NDArray[np.int32]


class Names(NamedTuple):
    """The attributes that are wanted, in small letters, end to end."""

    text: NDArray[np.uint8]
    limits: NDArray[np.int32]
    closing: int  # place of the attribute that servers write last; -1: none


class LexedRecords(NamedTuple):
    """Records of one scan, the position from which to go on, and whether a record that is too long continues there (see WHOLE)."""

    size: int
    position: int
    in_long_record: int


def names(wanted: Sequence[str], closing: str) -> Names:
    """Attribute names for `scan_records`, matched in any case."""
    texts = [name.lower().encode() for name in wanted]
    limits = np.cumsum([0, *map(len, texts)]).astype(np.int32)
    return Names(np.frombuffer(b"".join(texts), np.uint8), limits, wanted.index(closing) if closing in wanted else -1)


def room(records_max: int, names_count: int) -> Records:
    """Arrays for `records_max` records."""
    fields = (names_count + 1, records_max)
    places = (np.zeros(records_max, np.int64), np.zeros(records_max, np.int64), np.zeros(records_max, np.int8))
    return Records(*places, np.zeros(fields, np.int32), np.zeros(fields, np.int32))


def scan_records(
    data: NDArray[np.uint8], begin: int, end: int, records: Records, wanted: Names, *, is_last: bool, in_long_record: int = WHOLE
) -> LexedRecords:
    """Find records in `data[begin:end]` until room or data end. `is_last`: nothing follows `end`. Begin 0: not there."""
    count, position, goes_on = _scan_records(data, begin, end, is_last, in_long_record, *wanted, *records)
    return LexedRecords(int(count), int(position), int(goes_on))


@njit(_I64(_BYTES, _I64, _I64))
def _line_end(data, at, end):
    while at < end and data[at] != NEWLINE:
        at += 1
    return at


@njit(numba.types.UniTuple(_I64, 5)(_BYTES, _I64, _I64))
def _read_line(data, begin, stop):
    """Return the kind of a line; of an attribute also begin and end of its name, and of its value."""
    at, last = begin, stop
    while last > begin and (data[last - 1] == RETURN or data[last - 1] == BLANK or data[last - 1] == TAB):
        last -= 1
    while at < last and (data[at] == BLANK or data[at] == TAB):
        at += 1
    if at == last:
        return EMPTY, at, at, at, at
    name_begin = at
    while at < last and data[at] != BLANK and data[at] != TAB and data[at] != COLON and data[at] != EQUALS:
        at += 1
    name_end = at
    if at < last and data[at] == COLON:  # a tag
        at += 1
        while at < last and ord("0") <= data[at] <= ord("9"):
            at += 1
    while at < last and (data[at] == BLANK or data[at] == TAB):
        at += 1
    if at < last and (data[at] == PLUS or data[at] == COLON):
        at += 1
    if at >= last or data[at] != EQUALS or name_end == name_begin:
        return OTHER, begin, last, begin, last
    at += 1
    while at < last and (data[at] == BLANK or data[at] == TAB):
        at += 1
    is_quoted = last - at > 1 and data[last - 1] == data[at] and (data[at] == QUOTE or data[at] == APOSTROPHE)
    if is_quoted:
        return ATTRIBUTE, name_begin, name_end, at + 1, last - 1
    return ATTRIBUTE, name_begin, name_end, at, last


@njit(_I64(_BYTES, _I64, _I64, _BYTES, _LIMITS))
def _find_name(data, begin, end, names_text, limits):
    """Return the place of the name in the list; -1 if it is not in it."""
    size = end - begin
    for place in range(limits.size - 1):
        if limits[place + 1] - limits[place] != size:
            continue
        at = 0
        while at < size:
            byte = data[begin + at]
            if ord("A") <= byte <= ord("Z"):
                byte += 32
            if byte != names_text[limits[place] + at]:
                break
            at += 1
        if at == size:
            return place
    return -1


@njit(numba.types.UniTuple(_I64, 3)(_BYTES, _I64, _I64, _BOOL, _BYTES, _LIMITS, _I64, _I64, _FIELDS, _FIELDS))
def _scan_record(data, begin, end, is_last, names_text, limits, closing, row, field_begin, field_end):
    """The record from `begin`, which is no blank line: 1 if its end is in sight, the position after it, fault."""
    for place in range(limits.size):
        field_begin[place, row], field_end[place, row] = 0, 0
    at, fault, lines, is_closed = begin, 0, 0, False
    while at < end:
        stop = _line_end(data, at, end)
        if stop == end and not is_last:
            return 0, at, 0
        kind, name_begin, name_end, value_begin, value_end = _read_line(data, at, stop)
        if kind == EMPTY:
            if lines == 0:
                fault = FAULT_FORM
            return 1, min(stop + 1, end), fault
        if kind == ATTRIBUTE:
            lines += 1
            place = _find_name(data, name_begin, name_end, names_text, limits)
            if place >= 0 and field_begin[place, row] == 0:
                field_begin[place, row], field_end[place, row] = value_begin, value_end
                is_closed |= place == closing and stop < end
        elif at == begin:
            field_begin[limits.size - 1, row], field_end[limits.size - 1, row] = value_begin, value_end
        elif data[at] != BLANK and data[at] != TAB and lines > 0:  # the header of another record
            if not is_closed and fault == 0:
                fault = FAULT_END
            return 1, at, fault
        elif fault == 0:
            fault = FAULT_FORM if stop < end else FAULT_END
        at = stop + 1
    if not is_last:
        return 0, end, 0
    if fault == 0 and not is_closed:
        fault = FAULT_END
    return 1, end, fault


@njit(
    numba.types.UniTuple(_I64, 3)(
        *(_BYTES, _I64, _I64, _BOOL, _I64, _BYTES, _LIMITS, _I64),
        *(_I64[::1], _I64[::1], numba.int8[::1], _FIELDS, _FIELDS),
    )
)
def _scan_records(
    data, begin, end, is_last, in_long_record, names_text, limits, closing, row_begin, row_end, row_fault, field_begin, field_end
):
    row, at, goes_on = 0, begin, in_long_record
    while row < row_begin.shape[0] and at < end:
        limit = min(end, at + ROW_BYTES_MAX + 1)  # a piece looks no farther, so that one long line is not read again for each of its pieces
        sees_end = is_last and limit == end
        stop = _line_end(data, at, limit)
        if goes_on != WITHIN_LINE and _read_line(data, at, stop)[0] == EMPTY:
            if stop == end and not is_last and end - at < ROW_BYTES_MAX:
                break
            if stop < limit or sees_end:
                goes_on = WHOLE
            at = min(stop + 1, limit)
            continue
        first = min(stop + 1, limit) if goes_on == WITHIN_LINE else at  # the rest of a line is no blank line, whatever it looks like
        is_whole, after, fault = _scan_record(data, first, limit, sees_end, names_text, limits, closing, row, field_begin, field_end)
        if is_whole == 0 and end - at < ROW_BYTES_MAX:
            break
        is_piece = is_whole == 0 or after > at + ROW_BYTES_MAX
        if is_piece:
            after = min(at + ROW_BYTES_MAX, end)
        if is_piece or goes_on != WHOLE:
            fault = FAULT_LENGTH
        goes_on = WHOLE
        if is_piece:
            goes_on = AT_LINE if data[after - 1] == NEWLINE else WITHIN_LINE
        row_begin[row], row_end[row], row_fault[row] = at, after, fault
        row += 1
        at = after
    return row, min(at, end), goes_on

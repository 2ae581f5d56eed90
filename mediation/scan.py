"""Finds rows and fields in raw bytes of comma-separated text, as positions, without making a single Python string.

A row ends at LF or CRLF outside quotes; the last one may lack it; empty lines are no rows. A field may be quoted; inside, a doubled
quote is a quote and a line break is text. Blanks around unquoted fields are not part of them. Switches write caller names as they
come, so a lone quote inside a quoted field is taken as text, as long as the field stays within its line.

A stray quote must not swallow the rest of a file. So a quoted field that spans lines has to be faultless: doubled quotes only, at
most 64 KiB, and a row of the right number of columns at its end. Else the row is refused up to the end of its first line, and the
next line is a row again. Positions are bytes within `data`. Refuses rows above 1 MiB, in pieces of that size, so that memory stays
bounded.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from mediation.reasons import CODES, Reason
from rating.jit import kernel_module

njit = kernel_module(__file__)

ROW_BYTES_MAX: Final = 1 << 20
QUOTED_BYTES_MAX: Final = 1 << 16
WIDTH_MAX: Final = 63  # columns of a source; more are counted, not kept

QUOTE, COMMA, NEWLINE, RETURN, BLANK = (ord(mark) for mark in '",\n\r ')
COMPLETE, INCOMPLETE, FAULTY = 0, 1, 2
FAULT_QUOTE = CODES[Reason.UNTERMINATED_QUOTE]
FAULT_LENGTH = CODES[Reason.ROW_TOO_LONG]

_BYTES = numba.types.Array(numba.uint8, 1, "C", readonly=True)
_I64, _BOOL = numba.int64, numba.boolean
_FIELDS = numba.int32[:, ::1]


class Rows(NamedTuple):
    """Room for the rows of one scan. Row arrays are (rows,), field arrays (WIDTH_MAX, rows): a column lies in one piece."""

    begin: NDArray[np.int64]  # first byte of the row
    end: NDArray[np.int64]  # byte after the last one, line break excluded
    width: NDArray[np.int32]  # number of columns
    fault: NDArray[np.int8]  # 0, or the code of a reason: then width is 0
    field_begin: NDArray[np.int32]  # quotes excluded
    field_end: NDArray[np.int32]


def room(rows_max: int, columns_max: int) -> Rows:
    """Arrays for `rows_max` rows of at most `columns_max` columns."""
    fields = (min(columns_max, WIDTH_MAX), rows_max)
    return Rows(
        np.zeros(rows_max, np.int64),
        np.zeros(rows_max, np.int64),
        np.zeros(rows_max, np.int32),
        np.zeros(rows_max, np.int8),
        np.zeros(fields, np.int32),
        np.zeros(fields, np.int32),
    )


def scan(data: NDArray[np.uint8], begin: int, end: int, rows: Rows, widths: int, *, is_last: bool) -> tuple[int, int]:
    """Find rows in `data[begin:end]` until room or data end. Gives their count and the position from which to go on.

    `widths` has bit w set if w columns are right. `is_last` says that nothing follows `end`, so that an unfinished row is one.
    """
    found, position = _scan_rows(data, begin, end, is_last, np.uint64(widths), *rows)
    return int(found), int(position)


@njit(numba.types.UniTuple(_I64, 4)(_BYTES, _I64, _I64, _BOOL))
def _scan_quoted(data, opening, end, is_last):
    """Outcome, end of the text, position of the delimiter after it, and 1 if a line break is inside."""
    spans_lines, has_lone_quote = 0, False
    at = opening + 1
    while at < end:
        byte = data[at]
        if byte == QUOTE:
            if at + 1 < end and data[at + 1] == QUOTE:
                at += 2
                continue
            after = at + 1
            while after < end and (data[after] == BLANK or data[after] == RETURN):
                after += 1
            if after == end:
                return (COMPLETE if is_last else INCOMPLETE), at, end, spans_lines
            if data[after] == COMMA or data[after] == NEWLINE:
                return COMPLETE, at, after, spans_lines
            has_lone_quote = True
            if spans_lines == 1:
                return FAULTY, at, at, 1
        elif byte == NEWLINE:
            spans_lines = 1
            if has_lone_quote:
                return FAULTY, at, at, 1
        at += 1
        if at - opening > QUOTED_BYTES_MAX:
            return FAULTY, at, at, 1
    return (FAULTY if is_last else INCOMPLETE), at, at, 1


@njit(numba.types.UniTuple(_I64, 4)(_BYTES, _I64, _I64, _BOOL, _I64, _FIELDS, _FIELDS))
def _scan_row(data, begin, end, is_last, row, field_begin, field_end):
    """Outcome, position of the row's line break, number of columns, and 1 if a line break is inside a field."""
    width, spans_lines = 0, 0
    at = begin
    while True:
        while at < end and data[at] == BLANK:
            at += 1
        if at < end and data[at] == QUOTE:
            outcome, text_end, delimiter, broken = _scan_quoted(data, at, end, is_last)
            if outcome != COMPLETE:
                return outcome, at, 0, 1
            text_begin = at + 1
            spans_lines |= broken
        else:
            delimiter = at
            while delimiter < end and data[delimiter] != COMMA and data[delimiter] != NEWLINE:
                delimiter += 1
            if delimiter == end and not is_last:
                return INCOMPLETE, at, 0, spans_lines
            text_begin, text_end = at, delimiter
            if text_end > text_begin and data[text_end - 1] == RETURN and (delimiter == end or data[delimiter] == NEWLINE):
                text_end -= 1
            while text_end > text_begin and data[text_end - 1] == BLANK:
                text_end -= 1
        if width < field_begin.shape[0]:
            field_begin[width, row] = text_begin
            field_end[width, row] = text_end
        width += 1
        if delimiter == end or data[delimiter] == NEWLINE:
            return COMPLETE, delimiter, width, spans_lines
        at = delimiter + 1


@njit(
    numba.types.UniTuple(_I64, 2)(
        _BYTES, _I64, _I64, _BOOL, numba.uint64, _I64[::1], _I64[::1], numba.int32[::1], numba.int8[::1], _FIELDS, _FIELDS
    )
)
def _scan_rows(data, begin, end, is_last, widths, row_begin, row_end, row_width, row_fault, field_begin, field_end):
    row, at = 0, begin
    while row < row_begin.shape[0] and at < end:
        if data[at] == NEWLINE:
            at += 1
            continue
        if data[at] == RETURN and at + 1 < end and data[at + 1] == NEWLINE:
            at += 2
            continue
        outcome, stop, width, spans_lines = _scan_row(data, at, end, is_last, row, field_begin, field_end)
        fault = 0
        right_width = width <= WIDTH_MAX and (widths >> np.uint64(min(width, WIDTH_MAX))) & np.uint64(1) == 1
        if outcome == FAULTY or (outcome == COMPLETE and spans_lines == 1 and not right_width):
            fault, width, stop = FAULT_QUOTE, 0, at
            while stop < end and data[stop] != NEWLINE:
                stop += 1
            outcome = COMPLETE if stop < end or is_last else INCOMPLETE
        if outcome == INCOMPLETE and end - at < ROW_BYTES_MAX:
            break
        if outcome == INCOMPLETE or stop - at > ROW_BYTES_MAX:
            fault, width, stop = FAULT_LENGTH, 0, min(at + ROW_BYTES_MAX, end)
        row_begin[row] = at
        row_end[row] = stop - 1 if stop > at and data[stop - 1] == RETURN else stop
        row_width[row] = width
        row_fault[row] = fault
        row += 1
        at = stop if fault == FAULT_LENGTH else stop + 1
    return row, min(at, end)

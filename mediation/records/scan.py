"""Finds rows and fields in raw bytes of delimited text, as positions, without making a single Python string.

A row ends at LF or CRLF outside quotes; the last one may lack it; empty lines are no rows, nor are lines that begin with the
`comment` byte where a source has one. Delimiter and quote are bytes of the source. A field may be quoted; inside, a doubled
quote is a quote and a line break is text. Blanks around unquoted fields are not part of them. Switches write caller names as they
come: a lone quote inside a quoted field is taken as text, as long as the field stays within its line.

A stray quote must not swallow the rest of a file. So a quoted field that spans lines has to be faultless: doubled quotes only, at
most 64 KiB, and a row of the right number of columns at its end. Else the row is refused up to the end of its first line, and the
next line is a row again. A line that is refused or has a wrong number of columns is scanned once more: if it has the right number
where text may go on behind a closing quote, as in `"Jo" <1>,`, it is read so. Positions are bytes within `data`. Refuses rows above
1 MiB, in pieces of that size, so that memory stays bounded.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from mediation import reasons
from mediation.bytes import words
from mediation.bytes.words import PIECE_BYTES, bits_where, count_bits, lowest_bit
from mediation.reasons import CODES, Reason
from rating.jit import kernel_module

njit = kernel_module(__file__, words.__file__, reasons.__file__)

ROW_BYTES_MAX: Final = 1 << 20
QUOTED_BYTES_MAX: Final = 1 << 16
WIDTH_MAX: Final = 255  # columns of a source; more are counted, not kept
NONE: Final = -1  # no such byte: for a quote or a comment

QUOTE, COMMA, NEWLINE, RETURN, BLANK = (ord(mark) for mark in '",\n\r ')
COMPLETE, INCOMPLETE, FAULTY = 0, 1, 2
_PADDING: Final = 80  # columns that lie a power of two apart would drive each other out of the cache
FAULT_QUOTE = CODES[Reason.UNTERMINATED_QUOTE]
FAULT_LENGTH = CODES[Reason.ROW_TOO_LONG]

_BYTES = numba.types.Array(numba.uint8, 1, "C", readonly=True)
_I64, _U64, _BOOL = numba.int64, numba.uint64, numba.boolean
_FIELDS = numba.int32[:, ::1]


class Rows(NamedTuple):
    """Room for the rows of one scan. Row arrays are (rows,), field arrays (columns, rows and more): a column lies in one piece."""

    begin: NDArray[np.int64]  # first byte of the row
    end: NDArray[np.int64]  # byte after the last one, line break excluded
    width: NDArray[np.int32]  # number of columns
    fault: NDArray[np.int8]  # 0, or the code of a reason: then width is 0
    field_begin: NDArray[np.int32]  # quotes excluded
    field_end: NDArray[np.int32]


def room(rows_max: int, columns_max: int) -> Rows:
    """Arrays for `rows_max` rows of at most `columns_max` columns."""
    fields = (min(columns_max, WIDTH_MAX), rows_max + _PADDING)
    return Rows(
        np.zeros(rows_max, np.int64),
        np.zeros(rows_max, np.int64),
        np.zeros(rows_max, np.int32),
        np.zeros(rows_max, np.int8),
        np.zeros(fields, np.int32),
        np.zeros(fields, np.int32),
    )


class Marks(NamedTuple):
    """The bytes that part a row. NONE: there is no such byte."""

    delimiter: int = COMMA
    quote: int = QUOTE
    comment: int = NONE


COMMAS: Final = Marks()


def scan(
    data: NDArray[np.uint8],
    begin: int,
    end: int,
    rows: Rows,
    widths: int,
    *,
    is_last: bool,
    marks: Marks = COMMAS,
    in_long_row: bool = False,
) -> tuple[int, int]:
    """Find rows in `data[begin:end]` until room or data end. Gives their count and the position from which to go on.

    `widths` has bit w set if w columns are right. `is_last` says that nothing follows `end`, so that an unfinished row is one.
    `in_long_row` says that a row above ROW_BYTES_MAX continues at `begin`, see `ends_in_long_row`.
    """
    right_widths = np.unpackbits(np.frombuffer(widths.to_bytes((WIDTH_MAX + 8) // 8, "little"), np.uint8), bitorder="little")
    found, position = _scan_rows(data, begin, end, is_last, in_long_row, right_widths, *marks, *rows)
    return int(found), int(position)


def ends_in_long_row(rows: Rows, count: int, position: int) -> bool:
    """Return whether the rest of a row that is too long begins at `position`, where a scan ended that got on."""
    return count > 0 and bool(rows.fault[count - 1] == FAULT_LENGTH and rows.end[count - 1] == position)


@njit(numba.types.UniTuple(_I64, 4)(_BYTES, _I64, _I64, _BOOL, _I64, _I64))
def _scan_quoted(data, opening, end, is_last, comma, quote):
    """Outcome, end of the text, position of the delimiter after it, and 1 if a line break is inside."""
    spans_lines, has_lone_quote = 0, False
    at = opening + 1
    while at < end:
        byte = data[at]
        if byte == quote:
            if at + 1 < end and data[at + 1] == quote:
                at += 2
                continue
            after = at + 1
            while after < end and (data[after] == BLANK or data[after] == RETURN):
                after += 1
            if after == end:
                return (COMPLETE if is_last else INCOMPLETE), at, end, spans_lines
            if data[after] == comma or data[after] == NEWLINE:
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


@njit(numba.types.UniTuple(_I64, 4)(_BYTES, _I64, _I64, _BOOL, _I64, _I64, _I64, _FIELDS, _FIELDS))
def _scan_row(data, begin, end, is_last, comma, quote, row, field_begin, field_end):
    """Outcome, position of the row's line break, number of columns, and 1 if a line break is inside a field."""
    width, spans_lines = 0, 0
    at = begin
    while True:
        while at < end and data[at] == BLANK:
            at += 1
        if at < end and data[at] == quote:
            outcome, text_end, delimiter, broken = _scan_quoted(data, at, end, is_last, comma, quote)
            if outcome != COMPLETE:
                return outcome, at, 0, 1
            text_begin = at + 1
            spans_lines |= broken
        else:
            delimiter = at
            while delimiter < end and data[delimiter] != comma and data[delimiter] != NEWLINE:
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


@njit(_I64(_BYTES, _I64, _I64, _I64, _I64, _I64, _FIELDS, _FIELDS))
def _scan_loose_row(data, begin, end, comma, quote, row, field_begin, field_end):
    """Number of columns of a line in which text may go on behind a closing quote; 0 if a quote is not closed."""
    width, at = 0, begin
    while True:
        while at < end and data[at] == BLANK:
            at += 1
        text_begin = at
        if at < end and data[at] == quote:
            at += 1
            while at < end and (data[at] != quote or (at + 1 < end and data[at + 1] == quote)):
                at += 2 if data[at] == quote else 1
            if at >= end:
                return 0
        while at < end and data[at] != comma:
            at += 1
        text_end = at
        if at == end and text_end > text_begin and data[text_end - 1] == RETURN:
            text_end -= 1
        while text_end > text_begin and data[text_end - 1] == BLANK:
            text_end -= 1
        if text_end - text_begin > 1 and data[text_begin] == quote and data[text_end - 1] == quote:
            text_begin, text_end = text_begin + 1, text_end - 1
        if width < field_begin.shape[0]:
            field_begin[width, row] = text_begin
            field_end[width, row] = text_end
        width += 1
        if at == end:
            return width
        at += 1


@njit(_U64(_U64))
def _between(quotes):
    """The bits from each first quote to the one before its second: what lies inside quotes."""
    for shift in (1, 2, 4, 8, 16, 32):
        quotes ^= quotes << np.uint64(shift)
    return quotes


@njit(_BOOL(_BYTES, _I64, _I64, _I64))
def _are_doubled(data, begin, end, quote):
    """Return whether all quotes come in pairs."""
    at = begin
    while at < end:
        if data[at] == quote:
            if at + 1 == end or data[at + 1] != quote:
                return False
            at += 1
        at += 1
    return True


@njit(
    numba.types.UniTuple(_I64, 2)(
        *(_BYTES, _I64, _I64, _I64, _I64, _I64, _I64),
        *(_I64[::1], _I64[::1], numba.int32[::1], numba.int8[::1], _FIELDS, _FIELDS),
    )
)
def _scan_plain_rows(data, begin, end, comma, quote, comment, row, row_begin, row_end, row_width, row_fault, field_begin, field_end):
    """Rows as nearly all are, 64 bytes at once, up to the first one that is not: the row and the position from which to go on.

    Marks are looked for in a whole piece at once and come as bits; between quotes they are text. Left to `_scan_rows` are comments,
    lone quotes, line breaks in quotes, rows of more than QUOTED_BYTES_MAX bytes, and what ends at the last bytes.
    """
    at, base, width, field_from, quotes_in_field = begin, begin - PIECE_BYTES, 0, begin, 0
    ends = newlines = quotes = broken = blanks = np.uint64(0)  # bits of the piece; `ends`: those of fields that are still to come
    inside = np.uint64(0)  # all ones: the piece begins inside quotes
    begins, strip = np.uint64(1), 0  # lowest bit: a field begins with the next piece; bits of pieces with blanks at the edge of a field
    while row < row_begin.shape[0]:
        if ends == 0:
            quotes_in_field += count_bits(quotes)
            base += PIECE_BYTES
            if broken != 0 or base + PIECE_BYTES > data.size or base - at > QUOTED_BYTES_MAX:
                break
            newlines, ends = bits_where(data, base, NEWLINE), bits_where(data, base, comma)
            quotes = broken = np.uint64(0)
            if quote >= 0:
                quotes = bits_where(data, base, quote)
            if quotes != 0 or inside != 0:
                hidden = _between(quotes) ^ inside
                inside = np.uint64(0) - (hidden >> np.uint64(63))
                broken = newlines & hidden
                newlines &= ~hidden
                ends &= ~hidden
            ends |= newlines
            before, blanks = blanks >> np.uint64(63), bits_where(data, base, BLANK)
            has_edge = before | (blanks & (begins | (ends << np.uint64(1)) | (ends >> np.uint64(1)))) != 0
            begins, strip = ends >> np.uint64(63), (strip << 1 | has_edge) & 3
            is_bare = quotes | inside == 0 and strip | quotes_in_field == 0 and field_from >= base - PIECE_BYTES
            if not is_bare or base + PIECE_BYTES > end or comment >= 0:
                continue
            while ends != 0:  # neither quotes nor blanks at edges: what follows further down, without looking for them
                stop = base + lowest_bit(ends)
                is_last = (newlines >> np.uint64(stop - base)) & np.uint64(1) != 0
                ends &= ends - np.uint64(1)
                if width < field_begin.shape[0]:
                    field_begin[np.uint64(width), np.uint64(row)] = field_from
                    field_end[np.uint64(width), np.uint64(row)] = stop
                if not is_last:
                    width, field_from = width + 1, stop + 1
                    continue
                text_end = stop - (1 if stop > field_from and data[np.uint64(stop - 1)] == RETURN else 0)
                if text_end != stop or width == 0:
                    if width == 0 and text_end == at:
                        at = field_from = stop + 1  # an empty line
                        continue
                    while text_end > field_from and data[np.uint64(text_end - 1)] == BLANK:
                        text_end -= 1
                    if width < field_begin.shape[0]:
                        field_end[np.uint64(width), np.uint64(row)] = text_end
                row_begin[row], row_end[row] = at, stop - (1 if stop > at and data[np.uint64(stop - 1)] == RETURN else 0)
                row_width[row], row_fault[row] = width + 1, 0
                row += 1
                at = field_from = stop + 1
                width = 0
                if row == row_begin.shape[0]:
                    return row, at
            continue
        bit = lowest_bit(ends)
        mark = np.uint64(1) << np.uint64(bit)
        ends ^= mark
        stop, is_last = base + bit, newlines & mark != 0
        if stop >= end:
            break
        text_begin, text_end = field_from, stop
        field_from = stop + 1
        if is_last and stop > text_begin and data[np.uint64(stop - 1)] == RETURN:
            text_end -= 1
        if is_last and width == 0 and text_end == at:
            at = field_from  # an empty line
            continue
        if width == 0 and data[np.uint64(at)] == comment:
            break
        if strip != 0 or text_end != stop or stop - text_begin > PIECE_BYTES:
            while text_begin < text_end and data[text_begin] == BLANK:
                text_begin += 1
            while text_end > text_begin and data[text_end - 1] == BLANK:
                text_end -= 1
        if quotes != 0 or quotes_in_field != 0:
            passed = quotes & (mark - np.uint64(1))
            quotes ^= passed
            quotes_in_field += count_bits(passed)
            if quotes_in_field > 0:
                is_quoted = text_end - text_begin > 1 and data[text_begin] == quote and data[text_end - 1] == quote
                text_begin, text_end = text_begin + 1, text_end - 1
                if not is_quoted or (quotes_in_field > 2 and not _are_doubled(data, text_begin, text_end, quote)):  # noqa: PLR2004 - a pair
                    break
                quotes_in_field = 0
        if width < field_begin.shape[0]:
            field_begin[np.uint64(width), np.uint64(row)] = text_begin
            field_end[np.uint64(width), np.uint64(row)] = text_end
        width += 1
        if is_last:
            if broken & (mark - np.uint64(1)) != 0:
                break
            row_begin[row], row_end[row] = at, stop - (1 if stop > at and data[np.uint64(stop - 1)] == RETURN else 0)
            row_width[row], row_fault[row] = width, 0
            row += 1
            at, width = field_from, 0
    return row, at


@njit(
    numba.types.UniTuple(_I64, 2)(
        *(_BYTES, _I64, _I64, _BOOL, _BOOL, numba.uint8[::1], _I64, _I64, _I64),
        *(_I64[::1], _I64[::1], numba.int32[::1], numba.int8[::1], _FIELDS, _FIELDS),
    )
)
def _scan_rows(
    data, begin, end, is_last, in_long_row, widths, comma, quote, comment, row_begin, row_end, row_width, row_fault, field_begin, field_end
):
    row, at, goes_on = 0, begin, in_long_row
    while row < row_begin.shape[0] and at < end:
        if goes_on:  # the rest of a row that is too long must not look like a row
            stop = at
            while stop < end and stop - at < ROW_BYTES_MAX and data[stop] != NEWLINE:
                stop += 1
            if stop == end and not is_last and stop - at < ROW_BYTES_MAX:
                break
            goes_on = stop == end or data[stop] != NEWLINE
            text_end = stop if goes_on or data[stop - 1] != RETURN else stop - 1
            if text_end > at:
                row_begin[row], row_end[row], row_width[row], row_fault[row] = at, text_end, 0, FAULT_LENGTH
                row += 1
            at = stop if goes_on else stop + 1
            continue
        if comma != BLANK:
            row, at = _scan_plain_rows(
                data, at, end, comma, quote, comment, row, row_begin, row_end, row_width, row_fault, field_begin, field_end
            )
            if row == row_begin.shape[0] or at >= end:
                break
        if data[at] == NEWLINE:
            at += 1
            continue
        if data[at] == RETURN and ((at + 1 < end and data[at + 1] == NEWLINE) or (at + 1 == end and is_last)):
            at = min(at + 2, end)
            continue
        if data[at] == comment:
            stop = at
            while stop < end and data[stop] != NEWLINE:
                stop += 1
            if stop < end or is_last:
                at = min(stop + 1, end)
                continue
        outcome, stop, width, spans_lines = _scan_row(data, at, end, is_last, comma, quote, row, field_begin, field_end)
        fault = 0
        right_width = width <= WIDTH_MAX and widths[min(width, WIDTH_MAX)] == 1
        if outcome == FAULTY or (outcome == COMPLETE and not right_width):
            line_end = at
            while line_end < end and data[line_end] != NEWLINE:
                line_end += 1
            loose_width = 0
            if (line_end < end or is_last) and line_end - at <= ROW_BYTES_MAX:
                loose_width = _scan_loose_row(data, at, line_end, comma, quote, row, field_begin, field_end)
            if widths[min(loose_width, WIDTH_MAX)] == 1 and loose_width <= WIDTH_MAX:
                outcome, width, stop = COMPLETE, loose_width, line_end
            elif outcome == FAULTY or spans_lines == 1:
                fault, width, stop = FAULT_QUOTE, 0, line_end
                outcome = COMPLETE if line_end < end or is_last else INCOMPLETE
        if outcome == INCOMPLETE and end - at < ROW_BYTES_MAX:
            break
        if outcome == INCOMPLETE or stop - at > ROW_BYTES_MAX:
            fault, width, stop = FAULT_LENGTH, 0, min(at + ROW_BYTES_MAX, end)
        row_begin[row] = at
        goes_on = fault == FAULT_LENGTH
        row_end[row] = stop - 1 if stop > at and data[stop - 1] == RETURN and not goes_on else stop
        row_width[row] = width
        row_fault[row] = fault
        row += 1
        at = stop if fault == FAULT_LENGTH else stop + 1
    return row, min(at, end)

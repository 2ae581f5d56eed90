"""Delimited rows of a window as blocks: the lexer of every format whose records are lines of comma-separated text.

The blocks' data are what is in sight of the window: a block has to be used up before the next one is requested. Header rows are
left out, and header and trailer lines with totals are set apart as the block's `control_lines`: they are no rows.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from mediation.records.rows import Block, block
from mediation.records.scan import FAULT_LENGTH, NONE, Marks, ends_in_long_row, room, scan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mediation.bytes.memory_window import ByteWindow
    from mediation.sources.model import Dialect, Source

BLOCK_ROWS_MAX: Final = 1 << 15  # what is known of so many rows stays in the cache


def blocks(window: ByteWindow, source: Source) -> Iterator[Block]:
    """Blocks of at most BLOCK_ROWS_MAX rows."""
    found_room = room(BLOCK_ROWS_MAX, max(source.widths))
    widths = sum(1 << width for width in source.widths)
    marks = marks_of(source.dialect)
    header_left, in_long_row = source.header_lines, False
    while window.begin < window.end or not window.is_last:
        where = (window.data, window.begin, window.end)
        count, position = scan(*where, found_room, widths, is_last=window.is_last, marks=marks, in_long_row=in_long_row)
        if position > window.begin:
            in_long_row = ends_in_long_row(found_room, count, position)
        rows = block(window.data, found_room, count, source)
        if _is_unfinished(window, rows, position):
            rows = dataclasses.replace(rows, is_unfinished=True)
        rows = rows.without_first(header_left)
        header_left = max(0, header_left - count)
        rows = without_control_lines(rows, source)
        if rows.size or rows.control_lines:
            yield rows
        if count < BLOCK_ROWS_MAX:
            window.go_on(position)
        else:
            window.begin = position


def marks_of(dialect: Dialect) -> Marks:
    """The bytes that part a row."""
    bytes_ = (ord(mark) if mark else NONE for mark in (dialect.delimiter, dialect.quote, dialect.comment))
    return Marks(*bytes_)


def without_control_lines(rows: Block, source: Source) -> Block:
    """The block with the lines set apart that begin as the source's header or trailer does."""
    found = np.zeros(rows.size, np.bool_)
    for totals in (source.header, source.trailer):
        if totals is not None:
            found[_beginning_with(rows, totals.starts_with.encode())] = True
    found &= rows.code != FAULT_LENGTH  # a piece of a row that is too long is no line
    return rows.without_control_lines(found)


def _is_unfinished(window: ByteWindow, rows: Block, position: int) -> bool:
    """Return whether the file ends with the last row and not with a line break. A lone CR is half of one."""
    ends_here = window.is_last and window.may_be_cut and position == window.end and rows.size > 0
    return ends_here and bool(rows.end[-1] == window.end)


def _beginning_with(rows: Block, start: bytes) -> NDArray[np.int64]:
    fits = np.flatnonzero(rows.end - rows.begin >= len(start))
    for place, byte in enumerate(start):
        fits = fits[rows.raw_data[rows.begin[fits] + place] == byte]
    return fits

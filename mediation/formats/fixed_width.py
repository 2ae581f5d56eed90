"""Text in columns of fixed width: a record a line, a field from byte to byte, counted from 1, blanks around it left out.

Positions count bytes, not letters. A line may end early after a field, as where blanks at its end were cut off; a line that ends
within a field is truncated, for a number that lost its last digits would look like another number. Lines that are longer than the
last field are taken. `general` gives the fields their meaning.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from mediation.formats import general
from mediation.formats.general import key_fields, read
from mediation.reasons import Reason, mark
from mediation.records import csv_blocks
from mediation.sources.model import Layout
from mediation.sources.rules import Dialect
from mediation.values import written_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mediation.bytes.memory_window import ByteWindow
    from mediation.records.rows import Block
    from mediation.sources.model import Source

import msgspec

__all__ = ["TIME_COLUMNS", "blocks", "key_fields", "read"]

TIME_COLUMNS: Final[tuple[str, ...]] = ()


def blocks(window: ByteWindow, source: Source) -> Iterator[Block]:
    """The window's lines, cut into fields."""
    whole_lines = Dialect(delimiter="", quote="", comment=source.dialect.comment)
    by_line = msgspec.structs.replace(source, layouts=(Layout(("line",)),), dialect=whole_lines)
    for lines in csv_blocks.blocks(window, by_line):
        yield general.prepared(_cut(lines, source), source)


def _cut(lines: Block, source: Source) -> Block:
    """A block with a column for each position."""
    size = lines.size
    begins, ends = [], []
    for position in source.positions:
        begin = np.minimum(lines.begin + position.first - 1, lines.end).astype(np.int32)
        end = np.minimum(lines.begin + position.last, lines.end).astype(np.int32)
        mark(lines.code, (begin < end) & (end < lines.begin + position.last), Reason.TRUNCATED_RECORD)
        written_kernel.trim(lines.data, begin, end)
        begins.append(begin)
        ends.append(end)
    names = tuple(position.column for position in source.positions)
    return dataclasses.replace(
        lines,
        width=np.full(size, len(names), np.int32),
        field_begin=np.stack(begins),
        field_end=np.stack(ends),
        columns=(names,),
        layout=np.zeros(size, np.int8),
    )

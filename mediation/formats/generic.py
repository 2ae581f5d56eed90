"""Delimited text of any layout: the columns that a definition lists, or that the file's header names, read by its `fields`.

The dialect says how rows are parted. `general` gives the fields their meaning.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from mediation.formats import general
from mediation.formats.general import key_fields, read
from mediation.records import csv_blocks, header_names
from mediation.records.rows import Spans, block
from mediation.records.scan import room
from mediation.values import columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mediation.bytes.memory_window import ByteWindow
    from mediation.records.rows import Block
    from mediation.sources.model import Source

__all__ = ["TIME_COLUMNS", "blocks", "key_fields", "named_columns", "read"]

TIME_COLUMNS: Final[tuple[str, ...]] = ()  # any order is right: the definition gives it


def blocks(window: ByteWindow, source: Source) -> Iterator[Block]:
    """The window's rows, with the columns that are put together of several."""
    lines_of_totals: tuple[bytes, ...] = ()
    if source.dialect.names_in_header:
        lines = max(source.header_lines, 1)
        header = header_names.named(window, source, named_columns(source), lines=lines, names_in=lines - 1)
        if header is None:
            return
        source, lines_of_totals = header
    for found in csv_blocks.blocks(window, source):
        rows = _without_nulls(found, source.dialect.nulls)
        lines_here, lines_of_totals = lines_of_totals + rows.control_lines, ()
        yield general.prepared(dataclasses.replace(rows, control_lines=lines_here), source)
    if lines_of_totals:  # and not one record
        nothing = block(window.data, room(1, max(source.widths)), 0, source)
        yield dataclasses.replace(nothing, control_lines=lines_of_totals)


def _without_nulls(rows: Block, nulls: tuple[str, ...]) -> Block:
    """The rows, fields empty where a database wrote that there is nothing."""
    if not nulls:
        return rows
    vocabulary = tuple(text.upper() for text in nulls)
    field_end = rows.field_end.copy()
    for begin, end in zip(rows.field_begin, field_end, strict=True):
        written = Spans(begin, end).only(rows.layout >= 0)
        is_null = columns.words(rows, written, vocabulary) >= 0
        end[is_null] = begin[is_null]
    return dataclasses.replace(rows, field_end=field_end)


def named_columns(source: Source) -> tuple[str, ...]:
    """Every column that the definition names besides `columns`, once."""
    numbers = source.numbering.type_columns
    names = [*source.key, *source.charge_columns, *source.sequence.per, source.sequence.column, *source.legs.group_by]
    names += [source.legs.forwarder, numbers.served, numbers.other, numbers.third]
    for rule in source.fields.values():
        names += [rule.column, *rule.more_columns, rule.offset_column]
    return tuple(dict.fromkeys(name for name in names if name))

"""A tariff sheet as plain text: tables are aligned, and the clauses of a price are in one line, parted by semicolons."""

from __future__ import annotations

import textwrap
import unicodedata
from typing import TYPE_CHECKING, Final

from tariffs.sheets.layout import Facts, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tariffs.sheets.layout import Block, Sheet

GAP: Final = "  "
JOIN: Final = "; "
_AFTER: Final = {".": " ", "。": ""}  # the end of a sentence
_WIDTH: Final = 110
_INDENT: Final = "    "


def lines(sheet: Sheet) -> list[str]:
    """The lines of the sheet."""
    found = [f"{sheet.kind}: {sheet.title}", sheet.subtitle, *(f"{card.figure} ({card.text})" for card in sheet.cards)]
    for number, section in enumerate(sheet.sections, 1):
        heading = f"{number}. {section.title}"
        found += ["", heading, "=" * width(heading)]
        for position, block in enumerate(section.blocks):
            found += [*([""] if position else []), *_block(block)]
    return [*found, "", sheet.footer]


def width(text: str) -> int:
    """The columns of a terminal that a text takes: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(mark) in "WF" else 1 for mark in text)


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Facts):
        most = max(width(name) for name, _ in block.facts)
        for name, text in block.facts:
            yield from _hanging(f"{_padded(name, most)}{GAP}", text)
    elif isinstance(block, Table):
        if block.title:
            yield block.title
        yield from _stacked(block) if block.prose else table([block.heads, *(tuple(map(_joined, line.cells)) for line in block.lines)])
    else:
        for text in block.lines:
            yield from _hanging("", text)


def _stacked(block: Table) -> Iterator[str]:
    """Rows as paragraphs: the first cell, and below it the others, indented."""
    for line in block.lines:
        first, rest = _joined(line.cells[0]), [text for cell in line.cells[1:] for text in cell]
        if width(first) < len(_INDENT):
            yield from _hanging(_padded(first, len(_INDENT)), rest.pop(0))
        else:
            yield first
        for text in rest:
            yield from _hanging(_INDENT, text)


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Aligned rows, never cut or wrapped."""
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [GAP.join(_padded(cell, most) for cell, most in zip(row, widths, strict=True)).rstrip() for row in rows]


def _joined(cell: Sequence[str]) -> str:
    """The texts of a cell in one line."""
    parts = [text + _AFTER.get(text[-1:], JOIN) for text in cell[:-1]]
    return "".join([*parts, *cell[-1:]])


def _padded(text: str, most: int) -> str:
    return text + " " * (most - width(text))


def _hanging(lead: str, text: str) -> list[str]:
    """A text behind its name; Chinese is not broken, for terminals do that."""
    if width(text) != len(text):
        return [lead + text]
    return textwrap.wrap(text, _WIDTH, initial_indent=lead, subsequent_indent=" " * width(lead)) or [lead]

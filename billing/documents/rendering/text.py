"""A page as plain text: for terminals, and for mail that shows no HTML. Widths count Chinese characters twice.

Texts that are written from right to left stand between marks (U+2068, U+2069) that keep their direction from their neighbours.
"""

from __future__ import annotations

import itertools
import unicodedata
from typing import TYPE_CHECKING, Final

from billing.documents.rendering.layout import Facts, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing.documents.rendering.layout import Block, Fact, Page, Section

WIDTH: Final = 96
_GAP: Final = "  "
_FIRST_ISOLATE, _END = "\u2068", "\u2069"
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_WIDE: Final = frozenset({"W", "F"})
_WITHOUT_WIDTH: Final = frozenset({"Mn", "Me", "Cf"})


def render(page: Page) -> str:
    """The whole text."""
    return "\n".join(line.rstrip() for line in _page(page)) + "\n"


def width_of(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return sum(_width(mark) for mark in text)


def isolated(text: str) -> str:
    """A text whose direction does not turn its neighbours."""
    has_other = any(unicodedata.bidirectional(mark) in _RIGHT_TO_LEFT for mark in text)
    return f"{_FIRST_ISOLATE}{text}{_END}" if has_other else text


def _page(page: Page) -> Iterator[str]:
    if page.practice:
        yield from (page.practice, "")
    yield from map(isolated, page.sender)
    yield ""
    yield f"{page.recipient_label}:"
    yield from map(isolated, page.recipient)
    yield ""
    yield isolated(page.title)
    yield "=" * min(WIDTH, width_of(page.title))
    yield from _facts(page.facts, right=False)
    yield ""
    if page.greeting:
        yield from (isolated(page.greeting), "")
    yield from _wrapped(f"{page.headline.label}: {page.headline.figure}", WIDTH)
    yield from _wrapped(page.headline.text, WIDTH)
    yield ""
    yield from _facts(page.sums.facts, right=True)
    yield from _heading(page.pay.title)
    for note in page.pay.notes:
        yield from _wrapped(note, WIDTH)
    yield from _facts(page.pay.facts, right=False)
    for section in page.sections:
        yield from _section(section)
    yield ""
    yield "-" * WIDTH
    for line in page.footer:
        yield from _wrapped(line, WIDTH)


def _section(section: Section) -> Iterator[str]:
    if section.title:
        yield from _heading(section.title)
    else:
        yield ""
    for block in section.blocks:
        yield from _block(block)


def _heading(title: str) -> Iterator[str]:
    yield ""
    yield isolated(title)
    yield "-" * min(WIDTH, width_of(title))


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Facts):
        yield from _facts(block.facts, right=block.amounts)
    elif isinstance(block, Table):
        yield from _table(block)
    else:
        for line in block.lines:
            yield from _wrapped(line, WIDTH)


def _facts(facts: Sequence[Fact], *, right: bool) -> Iterator[str]:
    name_width = max((width_of(fact.name) for fact in facts), default=0)
    text_width = max((width_of(fact.text) for fact in facts), default=0)
    for fact in facts:
        name = _padded(fact.name, name_width) + _GAP
        if right:
            yield name + _padded(fact.text, text_width, right=True)
            continue
        lines = _wrapped(fact.text, WIDTH - width_of(name))
        for number, line in enumerate(lines):
            yield (name if number == 0 else " " * width_of(name)) + line


def _table(table: Table) -> Iterator[str]:
    """Columns of figures are as wide as they need to be; the others share what is left."""
    widths = _widths(table)
    yield _laid_out([[column.head] for column in table.columns], table, widths)
    yield _GAP.join("-" * width for width in widths)
    for row in table.rows:
        if row.form == "group":
            yield ""
            yield from (line for text in row.cells[0] for line in _wrapped(text, WIDTH))
            continue
        if row.form == "sum":
            yield _GAP.join("-" * width for width in widths)
        cells = [[line for text in cell for line in _wrapped(text, width)] for cell, width in zip(row.cells, widths, strict=True)]
        yield from (_laid_out(each, table, widths) for each in _by_line(cells))


def _widths(table: Table) -> list[int]:
    rows = [row for row in table.rows if row.form != "group"]
    needed = [
        max(width_of(column.head), *(width_of(text) for row in rows for text in row.cells[place]), 1)
        for place, column in enumerate(table.columns)
    ]
    room = WIDTH - len(_GAP) * (len(needed) - 1)
    loose = [place for place, column in enumerate(table.columns) if not column.right]
    left = room - sum(width for place, width in enumerate(needed) if place not in loose)
    share = max(left // max(len(loose), 1), 8)
    tight = [place for place in loose if needed[place] <= share]
    rest = left - sum(needed[place] for place in tight)
    wide = [place for place in loose if place not in tight]
    return [needed[place] if place not in wide else min(needed[place], max(rest // len(wide), 8)) for place in range(len(needed))]


def _by_line(cells: Sequence[Sequence[str]]) -> Iterator[list[list[str]]]:
    for texts in itertools.zip_longest(*cells, fillvalue=""):
        yield [[text] for text in texts]


def _laid_out(cells: Sequence[Sequence[str]], table: Table, widths: Sequence[int]) -> str:
    parts = zip(cells, table.columns, widths, strict=True)
    return _GAP.join(_padded("".join(cell), width, right=column.right) for cell, column, width in parts)


def _padded(text: str, width: int, *, right: bool = False) -> str:
    blanks = " " * (width - width_of(text))
    shown = isolated(text)
    return blanks + shown if right else shown + blanks


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most a width, broken at blanks, between Chinese characters, and within words that are longer."""
    lines, line = [], ""
    for piece in _pieces(text, width):
        if line and width_of(line + piece.rstrip(" ")) > width:
            lines.append(line.rstrip(" "))
            line = ""
        line += piece.lstrip(" ") if not line else piece
    return [isolated(each) for each in (*lines, line.rstrip(" ")) if each] or [""]


def _pieces(text: str, width: int) -> Iterator[str]:
    """Parts of a text between which a line may break."""
    piece = ""
    for mark in text:
        is_wide = _width(mark) > 1
        if piece and (piece.endswith(" ") or (is_wide and not _closes(mark)) or width_of(piece + mark) > width):
            yield piece
            piece = ""
        piece += mark
    if piece:
        yield piece


def _closes(mark: str) -> bool:
    """True for punctuation that does not begin a line."""
    return unicodedata.category(mark) in {"Pe", "Pf", "Po"}


def _width(mark: str) -> int:
    if unicodedata.category(mark) in _WITHOUT_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(mark) in _WIDE else 1

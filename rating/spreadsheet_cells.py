"""Cells of CSV files for people, quoted where a spreadsheet would run them as a formula.

A text that begins with = + - @, a tab or a carriage return gets an apostrophe before it. Numbers stay numbers. A text that begins with
apostrophes before such a sign gets one more, so that `unquoted` gives back every text exactly.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

Cell = TypeVar("Cell")

QUOTED: Final = "^'('*[=+@\t\r-])"
"""Pattern (RE2 as well) of cells that `unquoted` changes; its group is what is left of the match. For whole columns."""
_RUN: Final = re.compile(r"'*[=+@\t\r-]")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_QUOTED: Final = re.compile(QUOTED)


def quoted(text: str) -> str:
    """The text as it is written to a file for people."""
    return f"'{text}" if _RUN.match(text) and not _NUMBER.fullmatch(text) else text


def unquoted(text: str) -> str:
    """The text that `quoted` was given."""
    return text[1:] if _QUOTED.match(text) else text


def row(cells: Iterable[Cell]) -> list[Cell | str]:
    """A row of a file for people: its texts quoted, all else as it is."""
    return [quoted(cell) if isinstance(cell, str) else cell for cell in cells]

"""Titles of the zones of a rate deck, by language: a CSV file beside the deck, so that no update of the deck touches it.

Column `zone` and one for each language, named by its code (`en`, `zh`). `zone` is the name of a zone, or of a destination: the title of
`Egypt Mobile` is also that of `Egypt Mobile #2`, with its number behind. An empty cell says nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tariffs.documents.csv_reader import CsvReader

COLUMN: Final = "zone"
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
_NUMBERED: Final = re.compile(r"(.*\S) #([1-9][0-9]*)")

Titles = dict[str, dict[str, str]]  # by zone or destination, then by language


def read(reader: CsvReader, folder: Path) -> Titles:
    """All titles of a file; mistakes go to the findings of `reader`."""
    found: Titles = {}
    for row in reader.rows(folder, (COLUMN,), others=is_language):
        zone = row.cells[COLUMN]
        if zone in found:
            reader.note(f"zone `{zone}` is there twice", "keep one of them", row)
        titles = {name: text for name, text in row.cells.items() if name != COLUMN and text.strip()}
        found[zone] = {name: text for name, text in titles.items() if text.isprintable()}
        if found[zone] != titles:  # told here, and not once more at every zone and price with that title
            reader.note("a title has a line break, or a character that cannot be shown", "look for a quotation mark too many", row)
    return found


def is_language(column: str) -> bool:
    """Return whether a column is named as a language."""
    return _LANGUAGE.fullmatch(column) is not None


def title_of(titles: Mapping[str, Mapping[str, str]], zone: str) -> dict[str, str]:
    """The title of a zone by language: its own, else that of its destination with its number; none where nothing is said."""
    numbered = _NUMBERED.fullmatch(zone)
    if zone in titles or numbered is None:
        return dict(titles.get(zone, {}))
    return {language: f"{text} #{numbered[2]}" for language, text in titles.get(numbered[1], {}).items()}


def names_of(zone: str) -> set[str]:
    """The names under which titles say what a zone is called."""
    numbered = _NUMBERED.fullmatch(zone)
    return {zone} if numbered is None else {zone, numbered[1]}

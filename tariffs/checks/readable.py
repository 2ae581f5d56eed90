"""Names and texts of a catalogue that people read: no control characters, and no marks that change the direction of a line.

They would move the cursor of a terminal, or show a price list in another order than it is written. A longer text may have several lines.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

import msgspec

from tariffs.documents.document import Finding
from tariffs.documents.findings import written_plans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import Catalogue
    from tariffs.documents.document import Place

_REMEDY: Final = "write plain text"
_SECTIONS: Final = ("tax_classes", "calendars", "zones", "roaming_zones", "prices", "add_ons")
_TEXTS: Final = ("disclosure", "complaint_channel")
_JOINERS: Final = "\u00ad\u200c\u200d"  # soft hyphen, and what scripts of India and Iran join letters with
_HARMFUL: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def readable(catalogue: Catalogue) -> Iterator[Finding]:
    """Every name, title and text."""
    for section in _SECTIONS:
        yield from _in_entries(getattr(catalogue, section), (section,))
    yield from _in_entries(tuple(written_plans(catalogue)), ("plans",))
    for name in _TEXTS:
        for language, text in getattr(catalogue, name).items():
            yield from _in_text(text, (name, language), lines="\n")


def harmful(text: str, allowed: str = "") -> str | None:
    """The code of the first character that no text for people may have; None without one."""
    if text.isprintable():
        return None
    found = (mark for mark in text if mark not in allowed and mark not in _JOINERS and unicodedata.category(mark) in _HARMFUL)
    mark = next(found, None)
    return None if mark is None else f"U+{ord(mark):04X}"


def _in_entries(entries: tuple[object, ...], place: Place) -> Iterator[Finding]:
    """Findings in entries that have names. Other lists (prefixes, names of other entries) are looked at where those are defined."""
    if entries and isinstance(entries[0], msgspec.Struct):
        for index, entry in enumerate(entries):
            for field in entry.__struct_fields__ if isinstance(entry, msgspec.Struct) else ():
                yield from _in_value(getattr(entry, field), (*place, index, field))


def _in_value(value: object, place: Place) -> Iterator[Finding]:
    if isinstance(value, str):
        yield from _in_text(value, place)
    elif isinstance(value, tuple):
        yield from _in_entries(value, place)
    elif isinstance(value, dict):
        for key, text in value.items():
            yield from _in_text(text, (*place, key)) if isinstance(text, str) else ()


def _in_text(text: str, place: Place, lines: str = "") -> Iterator[Finding]:
    code = harmful(text, lines)
    if code is not None:
        yield Finding(place, f"the text holds the character {code}, which moves the cursor or turns the line", _REMEDY)

"""Texts of others made safe to show: names, lines of tariffs, reasons. Characters that cannot be shown get a mark, and are a finding.

Replaced by U+FFFD: control characters, unassigned and private ones, and marks of direction, by which a name could turn the digits of an
amount beside it. In a PDF, characters that no font shows become boxes. Line ends and tabs become blanks; `lines` keeps line ends.
Nothing is shortened.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from billing.documents.semantic.model import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

REPLACED: Final = "\ufffd"
BOX: Final = "□"
_JOINERS: Final = "\u200c\u200d"  # part of words in Persian and in scripts of India
_CONTROL: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SHOWN_MAX: Final = 5  # characters that a finding names
_LINE_ENDS: Final = frozenset("\t\n\r\x0b\x0c\x85\u2028\u2029")


class Cleaner:
    """Texts of one document, made safe; and the findings about them. `font`: codes that can be shown; None: all."""

    def __init__(self, place: str, font: Collection[int] | None = None) -> None:
        self._place, self._font = place, font
        self._control: dict[str, None] = {}
        self._without_font: dict[str, None] = {}

    def one(self, text: str) -> str:
        """A text of one line, without blanks around it."""
        if text.isascii() and text.isprintable():
            return " ".join(text.split())
        shown = "".join(map(self._shown, unicodedata.normalize("NFC", text)))
        return " ".join(part for part in shown.split(" ") if part)  # a blank that does not break stays

    def lines(self, text: str) -> tuple[str, ...]:
        """A text of several lines, without those that are empty."""
        return tuple(found for line in text.splitlines() if (found := self.one(line)))

    def findings(self) -> Iterator[Finding]:
        """Findings about the characters that were replaced so far."""
        if self._control:
            yield Finding(
                "control_characters",
                self._place,
                f"has texts with characters that cannot be shown, shown as {REPLACED}: {_named(self._control)}",
                "record these texts again without them",
            )
        if self._without_font:
            yield Finding(
                "no_font",
                self._place,
                f"has texts with characters that no font of the PDF has, shown as {BOX}: {_named(self._without_font)}",
                "give the customer HTML or text, which show them; or record a name in another script",
            )

    def _shown(self, mark: str) -> str:
        if mark in _LINE_ENDS:
            return " "
        if unicodedata.category(mark) in _CONTROL and mark not in _JOINERS:
            self._control[mark] = None
            return REPLACED
        if self._font is not None and ord(mark) not in self._font and mark not in _JOINERS:
            self._without_font[mark] = None
            return BOX
        return mark


def _named(marks: Collection[str]) -> str:
    found = [f"U+{ord(mark):04X}" for mark in marks]
    more = len(found) - _SHOWN_MAX
    return ", ".join(found[:_SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")

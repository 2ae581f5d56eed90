"""Errors a user can meet: what is wrong, where, and what to do about it.

`UserError` is one clear sentence with its remedy; `ProblemsError` is a list for a file, so that all of its mistakes are shown at once.
The command line prints them and exits with `exit_status`; the service maps them to a status. Anything else is our own mistake.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.counted import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

PLACES_SHOWN: Final = 3  # of one and the same mistake
QUOTED_CHARACTERS_MAX: Final = 200
TEXT_CHARACTERS_MAX: Final = 2_000  # of a message, whatever it repeats of a file or a call
_WORD: Final = re.compile(rf"[^\s/]{{{QUOTED_CHARACTERS_MAX + 20},}}")  # longer than what `quoted` leaves; paths are shown whole
# Control characters but tab and line break, and signs that are not seen or turn the direction of a text.
_UNSEEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def quoted(text: str) -> str:
    """Return input text for a message: in quotes, without control characters, at most QUOTED_CHARACTERS_MAX characters of it."""
    shown = repr(text[:QUOTED_CHARACTERS_MAX])
    if len(text) <= QUOTED_CHARACTERS_MAX and len(shown) <= QUOTED_CHARACTERS_MAX + len("''"):
        return shown
    return f"{shown[:QUOTED_CHARACTERS_MAX]}... ({len(text):,} characters)"


def as_shown(text: str) -> str:
    """Return input text for a message as it is where it is short and printable, else as `quoted`."""
    return text if text.isprintable() and len(text) <= QUOTED_CHARACTERS_MAX else quoted(text)


class UserError(Exception):
    """A condition the user can mend. `exit_status` is 2 for a wrong call and 1 for everything else.

    Words and texts that are too long are cut, and control characters are shown by their numbers, from any origin.
    """

    def __init__(self, message: str, remedy: str, *, exit_status: int = 1) -> None:
        self.message = _cut(message)
        self.remedy = _cut(remedy)
        super().__init__(self.message)
        self.exit_status = exit_status

    def lines(self) -> list[str]:
        """The text to show, without colour."""
        return [f"error: {self.message}", f"  remedy: {self.remedy}"]


class NotFoundError(UserError):
    """The object that the user named by its id is not in the store."""


class ChangedError(UserError):
    """The object was changed since the caller read it."""


class StoreError(UserError):
    """The store takes nothing at all for now: it is locked, full, damaged, read-only or not reachable. Every further attempt fails too."""


class BusyError(UserError):
    """Another process is at work that one process does at a time: the same is possible once it has ended."""


class LockedError(StoreError):
    """Another process has been writing to the store all the while."""


class UnusableBatchError(UserError):
    """Records that cannot be stored together in any state of the store: to send them again as they are changes nothing."""


class UnusableFileError(UserError):
    """A usage file that cannot be read or holds nothing that can be used. It is refused whole; others may be taken."""


class Problem(NamedTuple):
    """One mistake in a file. `path` is the place inside the document, such as `prices[2].steps[0].rate`, or `line 7`."""

    file: str
    path: str
    message: str
    remedy: str


class ProblemsError(UserError):
    """All mistakes found in a file or folder."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        count = len(problems)
        super().__init__(f"{count} mistake{'s' if count != 1 else ''} found", "correct each and try again; nothing was stored")
        self.problems = tuple(Problem(*(_cut(text) for text in problem)) for problem in problems)

    def lines(self) -> list[str]:
        """One line a mistake, then the count. Of a mistake in many places a few are shown, and how many follow."""
        rows = []
        places: dict[tuple[str, str, str], int] = {}
        for p in self.problems:
            place = places[p.file, p.message, p.remedy] = places.get((p.file, p.message, p.remedy), 0) + 1
            if place <= PLACES_SHOWN:
                rows.append(f"{p.file}: {p.path}: {p.message}; remedy: {p.remedy}")
        for (file, message, _), count in places.items():
            if count > PLACES_SHOWN:
                rows.append(f"{file}: in {counted(count - PLACES_SHOWN, 'more place')}: {message}")
        return [*rows, f"error: {self.message}", f"  remedy: {self.remedy}"]


def _cut(text: str) -> str:
    text = _WORD.sub(lambda word: f"{word[0][:QUOTED_CHARACTERS_MAX]}... ({len(word[0]):,} characters)", text)
    text = _UNSEEN.sub(lambda sign: repr(sign[0])[1:-1], text)
    return text if len(text) <= TEXT_CHARACTERS_MAX else f"{text[:TEXT_CHARACTERS_MAX]}... ({len(text):,} characters)"

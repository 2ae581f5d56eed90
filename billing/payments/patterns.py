"""Patterns of a bank mapping, matched by RE2: the time grows linearly with the text for every pattern.

Constructs that need backtracking (a look ahead or behind, a reference back) are not supported and are refused when a mapping is read.
Digits and the letters of words are those of ASCII; capital and small letters are alike.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

CHARS_MAX: Final = 200
_COUNTS: Final = "number"  # the group that counts, where there is one
_GROUPS_MAX: Final = 9  # that a replacement of RE2 can name
_MARK: Final = "\0"  # stands in no text of a bank file
_EXAMPLE: Final = "write it such as R-[0-9]{10}"
_OTHER_BLANK: Final = re.compile(r"[^\S ]")


def trouble(pattern: str) -> tuple[str, str] | None:
    """A message and the remedy; None for a pattern that can be used."""
    if len(pattern) > CHARS_MAX:
        return f"has {len(pattern)} characters", f"use at most {CHARS_MAX}"
    try:
        groups = re.compile(pattern).groupindex
        is_everywhere = found(pattern, [""])[0] is not None
    except (re.error, OverflowError, RecursionError) as error:
        return f"{pattern!r} is not a regular expression: {error}", _EXAMPLE
    except pa.ArrowInvalid as error:
        why = str(error).removeprefix("Invalid regular expression: ")
        return f"{pattern!r} is not a pattern of RE2: {why}", f"{_EXAMPLE}, without looking ahead, behind or back"
    if groups.get(_COUNTS, 0) > _GROUPS_MAX:
        return f"{pattern!r} has its group `{_COUNTS}` behind {_GROUPS_MAX} others", "make the others (?:...)"
    return (f"{pattern!r} finds the empty text everywhere", "give a pattern of the number itself") if is_everywhere else None


def found(pattern: str, texts: Sequence[str]) -> list[list[str] | None]:
    """Texts that a pattern finds in each text, in order; None: nothing. Blanks of every kind are blanks."""
    group = min(re.compile(pattern).groupindex.get(_COUNTS, 0), _GROUPS_MAX)
    plain = pa.array([_OTHER_BLANK.sub(" ", text.replace(_MARK, " ")) for text in texts], pa.large_string())
    marked: Any = pc.replace_substring_regex(plain, f"(?i){pattern}", f"{_MARK}\\{group}{_MARK}")
    return [text.split(_MARK)[1::2] or None for text in marked.to_pylist()]

"""Destinations and prefixes as digits: what our model knows.

The other engine compares text. "+49" therefore begins no number that is written without plus, and a name such as "voicemail" is
compared letter by letter. We keep that: only prefixes of the destination's own form stay, and a name becomes as many ones as it has
letters, which leaves the length of every match as it is.
"""

from __future__ import annotations

from typing import Final

from tests.vectors.amounts import NotExpressedError
from tests.vectors.subjects import ANY

DIGITS_MAX: Final = 15


class Destination:
    """A destination of a case, and what prefixes mean beside it."""

    def __init__(self, text: str | None) -> None:
        self._text = "" if text in {None, ANY} else str(text)
        self._named = not _is_number(self._text)
        self.digits = _as_digits(self._text, named=self._named)
        if len(self.digits) > DIGITS_MAX:
            raise NotExpressedError("a destination of more than 15 digits, which no number has")

    def digits_of(self, prefix: str) -> str | None:
        """`prefix` as digits, empty for every destination; None where it can begin no destination of this form."""
        if prefix == ANY:
            return ""
        if self._named:
            return "1" * len(prefix) if prefix and self._text.startswith(prefix) else None
        alike = _is_number(prefix) and prefix.startswith("+") == self._text.startswith("+")
        digits = _as_digits(prefix, named=False)
        return digits if alike and self._text and 0 < len(digits) <= DIGITS_MAX else None

    def begins_with(self, prefix: str) -> bool:
        """Whether `prefix` says something about this destination."""
        digits = self.digits_of(prefix)
        return digits is not None and self.digits.startswith(digits)


def _is_number(text: str) -> bool:
    digits = text.removeprefix("+")
    return not digits or (digits.isascii() and digits.isdigit())


def _as_digits(text: str, *, named: bool) -> str:
    return "1" * len(text) if named else text.removeprefix("+")

"""The one spelling of what people write in facts about parties: texts, codes and numbers. Pure.

A check reads a value in its one spelling, and that one is stored. A search spells what it looks for in the same way.
Each function may be applied to its own result, which it leaves as it is.
"""

from __future__ import annotations

import re
import string
import unicodedata
from typing import Final

_BREAKS: Final = re.compile(r"\r\n?")
_BLANKS: Final = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")  # every blank of Unicode but the ordinary one
_SOFT_HYPHEN: Final = "\u00ad"  # shown where a line breaks, and nowhere else
_MINUS: Final = "\u2212"
_BETWEEN: Final = re.compile(r"[ ./()-]+")  # what people write between the digits of a number
_BETWEEN_DIGITS: Final = re.compile(r"[ ./-]+")
_TRUNK: Final = "(0)"
_CAPITALS: Final = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)


def text(given: str) -> str:
    """A text without blanks around it, with ordinary blanks within, lines that end with a line feed, and no soft hyphens."""
    return _BLANKS.sub(" ", _BREAKS.sub("\n", given)).replace(_SOFT_HYPHEN, "").strip()


def code(given: str) -> str:
    """A code that machines read: in the compatible characters of Unicode (NFKC), with hyphens for dashes and single blanks."""
    plain = text(unicodedata.normalize("NFKC", given))
    dashed = "".join("-" if letter == _MINUS or unicodedata.category(letter) == "Pd" else letter for letter in plain)
    return re.sub(" {2,}", " ", dashed)


def capitals(given: str) -> str:
    """A text with capital letters of ASCII. Other letters stay: some have two capitals, and no number has them."""
    return given.translate(_CAPITALS)


def compact(given: str) -> str:
    """A number in capital letters, without blanks, dashes, dots, slashes and brackets."""
    return capitals(_BETWEEN.sub("", code(given)))


def phone(given: str) -> str:
    """A telephone number without what stands between its digits. `(0)` stays: E.164 has no such digit, and a guess might be wrong."""
    digits = _BETWEEN_DIGITS.sub("", code(given))
    return digits if _TRUNK in digits else digits.replace("(", "").replace(")", "")

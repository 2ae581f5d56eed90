"""Prefixes as rate decks write them in one cell: `8610-8629, 86755`, `49 30; 4940`, `8610-29`, with or without the country's code.

A range is written out, both ends included; a shorter end replaces the last digits of the start. Prefixes are 1 to 15 digits, a leading +
is dropped. Refuses anything else, ends before their starts, and cells that stand for more than `limits.CELL_PREFIXES_MAX` prefixes.
"""

from __future__ import annotations

import re
from typing import Final

from tariffs.documents import limits
from tariffs.documents.csv_reader import shown
from tariffs.language.texts import TextError

DIGITS_MAX: Final = 15

_RANGE: Final = re.compile(r"\s*[-\u2010-\u2014]\s*")  # hyphens and dashes, as word processors make them
_BETWEEN: Final = re.compile(r"[\s,;]+")
_REMEDY: Final = "write prefixes of 1 to 15 digits and ranges, such as 8610-8629, 86755"


def prefixes(text: str, country: str = "") -> tuple[str, ...]:
    """The prefixes of a cell in the order they are written, each after the digits of `country`; those alone where the cell is empty."""
    if country and not (country.isascii() and country.isdecimal()):
        raise TextError(f'"{shown(country)}" is not the code of a country', "write its digits, such as 49 or 1787")
    if text.isascii() and text.isdecimal() and len(country) + len(text) <= DIGITS_MAX:
        return (country + text,)
    found: list[str] = []
    for item in filter(None, _BETWEEN.split(_RANGE.sub("-", text.strip()))):
        start, dash, end = item.removeprefix("+").partition("-")
        found += _range(start, end, country) if dash else [_prefix(start, country)]
        if len(found) > limits.CELL_PREFIXES_MAX:
            raise _too_many(text)
    if not found and country:
        found.append(_prefix(country, ""))
    if not found:
        raise TextError("no prefix", _REMEDY)
    return tuple(found)


def _prefix(digits: str, country: str) -> str:
    if not (digits.isascii() and digits.isdecimal()):
        raise TextError(f'"{shown(digits)}" is not a prefix', _REMEDY)
    if len(country) + len(digits) > DIGITS_MAX:
        raise TextError(f'"{shown(country + digits)}" has more than {DIGITS_MAX} digits', _REMEDY)
    return country + digits


def _range(start: str, end: str, country: str) -> list[str]:
    """All prefixes from `start` to `end`, which have as many digits."""
    first, last = _prefix(start, country), _prefix(end, country)
    if len(end) > len(start):
        raise TextError(f'"{start}-{end}" ends with more digits than it starts with', "write both ends with as many digits")
    width = len(first)
    last = first[: width - len(end)] + end if len(end) < len(start) else last
    if last < first:
        raise TextError(f'"{start}-{end}" ends before it starts', "write the smaller end first")
    if int(last) - int(first) >= limits.CELL_PREFIXES_MAX:
        raise _too_many(f"{start}-{end}")
    return [f"{number:0{width}d}" for number in range(int(first), int(last) + 1)]


def _too_many(text: str) -> TextError:
    return TextError(
        f'"{shown(text)}" covers more than {limits.CELL_PREFIXES_MAX:,} prefixes', "write shorter prefixes, or split it into rows"
    )

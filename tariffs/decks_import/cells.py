"""Meanings of the cells of a rate deck: exact amounts, increments, dates. Each refuses with a TextError.

Amounts are exact fractions of a currency unit; increments are in the base unit of what the deck counts (milliseconds, bytes, messages).
"""

from __future__ import annotations

import datetime as dt
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Protocol

from rating.model import QuantityUnit
from tariffs.documents.csv_reader import shown
from tariffs.language import texts
from tariffs.language.texts import MONTH_NAMES, TextError

if TYPE_CHECKING:
    from collections.abc import Callable


INCREMENT_MAX: Final = 10**9

_MILLISECONDS: Final = 1_000  # a second
_PLAIN_AMOUNT: Final = re.compile(r"(?:(0|[1-9]\d{0,11})(?:\.\d{0,18})?|\.\d{1,18})", re.ASCII)
_SECONDS: Final = re.compile(r"(\d{1,10})(?:\.0+)? ?(?:s|sec)?", re.IGNORECASE | re.ASCII)
_MIDNIGHT: Final = r"(?:[ T]0?0:00(?::00)?)?"
_DATE_WORDS: Final = {
    "YYYY": "(?P<year>[0-9]{4})", "MON": "(?P<name>[A-Za-z]{3})", "MM": "(?P<month>[0-9]{1,2})", "DD": "(?P<day>[0-9]{1,2})",
}  # fmt: skip


class AmountMarks(Protocol):
    """The marks of decimals and between thousands; empty where there are none."""

    @property
    def decimal(self) -> str:
        """The decimal mark."""

    @property
    def thousands(self) -> str:
        """The mark between thousands."""


def amount(text: str, how: AmountMarks) -> Fraction:
    """An amount of zero or more, with as many decimal places as it has."""
    plain = text.strip()
    if how.thousands and how.thousands in plain:
        mark = re.escape(how.thousands)
        if not re.fullmatch(rf"\d{{1,3}}(?:{mark}\d{{3}})+(?:{re.escape(how.decimal)}\d*)?", plain):
            raise TextError(f'"{shown(text)}" has its thousands in no groups of three', "look at `amounts` in the mapping")
        plain = plain.replace(how.thousands, "")
    if how.decimal != ".":
        if "." in plain:
            raise TextError(f'"{shown(text)}" has a point, and the decimal mark is a comma', "look at `amounts` in the mapping")
        plain = plain.replace(how.decimal, ".")
    if _PLAIN_AMOUNT.fullmatch(plain):
        return Fraction(f"0{plain}" if plain.startswith(".") else plain)
    if plain.startswith("-"):
        raise TextError(f'"{shown(text)}" is below zero', "rates and fees are zero or more")
    if re.fullmatch(r"0\d+(\.\d*)?", plain):
        raise TextError(f'"{shown(text)}" begins with a needless zero', "a point may be missing: look at the source")
    if re.fullmatch(r"\d*,\d+", plain):
        raise TextError(f'"{shown(text)}" has a comma', 'say so in the mapping: `amounts: {decimal: ","}`')
    raise TextError(f'"{shown(text)}" is not an amount', "write digits with a decimal mark, without a currency sign")


def increments(text: str, unit: QuantityUnit) -> tuple[int, int]:
    """The two increments of `60/1`, of `6` (both are 6), and of lengths with units such as `500ms/100ms`."""
    plain = text.strip()
    if "/" not in plain:
        return (length(plain, unit),) * 2
    first, _, further = plain.partition("/")
    return length(first.strip(), unit), length(further.strip(), unit)


def length(text: str, unit: QuantityUnit) -> int:
    """One increment: a bare number counts seconds for time, and pieces otherwise."""
    match = _SECONDS.fullmatch(text)
    if match is not None:
        found = int(match[1]) * texts.BARE_UNIT[unit]
    else:
        quantity = texts.quantity(text)
        if quantity.unit is not unit:
            raise TextError(f'"{shown(text)}" is not a length of what the deck counts', "write such as 60/1")
        found = quantity.value
    if not 0 < found <= INCREMENT_MAX:
        raise TextError(f'"{shown(text)}" is not an increment', "increments are above zero, such as 60/1")
    return found


def length_text(value: int, unit: QuantityUnit) -> str:
    """A length as a deck writes it, unit and all: `60s`, `500ms`, `1000B`, `1 messages`."""
    if unit is QuantityUnit.MILLISECOND:
        return f"{value // _MILLISECONDS}s" if value % _MILLISECONDS == 0 else f"{value}ms"
    return f"{value}B" if unit is QuantityUnit.BYTE else f"{value} messages"


def increment_text(value: int, unit: QuantityUnit) -> str:
    """An increment as a deck writes it: a bare number where that means the same."""
    whole, rest = divmod(value, texts.BARE_UNIT[unit])
    return str(whole) if rest == 0 else length_text(value, unit)


def covering(lengths: tuple[int, int], minimum: int) -> tuple[int, int]:
    """The increments that charge at least `minimum`: the first one grows by as many further ones as it takes."""
    first, further = lengths
    return first + max(-(-(minimum - first) // further), 0) * further, further


def date_format(raw: object) -> str:
    """A format of dates that says year, month and day once each."""
    text = raw if isinstance(raw, str) else ""
    words = re.findall("YYYY|MON|MM|DD", text)
    if sorted(words) not in (["DD", "MM", "YYYY"], ["DD", "MON", "YYYY"]):
        raise TextError(f'"{raw}" is not a format of dates', "write YYYY, MM or MON, and DD, such as DD/MM/YYYY")
    return text


def dates(form: str) -> Callable[[str], dt.date]:
    """A reader of dates in a format such as DD/MM/YYYY; a time of midnight may follow."""
    pattern = re.escape(form)
    for word, digits in _DATE_WORDS.items():
        pattern = pattern.replace(word, digits, 1)
    compiled = re.compile(pattern + _MIDNIGHT)

    def parse(text: str) -> dt.date:
        match = compiled.fullmatch(text.strip())
        try:
            if match is not None:
                return _date(match.groupdict())
        except ValueError:
            pass
        raise TextError(f'"{shown(text)}" is not a date like {form}', "look at `date_format` in the mapping")

    return parse


def _date(parts: dict[str, str]) -> dt.date:
    """ValueError where there is no such day."""
    month = MONTH_NAMES.index(parts["name"].lower()) + 1 if "name" in parts else int(parts["month"])
    return dt.date(int(parts["year"]), month, int(parts["day"]))

"""Reads the small texts of a tariff file: amounts, quantities, increments, percentages, days, times, instants. Digits: `digits`.

A person writes them, so that each refusal says what was expected and how to write it. Amounts become micro-units, durations
milliseconds, volumes bytes, percentages parts per million, times of day seconds, instants microseconds UTC.
Refuses amounts written as YAML numbers (a float has no exact cents), leading zeros, and anything that is not exact in its unit.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.dates import DAY_S, instant_of
from rating.model import PPM_PER_PERCENT, QuantityUnit
from rating.money import MICROS_PER_UNIT
from tariffs.language.forms import ANY, Form

if TYPE_CHECKING:
    from collections.abc import Mapping

DAY_NAMES: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTH_NAMES: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
UNIT_WORDS: Final = {
    QuantityUnit.MILLISECOND: "time",
    QuantityUnit.MESSAGE: "messages",
    QuantityUnit.BYTE: "volume",
    QuantityUnit.MICRO: "money",
}
BARE_UNIT: Final = {QuantityUnit.MILLISECOND: 1_000, QuantityUnit.MESSAGE: 1, QuantityUnit.BYTE: 1}  # what a number without unit counts

_AMOUNT: Final = re.compile(r"(0|[1-9]\d{0,11})(?:\.(\d{1,6}))?", re.ASCII)
_PERCENT: Final = re.compile(r"(0|[1-9]\d{0,2})(?:\.(\d{1,4}))?", re.ASCII)
_QUANTITY: Final = re.compile(r"(0|[1-9]\d{0,15})(?:\.(\d{1,6}))? ?([A-Za-z]+)", re.ASCII)
_TIME: Final = re.compile(r"([01]\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_UNITS: Final = {
    "ms": (QuantityUnit.MILLISECOND, 1),
    "s": (QuantityUnit.MILLISECOND, 1_000),
    "min": (QuantityUnit.MILLISECOND, 60_000),
    "h": (QuantityUnit.MILLISECOND, 3_600_000),
    "B": (QuantityUnit.BYTE, 1),
    "KB": (QuantityUnit.BYTE, 10**3),
    "MB": (QuantityUnit.BYTE, 10**6),
    "GB": (QuantityUnit.BYTE, 10**9),
    "TB": (QuantityUnit.BYTE, 10**12),
    "KiB": (QuantityUnit.BYTE, 2**10),
    "MiB": (QuantityUnit.BYTE, 2**20),
    "GiB": (QuantityUnit.BYTE, 2**30),
    "TiB": (QuantityUnit.BYTE, 2**40),
    "message": (QuantityUnit.MESSAGE, 1),
    "messages": (QuantityUnit.MESSAGE, 1),
}
_LAST_MINUTE: Final = 59
_MICROSECONDS_PER_MILLISECOND: Final = 1_000


class TextError(ValueError):
    """A text that cannot be read, with what to write instead."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class Quantity(NamedTuple):
    """A quantity in the base unit of its kind. `unit` None: a bare number, or one that could not be read; it fits every kind."""

    value: int
    unit: QuantityUnit | None


class Increments(NamedTuple):
    """The first and the further increment; bare numbers are seconds for time and pieces for everything else."""

    first: Quantity
    further: Quantity

    def of(self, unit: QuantityUnit) -> tuple[int, int]:
        """Both lengths in the base unit of `unit`."""
        first, further = (q.value if q.unit is not None else q.value * BARE_UNIT[unit] for q in self)
        return first, further


class Text(NamedTuple):
    """Marks a field of the language whose value is read from text. `placeholder` replaces one that cannot be read."""

    parse: Callable[[object], object]
    placeholder: object
    form: Form = ANY


def amount(raw: object) -> int:
    """Micro-units of a decimal string such as "0.085", zero or more."""
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        raise TextError(f"an amount must be text, not the YAML number {raw}", f'write it in quotes: "{_plain(raw)}"')
    text = _text(raw, "an amount", '"0.085"')
    match = _AMOUNT.fullmatch(text)
    if match is not None:
        return int(match[1]) * MICROS_PER_UNIT + int((match[2] or "").ljust(6, "0"))
    if text.startswith("-"):
        raise TextError(f'"{text}" is below zero', "prices and fees are zero or more")
    if re.fullmatch(r"\d+,\d+", text):
        raise TextError(f'"{text}" has a comma', f'use a point: "{text.replace(",", ".")}"')
    if re.fullmatch(r"0\d+(\.\d*)?", text):
        raise TextError(
            f'"{text}" begins with a needless zero', f'write "{text.lstrip("0") or "0"}", or "0.{text.lstrip("0")}" if a point is missing'
        )
    if re.fullmatch(r"\d+\.\d{7,}", text):
        raise TextError(f'"{text}" has more than six places', "name a larger `per`, such as 1GB instead of 1MB, with a rate as much larger")
    raise TextError(f'"{text}" is not a decimal amount', 'write digits with at most six places, such as "0.085"')


def percent(raw: object) -> int:
    """Parts per million of a percentage such as "19" or "7.7"."""
    if isinstance(raw, float):
        raise TextError(f"a percentage must be text, not the YAML number {raw}", f'write it in quotes: "{raw}"')
    text = str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else _text(raw, "a percentage", '"19"')
    match = _PERCENT.fullmatch(text)
    if match is None:
        raise TextError(f'"{text}" is not a percentage', 'write digits with at most four places, without a sign, such as "19" or "7.7"')
    return int(match[1]) * PPM_PER_PERCENT + int((match[2] or "").ljust(4, "0"))


def quantity(raw: object) -> Quantity:
    """A duration ("60s", "100ms", "1min", "2h"), a volume ("1MB" = 10^6, "1MiB" = 2^20 bytes) or messages ("50 messages")."""
    text = _text(raw, "a quantity", "60s, 1MB or 50 messages")
    match = _QUANTITY.fullmatch(text)
    if match is None or match[3] not in _UNITS:
        known = ", ".join(name for name in _UNITS if name != "message")
        raise TextError(f'"{text}" is not a quantity', f"write a number and one of {known}; such as 60s, 1MB or 50 messages")
    unit, factor = _UNITS[match[3]]
    value = Fraction(f"{match[1]}.{match[2] or 0}") * factor
    if value.denominator != 1:
        raise TextError(f'"{text}" is not a whole number of {_unit_name(unit)}', "use a finer unit")
    return Quantity(value.numerator, unit)


def grant(raw: object) -> Quantity:
    """A quantity, or money such as "5.00", in micro-units."""
    if isinstance(raw, str) and not _AMOUNT.fullmatch(raw):
        return quantity(raw)
    return Quantity(amount(raw), QuantityUnit.MICRO)


def duration_us(raw: object) -> int:
    """Microseconds of a duration such as "185.2s" or "60.000400s": usage is finer than tariffs."""
    text = _text(raw, "a duration", "185.2s")
    match = _QUANTITY.fullmatch(text)
    unit, factor = _UNITS.get(match[3], (None, 0)) if match is not None else (None, 0)
    if match is None or unit is not QuantityUnit.MILLISECOND:
        raise TextError(f'"{text}" is not a duration', "write a number and ms, s, min or h, such as 185.2s")
    value = Fraction(f"{match[1]}.{match[2] or 0}") * factor * _MICROSECONDS_PER_MILLISECOND
    if value.denominator != 1:
        raise TextError(f'"{text}" is not a whole number of microseconds', "write fewer places")
    return value.numerator


def increments(raw: object) -> Increments:
    """First and further increment, such as 60/1 (seconds), 100KB/100KB or 1/1 (messages)."""
    text = _text(raw, "increments", "60/1")
    parts = text.split("/")
    if len(parts) != 2:  # noqa: PLR2004 - a first and a further one
        raise TextError(f'"{text}" is not a pair of increments', "write first/further, such as 60/1 or 100KB/100KB")
    first, further = (Quantity(int(p), None) if re.fullmatch(r"[1-9][0-9]{0,9}", p) else quantity(p) for p in parts)
    return Increments(first, further)


def days(raw: object) -> tuple[int, ...]:
    """ISO days of "mon-fri", "sat,sun", "fri-mon" or "daily", sorted."""
    text = _text(raw, "days", "mon-fri")
    if text == "daily":
        return tuple(range(1, 8))
    found: set[int] = set()
    for part in text.replace(" ", "").lower().split(","):
        ends = part.split("-")
        unknown = [name for name in ends if name not in DAY_NAMES]
        if unknown or len(ends) > 2:  # noqa: PLR2004 - a day or the two ends of a span
            raise TextError(f'"{text}" does not name days of the week', f"use {', '.join(DAY_NAMES)}, such as mon-fri or sat,sun, or daily")
        first, last = DAY_NAMES.index(ends[0]), DAY_NAMES.index(ends[-1])
        found.update((first + i) % 7 + 1 for i in range((last - first) % 7 + 1))
    return tuple(sorted(found))


def month(raw: object) -> int:
    """The number of a month: 12, or "dec"."""
    text = str(raw).lower()
    if text in MONTH_NAMES:
        return MONTH_NAMES.index(text) + 1
    if isinstance(raw, int) and not isinstance(raw, bool) and 1 <= raw <= len(MONTH_NAMES):
        return raw
    raise TextError(f'"{raw}" is not a month', f"write 1 to 12, or one of {', '.join(MONTH_NAMES)}")


def band_start(raw: object) -> int:
    """The second of the day of "08:00"."""
    seconds = _time_of_day(raw)
    if seconds == DAY_S:
        raise TextError("a band cannot begin at 24:00", 'write "00:00" and the next day')
    return seconds


def band_end(raw: object) -> int:
    """The exclusive second of the day of "20:00" or "24:00". An end such as 17:59 leaves a gap of a minute: refused."""
    seconds = _time_of_day(raw)
    if seconds // 60 % 60 == _LAST_MINUTE:
        hour = seconds // 3600 + 1
        raise TextError(f'"{raw}" as an end leaves out the rest of the hour, since an end is exclusive', f'write "{hour:02d}:00"')
    return seconds


def instant(raw: object) -> int:
    """Microseconds UTC of an ISO instant with its offset."""
    example = '"2026-01-01T00:00:00+01:00"'
    text = _text(raw, "an instant", example)
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise TextError(f'"{text}" is not an instant', f"write date, time and offset, such as {example}") from None
    if moment.tzinfo is None:
        raise TextError(f'"{text}" has no offset from UTC', f"add it, such as {example}")
    return instant_of(moment)


def date(raw: object) -> dt.date:
    """A date such as 2026-01-01."""
    text = _text(raw, "a date", "2026-01-01")
    try:
        return dt.date.fromisoformat(text) if len(text) == len("2026-01-01") else _no_date(text)
    except ValueError:
        return _no_date(text)


def choice(words: Mapping[str, object] | Mapping[str | bool, object], what: str) -> Callable[[object], object]:
    """A reader of one of `words`; some of them may be true and false."""
    known = {_written(word): meaning for word, meaning in words.items()}
    flags = {_written(word) for word in words if isinstance(word, bool)}

    def parse(raw: object) -> object:
        written = _written(raw) if isinstance(raw, str | bool) else ""
        if written in known and isinstance(raw, bool) is (written in flags):
            return known[written]
        raise TextError(f'"{raw}" is not {what}', f"use one of {', '.join(known)}")

    return parse


def _written(word: str | bool) -> str:  # noqa: FBT001 -- a word of the language
    """A word as it is in a file."""
    return str(word).lower() if isinstance(word, bool) else word


def _plain(number: float) -> str:
    """The decimal text that was probably meant."""
    return format(number, "f").rstrip("0").rstrip(".") if isinstance(number, float) else str(number)


def _text(raw: object, what: str, example: str) -> str:
    if isinstance(raw, str):
        return raw
    raise TextError(f"{what} must be text, not {_kind(raw)}", f"write it such as {example}")


def _kind(raw: object) -> str:
    if raw is None:
        return "nothing"
    names = {bool: "true or false", int: f"the number {raw}", float: f"the number {raw}", list: "a list", dict: "a set of fields"}
    return names.get(type(raw), type(raw).__name__)


def _time_of_day(raw: object) -> int:
    match = _TIME.fullmatch(raw) if isinstance(raw, str) else None
    seconds = int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3] or 0) if match is not None else DAY_S + 1
    if seconds > DAY_S:
        raise TextError(f'"{raw}" is not a time of day', 'write it such as "08:00"; the end of the day is "24:00"')
    return seconds


def _no_date(text: str) -> dt.date:
    raise TextError(f'"{text}" is not a date', "write it such as 2026-01-01")


def _unit_name(unit: QuantityUnit) -> str:
    return f"{unit.name.lower()}s"

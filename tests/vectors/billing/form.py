"""The form of a billing case, the shapes by which cases are recognised, and how their words become numbers and dates.

A case is {id, topic, given, expected}. The first word of its `rule` says which method is meant where the keys do not.
A *shape* names the keys of `given` and of `expected`; `?` before a key means that it may be missing, `*` stands for any letters.
Amounts are Fractions of a currency unit. What cannot be read raises ValueError, LookupError or TypeError.
"""

from __future__ import annotations

import datetime as dt
import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple

import msgspec

from rating.model import PPM
from rating.money import MICROS_PER_UNIT, RoundingMode, minor_step_micros, round_exact
from tariffs.currencies import MINOR_DIGITS

CENT_MICROS: Final = 10_000  # of the currencies that cases without a currency mean
MONTHLY: Final = "MONTHLY"
OTHER_PERIODS: Final = ("DAILY", "WEEKLY", "BIWEEKLY", "THIRTY_DAYS", "QUARTERLY", "BIANNUAL", "SEMIANNUAL", "ANNUAL", "YEARLY", "BIENNIAL")
NOTE: Final = "note"  # what others wrote beside their figures
_AMOUNT: Final = re.compile(r"[-+]?\d+(?:\.\d+)?")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class Case(msgspec.Struct, frozen=True):
    """What is given, and what must come out."""

    id: str
    topic: str
    given: dict[str, Any]
    expected: dict[str, Any]
    rule: str = ""


class ListedError(Exception):
    """A case that follows another convention than ours, or is about what the product does not have; the reason."""


class Otherwise(NamedTuple):
    """What we say, and what the other convention says. The case is listed where it asserts the latter and we say something else."""

    ours: dict[str, Any]
    theirs: dict[str, Any]
    reason: str


class Exactly(NamedTuple):
    """A number that is no amount of money: compared to the last place that is written."""

    value: Fraction


class Shape(NamedTuple):
    """Cases with these keys. Either `answer` works out what is expected, or `reason` says why they are listed."""

    given: str
    expected: str
    answer: Callable[[Case], dict[str, Any] | Otherwise] | None = None
    reason: str = ""

    def fits(self, case: Case) -> bool:
        """Whether the case has all keys that this shape needs, and no others."""
        return bool(case.expected) and _fits(self.given, case.given) and _fits(self.expected, case.expected)

    def fits_with_more(self, case: Case) -> bool:
        """True where the case has all keys that this shape needs, and others besides; what these are is told when nobody reads them."""
        some = any(fnmatch.filter(case.expected, name.removeprefix("?")) for name in self.expected.split())
        return self.answer is not None and some and _needed(self.given, case.given) and _needed(self.expected, case.expected)


def set_aside(given: Mapping[str, Any], *keys: str) -> None:
    """Count keys as read: what is asked does not depend on them."""
    for key in keys:
        given.get(key)


def without_notes(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    """The value without what is only a note."""
    if isinstance(value, Mapping):
        return {key: without_notes(each) for key, each in value.items() if key != NOTE}
    return [without_notes(each) for each in value] if isinstance(value, list) else value


def exact(value: object) -> Fraction:
    """A number, written as one or as text."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | Fraction | str):
        message = f"{value!r} is no number"
        raise ValueError(message)  # noqa: TRY004 -- what a case says, not an argument of the wrong type
    return Fraction(value)


def whole(value: object) -> int:
    """A whole number."""
    found = exact(value)
    if found.denominator != 1:
        message = f"{value!r} is no whole number"
        raise ValueError(message)
    return int(found)


def day(value: object) -> dt.date:
    """A date of ISO text."""
    if not isinstance(value, str):
        message = f"{value!r} is no date"
        raise ValueError(message)  # noqa: TRY004 -- as above
    return dt.date.fromisoformat(value)


def day_or_none(value: object) -> dt.date | None:
    """A date, or none."""
    return None if value is None else day(value)


def days_in(text: str) -> list[dt.date]:
    """Every date in a text, in order."""
    return [dt.date.fromisoformat(each) for each in _DATE.findall(text)]


def amount_in(text: object) -> Fraction:
    """The first amount in a text such as "20.0 recurring" or "-20.0 -> 10.0", dates left aside."""
    return amounts_in(text)[0]


def amounts_in(text: object) -> list[Fraction]:
    """Every amount in a text, dates left aside."""
    found = [Fraction(each) for each in _AMOUNT.findall(_DATE.sub(" ", str(text)))]
    if not found:
        message = f"{text!r} holds no amount"
        raise ValueError(message)
    return found


def micros(amount: Fraction) -> int:
    """Micro-units of an amount that has no finer part."""
    found = amount * MICROS_PER_UNIT
    if found.denominator != 1:
        message = f"an amount of {float(amount)}, finer than a micro-unit: no amount of ours is"
        raise ListedError(message)
    return int(found)


def ppm(percent: object) -> int:
    """Parts per million of a percentage that has no finer part."""
    found = exact(percent) * PPM / 100
    if found.denominator != 1:
        message = f"a rate of {percent} percent, finer than a millionth: no rate of ours is"
        raise ListedError(message)
    return int(found)


def units(amount_micros: int) -> Fraction:
    """An amount of micro-units in currency units."""
    return Fraction(amount_micros, MICROS_PER_UNIT)


def cents(amount_micros: int) -> Fraction:
    """An amount of micro-units in hundredths of a unit."""
    return Fraction(amount_micros, CENT_MICROS)


def of_cents(value: object) -> int:
    """Micro-units of so many hundredths."""
    return whole(value) * CENT_MICROS


def step_of(currency: object) -> int:
    """The minor unit of a currency in micro-units. An unknown one raises LookupError."""
    return minor_step_micros(MINOR_DIGITS[str(currency)])


def to_micro(amount: Fraction) -> Fraction:
    """An amount as far as ours can tell it: to the nearest micro-unit."""
    return units(round_exact(amount * MICROS_PER_UNIT, 1, RoundingMode.HALF_UP))


def only_months(period: object) -> None:
    """Refuses periods that are not months."""
    if period in OTHER_PERIODS:
        message = f"a period of {str(period).lower()}: ours are months"
        raise ListedError(message)
    if period != MONTHLY:
        message = f"{period!r} is no period"
        raise ValueError(message)


def yes_or_no(value: object) -> bool:
    """A truth value, and nothing that stands for one."""
    if not isinstance(value, bool):
        message = f"{value!r} is neither true nor false"
        raise ValueError(message)  # noqa: TRY004 -- as above
    return value


def same(expected: Any, answer: Any) -> bool:  # noqa: ANN401 -- any JSON
    """Whether an answer is what is expected: numbers by value, to our micro-unit where more places are written; the rest literally."""
    if isinstance(answer, Mapping):
        return (
            isinstance(expected, Mapping) and expected.keys() == answer.keys() and all(same(expected[key], answer[key]) for key in answer)
        )
    if isinstance(answer, Exactly):
        return _number(expected) == answer.value
    if isinstance(answer, list | tuple):
        is_list = isinstance(expected, list) and len(expected) == len(answer)
        return is_list and all(same(*pair) for pair in zip(expected, answer, strict=True))
    if isinstance(answer, bool) or answer is None or isinstance(answer, str):
        return type(expected) is type(answer) and bool(expected == answer)
    if not isinstance(answer, int | Fraction):
        message = f"{answer!r} is no answer"
        raise TypeError(message)
    wanted = _number(expected)
    return wanted is not None and answer in {wanted, to_micro(wanted)}


def _number(value: object) -> Fraction | None:
    try:
        return exact(value)
    except ValueError:
        return None


def _needed(pattern: str, keys: Iterable[str]) -> bool:
    found = list(keys)
    return all(fnmatch.filter(found, name) for name in pattern.split() if not name.startswith("?"))


def _fits(pattern: str, keys: Iterable[str]) -> bool:
    found, every = list(keys), [name.removeprefix("?") for name in pattern.split()]
    return _needed(pattern, found) and all(any(fnmatch.fnmatchcase(key, name) for name in every) for key in found)

"""A made case and its wrong twins: other ids, words and orders of keys, figures that are one unit off."""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple, TypeAlias

_LEAD: Final = re.compile(r"(-?\d+(?:\.\d+)?)(.*)", re.DOTALL)


class Made(NamedTuple):
    """A case: what is given, and what must come out. `theirs`: another convention that the case asserts, so that it is listed.

    `tight`: the figure of which any other value is wrong; empty where that holds for all.
    """

    topic: str
    given: dict[str, Any]
    expected: dict[str, Any]
    rule: str = ""
    theirs: bool = False
    tight: str = ""


Maker: TypeAlias = Callable[[random.Random], Made]


def case_of(made: Made, choose: random.Random, number: int) -> dict[str, Any]:
    """A raw case with an id that says nothing, its keys in any order, null keys added or not."""
    raw = {"id": f"{choose.choice('qxz')}{number}", "topic": made.topic, "given": made.given, "expected": made.expected}
    if made.rule:
        raw["rule"] = made.rule
    return {key: shuffled(value, choose) for key, value in raw.items()}


def twin_of(case: dict[str, Any], made: Made, choose: random.Random) -> dict[str, Any]:
    """The case with a wrong expectation."""
    if not made.tight:
        return case | {"expected": wrong(case["expected"], choose)}
    return case | {"expected": case["expected"] | {made.tight: wrong(case["expected"][made.tight], choose)}}


def shuffled(value: Any, choose: random.Random) -> Any:  # noqa: ANN401 -- any JSON
    """The value with the keys of every object in another order."""
    if isinstance(value, Mapping):
        keys = list(value)
        choose.shuffle(keys)
        return {key: shuffled(value[key], choose) for key in keys}
    return [shuffled(each, choose) for each in value] if isinstance(value, list) else value


def wrong(value: Any, choose: random.Random) -> Any:  # noqa: ANN401 -- any JSON
    """The value with one figure in it changed by a unit of its last place; a date by a day; another word."""
    if isinstance(value, Mapping) and value:
        name = choose.choice(sorted(value))
        return {key: wrong(each, choose) if key == name else each for key, each in value.items()}
    if isinstance(value, list) and value:
        place = choose.randrange(len(value))
        return [wrong(each, choose) if at == place else each for at, each in enumerate(value)]
    return _other(value)


def text(value: Fraction) -> str:
    """An amount in decimal digits, which it must have."""
    found = Decimal(value.numerator) / Decimal(value.denominator)
    assert Fraction(found) == value, f"{value} has no end"
    return f"{found:f}"


def half_up(value: Fraction, places: int = 2) -> Fraction:
    """Rounded to so many places, halves away from zero."""
    scaled = abs(value) * 10**places + Fraction(1, 2)
    return Fraction(scaled.numerator // scaled.denominator, 10**places) * (-1 if value < 0 else 1)


def ceiling(value: Fraction) -> int:
    """The next whole number."""
    return -(-value.numerator // value.denominator)


def money(choose: random.Random, least: int, most: int) -> Fraction:
    """An amount with two places; the bounds are in hundredths."""
    return Fraction(choose.randint(least, most), 100)


def any_day(choose: random.Random, first: str = "2019-01-01", days: int = 2500) -> dt.date:
    """A day of some years, among them a leap year."""
    return dt.date.fromisoformat(first) + dt.timedelta(choose.randrange(days))


def _other(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | Decimal):
        return value + _last_place(value) if isinstance(value, Decimal) else value + 1
    if isinstance(value, str):
        return _other_text(value)
    return "1" if value is None else ["1"]


def _other_text(value: str) -> str:
    """The date after, the next figure, or another word."""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return f"{dt.date.fromisoformat(value) + dt.timedelta(1)}"
    found = _LEAD.fullmatch(value)
    if found is None:
        return f"{value}x"
    figure = Decimal(found[1])
    return f"{figure + _last_place(figure):f}{found[2]}"


def _last_place(figure: Decimal) -> Decimal:
    return Decimal(1).scaleb(int(figure.as_tuple().exponent))

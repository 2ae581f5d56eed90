"""A row of the page of a home, and the text form of its figures."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from rating.dates import utc_time
from rating.money import format_about
from tariffs.currencies import MINOR_DIGITS

_NAMES_SHOWN: Final = 5


class Row(msgspec.Struct, frozen=True):
    """One thing about a home. `says` is for people, `figures` for programs; `attention`: a person has something to do."""

    name: str
    says: str
    command: str
    attention: bool = False
    computed: bool = True
    figures: dict[str, Any] = {}


def instant(instant_us: int) -> str:
    """An instant in UTC, to the second."""
    return f"{utc_time(instant_us):%Y-%m-%d %H:%M:%S} UTC"


def some(names: list[str]) -> str:
    """The first few names, and how many there are beyond."""
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def estimates(by_currency: dict[str, int]) -> str:
    """Estimated amounts with their currencies, to the places of each; without those of no currency."""
    return ", ".join(
        f"{format_about(micros, MINOR_DIGITS.get(currency, 2))} {currency}" for currency, micros in sorted(by_currency.items()) if currency
    )

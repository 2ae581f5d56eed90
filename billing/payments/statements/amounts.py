"""Amounts and dates as banks write them. Amounts are never below zero: the sign stands beside them. Pure."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from billing.payments.statements.records import WrongError
from rating.money import MICROS_PER_UNIT, format_micros, minor_step_micros
from tariffs.currencies import MINOR_DIGITS

DIGITS_MAX: Final = 12  # before the point: what money holds
_DECIMAL: Final = re.compile(r"([0-9]*)(?:[.,]([0-9]*))?")
_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T.*|Z|[+-][0-9]{2}:[0-9]{2})?")
_PLACES: Final = 6


def amount(text: str, currency: str, point: str = ".") -> int:
    """Micro-units of an amount, such as `1250.5`; `point` is `.` in XML and `,` in MT940. Raises WrongError."""
    if currency not in MINOR_DIGITS:
        raise WrongError(f"{currency!r} is not a currency of ISO 4217")
    found = _DECIMAL.fullmatch(text)
    other = "," if point == "." else "."
    whole, places = (found[1], found[2] or "") if found is not None and other not in text else ("", "")
    if not whole + places:
        raise WrongError(f"{text!r} is not an amount such as 1250{point}50")
    if len(whole.lstrip("0")) > DIGITS_MAX or len(places.rstrip("0")) > _PLACES:
        raise WrongError(f"{text!r} is more than an amount can hold: {DIGITS_MAX} digits and {_PLACES} decimal places")
    micros = int(whole or "0") * MICROS_PER_UNIT + int(places[:_PLACES].ljust(_PLACES, "0"))
    if micros % minor_step_micros(MINOR_DIGITS[currency]):
        raise WrongError(f"{format_micros(micros)} has more than the {MINOR_DIGITS[currency]} decimal places of {currency}")
    return micros


def day(text: str) -> dt.date:
    """The day of an ISO date or time. Raises WrongError."""
    found = _DAY.fullmatch(text)
    try:
        if found is not None:
            return dt.date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        pass
    raise WrongError(f"{text!r} is not a date such as 2026-11-30")


def short_day(text: str) -> dt.date:
    """The day of six digits, such as 261130: the years 1980 to 2079, as SWIFT reads them. Raises WrongError."""
    first = 1980
    try:
        if len(text) == len("261130") and text.isascii() and text.isdecimal():
            year = 1900 + int(text[:2])
            return dt.date(year if year >= first else year + 100, int(text[2:4]), int(text[4:]))
    except ValueError:
        pass
    raise WrongError(f"{text!r} is not a date such as 261130")

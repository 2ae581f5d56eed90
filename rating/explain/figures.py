"""Figures of an explanation: exact amounts in currency units, quantities in the words of a language, local time.

Units: amounts come in micro-units, voice in milliseconds, data in bytes, messages in messages, days as days since 1970-01-01.
Nothing is rounded on the way to text: an amount that no decimal of twelve places can hold is shown as a fraction, with an approximation.
"""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from rating.dates import day_of, local_time
from rating.model import PPM_PER_PERCENT, UNIT_OF_SERVICE, QuantityUnit, Service
from rating.money import MICROS_PER_UNIT, format_micros

if TYPE_CHECKING:
    from rating.explain.words import Words
    from rating.outcome import Event

_PLACES_MAX: Final = 12
_BYTE_UNITS: Final = (("GiB", 2**30), ("GB", 10**9), ("MiB", 2**20), ("MB", 10**6), ("KiB", 2**10), ("kB", 10**3))  # largest first


def exact_amount(micros: Fraction | int, words: Words) -> str:
    """Currency units of an exact amount: a decimal where there is one of at most 12 places, else a fraction and six places."""
    units = Fraction(micros) / MICROS_PER_UNIT
    scaled = units * 10**_PLACES_MAX
    if scaled.denominator == 1:
        return _decimal(scaled.numerator)
    return words.approximately.format(f"{units.numerator}/{units.denominator}", format_micros(round(Fraction(micros)), 6))


def money(micros: int, currency: str, words: Words) -> str:
    """An amount with its currency, as the language writes it."""
    return words.currency_amount.format(amount=format_micros(micros), currency=words.currency.get(currency, currency))


def grouped(number: str) -> str:
    """A decimal with its thousands parted by commas."""
    whole, point, places = number.partition(".")
    return f"{int(whole):,}{point}{places}" if whole != "-0" else number


def percent(ppm: int) -> str:
    """Percent of parts per million, without needless places: 20, 12.5."""
    return format_micros(ppm * MICROS_PER_UNIT // PPM_PER_PERCENT, 0)


def quantity_text(quantity: Fraction | int, unit: QuantityUnit | None, words: Words) -> str:
    """A quantity in seconds, bytes or messages; a bare number where the unit is unknown."""
    if unit is QuantityUnit.MILLISECOND:
        micros = int(Fraction(quantity) * 1000)  # milliseconds to microseconds: seconds with six places
        return words.seconds.format(grouped(format_micros(micros, 0)))
    if unit is QuantityUnit.BYTE:
        return words.bytes.format(*_bytes(int(quantity)))
    if unit is QuantityUnit.MESSAGE:
        return (words.message if quantity == 1 else words.messages).format(f"{int(quantity):,}")
    return f"{int(quantity):,}"


def input_quantity_text(event: Event, words: Words) -> str:
    """The quantity as the event came in: calls in microseconds, written in seconds."""
    known = event.service in Service.__members__.values()
    unit = UNIT_OF_SERVICE[Service(event.service)] if known else None
    return quantity_text(Fraction(event.quantity, 1000) if unit is QuantityUnit.MILLISECOND else event.quantity, unit, words)


def begin_text(quantity: int, unit: QuantityUnit | None, words: Words) -> str:
    """The beginning of a span: without its unit where that is the unit of its end too, so everywhere but in bytes."""
    if unit is QuantityUnit.MILLISECOND:
        return grouped(format_micros(quantity * 1000, 0))
    return quantity_text(quantity, unit if quantity and unit is QuantityUnit.BYTE else None, words)


def per_text(quantity: int, unit: QuantityUnit | None, words: Words) -> str:
    """The quantity that a rate is for: as `quantity_text`, and one message without its number."""
    return words.one_message if unit is QuantityUnit.MESSAGE and quantity == 1 else quantity_text(quantity, unit, words)


def local_start(event: Event, timezone: str) -> dt.datetime:
    """The wall clock of `timezone` at the start; the edge of the calendar where the start is absurd."""
    try:
        return local_time(event.start_us, timezone)
    except OverflowError:
        return dt.datetime.max.replace(tzinfo=dt.UTC) if event.start_us > 0 else dt.datetime.min.replace(tzinfo=dt.UTC)


def local_day(day: int) -> str:
    """The ISO date of a day's number."""
    return day_of(day).isoformat()


def _decimal(scaled: int) -> str:
    """Text of an amount given in units of its twelfth place, with at least two places."""
    whole, places = divmod(abs(scaled), 10**_PLACES_MAX)
    text = f"{whole}.{f'{places:0{_PLACES_MAX}d}'.rstrip('0').ljust(2, '0')}"
    return f"-{text}" if scaled < 0 else text


def _bytes(quantity: int) -> tuple[str, str]:
    """Number and unit: the largest unit that holds the quantity whole, bytes where none does."""
    whole = ((name, size) for name, size in _BYTE_UNITS if quantity and quantity % size == 0)
    name, size = next(whole, ("B", 1))
    return f"{quantity // size:,}", name

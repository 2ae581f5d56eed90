"""Rates and DestinationRates: what usage costs, in amounts and lengths of ours.

A length is written with units (`60s`, `1m`), or as a bare number: nanoseconds, or, for what is counted, pieces. A rate counts time where a
length has a unit. A length of 0 stands for one second or piece, a maximum of 0 for
none, and 0 decimals for no rounding. The connect fee is that of the first row of a tag; of several rows that
begin at one place the last counts: the other engine does so.
Raises CarryError for what our words cannot say: amounts below zero, fees finer than six places, lengths finer than a millisecond.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.model import QuantityUnit
from rating.money import MICROS_PER_UNIT
from tariffs.cgrates.carried import CarryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tariffs.cgrates.carried import Ledger
    from tariffs.cgrates.reading import Row

PLACES_MAX: Final = 6  # decimals of an amount of ours
MODES: Final = {"*up": "up", "*middle": "half_up", "*down": "down"}
UNROUNDED: Final = frozenset({"", "*none"})
FREE: Final = "*free"
_UNITS_NS: Final = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)", re.ASCII)
_MILLISECOND_NS: Final = 10**6
_SECOND_NS: Final = 10**9
_SUFFIX: Final = {QuantityUnit.BYTE: "B", QuantityUnit.MESSAGE: " messages"}
_MILLISECONDS: Final = 1_000
_LENGTH_CHARS_MAX: Final = 30
_DECIMALS_DIGITS_MAX: Final = 2


class Length(NamedTuple):
    """Nanoseconds, or pieces where it is no time; `timed`: None where it is 0, which says nothing about that."""

    value: Fraction
    timed: bool | None


class Slot(NamedTuple):
    """The cost of usage from a place on."""

    start: Length
    rate: Fraction
    unit: Length
    increment: Length


class Rate(NamedTuple):
    """The slots of a tag in order, and its connect fee."""

    tag: str
    connect_fee: Fraction
    slots: tuple[Slot, ...]

    @property
    def timed(self) -> bool:
        """Return whether it counts time: one of its lengths has a unit of time."""
        return any(length.timed for slot in self.slots for length in (slot.start, slot.unit, slot.increment))


class DestinationRate(NamedTuple):
    """A row: what usage to a destination costs, and how it is rounded. `rate` None: it cannot be said."""

    tag: str
    destination: str
    rate_tag: str
    rate: Rate | None
    places: int  # of rounding
    mode: str
    maximum: Fraction | None
    place: tuple[str, int]
    why_not: str = ""


class Rates:
    """The rates of a folder by tag."""

    def __init__(self, rows: Iterable[Row], ledger: Ledger) -> None:
        self.places: dict[str, tuple[str, int]] = {}
        by_tag: dict[str, list[Row]] = {}
        for row in rows:
            self.places.setdefault(row.cells[0], row.place)
            by_tag.setdefault(row.cells[0], []).append(row)
        self._rates: dict[str, Rate | str] = {}
        for tag, several in by_tag.items():
            try:
                self._rates[tag] = _rate(tag, several, ledger)
            except CarryError as error:
                self._rates[tag] = str(error)
                ledger.add(several[0].place, tag, "usage at this rate is refused", str(error))

    def rate(self, tag: str) -> Rate:
        """The rate of a tag. Raises CarryError."""
        found = self._rates.get(tag, f"there is no rate {tag}")
        if isinstance(found, str):
            raise CarryError(found if tag not in self._rates else f"rate {tag} was not carried over")
        return found


def destination_rates(rows: Iterable[Row], rates: Rates, ledger: Ledger) -> Mapping[str, list[DestinationRate]]:
    """By tag, in the order of the file."""
    found: dict[str, list[DestinationRate]] = {}
    for row in rows:
        found.setdefault(row.cells[0], []).append(_destination_rate(row, rates, ledger))
    return found


def amount_text(micros: int) -> str:
    """Decimal text of micro-units."""
    whole, rest = divmod(micros, MICROS_PER_UNIT)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")


def micros(amount: Fraction, what: str) -> int:
    """Micro-units. Raises CarryError where an amount is finer, or below zero."""
    found = amount * MICROS_PER_UNIT
    if found < 0:
        raise CarryError(f"{what} is below zero")
    if found.denominator != 1:
        raise CarryError(f"{what} has more than {PLACES_MAX} places")
    return found.numerator


def quantity(length: Length, unit: QuantityUnit) -> int:
    """`length` in `unit`; 0 stays 0. Raises CarryError where it is no whole number of it."""
    if unit is QuantityUnit.MILLISECOND:
        found = length.value / _MILLISECOND_NS
        if found.denominator != 1:
            raise CarryError(f"a length of {length.value} nanoseconds, and voice is counted in milliseconds")
        return found.numerator
    if length.timed:
        raise CarryError("a length of time for what is counted in pieces: write a bare number")
    if length.value.denominator != 1:
        raise CarryError("a length that is not a whole number of pieces")
    return length.value.numerator


def one(unit: QuantityUnit) -> int:
    """The length that 0 stands for."""
    return _SECOND_NS // _MILLISECOND_NS if unit is QuantityUnit.MILLISECOND else 1


def quantity_text(value: int, unit: QuantityUnit) -> str:
    """A quantity as our files write it."""
    if unit is not QuantityUnit.MILLISECOND:
        return f"{value}{_SUFFIX[unit]}" if value != 1 or unit is QuantityUnit.BYTE else "1 message"
    return f"{value // _MILLISECONDS}s" if value % _MILLISECONDS == 0 else f"{value}ms"


def _rate(tag: str, rows: list[Row], ledger: Ledger) -> Rate:
    slots: dict[Fraction, Slot] = {}
    for row in rows:
        slot = Slot(_length(row.cells[5]), _amount(row.cells[2], "the rate"), _length(row.cells[3]), _length(row.cells[4]))
        if row is not rows[0] and _amount(row.cells[1] or "0", "the connect fee"):
            ledger.add(row.place, tag, f"the connect fee {row.cells[1]} is left out", "the first row of a tag has the connect fee")
        if slot.start.value in slots:
            ledger.add(row.place, tag, "a row above it is left out", "both begin at one place, and the last one counts")
        slots[slot.start.value] = slot
    found = Rate(tag, _amount(rows[0].cells[1] or "0", "the connect fee"), tuple(slots[start] for start in sorted(slots)))
    if min(slots) > 0:
        raise CarryError("usage before the first slot has no rate")
    if found.connect_fee < 0 or any(slot.rate < 0 for slot in found.slots):
        raise CarryError("an amount below zero")
    return found


def _destination_rate(row: Row, rates: Rates, ledger: Ledger) -> DestinationRate:
    tag, destination, rate_tag, method, decimals, max_cost, strategy = row.cells
    try:
        places, mode = _rounding(row, method, decimals, ledger)
        maximum = _maximum(row, max_cost, strategy, ledger)
        found = DestinationRate(tag, destination, rate_tag, rates.rate(rate_tag), places, mode, maximum, row.place)
    except CarryError as error:
        ledger.add(row.place, tag, f"usage to {destination} at {rate_tag} is refused", str(error))
        return DestinationRate(
            tag=tag,
            destination=destination,
            rate_tag=rate_tag,
            rate=None,
            places=0,
            mode="",
            maximum=None,
            place=row.place,
            why_not=str(error),
        )
    return found


def _rounding(row: Row, method: str, decimals: str, ledger: Ledger) -> tuple[int, str]:
    if method in UNROUNDED:
        ledger.add(row.place, row.cells[0], "costs are rounded to six places, half up", "every charge here is whole micro-units")
        return PLACES_MAX, "half_up"
    if method not in MODES:
        raise CarryError(f"a rounding called {method}")
    if not (decimals.isascii() and decimals.isdigit() and len(decimals) <= _DECIMALS_DIGITS_MAX):
        raise CarryError(f'"{decimals}" decimals of rounding')
    places = int(decimals)
    if places == 0:
        what = "costs are rounded to six places, half up: 0 decimals mean no rounding there"
        ledger.add(row.place, row.cells[0], what, "every charge here is whole micro-units")
        return PLACES_MAX, "half_up"
    if places > PLACES_MAX:
        ledger.add(row.place, row.cells[0], f"costs are rounded to six places instead of {places}", "amounts here have six")
    return min(places, PLACES_MAX), MODES[method]


def _maximum(row: Row, max_cost: str, strategy: str, ledger: Ledger) -> Fraction | None:
    amount = _amount(max_cost or "0", "the maximum")
    if not amount:
        return None
    if strategy != FREE:
        why = "it ends the call, which a price here does not" if strategy == "*disconnect" else f'the strategy is "{strategy}"'
        ledger.add(row.place, row.cells[0], f"the maximum {max_cost} is left out", why)
        return None
    micros(amount, "the maximum")
    return amount


def _amount(text: str, what: str) -> Fraction:
    try:
        found = Decimal(text if text.isascii() else "")  # Decimal reads digits of every script
    except InvalidOperation:
        raise CarryError(f'{what} "{text}" is not a number') from None
    if not found.is_finite() or abs(found.adjusted()) > 2 * PLACES_MAX + 6:  # beyond what any price holds: 1e999999 would not even end
        raise CarryError(f"{what} {text} is out of range")
    return Fraction(found)


def _length(text: str) -> Length:
    if not text or text in {"0", "0s"}:
        return Length(Fraction(0), None)
    if len(text) > _LENGTH_CHARS_MAX:
        raise CarryError("a length out of range")
    if text.isascii() and text.isdigit():
        return Length(Fraction(int(text)), timed=False)
    parts = _PART.findall(text)
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != text:
        raise CarryError(f'"{text}" is not a length: write such as 60s, 1m or a bare number')
    value = sum(Fraction(number) * _UNITS_NS[unit] for number, unit in parts)
    return Length(Fraction(value), timed=True if value else None)

"""Quantities and prices of lines (BT-129, BT-146, BT-149). Pure.

A line of usage has the quantity that was charged and its mean price, where that price is exact in six decimal places. Quantity times price
has to be the net amount to the minor unit. A price below a cent is stated for 10, 100, ... of the unit. Any other line is one times its
amount.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from billing.documents.en16931.norm import Price
from billing.documents.semantic.model import ONE
from rating.model import PPM

if TYPE_CHECKING:
    from billing.documents.semantic.model import Line, Usage

_CENT: Final = 10_000
_BASE_MAX: Final = 10_000
# code list UN/ECE 20: how many of our units one of it is. Of bytes by the unit of the stated price, of others by their own.
_UNITS: Final = {
    "message": ("C62", 1),
    "millisecond": ("SEC", 1_000),
    "B": ("AD", 1),
    "kB": ("2P", 1_000),
    "MB": ("4L", 1_000_000),
    "GB": ("E34", 1_000_000_000),
    "KiB": ("E64", 1_024),
    "MiB": ("E63", 1_048_576),
    "GiB": ("E62", 1_073_741_824),
}


def price_of(line: Line, sign: int, minor_digits: int) -> Price:
    """The quantity and the price of a line. `sign`: -1 on a credit note, which turns all amounts."""
    net = line.amount_micros * sign
    one = Price(Fraction(-1 if net < 0 else 1), ONE, abs(net))
    usage = line.usage
    if usage is None or usage.passes or line.with_tax_micros is not None or not line.amount_micros:
        return one
    found = _of_usage(usage)
    if found is None:
        return one
    half = Fraction(10 ** (6 - minor_digits), 2)
    if (usage.exact_micros < 0) != (line.amount_micros < 0) or abs(usage.exact_micros - line.amount_micros) > half:
        return one
    return Price(found.quantity * (-1 if net < 0 else 1), found.unit, found.micros, found.base)


def _of_usage(usage: Usage) -> Price | None:
    unit = _UNITS.get(usage.shown_unit if usage.unit == "byte" else usage.unit)
    charged = abs(usage.quantity) - abs(usage.free_quantity)
    if unit is None or charged <= 0:
        return None
    quantity = Fraction(charged, unit[1])
    price = abs(usage.exact_micros) / quantity
    if price.denominator != 1 or (quantity * PPM).denominator != 1 or not price:
        return None
    micros, base = int(price), 1
    while micros % _CENT and base < _BASE_MAX:
        micros, base = micros * 10, base * 10
    return Price(quantity, unit[0], micros, base)

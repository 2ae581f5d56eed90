"""Proves that int64 holds every product and sum of a price, so that the kernel needs no test in its loop.

Problem: the kernel adds up `length x rate / per` over all increments of an event without rounding. It does so over one common
denominator D, the least common multiple of all `per_qty` of the price: a rate weighs rate_micros x D / per_qty.
Bound: the largest event (rule 7 of "One event, exactly") rounded up by one increment, at the largest weight, plus the connect
fee; minimum, maximum and the rounding step over D. All must stay below 2**62, which leaves room for one more addition.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from rating.model import QuantityUnit
from rating.money import MICROS_LIMIT

if TYPE_CHECKING:
    from rating.model import Price

INT64_ROOM: Final = 2**62
# The largest event in the price's unit: 31 days, one tebibyte, a million messages.
QUANTITY_MAX: Final = {
    QuantityUnit.MILLISECOND: 31 * 86_400_000,
    QuantityUnit.BYTE: 2**40,
    QuantityUnit.MESSAGE: 1_000_000,
}


def denominator(price: Price) -> int:
    """D: the least common multiple of every `per_qty` of `price`."""
    return math.lcm(*(step.per_qty for rate in price.rates for step in rate.steps))


def prove(price: Price) -> str | None:
    """None when int64 holds everything `price` can charge; else one sentence that says what does not fit."""
    common = denominator(price)
    steps = [step for rate in price.rates for step in rate.steps]
    if any(step.from_qty > QUANTITY_MAX[price.unit] for step in steps):
        return "a step begins beyond the largest event"
    increment_max = max(*(step.increment_qty for step in steps), *(rate.first_increment_qty for rate in price.rates))
    quantity_max = QUANTITY_MAX[price.unit] + increment_max
    usage = quantity_max * max(step.rate_micros * common // step.per_qty for step in steps)
    connect = max(rate.connect_fee_micros for rate in price.rates) * common
    worst = {
        f"the largest event of {QUANTITY_MAX[price.unit]} {price.unit.name.lower()}s": usage + connect,
        "the minimum": price.minimum_micros * common,
        "the maximum": (price.maximum_micros or 0) * common,
        "the rounding step": price.rounding_step_micros * common * 2,
        "the quantity": quantity_max * 1000,
    }
    for what, numerator in worst.items():
        if numerator >= INT64_ROOM:
            return f"{what} does not fit into 64 bits (over the common denominator {common})"
    if max((usage + connect) // common, price.minimum_micros) + price.rounding_step_micros >= MICROS_LIMIT:
        return "the charge of the largest event, or the minimum, is above the limit of money, 10^12 currency units"
    return None

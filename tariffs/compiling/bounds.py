"""Proves that int64 holds every product and sum of a price, so that the kernel needs no test in its loop.

Problem: the kernel adds up `length x rate / per` over all increments of an event without rounding. It does so over one common
denominator D, the least common multiple of all `per_qty` of the price and of what its content share needs: a rate weighs
rate_micros x D / per_qty, a micro-unit of content content_ppm x D / 10^6.
Bound: the largest event ("One event, exactly", rule 4) rounded up by one increment, at the largest weight, plus the largest content
share, plus the connect fee; minimum, maximum and the rounding step over D. All must stay below 2**62, which leaves room for one more
addition. A discount multiplies what it rounds by up to 10^6: the quotient (rounding steps) and the remainder (below D x step) apart.

Counters: the kernel adds an event's length to the position of its counter and does not test the sum. An event moves a counter by less
than twice the largest event (its increments are no longer than that), 2**41 for bytes. So a period's counter stays below 2**62
for 2**20 of the largest events: a million events of a tebibyte, or of 31 days, each.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from rating.dates import DAY_S
from rating.model import PPM, Counting, QuantityUnit
from rating.money import MICROS_LIMIT

if TYPE_CHECKING:
    from rating.model import Price

CHARGE_LIMIT: Final = MICROS_LIMIT // 2  # of the largest event, and of the fees of day passes that may come on top of it
INT64_ROOM: Final = 2**62
# The largest event in the price's unit: 31 days, one tebibyte, a million messages.
QUANTITY_MAX: Final = {
    QuantityUnit.MILLISECOND: 31 * DAY_S * 1000,
    QuantityUnit.BYTE: 2**40,
    QuantityUnit.MESSAGE: 1_000_000,
}
CONTENT_MAX: Final = 10**12  # the largest content amount, in micro-units
GRANT_LIMIT: Final = 2**56  # of what an allowance or a day pass grants: a bucket holds 2**61, the sum of what 32 members share
COUNTED_STEP_MAX: Final = 2**53  # where the last step over a period may begin
COUNTED_EVENTS_MAX: Final = 2**20  # of the largest ones, in a period
DISCOUNT_REST_LIMIT: Final = 2**43  # of D x rounding step: x 10^6 it stays below 2^63
DISCOUNT_ROOM: Final = 2**63


def denominator(price: Price) -> int:
    """D: a multiple of every `per_qty` of `price`, over which its content share is whole as well."""
    content = PPM // math.gcd(price.content_ppm, PPM) if price.content_ppm else 1
    return math.lcm(content, *(step.per_qty for rate in price.rates for step in rate.steps))


def prove(price: Price, *, discounted: bool = False) -> str | None:
    """None when int64 holds everything `price` can charge; else one sentence that says what does not fit.

    `discounted`: whether a discount can apply, which is taken to be so for every price of a catalogue with discounts.
    """
    return _quantities(price) or _charges(price, discounted=discounted)


def _quantities(price: Price) -> str | None:
    """Steps, increments and positions."""
    largest = QUANTITY_MAX[price.unit]
    counted = price.counting is not Counting.EVENT
    if any(step.from_qty > (COUNTED_STEP_MAX if counted else largest) for rate in price.rates for step in rate.steps):
        return "a step begins beyond the largest event" if not counted else "a step begins beyond what a period can count"
    if price.minimum_qty > largest:
        return "the minimum quantity is larger than the largest event"
    increment_max = _increment_max(price)
    if counted and increment_max > largest:
        return "an increment is longer than the largest event, which a counter cannot hold"
    if (largest + increment_max * (2 if counted else 1)) * 1000 >= INT64_ROOM:
        return "the quantity does not fit into 64 bits"
    return None


def _charges(price: Price, *, discounted: bool) -> str | None:
    """Amounts over the common denominator."""
    common = denominator(price)
    largest = QUANTITY_MAX[price.unit]
    weight = max(step.rate_micros * common // step.per_qty for rate in price.rates for step in rate.steps)
    content = CONTENT_MAX * (price.content_ppm * common // PPM)
    connect = max(rate.connect_fee_micros for rate in price.rates) * common
    event = (largest + _increment_max(price)) * weight + content + connect
    rest = common * price.rounding_step_micros
    worst = {
        f"the largest event of {largest} {price.unit.name.lower()}s": event,
        "the minimum": price.minimum_micros * common,
        "the maximum": (price.maximum_micros or 0) * common,
        "the rounding step": rest * 2,
    }
    for what, numerator in worst.items():
        if numerator >= INT64_ROOM:
            return f"{what} does not fit into 64 bits (over the common denominator {common})"
    if max(event // common, price.minimum_micros) + price.rounding_step_micros >= CHARGE_LIMIT:
        return "the charge of the largest event, or the minimum, is above half the limit of money, 5 x 10^11 currency units"
    if discounted and rest >= DISCOUNT_REST_LIMIT:
        return f"the rounding step does not fit into 64 bits with a discount (over the common denominator {common})"
    gross = min(max(event, price.minimum_micros * common), _maximum(price) * common)
    if discounted and (gross // rest + 1) * PPM >= DISCOUNT_ROOM:
        return "the largest charge, in rounding steps, does not fit into 64 bits with a discount"
    return None


def _maximum(price: Price) -> int:
    return MICROS_LIMIT if price.maximum_micros is None else price.maximum_micros


def _increment_max(price: Price) -> int:
    steps = [step.increment_qty for rate in price.rates for step in rate.steps]
    return max(*steps, *(rate.first_increment_qty for rate in price.rates))

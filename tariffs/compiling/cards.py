"""Prices to the kernel's rows: one price row, a card for each band, and the steps behind the card.

Problem: a started increment is charged whole where it begins. So a step of the tariff takes effect only at the first end of an increment at
or after its `from`. Seen from the start of an event in one band these ends are fixed for any usage. So a card holds the
position `change` at which the second step really begins, and a charge is two products. All that does not fit (a third step, counting over
the period, a call that crosses a band) is walked increment run by increment run in the kernel's general path, over the same steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rating.model import ANY_BAND, PPM, BandPolicy, Counting, QuantityUnit
from rating.money import RoundingMode
from rating.tables import (
    GRADUATED,
    NO_MAXIMUM,
    PACKAGE,
    PER_EVENT,
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    ROUNDING_CODES,
)
from tariffs.compiling.bounds import denominator
from tariffs.compiling.rows import CardRow, TermsRow
from tariffs.compiling.timeline import band_names

if TYPE_CHECKING:
    from rating.model import Calendar, Price, Rate, Step

FOR_EVER: Final = 2**62  # a position beyond every quantity
QUICK_QUOTIENT_MAX: Final = 2**50  # a quick charge divides through float64 and corrects by one: exact for quotients below this
COUNTING_CODES: Final = {Counting.EVENT: PER_EVENT, Counting.GRADUATED: GRADUATED, Counting.PACKAGE: PACKAGE}
CARD_ROUNDING: Final = {
    RoundingMode.DOWN: ROUND_DOWN,
    RoundingMode.UP: ROUND_UP,
    RoundingMode.HALF_UP: ROUND_HALF_UP,
    RoundingMode.HALF_EVEN: ROUND_HALF_EVEN,
}
_COMMON_LIMIT: Final = 2**30  # D of a card: times a number of 32 bits it stays in 64
_QUICK_STEPS: Final = 2


class PriceParts(NamedTuple):
    """One price in rows. Steps of the terms are counted from 0."""

    cards: list[CardRow]
    terms: list[TermsRow]
    steps: list[tuple[int, ...]]
    quick: bool  # nothing of the price itself asks for the general path
    stepped: bool  # has more than the two steps of a card
    always: bool  # it has a rate in every band


def parts_of(price: Price, calendar: Calendar | None, quantity_max: int) -> PriceParts:
    """The rows of `price`; `quantity_max` in price units."""
    common = denominator(price)
    names = (ANY_BAND,) if calendar is None else band_names(calendar)
    rates = {rate.band: rate for rate in price.rates}
    cards: list[CardRow] = []
    terms: list[TermsRow] = []
    steps: list[tuple[int, ...]] = []
    quick = _fits_a_card(price, common, quantity_max)
    for name in names:
        rate = rates.get(name)
        cards.append(_card(price, rate or price.rates[0], common))
        terms.append(_terms(price, rate or price.rates[0], common, len(steps), active=rate is not None))
        if rate is not None:
            steps += [(step.from_qty, _weight(step, common), step.increment_qty) for step in rate.steps]
    counting = COUNTING_CODES[price.counting]
    stepped = any(len(rate.steps) > _QUICK_STEPS for rate in price.rates)
    counted = counting == PACKAGE or (counting == GRADUATED and stepped)
    quick = quick and not (counted or price.content_ppm or price.minimum_qty or price.charge_zero_usage)
    return PriceParts(cards, terms, steps, quick, stepped, len(rates) == len(names))


def splits(price: Price) -> bool:
    """Return whether a call is priced anew where the band changes."""
    return price.calendar is not None and price.band_policy is BandPolicy.SPLIT and price.unit is QuantityUnit.MILLISECOND


def runs_max(price: Price, changes_max: int) -> int:
    """No walk through an event has more runs: each ends at a step, at a change of band (`changes_max` in the longest event) or the end."""
    return (changes_max if splits(price) else 0) + sum(len(rate.steps) for rate in price.rates) + 3


def _card(price: Price, rate: Rate, common: int) -> CardRow:
    step = rate.steps[0]
    later = rate.steps[1] if len(rate.steps) > 1 else step
    return CardRow(
        weight=_weight(step, common),
        weight_2=_weight(later, common),
        change=_changes(rate)[0],
        common=_clipped(common),
        first=_clipped(rate.first_increment_qty),
        increment=_clipped(step.increment_qty),
        increment_2=_clipped(later.increment_qty),
        connect=_clipped(rate.connect_fee_micros),
        minimum=_clipped(price.minimum_micros),
        maximum=NO_MAXIMUM if price.maximum_micros is None else _clipped(price.maximum_micros),
        step_micros=_clipped(price.rounding_step_micros),
        rounding=_rounding(price, common),
    )


def _clipped(number: int) -> int:
    """The number as a card holds it. A price with larger ones is walked, and reads them from its terms."""
    return min(number, NO_MAXIMUM)


def _rounding(price: Price, common: int) -> int:
    if price.rounding_mode is RoundingMode.HALF_EVEN and common * price.rounding_step_micros % 2:
        return ROUND_HALF_UP  # an odd divisor has no ties
    return CARD_ROUNDING[price.rounding_mode]


def _terms(price: Price, rate: Rate, common: int, step_from: int, *, active: bool) -> TermsRow:
    return TermsRow(
        connect=rate.connect_fee_micros * common,
        minimum=price.minimum_micros * common,
        maximum=2**63 - 1 if price.maximum_micros is None else price.maximum_micros * common,
        divisor=common * price.rounding_step_micros,
        first=rate.first_increment_qty,
        step_micros=price.rounding_step_micros,
        quick_to=_changes(rate)[1],
        step_from=step_from,
        step_to=step_from + (len(rate.steps) if active else 0),
        minimum_qty=price.minimum_qty,
        content_weight=price.content_ppm * common // PPM if price.content_ppm else 0,
        rounding_mode=ROUNDING_CODES[price.rounding_mode],
        active=active,
    )


def _changes(rate: Rate) -> tuple[int, int]:
    """Positions at which the second and the third step begin to count, FOR_EVER where there is none."""
    position, found = rate.first_increment_qty, [FOR_EVER, FOR_EVER]
    for place, (step, following) in enumerate(zip(rate.steps[:2], rate.steps[1:3], strict=False)):
        ahead = max(following.from_qty - position, 0)
        position += -(-ahead // step.increment_qty) * step.increment_qty
        found[place] = position
    return found[0], found[1]


def _weight(step: Step, common: int) -> int:
    return step.rate_micros * (common // step.per_qty)


def _fits_a_card(price: Price, common: int, quantity_max: int) -> bool:
    """Return whether a card holds the price, and the quotient of the largest charge stays where division through float64 is exact."""
    lengths = [rate.first_increment_qty for rate in price.rates] + [each.increment_qty for rate in price.rates for each in rate.steps]
    fees = [rate.connect_fee_micros for rate in price.rates]
    if max(*lengths, *fees, price.minimum_micros, price.maximum_micros or 0, price.rounding_step_micros) >= NO_MAXIMUM:
        return False
    if common >= _COMMON_LIMIT:
        return False
    longest = quantity_max + max(lengths)
    weight = max(_weight(s, common) for rate in price.rates for s in rate.steps)
    largest = max(longest * weight + max(fees) * common, price.minimum_micros * common)
    return largest // (price.rounding_step_micros * common) < QUICK_QUOTIENT_MAX and longest < QUICK_QUOTIENT_MAX

"""A price as the clauses that customers read, and the sentences that say how usage is counted.

Clauses and sentences together hold all that rating needs: amounts, steps, increments, connect fee, least and highest charge, share of
the content, rounding. Tests read them back and price usage with what they find.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from rating.model import PPM, Counting, Draw, QuantityUnit, Service
from rating.money import RoundingMode
from tariffs.sheets.figures import percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import Plan, Price, Rate, Step
    from tariffs.sheets.figures import Writer
    from tariffs.sheets.words import Prices


class Counted(NamedTuple):
    """All that decides how usage of a price is counted and rounded. Prices that agree in it share a letter."""

    service: Service
    first_qty: int
    further_qty: int
    unit: QuantityUnit
    counting: Counting
    minimum_qty: int
    charge_zero_usage: bool
    split: bool | None  # None: no times of day
    rounding_mode: RoundingMode | None  # None: nothing ever needs to be rounded
    rounding_step_micros: int


def clauses(price: Price, rate: Rate, service: Service, words: Prices, writer: Writer) -> tuple[str, ...]:
    """The text of a price in one band."""
    found = [*_shares(price, words), *_rates(price, rate, service, words, writer)]
    if price.minimum_micros:
        found.append(words.minimum.format(writer.amount(price.minimum_micros)))
    if price.maximum_micros is not None:
        found.append(words.maximum.format(writer.amount(price.maximum_micros)))
    return tuple(found) or (words.free,)


def step_clause(step: Step, price: Price, service: Service, words: Prices, writer: Writer) -> str:
    """A rate: so much for so much."""
    return words.rate.format(amount=writer.amount(step.rate_micros), per=writer.per(step.per_qty, price.unit, service, words.per_one))


def is_free(price: Price, rate: Rate) -> bool:
    """Return whether nothing is ever charged in this band."""
    return not (price.content_ppm or price.minimum_micros or rate.connect_fee_micros or any(step.rate_micros for step in rate.steps))


def sentences(counted: Counted, words: Prices, writer: Writer) -> tuple[str, ...]:
    """Sentences on how usage is counted and rounded."""
    found = [_increments(counted, words, writer)]
    if counted.minimum_qty:
        found.append(words.minimum_qty.format(writer.quantity(counted.minimum_qty, counted.unit, counted.service)))
    if counted.charge_zero_usage:
        found.append(words.zero_usage)
    if counted.counting is not Counting.EVENT:
        found.append(words.counting[counted.counting])
    if counted.split is not None:
        found.append(words.split if counted.split else words.start)
    if counted.rounding_mode is not None:
        found.append(words.rounding[counted.rounding_mode].format(writer.amount(counted.rounding_step_micros)))
    return tuple(filter(None, found))


def needs_rounding(price: Price, plan: Plan) -> bool:
    """Return whether a charge may lie between two rounding steps."""
    micros: list[Fraction | int] = [price.minimum_micros, price.maximum_micros or 0]
    for rate in price.rates:
        micros.append(rate.connect_fee_micros)
        micros += _increment_charges(rate)
    shares = price.content_ppm not in {0, PPM} or (price.content_ppm and price.rounding_step_micros > 1)
    return bool(plan.discounts or shares) or _may_be_cut(price, plan) or any(each % price.rounding_step_micros for each in micros)


def _may_be_cut(price: Price, plan: Plan) -> bool:
    """Return whether an allowance or day pass may cover a part of an increment."""
    longest = max(length for rate in price.rates for length in (rate.first_increment_qty, *(step.increment_qty for step in rate.steps)))
    exact = any(each.unit is price.unit and each.draw is Draw.EXACT for each in plan.allowances)
    return longest > 1 and (exact or any(each.unit is price.unit and each.quantity is not None for each in plan.day_passes))


def _increment_charges(rate: Rate) -> Iterator[Fraction]:
    """Possible costs of the increments of a rate, each of them."""
    for step in rate.steps:
        for length in (step.increment_qty, rate.first_increment_qty):
            yield Fraction(step.rate_micros * length, step.per_qty)


def _shares(price: Price, words: Prices) -> Iterator[str]:
    if price.content_ppm:
        yield words.share.format(percent(price.content_ppm))


def _rates(price: Price, rate: Rate, service: Service, words: Prices, writer: Writer) -> Iterator[str]:
    """Steps and connect fee; a price that charges no usage is one of so much for each use."""
    charges_usage = any(step.rate_micros for step in rate.steps)
    if not charges_usage:
        if rate.connect_fee_micros:
            yield words.flat.format(amount=writer.amount(rate.connect_fee_micros), use=words.use[service])
        return
    for position, step in enumerate(rate.steps):
        clause = step_clause(step, price, service, words, writer)
        if position and step.increment_qty != rate.steps[0].increment_qty:
            clause = words.step_increment.format(step=clause, increment=writer.quantity(step.increment_qty, price.unit, service))
        yield clause if not position else words.step.format(begin=writer.quantity(step.from_qty, price.unit, service), rate=clause)
    if rate.connect_fee_micros:
        yield words.connect.format(amount=writer.amount(rate.connect_fee_micros), use=words.use[service])


def _increments(counted: Counted, words: Prices, writer: Writer) -> str:
    unit, service = counted.unit, counted.service
    if unit is QuantityUnit.MESSAGE and counted.first_qty == counted.further_qty == 1:
        return words.each[service]
    first, further = (writer.quantity(each, unit, service) for each in (counted.first_qty, counted.further_qty))
    if first == further:
        return words.whole[service].format(further)
    return words.first_and_further[service].format(first=first, further=further)

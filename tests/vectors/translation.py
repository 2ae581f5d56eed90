"""One case in the words of our model: plans, prices, calendars and an event, ready to join a catalogue with other cases.

Every prefix is a zone of its own, so that one deck serves all plans. Rules that share a prefix become one price with a band for each of
them. A price has one rounding and one maximum; where rules of one prefix differ in these, those that the call touches decide (`touched`):
the finest rounding among them, as the other engine does, and their maximum, which must be one.
What says nothing about the case's destination and cannot be said in our model is left out.
"""

from __future__ import annotations

import datetime as dt
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from rating.model import ANY_BAND, ANY_ZONE, UNIT_OF_SERVICE, Band, BandPolicy, Price, QuantityUnit, Service, UsageRule
from rating.outcome import Event
from tariffs.compiling.bounds import QUANTITY_MAX, prove
from tests.vectors import amounts
from tests.vectors.amounts import NotExpressedError
from tests.vectors.bands import calendar_bands, is_always
from tests.vectors.cases import Rule
from tests.vectors.numbers import Destination
from tests.vectors.subjects import Asked, changes_between, instant, plans_asked
from tests.vectors.wallclock import wall_clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.vectors.cases import Case, Usage

SERVICES: Final = {"voice": Service.VOICE, "sms": Service.SMS, "mms": Service.MMS, "data": Service.DATA}
COUNTED: Final = (Service.DATA, Service.CONTENT)  # for what has no service of its own, or does not fit into it
Touched: TypeAlias = "Mapping[str, Sequence[int]]"  # by name of the price: positions of its rules, in order
_UNTOUCHED: Final[Touched] = {}
TOO_LARGE: Final = "amounts that 64 bits do not hold for every event"


class PlanWords(NamedTuple):
    """A plan of ours; names of plans and prices are still those of one case."""

    name: str
    rules: tuple[UsageRule, ...]
    fallbacks: tuple[str, ...]


class PriceWords(NamedTuple):
    """A price of ours with its calendar, and the rules that it came from: band "0" is the first one's."""

    price: Price
    bands: tuple[Band, ...]  # empty: no calendar
    rules: tuple[Rule, ...]
    mixed: bool  # its rules differ in rounding or maximum, and it has those of the first


class Translation(NamedTuple):
    """A case in our words."""

    timezone: str
    event: Event  # its plan is named as in `plans`
    fineness: int  # 10**fineness of our micro-units are one currency unit of the case
    scale: Fraction  # our quantity units in one second, or unit, of the case
    plans: tuple[PlanWords, ...]
    prices: tuple[PriceWords, ...]
    overrun: bool  # a profile begins within the event


def translate(case: Case, touched: Touched = _UNTOUCHED) -> Translation:
    """`case` in our words. `touched`: what the call was found to touch; nothing at the first try.

    Raises NotExpressedError with the reason where our model has no words for it.
    """
    plans, destination = plans_asked(case), Destination(case.usage.destination)
    covering = [rule for plan in plans for rule in plan.rules if any(map(destination.begins_with, rule.prefixes))]
    for fineness in range(amounts.wanted_fineness(covering), amounts.least_fineness(covering) - 1, -1):
        for measure in _measures(case.usage, covering):
            words = _Words(destination, measure, fineness, touched)
            said = [words.plan(plan) for plan in plans]
            if words.proved:
                return _translation(case, words, said)
    raise NotExpressedError(TOO_LARGE)


class _Measure(NamedTuple):
    """What usage is counted in."""

    service: Service
    scale: Fraction
    quantity: int  # input units

    @property
    def unit(self) -> QuantityUnit:
        return UNIT_OF_SERVICE[self.service]


def _measures(usage: Usage, rules: Sequence[Rule]) -> Iterator[_Measure]:
    """The service of the usage, then others that count alike, as far as the quantity fits into them."""
    amount = usage.units if usage.duration_s is None else usage.duration_s
    if amount is None:
        raise NotExpressedError("usage without duration or units")
    named = SERVICES.get(usage.type.removeprefix("*"))
    if named is Service.VOICE:
        scale = Fraction(1000) if usage.duration_s is not None else Fraction(usage.unit_ns) / 1_000_000
        yield _Measure(named, scale, math.ceil(Fraction(amount) * scale * 1000))  # finer than a microsecond changes no increment
        return
    scale = amounts.count_scale(rules, amount)
    quantity = int(Fraction(amount) * scale)
    choices = [*COUNTED] if named is None else [named, *(other for other in COUNTED if other is not named)]
    fitting = [service for service in choices if quantity <= QUANTITY_MAX[UNIT_OF_SERVICE[service]]]
    for service in fitting or choices[:1]:
        yield _Measure(service, scale, quantity)


class _Words:
    """Prices of one case, gathered plan by plan at one measure and fineness."""

    def __init__(self, destination: Destination, measure: _Measure, fineness: int, touched: Touched) -> None:
        self.destination = destination
        self.measure = measure
        self.fineness = fineness
        self.touched = touched
        self.prices: list[PriceWords] = []
        self.proved = True

    def plan(self, plan: Asked) -> PlanWords:
        """`plan`, its prices added to the others: one for all prefixes with the same rules."""
        by_digits: dict[str, list[int]] = {}
        for position, rule in enumerate(plan.rules):
            for digits in dict.fromkeys(map(self.destination.digits_of, rule.prefixes)):
                if digits is not None:
                    by_digits.setdefault(digits, []).append(position)
        by_rules: dict[tuple[int, ...], list[str]] = {}
        for digits, places in by_digits.items():
            by_rules.setdefault(tuple(places), []).append(digits)
        found = []
        for positions, several in by_rules.items():
            name = self._price(
                [plan.rules[position] for position in positions], matters=any(map(self.destination.digits.startswith, several))
            )
            if name is not None:
                found += [UsageRule(self.measure.service, digits or ANY_ZONE, name) for digits in several]
        return PlanWords(plan.name, tuple(found), plan.fallbacks)

    def _price(self, rules: Sequence[Rule], *, matters: bool) -> str | None:
        """Name of the price of `rules`; None where they are never active, or say nothing that matters."""
        bands = calendar_bands(rules)
        if not bands:
            return None
        try:
            words = self._price_words(rules, bands)
        except NotExpressedError:
            if matters:
                raise
            return None
        if prove(words.price) is not None:
            self.proved = self.proved and not matters
            return None
        self.prices.append(words)
        return words.price.name

    def _price_words(self, rules: Sequence[Rule], bands: tuple[Band, ...]) -> PriceWords:
        touched = [rules[position] for position in self.touched.get(str(len(self.prices)), ())]
        deciding = touched or [rules[int(band.name)] for band in bands]
        finest = max(deciding, key=lambda rule: amounts.decimals_rounded(rule.rounding))
        maxima = {amounts.maximum_of(rule) for rule in deciding}
        if touched and len(maxima) > 1:
            raise NotExpressedError("a call over bands whose maxima differ: a price of ours has one")
        used = {band.name: rules[int(band.name)] for band in bands}
        always = is_always(bands)
        unit, scale, fineness = self.measure.unit, self.measure.scale, self.fineness
        step = 10 ** max(0, fineness - amounts.decimals_rounded(finest.rounding))
        maximum = amounts.maximum_of(deciding[0])
        price = Price(
            price_id=len(self.prices) + 1,
            name=str(len(self.prices)),
            charge_code=1,
            revenue_code=1,
            tax_class="none",
            unit=unit,
            rates=tuple(
                amounts.band_rate(rule, ANY_BAND if always else name, amounts.steps_of(rule.slots, unit, scale, fineness), fineness)
                for name, rule in used.items()
            ),
            calendar=None if always else "calendar",
            band_policy=BandPolicy.SPLIT if unit is QuantityUnit.MILLISECOND else BandPolicy.START,
            maximum_micros=None if maximum is None else amounts.micros(maximum, fineness),
            rounding_mode=amounts.mode_of(finest.rounding),
            rounding_step_micros=step,
        )
        mixed = len({(rule.rounding, amounts.maximum_of(rule)) for rule in deciding}) > 1 and not touched
        return PriceWords(price, () if always else bands, tuple(rules), mixed)


def _translation(case: Case, words: _Words, plans: list[PlanWords]) -> Translation:
    usage, measure = case.usage, words.measure
    answer = instant(usage.answer_time)
    timezone, start_us = wall_clock(answer, usage.timezone)
    spent = dt.timedelta(microseconds=measure.quantity if measure.service is Service.VOICE else 0)
    event = Event(
        event_key=bytes(16),
        start_us=start_us,
        quantity=measure.quantity,
        service=measure.service,
        plan=plans[0].name if plans else None,
        destination=words.destination.digits,
    )
    overrun = changes_between(case, answer, answer + spent)
    return Translation(timezone, event, words.fineness, measure.scale, tuple(plans), tuple(words.prices), overrun)

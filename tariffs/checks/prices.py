"""Prices: bands, steps, counters and amounts that fit each other, and the proof that int64 holds every charge of theirs.

A band of the calendar may be without a rate: the price is not active there, and the next rule that holds is asked.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from rating.model import ANY_BAND, OTHER_BAND, PPM, BandPolicy, Counting, QuantityUnit, WallClock
from tariffs.compiling import bounds
from tariffs.documents.document import Finding
from tariffs.documents.findings import ID_MAX, codes, known, twice
from tariffs.language.texts import UNIT_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import Catalogue, Price, Rate
    from tariffs.documents.document import Place

_VOLUMES: Final = (("GiB", 2**30), ("GB", 10**9), ("MiB", 2**20), ("MB", 10**6), ("KiB", 2**10), ("KB", 10**3))
_NO_UNIT: Final = "write smaller rates, increments or steps, or `per` quantities that divide each other"


class _Surroundings(NamedTuple):
    """Names that prices refer to, and what plans ask of them."""

    bands: dict[str, frozenset[str]]  # by calendar
    tax_classes: frozenset[str]
    discounted: bool  # whether any plan has discounts
    clocks: frozenset[WallClock]  # that can differ from the tariff's


def prices(catalogue: Catalogue) -> Iterator[Finding]:
    """All prices."""
    around = _Surroundings(
        {calendar.name: frozenset({OTHER_BAND, *(band.name for band in calendar.bands)}) for calendar in catalogue.calendars},
        frozenset(tax.name for tax in catalogue.tax_classes),
        any(plan.discounts for plan in catalogue.plans),
        known_clocks(catalogue),
    )
    yield from twice("prices", "price", [price.name for price in catalogue.prices])
    for index, price in enumerate(catalogue.prices):
        yield from _price(price, around, ("prices", index))
    yield from _counters(catalogue)


def known_clocks(catalogue: Catalogue) -> frozenset[WallClock]:
    """The wall clocks that a catalogue says something about."""
    home = {WallClock.HOME} if catalogue.home_timezones else set()
    visited = {WallClock.VISITED} if any(zone.timezone is not None for zone in catalogue.roaming_zones) else set()
    return frozenset({WallClock.TARIFF} | home | visited)


def clock(asked: WallClock, clocks: frozenset[WallClock], place: Place) -> Iterator[Finding]:
    """Report a clock without a time zone in the catalogue."""
    if asked not in clocks:
        remedy = "add `home_timezones`" if asked is WallClock.HOME else "give a roaming zone its `timezone`"
        yield Finding((*place, "clock"), f"no time zone is known for the clock `{asked.value}`", remedy)


def _price(price: Price, around: _Surroundings, place: Place) -> Iterator[Finding]:
    yield from codes(around.tax_classes, (price.charge_code, price.revenue_code, price.tax_class), place)
    yield from clock(price.clock, around.clocks, place)
    yield from _bands(price, around.bands, place)
    for index, rate in enumerate(price.rates):
        yield from _rate(rate, (*place, "rates", index))
    yield from _units(price, place)
    yield from _counting(price, place)
    yield from _amounts(price, place)
    steps = [step for rate in price.rates for step in rate.steps]
    if price.rounding_step_micros > 0 and steps and all(step.per_qty > 0 for step in steps):
        yield from _proof(price, discounted=around.discounted, place=place)


def _bands(price: Price, bands: dict[str, frozenset[str]], place: Place) -> Iterator[Finding]:
    """Every rate is of a band that there is, and of another one than the others."""
    if price.calendar is None and price.clock is not WallClock.TARIFF:
        yield Finding((*place, "clock"), f"price `{price.name}` has a clock, but no calendar", "name the `calendar` that it is for")
    if price.calendar is not None and price.calendar not in bands:
        yield Finding((*place, "calendar"), f"unknown calendar `{price.calendar}`", known(bands))
        return
    there = frozenset({ANY_BAND}) if price.calendar is None else bands[price.calendar]
    given = [rate.band for rate in price.rates]
    for band in sorted(set(given) - there):
        of_calendar = f"bands of calendar `{price.calendar}`: {', '.join(sorted(there))}"
        remedy = of_calendar if price.calendar else "name the `calendar` that holds it"
        message = f"price `{price.name}` has a rate for the unknown band `{band}`"
        yield Finding((*place, "rates", given.index(band), "band"), message, remedy)
    for band in sorted({band for band in given if given.count(band) > 1}):
        yield Finding(place, f"price `{price.name}` has two rates for band `{band}`", "keep one")
    if not given:
        yield Finding(place, f"price `{price.name}` has no rate", 'write `rate: "0.085"` and `per: 60s`, or `rates` by band')


def _rate(rate: Rate, place: Place) -> Iterator[Finding]:
    froms = [step.from_qty for step in rate.steps]
    if froms and froms[0] != 0:
        yield Finding((*place, "steps", 0), "the first step does not begin at 0", "let it begin at 0")
    for index, (former, latter) in enumerate(itertools.pairwise(froms), start=1):
        if latter <= former:
            yield Finding((*place, "steps", index), "a step does not begin after the one before it", "sort the steps by `from`, each once")
    if rate.first_increment_qty <= 0:
        yield Finding(place, "the first increment is not above zero", "write such as `increments: 60/1`")
    for index, step in enumerate(rate.steps):
        if step.increment_qty <= 0:
            yield Finding((*place, "steps", index), "an increment is not above zero", "write such as `increments: 60/1`")
        if step.per_qty <= 0:
            yield Finding((*place, "steps", index), "`per` is not above zero", "write such as `per: 60s`")


def _units(price: Price, place: Place) -> Iterator[Finding]:
    """Report fields that only one kind of quantity can have."""
    if price.unit is not QuantityUnit.MILLISECOND and price.band_policy is not BandPolicy.START:
        message = f"price `{price.name}` is not for voice and cannot split at a band"
        yield Finding((*place, "band_policy"), message, "write `band_policy: start`, or leave it out")
    if price.content_ppm and price.unit is not QuantityUnit.MESSAGE:
        message = f"price `{price.name}` is for {UNIT_WORDS[price.unit]}, and only content, counted in messages, has a content amount"
        yield Finding((*place, "content_percent"), message, "leave it out, or write `per: 1 message`")
    if price.content_ppm > PPM:
        yield Finding((*place, "content_percent"), f"price `{price.name}` charges more than 100 percent", "write a percentage of 0 to 100")


def _counting(price: Price, place: Place) -> Iterator[Finding]:
    if price.counting is Counting.EVENT:
        if price.counter_id:
            message = f"price `{price.name}` has a counter, but counts each event alone"
            yield Finding((*place, "counting"), message, "add `counting: graduated` or `counting: package`, or take the counter away")
    elif not price.counter_id:
        message = f"price `{price.name}` counts over a period, but has no counter"
        yield Finding(place, message, "add `counter` with a number: prices with the same one count together")
    elif not 1 <= price.counter_id <= ID_MAX:
        yield Finding((*place, "counter"), f"counter {price.counter_id} is out of range", f"write 1 to {ID_MAX}")


def _amounts(price: Price, place: Place) -> Iterator[Finding]:
    if price.maximum_micros is not None and price.maximum_micros < price.minimum_micros:
        message = f"price `{price.name}` has a maximum below its minimum"
        yield Finding((*place, "maximum"), message, "raise the maximum or lower the minimum")
    if price.rounding_step_micros <= 0:
        yield Finding((*place, "rounding", "step"), f"price `{price.name}` rounds to steps of nothing", 'write a step such as "0.01"')


def _proof(price: Price, *, discounted: bool, place: Place) -> Iterator[Finding]:
    problem = bounds.prove(price, discounted=discounted)
    if problem is not None:
        remedy = _smaller_unit(price, discounted=discounted) or _NO_UNIT
        if "discount" in problem:
            remedy = 'round to a larger step, such as `rounding: {mode: half_up, step: "0.0001"}`, or give the price a maximum'
        yield Finding(place, f"price `{price.name}`: {problem}", remedy)


def _smaller_unit(price: Price, *, discounted: bool) -> str:
    """The unit of volume for which the same rates can be written, and fit; empty where there is none."""
    if price.unit is not QuantityUnit.BYTE:
        return ""
    largest = max(step.per_qty for rate in price.rates for step in rate.steps)
    for name, size in _VOLUMES:
        times = largest // size
        if (
            times > 1
            and largest % size == 0
            and _is_whole(price, times)
            and bounds.prove(_divided(price, times), discounted=discounted) is None
        ):
            return f"write the price per 1{name}, with rates {times:,} times smaller"
    return ""


def _is_whole(price: Price, times: int) -> bool:
    return all(step.rate_micros % times == 0 and step.per_qty % times == 0 for rate in price.rates for step in rate.steps)


def _divided(price: Price, times: int) -> Price:
    """The same price, its rates and what they are for so many times smaller."""
    replace = msgspec.structs.replace
    rates = (
        replace(rate, steps=tuple(replace(s, rate_micros=s.rate_micros // times, per_qty=s.per_qty // times) for s in rate.steps))
        for rate in price.rates
    )
    return replace(price, rates=tuple(rates))


def _counters(catalogue: Catalogue) -> Iterator[Finding]:
    """Prices that count together count the same."""
    first: dict[int, Price] = {}
    for index, price in enumerate(catalogue.prices):
        other = first.setdefault(price.counter_id, price) if price.counter_id else price
        if other.unit is not price.unit:
            message = f"price `{price.name}` counts {UNIT_WORDS[price.unit]} with counter {price.counter_id}, which counts "
            yield Finding(("prices", index, "counter"), f"{message}{UNIT_WORDS[other.unit]}", "give it a counter of its own")

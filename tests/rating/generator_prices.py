"""Random prices, every field in use, within what int64 is proved to hold. Lengths divide each other, or do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rating.model import ANY_BAND, OTHER_BAND, BandPolicy, Calendar, Counting, Price, QuantityUnit, Rate, Step, WallClock
from rating.money import RoundingMode
from tariffs.compiling.bounds import prove

if TYPE_CHECKING:
    import random

PRICES = 20
UNITS = (QuantityUnit.MILLISECOND, QuantityUnit.MILLISECOND, QuantityUnit.MESSAGE, QuantityUnit.BYTE)  # by price id modulo 4
SECOND = {QuantityUnit.MILLISECOND: 1_000, QuantityUnit.MESSAGE: 1, QuantityUnit.BYTE: 1_024}  # what a customer counts in
COUNTERS = {QuantityUnit.MILLISECOND: (1, 2, 3), QuantityUnit.MESSAGE: (4, 5), QuantityUnit.BYTE: (6, 7)}
PACKAGES = {2, 5, 7}  # counters of packages, nearly always; the others are of tiers
COUNTER_UNIT = {counter: unit for unit, counters in COUNTERS.items() for counter in counters}
STEPS_FROM = (1, 3, 10, 59, 60, 61, 180, 3_600, 90_000)
DAY_S = 86_400
ON_ANY_CLOCK = {"week", "year"}  # calendars that clocks other than the tariff's are asked for
_PLAIN = {"counting": Counting.EVENT, "counter_id": 0, "minimum_qty": 0, "content_ppm": 0, "charge_zero_usage": False}


def make_prices(rng: random.Random, calendars: tuple[Calendar, ...], plain: float, *, discounted: bool) -> tuple[Price, ...]:
    """Prices 1 .. PRICES, a share of them plain; one that int64 cannot hold is thrown away and made anew."""
    prices = []
    for number in range(1, PRICES + 1):
        simplify = _PLAIN if rng.random() < plain else {}
        price = msgspec.structs.replace(_price(rng, number, calendars), **simplify)
        while prove(price, discounted=discounted) is not None:
            price = msgspec.structs.replace(_price(rng, number, calendars), **simplify)
        prices.append(price)
    rng.shuffle(prices)
    return tuple(prices)


def _price(rng: random.Random, number: int, calendars: tuple[Calendar, ...]) -> Price:
    unit = UNITS[number % 4]
    calendar = rng.choice([*calendars, *calendars, None])
    minimum = rng.choice([0, 0, 0, 100_000, 123_457])
    maximum = rng.choice([*[None] * 16, 0, 1, minimum or 40_000, 200_000, 250_000, 1_000_000, 20_000_000])
    counting, counter_id = _counting(rng, unit)
    return Price(
        price_id=number,
        name=f"price {number}",
        charge_code=number,
        revenue_code=1,
        tax_class="standard",
        unit=unit,
        rates=_rates(rng, calendar, unit),
        calendar=None if calendar is None else calendar.name,
        clock=WallClock.TARIFF if calendar is None or calendar.name not in ON_ANY_CLOCK else rng.choice([WallClock.TARIFF, *WallClock]),
        band_policy=BandPolicy.SPLIT if unit is QuantityUnit.MILLISECOND and rng.random() < 0.75 else BandPolicy.START,
        counting=counting,
        counter_id=counter_id,
        minimum_qty=rng.choice([0, 0, 0, 0, 1, 10, 30]) * SECOND[unit],
        content_ppm=rng.choice([*[0] * (8 if unit is QuantityUnit.MESSAGE else 60), 1, 150_000, 333_333, 1_000_000]),
        minimum_micros=minimum,
        maximum_micros=maximum if maximum is None else max(maximum, minimum),
        rounding_mode=rng.choice(list(RoundingMode)),
        rounding_step_micros=rng.choice(
            [1, 1, 1, 100, 100, 10_000, 10_000, 10_000, 50_000, 50_000, 7, 7, 30_000, 30_000, 1_000_000, 10**9, 5 * 10**9]
        ),
        charge_zero_usage=rng.random() < 0.2,
    )


def _counting(rng: random.Random, unit: QuantityUnit) -> tuple[Counting, int]:
    if rng.random() < 0.6:
        return Counting.EVENT, 0
    counter_id = rng.choice(COUNTERS[unit])
    if rng.random() < 0.1:  # tiers and packages of one counter move it alike
        return rng.choice([Counting.GRADUATED, Counting.PACKAGE]), counter_id
    return Counting.PACKAGE if counter_id in PACKAGES else Counting.GRADUATED, counter_id


def _rates(rng: random.Random, calendar: Calendar | None, unit: QuantityUnit) -> tuple[Rate, ...]:
    """A rate for each band, or for some: where it is missing the price is not active."""
    if calendar is None:
        return (_rate(rng, ANY_BAND, unit),)
    names = [*dict.fromkeys(band.name for band in calendar.bands), OTHER_BAND]
    if rng.random() < 0.2:
        names = rng.sample(names, rng.randint(1, len(names)))
    rng.shuffle(names)
    return tuple(_rate(rng, name, unit) for name in names)


def _rate(rng: random.Random, band: str, unit: QuantityUnit) -> Rate:
    second = SECOND[unit]
    per = {QuantityUnit.BYTE: [2**20, 2**21], QuantityUnit.MESSAGE: [1, 1, 1, 60, 7]}.get(
        unit, [second, 60 * second, 60 * second, 7 * second]
    )
    beyond = [2**33] if unit is QuantityUnit.BYTE else []  # more than 32 bits
    lengths = [1, second, 6 * second, 60 * second] * 3
    froms = [0, *sorted(rng.sample([second * n for n in STEPS_FROM], rng.choice([0, 0, 1, 2, 3])))]
    steps = tuple(
        Step(
            from_qty=start,
            rate_micros=rng.choice([0, 1, 85_000, 15_000, 25_000, 170_000, *(rng.randrange(1_000_000) for _ in range(3))]),
            per_qty=rng.choice(per),
            increment_qty=rng.choice([*lengths, 100 if second > 100 else 2, 7_200 * second, *beyond]),
        )
        for start in froms
    )
    first_increment = rng.choice([*lengths * 2, 30 * second, 90 * second, 7_200 * second, 2 * DAY_S * second, *beyond])
    return Rate(band, steps, first_increment, rng.choice([0, 0, 50_000, 33_333, 5_000_000]))

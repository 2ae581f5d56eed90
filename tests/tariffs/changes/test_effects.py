"""What is told to be cheaper is never dearer: the twin charges random events by the old price and by the new one.

`raises` decides whether customers must be told ahead, so that a False that is wrong would be a broken promise; a True that is wrong is
only caution, and is looked at the other way round: what is told to be dearer is never cheaper.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from rating.model import Counting, Price, QuantityUnit, Rate, Step
from rating.money import RoundingMode
from rating.reference import Reference
from tariffs.changes import Effect, changes
from tariffs.changes.change import worst
from tests.rating.shop import calendar, call, catalogue, price

if TYPE_CHECKING:
    from rating.model import Catalogue

WEEK = calendar(("peak", "12345", "08:00", "20:00"), ("night", "1234567", "00:00", "06:00"))
RATES = (0, 10_000, 15_000, 60_000, 90_000)
LENGTHS = (1_000, 6_000, 7_000, 30_000, 60_000, 180_000)
STARTS = ("2026-03-02T05:59:30+01:00", "2026-03-02T07:58:10+01:00", "2026-03-02T12:00:00+01:00", "2026-03-02T19:59:01+01:00")


def a_rate(rng: random.Random, band: str) -> Rate:
    starts = [0, 120_000][: rng.choice([1, 1, 2])]
    steps = tuple(Step(start, rng.choice(RATES), rng.choice([60_000, 30_000]), rng.choice(LENGTHS)) for start in starts)
    return Rate(band, steps, rng.choice(LENGTHS), rng.choice([0, 0, 50_000]))


def a_price(rng: random.Random) -> Price:
    bands = rng.choice([("any",), ("any",), ("peak", "night", "other")])
    rates = [a_rate(rng, band) for band in bands]
    terms = {"calendar": "week" if len(bands) > 1 else None, "rounding_mode": rng.choice(list(RoundingMode))}
    return price(*rates, maximum_micros=rng.choice([None, 200_000]), minimum_micros=rng.choice([0, 30_000]), **terms)


def another(rng: random.Random, old: Price) -> Price:
    """One or two fields of a price put another way."""
    new = old
    for _ in range(rng.choice([1, 1, 2])):
        kind, index = rng.randrange(7), rng.randrange(len(new.rates))
        rate = new.rates[index]
        step = rate.steps[0]
        if kind == 0:
            rate = msgspec.structs.replace(rate, steps=(msgspec.structs.replace(step, rate_micros=rng.choice(RATES)), *rate.steps[1:]))
        elif kind == 1:
            rate = msgspec.structs.replace(rate, steps=(msgspec.structs.replace(step, increment_qty=rng.choice(LENGTHS)), *rate.steps[1:]))
        elif kind == 2:
            rate = msgspec.structs.replace(rate, first_increment_qty=rng.choice(LENGTHS))
        elif kind == 3:
            rate = msgspec.structs.replace(rate, connect_fee_micros=rng.choice([0, 20_000, 50_000]))
        new = msgspec.structs.replace(new, rates=(*new.rates[:index], rate, *new.rates[index + 1 :]))
        if kind == 4:
            new = msgspec.structs.replace(new, rounding_mode=rng.choice(list(RoundingMode)), rounding_step_micros=10_000)
        elif kind == 5:
            new = msgspec.structs.replace(new, maximum_micros=rng.choice([None, 100_000, 300_000]), minimum_qty=rng.choice([0, 45_000]))
        elif kind == 6:
            new = msgspec.structs.replace(new, minimum_micros=rng.choice([0, 20_000, 40_000]))
    return new


def sold(the_price: Price) -> Catalogue:
    return catalogue(the_price, calendars=(WEEK,))


def test_cheaper_is_never_dearer_and_dearer_never_cheaper() -> None:
    rng = random.Random(4)
    seen: Counter[Effect] = Counter()
    for _ in range(800):
        old = a_price(rng)
        new = another(rng, old)
        found = changes(sold(old), sold(new))
        effect = worst([change.effect for change in found])
        seen[effect] += 1
        befores, afters = Reference([sold(old)]), Reference([sold(new)])
        for _ in range(8):
            event = call(str(rng.choice([1, 5, 44, 59, 60, 61, 119, 121, 200, 601])), rng.choice(STARTS))
            charges = befores.rate(event).charge_micros, afters.rate(event).charge_micros
            if effect in {Effect.CHEAPER, Effect.NONE}:
                assert charges[1] <= charges[0], (old, new, found)
            if effect in {Effect.DEARER, Effect.NONE}:
                assert charges[1] >= charges[0], (old, new, found)
    assert min(seen[effect] for effect in Effect) > 30, seen


def test_the_grid_of_increments() -> None:
    """First/further of old and new. Finer is cheaper only where ends meet: 120 s are 120 s by 60/60, and 123 s by 60/7."""
    rows = {
        ((60, 60), (1, 1)): Effect.CHEAPER,
        ((60, 60), (60, 6)): Effect.CHEAPER,
        ((60, 60), (6, 6)): Effect.CHEAPER,
        ((60, 60), (60, 7)): Effect.MAY,
        ((60, 6), (30, 6)): Effect.CHEAPER,
        ((60, 6), (7, 6)): Effect.MAY,
        ((1, 1), (60, 60)): Effect.DEARER,
        ((60, 1), (180, 60)): Effect.DEARER,
    }
    for (old, new), effect in rows.items():
        prices = [price(Rate("any", (Step(0, 1, 1, further * 1000),), first * 1000)) for first, further in (old, new)]
        found = {change.effect for change in changes(catalogue(prices[0]), catalogue(prices[1]))}
        assert found == {effect}, (old, new)


def test_increments_of_what_counts_over_the_period_depend_on_the_usage() -> None:
    terms = {"unit": QuantityUnit.BYTE, "counting": Counting.PACKAGE, "counter_id": 1}
    prices = [price(Rate("any", (Step(0, 1, 1, size),), size), **terms) for size in (1000, 100)]
    assert {change.effect for change in changes(catalogue(prices[0]), catalogue(prices[1]))} == {Effect.MAY}

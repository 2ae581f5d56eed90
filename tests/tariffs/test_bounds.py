"""The 64-bit bound: the largest event of an accepted price really fits, and the edge lies where the arithmetic says."""

from __future__ import annotations

import random

import msgspec
import pytest

from rating import reference
from rating.model import ANY_BAND, BandPolicy, Plan, Price, QuantityUnit, Rate, Service, Step, UsageRule
from rating.money import RoundingMode
from rating.reference import Event
from rating.status import Status
from tariffs import bounds
from tests.rating import harness
from tests.rating.generator import Case
from tests.rating.shop import NOON, call, catalogue, instant_us, price, rate, rated, use

GOOD = [
    (QuantityUnit.MILLISECOND, "60/60 at 99.99/60s"),
    (QuantityUnit.MILLISECOND, "1/1 at 1.99/60s, from 7s 7 at 0.123457/7s"),
    (QuantityUnit.BYTE, "1/1 at 0.02/1000000B"),
    (QuantityUnit.BYTE, "1/1 at 4.00/1048576B"),
    (QuantityUnit.MESSAGE, "1/1 at 999.999999/1m"),
]
BAD = [
    (QuantityUnit.BYTE, "1/1 at 999999/7B", "the largest event"),
    (
        QuantityUnit.MILLISECOND,
        "1/1 at 0.01/60s, from 1s 1 at 0.01/59s, from 2s 1 at 0.01/61s, from 3s 1 at 0.01/997s",
        "the largest event",
    ),
    (QuantityUnit.BYTE, "9223372036854775807/1 at 0/1B", "the quantity"),
    (QuantityUnit.BYTE, "1/1 at 0/1B, from 1099511627777B 1 at 0/1B", "a step begins beyond"),
    (QuantityUnit.MESSAGE, f"1/1 at 0/1m, from {2**63}m 1 at 0/1m", "a step begins beyond"),
]


def _rules(unit: QuantityUnit) -> dict[str, object]:
    return {"unit": unit, "band_policy": _policy(unit)}


@pytest.mark.parametrize(("unit", "words"), GOOD)
def test_good_prices_hold_their_largest_event(unit: QuantityUnit, words: str) -> None:
    the_price = price(rate(words, connect="1"), **_rules(unit))
    assert bounds.prove(the_price) is None
    largest = reference.QUANTITY_MAX[unit]
    event = msgspec.structs.replace(call("1") if unit is QuantityUnit.MILLISECOND else use(1, _service(unit)), quantity=largest)
    outcome = rated(the_price, event)
    assert outcome.status is Status.RATED
    assert outcome.exact_micros * bounds.denominator(the_price) < 2**62
    assert outcome.charge_micros < 10**18


@pytest.mark.parametrize(("unit", "words", "what"), BAD)
def test_bad_prices_are_told(unit: QuantityUnit, words: str, what: str) -> None:
    problem = bounds.prove(price(rate(words), **_rules(unit)))
    assert problem is not None
    assert what in problem


@pytest.mark.parametrize("term", ["minimum_micros", "maximum_micros", "rounding_step_micros"])
def test_every_term_is_bounded(term: str) -> None:
    the_price = price(rate("1/1 at 0.01/997s"), **_rules(QuantityUnit.MILLISECOND))
    assert bounds.prove(the_price) is None
    assert bounds.prove(msgspec.structs.replace(the_price, **{term: 10**17})) is not None


def test_the_edge_is_exact() -> None:
    """One message a unit: the numerator is (limit + increment) x rate over 1."""
    quantity = 1_000_000 + 1
    at_limit = (2**62 - 1) // quantity
    steps = rate("1/1 at 1/1m").steps[0]
    for micros, good in ((10**18 // quantity - 1, True), (at_limit, False)):
        step = msgspec.structs.replace(steps, rate_micros=micros)
        the_price = price(msgspec.structs.replace(rate("1/1 at 1/1m"), steps=(step,)), **_rules(QuantityUnit.MESSAGE))
        assert (bounds.prove(the_price) is None) is good


def test_a_minimum_that_rounding_lifts_out_of_money() -> None:
    terms = {"minimum_micros": 10**18 - 1, "rounding_step_micros": 10**9, "rounding_mode": RoundingMode.UP}
    problem = bounds.prove(price(rate("1/1 at 0.10/1m"), **_rules(QuantityUnit.MESSAGE), **terms))
    assert problem is not None
    assert "or the minimum" in problem


SMALL_AND_LARGE = [1, 2, 59, 60, 997, 1_000, 60_000, 10**6, 2**20, 2**31, 2**40, 10**12, 2**53, 10**17, 2**62, 2**63]


def _extreme(rng: random.Random, unit: QuantityUnit, scale: int) -> Price:
    """A price of extreme figures: now and then one of them at any size, the others up to `scale`."""

    def figure() -> int:
        return rng.choice([n for n in SMALL_AND_LARGE if n <= scale or rng.random() < 0.02]) + rng.choice([0, 0, 1, -1])

    froms = sorted(rng.sample(range(1, 1_000_000), rng.randint(0, 2)))
    steps = tuple(Step(begin, figure(), max(1, figure()), max(1, figure())) for begin in [0, *froms])
    minimum = rng.choice([0, figure()])
    return Price(
        price_id=1, name="price", charge_code=1, revenue_code=1, tax_class="standard", unit=unit,
        rates=(Rate(ANY_BAND, steps, max(1, figure()), rng.choice([0, figure()])),),
        band_policy=_policy(unit), minimum_micros=minimum, maximum_micros=rng.choice([None, minimum + figure()]),
        rounding_mode=rng.choice(list(RoundingMode)), rounding_step_micros=max(1, figure()),
    )  # fmt: skip


def test_no_accepted_price_wraps() -> None:
    """Extreme rates, `per` quantities, increments and rounding steps at the largest quantities: the kernel's int64 equals the twin."""
    rng = random.Random(62)
    scales = [scale for scale in SMALL_AND_LARGE if scale > 10**5] * 60
    made = [_extreme(rng, unit, scale) for unit in QuantityUnit for scale in scales]
    accepted = [each for each in made if bounds.prove(each) is None]
    near = [each for each in accepted if bounds.prove(_dearer(each)) is not None]
    assert (len(accepted) > 300, len(near) > 30) == (True, True), "prices must lie at the bound: eight times as dear, and it refuses them"
    prices = [msgspec.structs.replace(each, price_id=index + 1, name=f"price {index}") for index, each in enumerate(accepted)]
    plans = tuple(Plan(f"p{i}", (UsageRule(_service(each.unit), "*", each.name),), {}) for i, each in enumerate(prices))
    shop = catalogue(prices[0], prices=tuple(prices), plans=plans)
    events = [
        Event(rng.getrandbits(128).to_bytes(16), instant_us(NOON), quantity, _service(each.unit), f"shop/p{index}", "")
        for index, each in enumerate(prices)
        for quantity in _largest(each.unit)
    ]
    case = Case([shop], events, [None] * len(events), {0: 0})
    kernel, _left = harness.by_kernel(case)
    twin, _left = harness.by_twin(case)
    assert harness.differences(case, kernel, twin) == []


def _dearer(the_price: Price) -> Price:
    rates = tuple(
        msgspec.structs.replace(each, steps=tuple(msgspec.structs.replace(step, rate_micros=step.rate_micros * 8) for step in each.steps))
        for each in the_price.rates
    )
    return msgspec.structs.replace(the_price, rates=rates)


def _largest(unit: QuantityUnit) -> list[int]:
    largest = reference.QUANTITY_MAX[unit]
    return [largest, largest - 1, largest + 1, largest // 3]


def test_twin_and_bounds_have_the_same_limits() -> None:
    for unit, limit in bounds.QUANTITY_MAX.items():
        assert reference.QUANTITY_MAX[unit] == limit * reference.INPUT_PER_UNIT[unit]


def _service(unit: QuantityUnit) -> Service:
    return {QuantityUnit.BYTE: Service.DATA, QuantityUnit.MESSAGE: Service.SMS, QuantityUnit.MILLISECOND: Service.VOICE}[unit]


def _policy(unit: QuantityUnit) -> BandPolicy:
    return BandPolicy.SPLIT if unit is QuantityUnit.MILLISECOND else BandPolicy.START

"""The 64-bit bound: the largest event of an accepted price really fits, and the edge lies where the arithmetic says."""

from __future__ import annotations

import random

import msgspec
import pytest

from rating import reference
from rating.model import (
    ANY_BAND,
    PPM,
    BandPolicy,
    BucketKind,
    Counting,
    Discount,
    Plan,
    Price,
    QuantityUnit,
    Rate,
    Service,
    Step,
    UsageRule,
)
from rating.money import RoundingMode
from rating.outcome import COUNTER_MAX, Bucket, Event
from rating.status import Status
from tariffs.compiling import bounds
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
COUNTED = [
    ("1/1 at 0/1B, from 1099511627777B 1 at 0/1B", None),
    (f"1/1 at 0/1B, from {2**53}B 1 at 0/1B", None),
    (f"1/1 at 0/1B, from {2**53 + 1}B 1 at 0/1B", "beyond what a period can count"),
    (f"{2**40}/1 at 0/1B", None),
    (f"1/{2**40 + 1} at 0/1B", "an increment is longer than the largest event"),
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
    for micros, good in ((bounds.CHARGE_LIMIT // quantity - 1, True), (bounds.CHARGE_LIMIT // quantity + 1, False), (at_limit, False)):
        step = msgspec.structs.replace(steps, rate_micros=micros)
        the_price = price(msgspec.structs.replace(rate("1/1 at 1/1m"), steps=(step,)), **_rules(QuantityUnit.MESSAGE))
        assert (bounds.prove(the_price) is None) is good


def test_a_minimum_that_rounding_lifts_out_of_money() -> None:
    terms = {"minimum_micros": 10**18 - 1, "rounding_step_micros": 10**9, "rounding_mode": RoundingMode.UP}
    problem = bounds.prove(price(rate("1/1 at 0.10/1m"), **_rules(QuantityUnit.MESSAGE), **terms))
    assert problem is not None
    assert "or the minimum" in problem


@pytest.mark.parametrize("counting", [Counting.GRADUATED, Counting.PACKAGE])
@pytest.mark.parametrize(("words", "what"), COUNTED)
def test_prices_that_count_over_a_period(counting: Counting, words: str, what: str | None) -> None:
    problem = bounds.prove(price(rate(words), counting=counting, counter_id=1, **_rules(QuantityUnit.BYTE)))
    assert problem is None if what is None else problem is not None and what in problem


def test_a_counter_holds_a_million_of_the_largest_events() -> None:
    for largest in bounds.QUANTITY_MAX.values():
        assert 2 * largest * bounds.COUNTED_EVENTS_MAX <= 2**61 < bounds.INT64_ROOM - 2 * largest


def test_a_bucket_holds_what_many_members_share() -> None:
    assert 32 * bounds.GRANT_LIMIT <= COUNTER_MAX
    assert 1_000 * max(bounds.QUANTITY_MAX.values()) < bounds.GRANT_LIMIT


def test_the_minimum_quantity_is_no_more_than_the_largest_event() -> None:
    largest = bounds.QUANTITY_MAX[QuantityUnit.MESSAGE]
    for minimum_qty, good in ((largest, True), (largest + 1, False)):
        assert (bounds.prove(price(rate("1/1 at 1/1m"), minimum_qty=minimum_qty, **_rules(QuantityUnit.MESSAGE))) is None) is good


# content in parts per million -> what it adds to the common denominator of 3 messages
@pytest.mark.parametrize(("ppm", "common"), [(0, 3), (PPM, 3), (300_000, 30), (1, 3_000_000), (250_000, 12)])
def test_the_denominator_makes_a_content_share_whole(ppm: int, common: int) -> None:
    the_price = price(rate("1/1 at 1/3m"), content_ppm=ppm, **_rules(QuantityUnit.MESSAGE))
    assert bounds.denominator(the_price) == common
    assert ppm * common % PPM == 0


def test_the_largest_content_amount_counts() -> None:
    """A millionth of it over 10^6: 10^12 units of the numerator, beside a million messages at the edge."""
    quantity = 1_000_000 + 1
    edge = (2**62 - 1 - 10**12) // (quantity * PPM)
    assert bounds.prove(_content(edge)) is None
    assert bounds.prove(_content(edge + 1)) is not None
    assert bounds.prove(msgspec.structs.replace(_content(edge + 1), content_ppm=0, rounding_step_micros=10**6)) is None


def _content(rate_micros: int) -> Price:
    steps = (msgspec.structs.replace(rate("1/1 at 1/1m").steps[0], rate_micros=rate_micros),)
    return price(msgspec.structs.replace(rate("1/1 at 1/1m"), steps=steps), content_ppm=1, **_rules(QuantityUnit.MESSAGE))


# rate a message, terms -> what does not fit once a discount can apply
DISCOUNTED = [
    ("9.22", {}, None),  # a million and one messages at 9.22 are 9.22 x 10^12 micro-units
    ("9.23", {}, "in rounding steps"),
    ("9.23", {"rounding_step_micros": 10}, None),
    ("9.23", {"maximum_micros": 10**9}, None),
    ("1", {"minimum_micros": 10**13}, "in rounding steps"),
    ("1", {"rounding_step_micros": 2**43 - 1}, None),
    ("1", {"rounding_step_micros": 2**43}, "the rounding step"),
]


@pytest.mark.parametrize(("micros", "terms", "what"), DISCOUNTED)
def test_a_discount_needs_more_room(micros: str, terms: dict[str, int], what: str | None) -> None:
    the_price = price(rate(f"1/1 at {micros}/1m"), **_rules(QuantityUnit.MESSAGE), **terms)
    assert bounds.prove(the_price) is None
    problem = bounds.prove(the_price, discounted=True)
    assert problem is None if what is None else problem is not None and what in problem


SMALL_AND_LARGE = [1, 2, 59, 60, 997, 1_000, 60_000, 10**6, 2**20, 2**31, 2**40, 10**12, 2**53, 10**17, 2**62, 2**63]


def _extreme(rng: random.Random, unit: QuantityUnit, scale: int) -> Price:
    """A price of extreme figures: now and then one of them at any size, the others up to `scale`."""

    def figure() -> int:
        return rng.choice([n for n in SMALL_AND_LARGE if n <= scale or rng.random() < 0.02]) + rng.choice([0, 0, 1, -1])

    counting = rng.choice(list(Counting))
    froms = sorted(rng.sample(range(1, 1_000_000), rng.randint(0, 2)))
    steps = tuple(Step(begin, figure(), max(1, figure()), max(1, figure())) for begin in [0, *froms])
    minimum = rng.choice([0, figure()])
    return Price(
        price_id=1, name="price", charge_code=1, revenue_code=1, tax_class="standard", unit=unit,
        rates=(Rate(ANY_BAND, steps, max(1, figure()), rng.choice([0, figure()])),),
        band_policy=_policy(unit), minimum_micros=minimum, maximum_micros=rng.choice([None, minimum + figure()]),
        rounding_mode=rng.choice(list(RoundingMode)), rounding_step_micros=max(1, figure()),
        counting=counting, counter_id=0 if counting is Counting.EVENT else 1, minimum_qty=rng.choice([0, 0, figure()]),
        content_ppm=rng.choice([0, 1, 333_333, PPM]) if unit is QuantityUnit.MESSAGE else 0,
    )  # fmt: skip


@pytest.mark.parametrize("discounted", [False, True])
def test_no_accepted_price_wraps(discounted: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Extreme rates, `per` quantities, increments and rounding steps at the largest quantities: the kernel's int64 equals the twin."""
    assert _wrapped(62, discounted=discounted) == []


def test_a_wider_bound_would_wrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "DISCOUNT_ROOM", 2**66)
    assert _wrapped(62, discounted=True) != []


def _wrapped(seed: int, *, discounted: bool) -> list[str]:
    """What kernel and twin say differently of the largest events of prices that are proved."""
    rng = random.Random(seed)
    scales = [scale for scale in SMALL_AND_LARGE if scale > 10**5] * 60
    units = (QuantityUnit.MILLISECOND, QuantityUnit.MESSAGE, QuantityUnit.BYTE)
    made = [_extreme(rng, unit, scale) for unit in units for scale in scales]
    accepted = [each for each in made if bounds.prove(each, discounted=discounted) is None]
    near = [each for each in accepted if bounds.prove(_dearer(each), discounted=discounted) is not None]
    assert (len(accepted) > 200, len(near) > 20) == (True, True), "prices must lie at the bound: eight times as dear, and it refuses them"
    case = _case(rng, accepted, discounted=discounted)
    return harness.differences(case, harness.by_kernel(case), harness.by_twin(case))


def _case(rng: random.Random, accepted: list[Price], *, discounted: bool) -> Case:
    """The largest events of each price; each event has a counter to itself, some of them nearly as far as one can be."""
    prices = [
        msgspec.structs.replace(each, price_id=index, name=f"price {index}", counter_id=index if each.counter_id else 0)
        for index, each in enumerate(accepted, start=1)
    ]
    third = (Discount(1, "third", 333_333, tuple(Service), ("*",)),) if discounted else ()
    plans = tuple(Plan(f"p{each.price_id}", (UsageRule(_service(each.unit), "*", each.name),), {}, discounts=third) for each in prices)
    pairs = [(each, quantity) for each in prices for quantity in _largest(each.unit)]
    counted = {
        holder: Bucket(BucketKind.COUNTER, "shop", each.counter_id, rng.choice([0, 2**61]))
        for holder, (each, _) in enumerate(pairs)
        if each.counter_id
    }
    keys = {holder: key for key, holder in enumerate(counted)}
    events = [
        Event(
            rng.getrandbits(128).to_bytes(16), instant_us(NOON), quantity, _service(each.unit), f"shop/p{each.price_id}", "",
            content_micros=rng.choice([0, 10**12]),
        )
        for each, quantity in pairs
    ]  # fmt: skip
    holders = range(len(events))
    held = {holder: [keys[holder]] if holder in keys else [] for holder in holders}
    buckets = {keys[holder]: bucket for holder, bucket in counted.items()}
    shop = catalogue(prices[0], prices=tuple(prices), plans=plans)
    return Case([shop], events, list(holders), held, buckets, list(holders))


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
        assert reference.QUANTITY_MAX[unit] == limit * (1000 if unit is QuantityUnit.MILLISECOND else 1)
    assert bounds.CONTENT_MAX == reference.CONTENT_MICROS_MAX


def _service(unit: QuantityUnit) -> Service:
    return {QuantityUnit.BYTE: Service.DATA, QuantityUnit.MESSAGE: Service.SMS, QuantityUnit.MILLISECOND: Service.VOICE}[unit]


def _policy(unit: QuantityUnit) -> BandPolicy:
    return BandPolicy.SPLIT if unit is QuantityUnit.MILLISECOND else BandPolicy.START

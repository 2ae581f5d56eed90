"""The 64-bit bound: the largest event of an accepted price really fits, and the edge lies where the arithmetic says."""

from __future__ import annotations

import msgspec
import pytest

from rating import reference
from rating.model import BandPolicy, QuantityUnit, Service
from rating.status import Status
from tariffs import bounds
from tests.rating.shop import call, price, rate, rated, use

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
]


def _rules(unit: QuantityUnit) -> dict[str, object]:
    return {"unit": unit, "band_policy": BandPolicy.START if unit is not QuantityUnit.MILLISECOND else BandPolicy.SPLIT}


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


def test_twin_and_bounds_have_the_same_limits() -> None:
    for unit, limit in bounds.QUANTITY_MAX.items():
        assert reference.QUANTITY_MAX[unit] == limit * reference.INPUT_PER_UNIT[unit]


def _service(unit: QuantityUnit) -> Service:
    return Service.DATA if unit is QuantityUnit.BYTE else Service.SMS

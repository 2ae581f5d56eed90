"""From pieces to one charge: connect fee, content share, minimum, maximum, rounding. A row an event, the arithmetic beside it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from rating.model import Price, QuantityUnit, Service
from rating.money import RoundingMode
from rating.status import Status
from tests.rating.shop import call, micros, minutes, plan, price, rate, rated, rule, use

if TYPE_CHECKING:
    from rating.outcome import Event

CENTS = {"rounding_step_micros": 10_000, "rounding_mode": RoundingMode.HALF_UP}

# terms of the price (60/60 at 0.10 a minute), connect fee, seconds -> charge
FEES = [
    ({}, "0.05", "60", "0.15"),  # 0.05 + 0.10
    ({}, "0.05", "3600", "6.05"),  # the fee once, however long the call: 0.05 + 60 x 0.10
    ({}, "0.05", "0.000001", "0.15"),
    ({}, "0.05", "0", "0"),  # zero usage costs nothing, the connect fee neither
    ({"charge_zero_usage": True}, "0.05", "0", "0.05"),
    ({"charge_zero_usage": True}, "0.05", "60", "0.15"),
    ({"charge_zero_usage": True, "minimum_micros": 80_000}, "0.05", "0", "0.08"),
    ({"charge_zero_usage": True, "maximum_micros": 20_000}, "0.05", "0", "0.02"),
    ({"charge_zero_usage": True}, "0", "0", "0"),
    ({"charge_zero_usage": True, "minimum_qty": 600_000}, "0.05", "0", "0.05"),  # a minimum quantity is of usage above zero
    ({"minimum_micros": 200_000}, "0", "60", "0.20"),
    ({"minimum_micros": 200_000}, "0", "120", "0.20"),
    ({"minimum_micros": 200_000}, "0", "180", "0.30"),
    ({"minimum_micros": 200_000}, "0.05", "120", "0.25"),  # the connect fee counts toward the minimum
    ({"minimum_micros": 200_000}, "0", "0", "0"),
    ({"maximum_micros": 250_000}, "0", "180", "0.25"),
    ({"maximum_micros": 250_000}, "0.10", "120", "0.25"),  # and toward the maximum: 0.10 + 0.20
    ({"maximum_micros": 250_000}, "0", "120", "0.20"),
    ({"maximum_micros": 0}, "0.10", "120", "0"),
    ({"minimum_micros": 300_000, "maximum_micros": 250_000}, "0", "60", "0.25"),  # the maximum has the last word
    ({"minimum_micros": 155_000, **CENTS}, "0", "60", "0.16"),  # rounded last
    ({"maximum_micros": 154_000, **CENTS}, "0", "120", "0.15"),
]


@pytest.mark.parametrize(("terms", "connect", "seconds", "charge"), FEES)
def test_connect_fee_minimum_and_maximum(terms: dict[str, object], connect: str, seconds: str, charge: str) -> None:
    outcome = rated(price(rate("60/60 at 0.10/60s", connect=connect), **terms), call(seconds))
    assert outcome.charge_micros == micros(charge)
    assert outcome.status is (Status.RATED if micros(charge) else Status.ZERO_RATED)


# A flat price is a connect fee and a rate of zero. seconds -> charge
@pytest.mark.parametrize(("seconds", "charge"), [("0", "0"), ("0.000001", "0.25"), ("60", "0.25"), ("86400", "0.25")])
def test_flat(seconds: str, charge: str) -> None:
    assert rated(price(rate("1/1 at 0/1s", connect="0.25")), call(seconds)).charge_micros == micros(charge)


# content amount, terms -> charge. 30 % of the content's price and 0.10 a message
CONTENT = [
    ("0", {}, "0.10"),
    ("1.99", {}, "0.697"),  # 0.10 + 1.99 x 0.30
    ("0.000001", {}, "0.1"),  # 0.10 + 0.0000003, rounded to a micro-unit
    ("0.000002", {}, "0.100001"),  # 0.10 + 0.0000006
    ("1.99", CENTS, "0.70"),
    ("1.99", {"minimum_micros": 1_000_000}, "1.00"),  # minimum and maximum are of the whole
    ("1.99", {"maximum_micros": 500_000}, "0.50"),
    ("1000000", {}, "300000.10"),  # the largest content amount: 10^12 micro-units
]


@pytest.mark.parametrize(("amount", "terms", "charge"), CONTENT)
def test_a_share_of_the_content_price_and_a_fixed_part(amount: str, terms: dict[str, object], charge: str) -> None:
    assert rated(_content_price(**terms), _content(micros(amount))).charge_micros == micros(charge)


# content amount in micro-units, share, quantity -> status
CONTENT_REFUSED = [
    (-1, 300_000, 1, Status.CONTENT_AMOUNT_MISSING),
    (-1, 0, 1, Status.RATED),  # a price without a share needs none
    (10**12, 300_000, 1, Status.RATED),
    (10**12 + 1, 300_000, 1, Status.QUANTITY_TOO_LARGE),
    (10**12 + 1, 0, 1, Status.RATED),  # nor looks at one
    (-1, 300_000, 1_000_001, Status.QUANTITY_TOO_LARGE),  # the earlier refusal of the list
    (-1, 300_000, 0, Status.CONTENT_AMOUNT_MISSING),  # a refusal comes before zero usage
    (0, 300_000, 0, Status.ZERO_RATED),
]


@pytest.mark.parametrize(("amount", "share", "quantity", "status"), CONTENT_REFUSED)
def test_content_amounts_that_cannot_be_charged(amount: int, share: int, quantity: int, status: Status) -> None:
    assert rated(_content_price(content_ppm=share), _content(amount, quantity)).status is status


def test_the_whole_content_price() -> None:
    assert rated(_content_price(content_ppm=1_000_000), _content(micros("4.99"))).charge_micros == micros("5.09")


def test_a_share_is_part_of_the_one_rounding() -> None:
    outcome = rated(_content_price(content_ppm=333_333), _content(10))  # 0.1 + 3.33333 micro-units
    assert (outcome.exact_micros, outcome.charge_micros) == (100_000 + Fraction(333_333, 100_000), 100_003)
    assert outcome.content_share_micros == Fraction(333_333, 100_000)


def test_content_that_is_wholly_free_has_no_share() -> None:
    free = minutes(services=(Service.CONTENT,), unit=QuantityUnit.MESSAGE)
    outcome = rated(_content_price(), _content(micros("1.99")), 5, plans=(plan(rule(service=Service.CONTENT), allowances=(free,)),))
    assert (outcome.charge_micros, outcome.content_share_micros, outcome.free_qty) == (0, 0, 1)


# rate of a call of one second, step -> half_up, half_even, up, down
ROUNDING = [
    ("0.0050/1s", "0.01", "0.01", "0", "0.01", "0"),  # a tie between 0.00 and 0.01
    ("0.0150/1s", "0.01", "0.02", "0.02", "0.02", "0.01"),  # a tie between 0.01 and 0.02
    ("0.0250/1s", "0.01", "0.03", "0.02", "0.03", "0.02"),
    ("0.0149/1s", "0.01", "0.01", "0.01", "0.02", "0.01"),
    ("0.0151/1s", "0.01", "0.02", "0.02", "0.02", "0.01"),
    ("0.0200/1s", "0.01", "0.02", "0.02", "0.02", "0.02"),
    ("0.0750/1s", "0.05", "0.10", "0.10", "0.10", "0.05"),  # steps of five cents
    ("0.1250/1s", "0.05", "0.15", "0.10", "0.15", "0.10"),
    ("0.0249/1s", "0.05", "0", "0", "0.05", "0"),
    ("0.0250/1s", "0.05", "0.05", "0", "0.05", "0"),
    ("1.49/1s", "1", "1.00", "1.00", "2.00", "1.00"),  # whole units
    ("1.50/1s", "3", "3.00", "0", "3.00", "0"),  # a step of three
    ("0.000015/10s", "0.000001", "0.000002", "0.000002", "0.000002", "0.000001"),  # the finest step
]


@pytest.mark.parametrize("row", ROUNDING)
def test_rounding_once_in_four_modes(row: tuple[str, ...]) -> None:
    text, step, *charges = row
    for mode, charge in zip(RoundingMode, charges, strict=True):  # a column for each mode
        the_price = price(rate(f"1/1 at {text}"), rounding_mode=mode, rounding_step_micros=micros(step))
        assert rated(the_price, call("1")).charge_micros == micros(charge), mode


def test_rounded_once_and_not_an_increment_at_a_time() -> None:
    outcome = rated(price(rate("1/1 at 0.01/60s"), rounding_step_micros=10_000), call("60"))
    assert outcome.charge_micros == micros("0.01")  # 60 increments of 1/6000 each; rounded singly they were nothing
    assert rated(price(rate("1/1 at 0.01/7s")), call("1")).exact_micros == Fraction(10_000, 7)


def test_rounded_over_pieces_and_fee_together() -> None:
    # 0.004 + 61 x 0.001 / 60 + 1 x 0.0005 / 7: each part alone rounds to nothing, their sum of 0.005088 to a cent
    the_price = price(rate("61/61 at 0.001/60s, from 61s 1 at 0.0005/7s", connect="0.004"), **CENTS)
    outcome = rated(the_price, call("61.5"))
    assert outcome.exact_micros == 4_000 + Fraction(61 * 1_000, 60) + Fraction(500, 7)
    assert (outcome.rounded_micros, outcome.charge_micros) == (10_000, 10_000)


def _content_price(**terms: object) -> Price:
    return price(rate("1/1 at 0.10/1m"), **{"unit": QuantityUnit.MESSAGE, "content_ppm": 300_000, **terms})


def _content(content_micros: int, quantity: int = 1) -> Event:
    return use(quantity, Service.CONTENT, content_micros=content_micros)

"""What is taken off a charge: percentages before the one rounding, charge caps after it. A row an event, the arithmetic beside it."""

from __future__ import annotations

import datetime as dt
import itertools
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from rating.model import BucketKind, CapWindow, ChargeCap, Discount, QuantityUnit, Service
from rating.money import RoundingMode
from rating.status import Status
from tests.rating.both import Both
from tests.rating.shop import (
    NOON,
    bucket,
    call,
    catalogue,
    closed_pass,
    day_pass,
    in_order,
    instant_us,
    left,
    micros,
    minutes,
    plan,
    price,
    rate,
    rated,
    rule,
)

if TYPE_CHECKING:
    from rating.outcome import Bucket

MINUTES = price(rate("60/60 at 0.10/60s"))
CENTS = {"rounding_step_micros": 10_000, "rounding_mode": RoundingMode.HALF_UP}
EVERYTHING = {"services": (Service.VOICE,), "zones": ("*",)}


def _discount(discount_id: int, percent: int, **terms: object) -> Discount:
    given: dict[str, object] = {"name": str(discount_id), "percent_ppm": percent * 10_000, **EVERYTHING}
    return Discount(discount_id, **{**given, **terms})  # type: ignore[arg-type]  # terms are checked by the model's users


def _cap(amount: str, window: CapWindow = CapWindow.PERIOD, cap_id: int = 1, **terms: object) -> ChargeCap:
    given: dict[str, object] = {"name": f"cap {cap_id}", "amount_micros": micros(amount), "window": window, **EVERYTHING}
    return ChargeCap(cap_id, **{**given, **terms})  # type: ignore[arg-type]  # terms are checked by the model's users


def _spent(amount: str, mark: int = 0, cap_id: int = 1) -> Bucket:
    return bucket(BucketKind.CAP, cap_id, micros(amount), mark)


# discounts, terms of the price, seconds -> gross, charge. Minutes at 0.10
PERCENT = [
    ([_discount(1, 10)], {}, "60", "0.10", "0.09"),
    ([_discount(1, 100)], {}, "60", "0.10", "0"),
    ([_discount(1, 0)], {}, "60", "0.10", "0.10"),
    ([_discount(1, 33)], {}, "60", "0.10", "0.067"),
    ([_discount(1, 33)], CENTS, "60", "0.10", "0.07"),  # before rounding, which comes once
    ([_discount(1, 25)], {"rounding_step_micros": 50_000}, "180", "0.30", "0.20"),  # 0.225 to a step of 0.05: 4.5 steps, half to even
    ([_discount(1, 50)], {"minimum_micros": 300_000}, "60", "0.30", "0.15"),  # off what minimum and maximum leave
    ([_discount(1, 50)], {"maximum_micros": 150_000}, "180", "0.15", "0.075"),
    ([_discount(1, 10), _discount(2, 30), _discount(3, 20)], {}, "60", "0.10", "0.07"),  # the largest, alone
    ([_discount(1, 10)], {}, "0", "0", "0"),
]


@pytest.mark.parametrize(("discounts", "terms", "seconds", "gross", "charge"), PERCENT)
def test_percentages(discounts: list[Discount], terms: dict[str, object], seconds: str, gross: str, charge: str) -> None:
    the_price = price(rate("60/60 at 0.10/60s"), **terms)
    outcome = rated(the_price, call(seconds), plans=(plan(discounts=tuple(discounts)),))
    assert (outcome.gross_micros, outcome.charge_micros) == (micros(gross), micros(charge))
    assert outcome.status is (Status.RATED if micros(charge) else Status.ZERO_RATED)


# increments and rate, seconds -> charge at half price, rounded to cents with a half to even
NEAR_A_HALF = [
    ("100/100 at 0.01/100s", "100", "0"),  # half of 0.01 is half a cent: to the even neighbour, nothing
    ("1/1 at 0.009901/100s", "101", "0.01"),  # 101 x 0.009901 / 100 = 0.01000001, its half is above half a cent by 0.000000005
    ("1/1 at 0.009899/100s", "101", "0"),  # 101 x 0.009899 / 100 = 0.00999799, its half is below half a cent
]


@pytest.mark.parametrize(("words", "seconds", "charge"), NEAR_A_HALF)
def test_a_discount_leaves_a_half_or_hardly_more(words: str, seconds: str, charge: str) -> None:
    to_even = {"rounding_step_micros": 10_000, "rounding_mode": RoundingMode.HALF_EVEN}
    outcome = rated(price(rate(words), **to_even), call(seconds), plans=(plan(discounts=(_discount(1, 50),)),))
    assert outcome.charge_micros == micros(charge)


def test_gross_and_net_are_each_rounded_from_the_exact_sum() -> None:
    outcome = rated(price(rate("1/1 at 0.01/7s"), **CENTS), call("4"), plans=(plan(discounts=(_discount(1, 15),)),))
    # 4 x 0.01 / 7 = 0.005714 to 0.01; 85 % of it = 0.004857 to nothing
    assert outcome.bounded_micros == Fraction(40_000, 7)
    assert outcome.unrounded_micros == Fraction(40_000 * 85, 700)
    assert (outcome.gross_micros, outcome.rounded_micros, outcome.charge_micros) == (10_000, 0, 0)


FROM, TO = instant_us("2026-03-02T00:00:00+01:00"), instant_us("2026-03-09T00:00:00+01:00")
WEEK = _discount(1, 20, from_us=FROM, to_us=TO)
FRIENDS = _discount(2, 50, friends_only=True)
HOME_ONLY = _discount(3, 30, zones=("home",))
TEXTS_ONLY = _discount(4, 90, services=(Service.SMS,))

# discounts, start, what is known -> the one that applies (0 none)
WHICH = [
    ([WEEK], "2026-03-01T23:59:59.999999+01:00", {}, 0),
    ([WEEK], "2026-03-02T00:00:00+01:00", {}, 1),
    ([WEEK], "2026-03-08T23:59:59.999999+01:00", {}, 1),  # by its start, however long it lasts
    ([WEEK], "2026-03-09T00:00:00+01:00", {}, 0),
    ([_discount(1, 20, from_us=FROM)], "2036-03-09T00:00:00+01:00", {}, 1),  # without an end
    ([_discount(1, 20, to_us=TO)], "2026-01-02T00:00:00+01:00", {}, 1),  # without a beginning
    ([FRIENDS], NOON, {"friend": True}, 2),
    ([FRIENDS], NOON, {}, 0),
    ([WEEK, FRIENDS], NOON, {"friend": True}, 2),  # the largest that holds
    ([WEEK, FRIENDS], NOON, {}, 1),
    ([HOME_ONLY, WEEK], NOON, {"destination": "49"}, 3),
    ([HOME_ONLY, WEEK], NOON, {"destination": "33"}, 1),
    ([TEXTS_ONLY], NOON, {}, 0),
    ([_discount(8, 20), _discount(7, 20), WEEK], NOON, {}, 1),  # of equals the lowest id
]


@pytest.mark.parametrize(("discounts", "at", "known", "which"), WHICH)
def test_the_largest_that_holds(discounts: list[Discount], at: str, known: dict[str, object], which: int) -> None:
    plans = (plan(rule("home"), rule(), discounts=tuple(discounts)),)
    outcome = rated(MINUTES, call("36000", at, **known), plans=plans)
    assert outcome.discount_id == which
    percent = next((each.percent_ppm for each in discounts if each.discount_id == which), 0)
    assert outcome.charge_micros == 60 * (1_000_000 - percent)


# Never more than 0.25 in the period. seconds -> charge, spent after it
PERIOD = [
    ("60", "0.10", "0.10"),
    ("60", "0.10", "0.20"),
    ("60", "0.05", "0.25"),  # what the cap leaves
    ("600", "0", "0.25"),
    ("0", "0", "0.25"),
]


def test_a_cap_of_the_period() -> None:
    twin = Both([catalogue(MINUTES, plans=(plan(caps=(_cap("0.25"),)),))])
    events = [call(seconds, f"2026-03-{day:02d}T12:00:00+01:00") for day, (seconds, *_) in enumerate(PERIOD, 1)]
    for order in itertools.permutations(range(5)):
        outcomes, buckets = in_order(twin, [events[i] for i in order], [_spent("0")])
        by_time = sorted(outcomes, key=lambda outcome: outcome.event.start_us)
        assert [outcome.charge_micros for outcome in by_time] == [micros(charge) for _, charge, _ in PERIOD]
        assert [outcome.caps[0].spent_after_micros for outcome in by_time[:4]] == [micros(spent) for *_, spent in PERIOD[:4]]
        assert by_time[4].caps == ()  # zero usage counts nothing
        assert buckets == (_spent("0.25"),)


# Never more than 0.25 on a local day of the tariff's clock (Berlin). start, seconds -> charge
DAYS = [
    ("2026-03-02T00:00:00+01:00", "120", "0.20"),
    ("2026-03-02T23:59:59.999999+01:00", "3600", "0.05"),  # the day in which it begins
    ("2026-03-03T00:00:00+01:00", "120", "0.20"),
    ("2026-03-29T00:00:00+01:00", "180", "0.25"),  # the day of 23 hours
    ("2026-03-29T23:59:59+02:00", "60", "0"),
    ("2026-03-30T00:00:00+02:00", "60", "0.10"),
    ("2026-10-25T00:00:00+02:00", "180", "0.25"),  # the day of 25 hours
    ("2026-10-25T23:59:59+01:00", "60", "0"),
    ("2026-10-26T00:00:00+01:00", "60", "0.10"),
]


def test_a_cap_of_the_day() -> None:
    twin = Both([catalogue(MINUTES, plans=(plan(caps=(_cap("0.25", CapWindow.DAY),)),))])
    outcomes, buckets = in_order(twin, [call(seconds, at) for at, seconds, _ in DAYS], [_spent("0")])
    assert [outcome.charge_micros for outcome in outcomes] == [micros(charge) for *_, charge in DAYS]
    assert buckets == (_spent("0.10", (dt.date(2026, 10, 26) - dt.date(1970, 1, 1)).days),)


# caps (amount, spent before), in the order of the plan -> charge of 0.50, spent after
SEVERAL = [
    ([("1.00", "0")], "0.50", ["0.50"]),
    ([("1.00", "0.60")], "0.40", ["1.00"]),
    ([("1.00", "1.00")], "0", ["1.00"]),
    ([("1.00", "1.50")], "0", ["1.50"]),  # it was lowered: nothing is given back
    ([("1.00", "0.60"), ("2.00", "0")], "0.40", ["1.00", "0.40"]),  # both count what remains
    ([("1.00", "0.60"), ("0.30", "0")], "0.30", ["0.90", "0.30"]),  # 0.40, then 0.30: the first counts 0.30 as well
    ([("1.00", "0"), ("1.00", "0.50")], "0.50", ["0.50", "1.00"]),
]


@pytest.mark.parametrize(("caps", "charge", "spent"), SEVERAL)
def test_several_caps(caps: list[tuple[str, str]], charge: str, spent: list[str]) -> None:
    plans = (plan(caps=tuple(_cap(amount, cap_id=i) for i, (amount, _) in enumerate(caps, 1))),)
    held = [_spent(before, cap_id=i) for i, (_, before) in enumerate(caps, 1)]
    outcome = rated(MINUTES, call("300"), held, plans=plans)
    assert (outcome.charge_micros, [each.amount for each in outcome.buckets]) == (micros(charge), [micros(text) for text in spent])
    assert sum(told.cut_micros for told in outcome.caps) == micros("0.50") - micros(charge)
    assert outcome.gross_micros == micros("0.50")


def test_a_cap_counts_only_what_it_serves_and_only_with_a_bucket() -> None:
    plans = (plan(rule("home"), rule(), caps=(_cap("0.05", zones=("home",)), _cap("0.01", cap_id=2))),)
    assert rated(MINUTES, call("60", to="49"), [_spent("0")], plans=plans).charge_micros == micros("0.05")  # cap 2 has no bucket
    abroad = rated(MINUTES, call("60", to="33"), [_spent("0")], plans=plans)
    assert (abroad.charge_micros, abroad.caps, abroad.buckets) == (micros("0.10"), (), (_spent("0"),))


def test_order_of_composition() -> None:
    """Everything at once: what is free, pass, fee, minimum, discount, rounding, pass fee, money, caps."""
    the_price = price(rate("60/60 at 0.104/60s", connect="0.05"), minimum_micros=100_000, **CENTS)
    plans = (
        plan(
            allowances=(minutes(1), minutes(9, unit=QuantityUnit.MICRO)),
            day_passes=(day_pass(quantity=60_000, fee_micros=1_000_000),),
            discounts=(_discount(1, 50),),
            caps=(_cap("0.90"),),
        ),
    )
    held = [_spent("0.10"), left(micros("0.20"), 9), closed_pass(), left(60_000, 1)]
    outcome = rated(the_price, call("300"), held, plans=plans)
    # Five minutes: one from the allowance, one from the pass; 3 x 0.104 + 0.05 = 0.362, half of it 0.181, to a cent 0.18 (gross 0.36);
    # with the fee of the pass 1.18 (1.36); 0.20 of money leave 0.98; the cap has 0.80 left.
    assert (outcome.exact_micros, outcome.unrounded_micros, outcome.rounded_micros) == (362_000, 181_000, 180_000)
    assert (outcome.gross_micros, outcome.charge_micros) == (micros("1.36"), micros("0.80"))
    assert [(told.definition_id, told.taken) for told in outcome.taken] == [(1, 60_000), (5, 60_000), (9, 200_000)]
    assert outcome.caps[0].cut_micros == micros("0.18")
    assert [each.amount for each in outcome.buckets] == [micros("0.90"), 0, 0, 0]

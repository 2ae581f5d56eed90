"""Who gives first: several allowances, money, holders who share, and events in the order of time. Amounts are currency units as text."""

from __future__ import annotations

import itertools

import pytest

from rating.model import Draw, QuantityUnit
from rating.status import Status
from tests.rating.both import Both
from tests.rating.shop import (
    NOON,
    call,
    catalogue,
    in_order,
    instant_us,
    left,
    micros,
    minutes,
    minutes_plan,
    plan,
    price,
    rate,
    rated,
    rule,
)

MINUTES = price(rate("60/60 at 0.10/60s"))

# Allowance 1 is exact, 2 gives whole minutes; a call of three minutes. (id, seconds left, priority) of buckets -> taken in order, left over
TWO = [
    ([(1, 60, 0), (2, 60, 0)], [(1, 60), (2, 60)], [0, 0]),  # equal: by id
    ([(2, 60, 0), (1, 60, 0)], [(1, 60), (2, 60)], [0, 0]),  # whatever the order they are given in
    ([(1, 60, 1), (2, 60, 0)], [(2, 60), (1, 60)], [0, 0]),  # the lowest priority number first
    ([(1, 30, 0), (2, 60, 0)], [(1, 30), (2, 30)], [0, 30]),  # 30 exact; whole ends at 60 (not at 90), so that it gives 30
    ([(1, 30, 0), (2, 89, 0)], [(1, 30), (2, 30)], [0, 59]),  # up to 119: the second minute is not covered whole
    ([(1, 30, 0), (2, 90, 0)], [(1, 30), (2, 90)], [0, 0]),  # up to 120
    ([(1, 30, 0), (2, 29, 0)], [(1, 30)], [0, 29]),  # up to 59: nothing, and an allowance that gave nothing is not told
    ([(1, 200, 0), (2, 60, 0)], [(1, 180)], [20, 60]),  # nothing left to draw for
    ([(1, 0, 0), (2, 60, 0)], [(2, 60)], [0, 0]),
]  # fmt: skip


@pytest.mark.parametrize(("buckets", "taken", "over"), TWO)
def test_two_allowances(buckets: list[tuple[int, int, int]], taken: list[tuple[int, int]], over: list[int]) -> None:
    plans = (plan(allowances=(minutes(1), minutes(2, draw=Draw.WHOLE_INCREMENTS))),)
    held = [left(seconds * 1000, which, priority=priority) for which, seconds, priority in buckets]
    outcome = rated(MINUTES, call("180"), held, plans=plans)
    assert [(told.definition_id, told.taken // 1000) for told in outcome.taken] == taken
    after = {each.definition_id: each.amount // 1000 for each in outcome.buckets}
    assert [after[1], after[2]] == over
    assert [each.definition_id for each in outcome.buckets] == [which for which, *_ in buckets]  # given back in the order given


DAY_US = 86_400_000_000
NOW_US = instant_us(NOON)

# (allowance, seconds left, days until it ends, priority) -> order of drawing. A call of ten minutes
EXPIRY = [
    ([(1, 60, 9, 0), (2, 60, 3, 0)], [2, 1]),  # the earliest expiry first
    ([(1, 60, 3, 0), (2, 60, 3, 0)], [1, 2]),
    ([(1, 60, 3, 5), (2, 60, 9, 0)], [2, 1]),  # priority before expiry
    ([(1, 60, 9, 0), (1, 60, 3, 0)], [1, 1]),  # rolled over from the period before: ends sooner, goes first
    ([(3, 60, 3, 0), (2, 60, 3, 1), (1, 60, 9, 0), (2, 60, 1, 0)], [2, 3, 1, 2]),
]


@pytest.mark.parametrize(("buckets", "order"), EXPIRY)
def test_priority_then_expiry_then_id(buckets: list[tuple[int, int, int, int]], order: list[int]) -> None:
    plans = (plan(allowances=(minutes(1), minutes(2), minutes(3))),)
    held = [left(s * 1000, which, to_us=NOW_US + days * DAY_US, priority=priority) for which, s, days, priority in buckets]
    outcome = rated(MINUTES, call("600"), held, plans=plans)
    assert [told.definition_id for told in outcome.taken] == order


def test_what_was_rolled_over_goes_first() -> None:
    old, new = left(60_000, to_us=NOW_US + DAY_US), left(90_000, to_us=NOW_US + 31 * DAY_US)
    outcome = rated(MINUTES, call("60"), [new, old], plans=(plan(allowances=(minutes(),)),))
    assert [each.amount for each in outcome.buckets] == [90_000, 0]


# from, to of a bucket beside the start of the event (microseconds) -> serves
@pytest.mark.parametrize(("begins", "ends", "serves"), [(0, 1, True), (1, 2, False), (-1, 0, False), (-1, 1, True)])
def test_a_bucket_serves_what_starts_within_it(begins: int, ends: int, *, serves: bool) -> None:
    held = [left(600_000, from_us=NOW_US + begins, to_us=NOW_US + ends)]
    assert rated(MINUTES, call("60"), held, plans=(minutes_plan(600_000),)).free_qty == (60_000 if serves else 0)


MONEY = minutes(9, name="money", unit=QuantityUnit.MICRO)
PRICE_OF_TWO = price(rate("60/60 at 0.104/60s"), rounding_step_micros=10_000)

# left, seconds -> paid, charge. Minutes at 0.104, rounded to a cent before money pays
PAYS = [
    ("5.00", "60", "0.10", "0"),
    ("0.10", "60", "0.10", "0"),
    ("0.09", "60", "0.09", "0.01"),
    ("0.005", "60", "0.005", "0.095"),  # what is left to pay is not rounded again
    ("0", "60", "0", "0.10"),
    ("5.00", "180", "0.31", "0"),  # 3 x 0.104 = 0.312
    ("5.00", "0", "0", "0"),
]


@pytest.mark.parametrize(("amount", "seconds", "paid", "charge"), PAYS)
def test_money_pays_after_rounding(amount: str, seconds: str, paid: str, charge: str) -> None:
    outcome = rated(PRICE_OF_TWO, call(seconds), [left(micros(amount), 9)], plans=(plan(allowances=(MONEY,)),))
    assert (outcome.gross_micros - outcome.charge_micros, outcome.charge_micros) == (micros(paid), micros(charge))
    assert outcome.buckets[0].amount == micros(amount) - micros(paid)
    assert outcome.status is (Status.RATED if micros(charge) else Status.ZERO_RATED)


def test_quantity_first_then_money_in_draw_order() -> None:
    plans = (plan(allowances=(minutes(1), MONEY, minutes(8, name="gift", unit=QuantityUnit.MICRO))),)
    held = [left(micros("0.10"), 9), left(60_000, 1, priority=7), left(micros("0.05"), 8, priority=3)]
    outcome = rated(price(rate("60/60 at 0.10/60s")), call("240"), held, plans=plans)
    # 1 of 4 minutes is free; of 0.30, money pays 0.10 and the gift 0.05. Priorities are compared among quantities, and among money.
    assert [(told.definition_id, told.before, told.taken, told.after) for told in outcome.taken] == [
        (1, 60_000, 60_000, 0),
        (9, 100_000, 100_000, 0),
        (8, 50_000, 50_000, 0),
    ]
    assert (outcome.gross_micros, outcome.charge_micros) == (micros("0.30"), micros("0.15"))


def test_money_serves_zones_and_services_too() -> None:
    plans = (plan(rule("home"), rule(), allowances=(minutes(9, unit=QuantityUnit.MICRO, zones=("home",)),)),)
    for to, charge in (("49", 0), ("33", micros("0.10"))):
        assert rated(MINUTES, call("60", to=to), [left(micros("1"), 9)], plans=plans).charge_micros == charge


# What happened during a month, in the order of time: seconds of the call -> free, charge. 90 s left at first
MONTH = [
    ("2026-03-02T08:00:00+01:00", "30", 60, "0"),
    ("2026-03-02T09:00:00+01:00", "61", 30, "0.15"),  # 120 s, of which 30 are free: 90 x 0.10 / 60
    ("2026-03-02T10:00:00+01:00", "0", 0, "0"),
    ("2026-03-02T11:00:00+01:00", "1", 0, "0.10"),
]


def test_drawn_in_order_of_time_whatever_the_arrival() -> None:
    twin = Both([catalogue(MINUTES, plans=(minutes_plan(90_000),))])
    for order in itertools.permutations(MONTH):
        outcomes, buckets = in_order(twin, [call(seconds, at) for at, seconds, *_ in order], [left(90_000)])
        told = [(outcome.free_qty // 1000, outcome.charge_micros) for outcome in outcomes]
        assert told == [(free_s, micros(charge)) for *_, free_s, charge in order]
        assert buckets == (left(0),)


def test_events_of_one_instant_are_taken_by_key() -> None:
    twin = Both([catalogue(MINUTES, plans=(minutes_plan(90_000),))])
    events = [call("60", event_key=bytes([key]) * 16) for key in (2, 1, 9)]
    for order in itertools.permutations(range(3)):
        outcomes, _ = in_order(twin, [events[i] for i in order], [left(90_000)])
        assert {events[i].event_key[0]: outcome.free_qty for i, outcome in zip(order, outcomes, strict=True)} == {
            1: 60_000,
            2: 30_000,
            9: 0,
        }


def test_a_shared_allowance_is_one_bucket_of_two_holders() -> None:
    plans = (plan(allowances=(minutes(1, shared=True), minutes(2))),)
    twin = Both([catalogue(MINUTES, plans=plans)])
    events = [call("120", f"2026-03-02T{hour:02d}:00:00+01:00") for hour in (8, 9, 10, 11)]
    buckets = {"shared": left(180_000, 1), "own of ann": left(60_000, 2), "own of bob": left(30_000, 2)}
    held = {"ann": ["shared", "own of ann"], "bob": ["own of bob", "shared"]}
    ordered = twin.rate_in_order(events, ["ann", "bob", None, "ann"], held, buckets)
    # Ann takes 120 of the shared 180; Bob the other 60 and 30 of his own; nobody's event draws nothing; Ann has 60 of her own left.
    assert [outcome.free_qty // 1000 for outcome in ordered.outcomes] == [120, 90, 0, 60]
    assert {key: each.amount for key, each in ordered.buckets.items()} == {"shared": 0, "own of ann": 0, "own of bob": 0}

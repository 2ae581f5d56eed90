"""Steps and packages over all events of a period: a diary of events, each charge the consequence of those before it."""

from __future__ import annotations

import itertools

import pytest

from rating.model import OTHER_BAND, BucketKind, Counting, QuantityUnit, Service
from tests.rating.both import Both
from tests.rating.shop import bucket, calendar, call, catalogue, in_order, left, micros, minutes, plan, price, rate, rated, rule, use

# Minutes at 0.10, from the 5th minute of the period on at 0.05. seconds -> charge, minutes counted after it
GRADUATED = [
    ("120", "0.20", 2),
    ("1", "0.10", 3),  # increments count from the start of the event: a started minute each
    ("0", "0", 3),  # zero usage counts nothing
    ("180", "0.20", 6),  # one at 0.10, then from the 5th on 2 x 0.05
    ("60", "0.05", 7),
]


def test_graduated_steps_count_over_all_events() -> None:
    the_price = price(rate("60/60 at 0.10/60s, from 240s 60 at 0.05/60s"), counting=Counting.GRADUATED, counter_id=3)
    twin = Both([catalogue(the_price)])
    events = [call(seconds, f"2026-03-{day:02d}T12:00:00+01:00") for day, (seconds, *_) in enumerate(GRADUATED, 1)]
    for shuffled in (events, events[::-1]):
        outcomes, buckets = in_order(twin, shuffled, [bucket(BucketKind.COUNTER, 3, 0)])
        by_time = sorted(outcomes, key=lambda outcome: outcome.event.start_us)
        assert [outcome.charge_micros for outcome in by_time] == [micros(charge) for _, charge, _ in GRADUATED]
        assert [outcome.counter_after for outcome in by_time if outcome.chargeable_qty] == [120_000, 180_000, 360_000, 420_000]
        assert buckets == (bucket(BucketKind.COUNTER, 3, 420_000),)


# where the counter stands (seconds), price, seconds of the call -> charge. 60/60 at 0.10, from 240 s on 30 at 0.05
STANDS = [
    (0, "240", "0.40"),
    (0, "241", "0.425"),  # a further increment of 30 s at 0.05 a minute
    (239, "60", "0.10"),  # the minute begins one second before the step, and is whole at 0.10
    (239, "61", "0.125"),  # and the next increment begins past it
    (240, "60", "0.05"),  # the first increment stays 60 s long: it is the event's
    (240, "61", "0.075"),
    (10_000, "600", "0.50"),
]


@pytest.mark.parametrize(("stands_s", "seconds", "charge"), STANDS)
def test_where_the_counter_stands(stands_s: int, seconds: str, charge: str) -> None:
    the_price = price(rate("60/60 at 0.10/60s, from 240s 30 at 0.05/60s"), counting=Counting.GRADUATED, counter_id=3)
    outcome = rated(the_price, call(seconds), [bucket(BucketKind.COUNTER, 3, stands_s * 1000)])
    assert (outcome.charge_micros, outcome.counter_before) == (micros(charge), stands_s * 1000)
    assert outcome.buckets[0].amount == outcome.counter_after == stands_s * 1000 + outcome.chargeable_qty


def test_without_a_bucket_each_event_begins_at_nothing() -> None:
    the_price = price(rate("60/60 at 0.10/60s, from 60s 60 at 0.05/60s"), counting=Counting.GRADUATED, counter_id=3)
    for held in ([], [bucket(BucketKind.COUNTER, 4, 600_000)]):  # none, or another counter's
        outcome = rated(the_price, call("120"), held)
        assert (outcome.charge_micros, outcome.buckets) == (micros("0.15"), tuple(held))


def test_prices_of_one_counter_count_together() -> None:
    prices = [
        price(rate(words), price_id=i, name=str(i), counting=Counting.GRADUATED, counter_id=3)
        for i, words in enumerate(("60/60 at 0.10/60s, from 120s 60 at 0.04/60s", "60/60 at 0.20/60s, from 60s 60 at 0.08/60s"))
    ]
    twin = Both([catalogue(prices[0], prices=tuple(prices), plans=(plan(rule("home", "0"), rule("*", "1")),))])
    events = [call("60", f"2026-03-02T{hour}:00:00+01:00", to) for hour, to in ((10, "49"), (11, "33"), (12, "49"), (13, "33"))]
    outcomes, buckets = in_order(twin, events, [bucket(BucketKind.COUNTER, 3, 0)])
    # 0 s before the first: 0.10; 60 s before the second: its second step, 0.08; then 120 s: 0.04; then 0.08
    assert [outcome.charge_micros for outcome in outcomes] == [micros(text) for text in ("0.10", "0.08", "0.04", "0.08")]
    assert buckets[0].amount == 240_000


def test_free_quantity_counts_and_a_refused_event_does_not() -> None:
    the_price = price(rate("60/60 at 0.10/60s, from 60s 60 at 0.05/60s"), counting=Counting.GRADUATED, counter_id=3)
    held = [left(60_000), bucket(BucketKind.COUNTER, 3, 0)]
    free = rated(the_price, call("120"), held, plans=(plan(allowances=(minutes(),)),))
    assert (free.charge_micros, free.buckets) == (
        micros("0.05"),
        (left(0), bucket(BucketKind.COUNTER, 3, 120_000)),
    )  # the rest keeps its step
    refused = rated(the_price, use(10**15, Service.VOICE), held, plans=(plan(allowances=(minutes(),)),))
    assert refused.buckets == tuple(held)


# Blocks of ten minutes at 1.00. seconds -> blocks begun by the event, charge, seconds of the open block that are still paid for
PACKAGES = [
    ("60", 1, "1.00", 540),
    ("240", 0, "0", 300),  # inside the block that the first event began
    ("300", 0, "0", 0),
    ("1", 1, "1.00", 599),
    ("1199", 1, "1.00", 0),  # 599 are paid, 600 more make it
    ("1201", 3, "3.00", 599),  # 600 + 600 + 1
    ("0", 0, "0", 599),
]


def test_a_package_begun_by_one_event_serves_the_next_ones() -> None:
    the_price = price(rate("600/600 at 1.00/600s"), counting=Counting.PACKAGE, counter_id=3)
    twin = Both([catalogue(the_price)])
    counter = bucket(BucketKind.COUNTER, 3, 0)
    counted = 0
    for day, (seconds, blocks, charge, paid_s) in enumerate(PACKAGES, 1):
        outcome = twin.rate(call(seconds, f"2026-03-{day:02d}T12:00:00+01:00"), [counter])
        counter = outcome.buckets[0]
        counted += blocks * 600_000
        assert (sum(piece.increments for piece in outcome.pieces), outcome.charge_micros) == (blocks, micros(charge))
        assert (counter.amount, counter.mark) == (counted, paid_s * 1000)


def test_packages_in_order_of_time_whatever_the_arrival() -> None:
    the_price = price(rate("5/5 at 1.00/5m"), unit=QuantityUnit.MESSAGE, counting=Counting.PACKAGE, counter_id=3)
    twin = Both([catalogue(the_price, plans=(plan(rule(service=Service.SMS)),))])
    events = [use(quantity, Service.SMS, f"2026-03-0{day}T12:00:00+01:00") for day, quantity in ((1, 3), (2, 3), (3, 4))]
    for order in itertools.permutations(range(3)):
        outcomes, buckets = in_order(twin, [events[i] for i in order], [bucket(BucketKind.COUNTER, 3, 0)])
        charges = {i: outcome.charge_micros for i, outcome in zip(order, outcomes, strict=True)}
        assert charges == {0: micros("1.00"), 1: micros("1.00"), 2: 0}  # 3 of 5; 2 + 1 of the next 5; 4 of it
        assert buckets == (bucket(BucketKind.COUNTER, 3, 10),)


# counted, paid (s), seconds -> charge, paid after. First package 300 s, then 600 s at 0.60 from 900 s of the period on, 100 s before
STEPS_OF_PACKAGES = [
    (0, 0, "1", "3.00", 299),  # the first of the period: 300 s at 0.01 a second
    (300, 299, "299", "0", 0),
    (300, 0, "1", "1.00", 99),  # not the first: a further package of 100 s
    (800, 0, "101", "7.00", 599),  # 100 s at 0.01, then from 900 on 600 s at 0.01
    (900, 50, "51", "6.00", 599),
    (899, 0, "100", "1.00", 0),  # it begins before 900
]


@pytest.mark.parametrize(("counted_s", "paid_s", "seconds", "charge", "after_s"), STEPS_OF_PACKAGES)
def test_steps_of_packages(counted_s: int, paid_s: int, seconds: str, charge: str, after_s: int) -> None:
    the_price = price(rate("300/100 at 0.01/1s, from 900s 600 at 0.01/1s"), counting=Counting.PACKAGE, counter_id=3)
    outcome = rated(the_price, call(seconds), [bucket(BucketKind.COUNTER, 3, counted_s * 1000, paid_s * 1000)])
    assert (outcome.charge_micros, outcome.paid_after) == (micros(charge), after_s * 1000)


# minimum seconds, paid seconds, seconds of the call -> blocks of 60, paid after
@pytest.mark.parametrize(
    ("minimum", "paid", "seconds", "blocks", "after"), [(90, 0, "1", 2, 30), (90, 90, "1", 0, 0), (90, 89, "1", 1, 59)]
)
def test_a_minimum_quantity_is_taken_from_what_is_paid(minimum: int, paid: int, seconds: str, blocks: int, after: int) -> None:
    the_price = price(rate("60/60 at 0.10/60s"), counting=Counting.PACKAGE, counter_id=3, minimum_qty=minimum * 1000)
    outcome = rated(the_price, call(seconds), [bucket(BucketKind.COUNTER, 3, 600_000, paid * 1000)])
    assert (outcome.chargeable_qty, outcome.paid_after) == (blocks * 60_000, after * 1000)


def test_what_is_paid_already_has_neither_connect_fee_nor_minimum() -> None:
    the_price = price(rate("60/60 at 0.10/60s", connect="0.05"), counting=Counting.PACKAGE, counter_id=3, minimum_micros=200_000)
    for paid_s, charge in ((60, "0"), (59, "0.20")):
        outcome = rated(the_price, call("60"), [bucket(BucketKind.COUNTER, 3, 60_000, paid_s * 1000)])
        assert outcome.charge_micros == micros(charge)


def test_a_package_begins_in_the_band_in_which_what_is_paid_ends() -> None:
    the_price = price(
        rate("60/60 at 0.20/60s", band="peak"), rate("60/60 at 0.10/60s", band=OTHER_BAND),
        calendar="week", counting=Counting.PACKAGE, counter_id=3,
    )  # fmt: skip
    peak = calendar(("peak", "12345", "08:00", "20:00"))
    event = call("120", "2026-03-02T19:59:30+01:00")
    for paid_s, told in ((0, [("peak", 1), (OTHER_BAND, 1)]), (29, [("peak", 1), (OTHER_BAND, 1)]), (30, [(OTHER_BAND, 2)])):
        outcome = rated(the_price, event, [bucket(BucketKind.COUNTER, 3, 60_000, paid_s * 1000)], calendars=(peak,))
        assert [(piece.band, piece.increments) for piece in outcome.pieces] == told

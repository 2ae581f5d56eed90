"""What allowances make free: a row an event or a bucket, the arithmetic beside it. Amounts are currency units as text."""

from __future__ import annotations

import pytest

from rating.model import OTHER_BAND, Allowance, BucketKind, Draw, Plan, QuantityUnit, Service, Zone
from rating.outcome import Bucket
from rating.status import Status
from tests.rating.both import Both
from tests.rating.shop import (
    NOON,
    bucket,
    calendar,
    call,
    catalogue,
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
    use,
)

SIXTY_ONE = price(rate("60/1 at 0.10/60s", connect="0.05"), minimum_micros=80_000)
MINUTES = price(rate("60/60 at 0.10/60s"))

# left seconds, seconds of the call -> free seconds, charge (60/1 at 0.10 a minute, connect 0.05, minimum 0.08)
EXACT = [
    (0, "60", 0, "0.15"),
    (600, "60", 60, "0"),  # all free: neither connect fee nor minimum
    (600, "1", 60, "0"),  # the first increment is drawn whole
    (60, "60", 60, "0"),
    (59, "60", 59, "0.08"),  # one second charged: 0.05 + 0.001667, raised to 0.08
    (30, "90", 30, "0.15"),  # 60 s charged: 0.05 + 0.10
    (600, "0", 0, "0"),  # zero usage draws nothing
]


@pytest.mark.parametrize(("left_s", "seconds", "free_s", "charge"), EXACT)
def test_drawn_to_the_last_unit(left_s: int, seconds: str, free_s: int, charge: str) -> None:
    outcome = rated(SIXTY_ONE, call(seconds), left_s * 1000, plans=(minutes_plan(600_000),))
    assert (outcome.free_qty, outcome.charge_micros) == (free_s * 1000, micros(charge))
    assert outcome.buckets == (left((left_s - free_s) * 1000),)
    assert outcome.status is (Status.RATED if micros(charge) else Status.ZERO_RATED)


# increments (at 0.01 a second), left seconds, seconds of the call -> free seconds, charge
WHOLE_INCREMENTS = [
    ("60/60 at 0.60/60s", 150, "180", 120, "0.60"),  # 2 x 60 are covered whole, the 30 s stay
    ("60/60 at 0.60/60s", 180, "180", 180, "0"),
    ("60/60 at 0.60/60s", 179, "180", 120, "0.60"),
    ("60/60 at 0.60/60s", 59, "180", 0, "1.80"),  # not even one
    ("60/60 at 0.60/60s", 600, "61", 120, "0"),
    ("90/10 at 0.60/60s", 95, "120", 90, "0.30"),  # 90 s whole, 3 x 10 s charged
    ("90/10 at 0.60/60s", 100, "120", 100, "0.20"),
    ("90/10 at 0.60/60s", 89, "120", 0, "1.20"),
    ("60/60 at 0.60/60s, from 120s 7 at 0.60/60s", 130, "150", 127, "0.28"),  # 60, 120, 127 | 134, 141, 148, 155: 4 x 7 s charged
    ("60/60 at 0.60/60s, from 120s 7 at 0.60/60s", 119, "150", 60, "0.95"),  # 155 - 60 = 95 s
]


@pytest.mark.parametrize(("words", "left_s", "seconds", "free_s", "charge"), WHOLE_INCREMENTS)
def test_drawn_by_whole_increments(words: str, left_s: int, seconds: str, free_s: int, charge: str) -> None:
    whole = plan(allowances=(minutes(draw=Draw.WHOLE_INCREMENTS),))
    outcome = rated(price(rate(words)), call(seconds), left_s * 1000, plans=(whole,))
    assert (outcome.free_qty, outcome.charge_micros) == (free_s * 1000, micros(charge))
    assert outcome.buckets[0].amount == (left_s - free_s) * 1000


def test_a_million_increments_end_where_one_by_one_they_would() -> None:
    the_price = price(rate("1/1 at 0.01/1B"), unit=QuantityUnit.BYTE)
    data = minutes(services=(Service.DATA,), unit=QuantityUnit.BYTE, draw=Draw.WHOLE_INCREMENTS)
    plans = (plan(rule(service=Service.DATA), allowances=(data,)),)
    outcome = rated(the_price, use(2**40, Service.DATA), 2**39, plans=plans)
    assert (outcome.free_qty, outcome.chargeable_qty, len(outcome.pieces)) == (2**39, 2**40, 1)


# zones of the allowance, destination -> free seconds. Rules for zone home (49) and for everywhere
SERVES_ZONES = [
    (("home",), "49301", 60),
    (("home",), "33", 0),
    (("*",), "33", 60),
    (("*",), "49301", 60),
    (("*",), "", 60),
    (("abroad", "home"), "49301", 60),
    (("abroad",), "49301", 0),
]


@pytest.mark.parametrize(("zones", "to", "free_s"), SERVES_ZONES)
def test_an_allowance_serves_its_zones(zones: tuple[str, ...], to: str, free_s: int) -> None:
    two = (Zone(1, "home", ("49",)), Zone(2, "abroad", ("43",)))
    outcome = rated(MINUTES, call("60", to=to), 600_000, plans=(minutes_plan(600_000, zones),), zones=two)
    assert outcome.free_qty == free_s * 1000


MMS_OR_SMS = minutes(name="messages", services=(Service.SMS, Service.MMS), unit=QuantityUnit.MESSAGE)
MEGABYTES = minutes(name="megabytes", services=(Service.DATA,), unit=QuantityUnit.BYTE)

# allowance, service, unit of the price, quantity, left -> free, charge at 0.10 a unit
SERVICES = [
    (MMS_OR_SMS, Service.SMS, QuantityUnit.MESSAGE, 3, 2, 2, "0.10"),
    (MMS_OR_SMS, Service.MMS, QuantityUnit.MESSAGE, 1, 2, 1, "0"),
    (MMS_OR_SMS, Service.CONTENT, QuantityUnit.MESSAGE, 1, 2, 0, "0.10"),  # counted alike, but not served
    (MEGABYTES, Service.DATA, QuantityUnit.BYTE, 5, 4, 4, "0.10"),
    (MMS_OR_SMS, Service.DATA, QuantityUnit.BYTE, 1, 4, 0, "0.10"),
]


@pytest.mark.parametrize("row", SERVICES)
def test_messages_and_bytes(row: tuple[Allowance, Service, QuantityUnit, int, int, int, str]) -> None:
    allowance, service, unit, quantity, amount, free, charge = row
    plans = (plan(rule(service=service), allowances=(allowance,)),)
    outcome = rated(price(rate("1/1 at 0.10/1m"), unit=unit), use(quantity, service), amount, plans=plans)
    assert (outcome.free_qty, outcome.charge_micros) == (free, micros(charge))


def test_allowance_ends_inside_a_step_inside_a_band() -> None:
    the_price = price(
        rate("60/1 at 0.60/60s, from 120s 1 at 0.30/60s", band="peak", connect="0.05"),
        rate("60/1 at 0.12/60s", band=OTHER_BAND),
        calendar="week",
    )
    peak = calendar(("peak", "12345", "08:00", "20:00"))
    event = call("240", "2026-03-02T19:57:00+01:00")  # 180 s before 20:00
    outcome = rated(the_price, event, 150_000, calendars=(peak,), plans=(minutes_plan(600_000),))
    told = [
        (p.from_qty // 1000, p.to_qty // 1000, p.band, p.step, p.increments, p.free_qty // 1000, p.amount_micros) for p in outcome.pieces
    ]
    assert told == [
        (0, 60, "peak", 0, 1, 60, 0),
        (60, 120, "peak", 0, 60, 60, 0),
        (120, 180, "peak", 1, 60, 30, micros("0.15")),  # the free head ends at 150; the other 30 s keep step 2 of the peak
        (180, 240, OTHER_BAND, 0, 60, 0, micros("0.12")),
    ]
    assert outcome.charge_micros == micros("0.32")  # 0.05 + 0.15 + 0.12


# which of allowances 1 and 2 connect when free, seconds left of each -> connect fee of a call of 60 s, charge (minimum 0.08)
CONNECT = [
    ({}, (60, 0), "0", "0"),
    ({1}, (60, 0), "0.05", "0.08"),  # wholly free, but connected: 0.05, raised to the minimum
    ({1}, (30, 30), "0.05", "0.08"),  # one of those drawn from asks for it
    ({2}, (30, 30), "0.05", "0.08"),
    ({1}, (0, 60), "0", "0"),  # not drawn from
    ({1, 2}, (30, 0), "0.05", "0.10"),  # partly free: 0.05 + 30 x 0.10 / 60
]


@pytest.mark.parametrize(("connecting", "left_s", "connect", "charge"), CONNECT)
def test_connect_when_free(connecting: set[int], left_s: tuple[int, int], connect: str, charge: str) -> None:
    plans = (plan(allowances=tuple(minutes(which, connect_when_free=which in connecting) for which in (1, 2))),)
    outcome = rated(SIXTY_ONE, call("60"), [left(left_s[0] * 1000, 1), left(left_s[1] * 1000, 2)], plans=plans)
    assert (outcome.connect_fee_micros, outcome.charge_micros) == (micros(connect), micros(charge))


def test_what_the_plan_in_force_does_not_have_stays_as_it_is() -> None:
    strange = [
        left(600_000, 2),  # no such allowance
        Bucket(BucketKind.ALLOWANCE, "other", 1, 600_000),  # of another catalogue
        bucket(BucketKind.DAY_PASS, 1, 600_000),  # a pass, which the plan has none of
        bucket(BucketKind.COUNTER, 1, 600_000),
        bucket(BucketKind.CAP, 1, 0),
    ]
    outcome = rated(MINUTES, call("60"), strange, plans=(minutes_plan(600_000),))
    assert (outcome.free_qty, outcome.charge_micros, outcome.taken, outcome.caps) == (0, micros("0.10"), (), ())
    assert outcome.buckets == tuple(strange)


def test_allowances_are_those_of_the_own_plan_not_of_a_fallback() -> None:
    plans: tuple[Plan, ...] = (
        plan(rule("home"), fallbacks=("second",), allowances=(minutes(1),)),
        plan(rule("*"), name="second", allowances=(minutes(2),)),
    )
    held = [left(60_000, 1), left(60_000, 2)]
    for to in ("49", "33"):
        outcome = rated(MINUTES, call("180", to=to), held, plans=plans)
        assert [told.definition_id for told in outcome.taken] == [1]


def test_an_allowance_that_a_version_added_serves_from_then_on() -> None:
    old = catalogue(MINUTES)
    new = catalogue(MINUTES, version=2, effective_from_us=instant_us(NOON), plans=(plan(allowances=(minutes(),)),))
    twin = Both([old, new])
    assert twin.rate(call("60", "2026-03-02T11:59:59+01:00"), [left(600_000)]).free_qty == 0
    assert twin.rate(call("60", NOON), [left(600_000)]).free_qty == 60_000

"""The compiled kernel by itself, a row a rule: what it must answer, worked out by hand and not by the twin."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec
import pytest

from rating.model import (
    ANY_ZONE,
    OTHER_BAND,
    BandPolicy,
    BucketKind,
    CapWindow,
    ChargeCap,
    Counting,
    DayPass,
    Discount,
    Draw,
    QuantityUnit,
    Service,
    Zone,
)
from rating.money import RoundingMode
from rating.outcome import Bucket, Event
from rating.status import Status
from tests.rating import harness
from tests.rating.generator import Case
from tests.rating.shop import NOON, bucket, calendar, call, catalogue, instant_us, left, micros, minutes, plan, price, rate, rule, use

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.model import Catalogue, Plan, Price

TEN_CENTS = price(rate("60/60 at 0.10/60s"))


def by_kernel(catalogues: Sequence[Catalogue], events: Sequence[Event], held: Sequence[Bucket] = ()) -> list[harness.Seen]:
    """What the kernel makes of `events`, all of one holder with the buckets `held`."""
    return with_state(catalogues, events, held)[0]


def with_state(
    catalogues: Sequence[Catalogue], events: Sequence[Event], held: Sequence[Bucket]
) -> tuple[list[harness.Seen], list[list[int]]]:
    """The same, and amount and mark of each bucket afterwards."""
    case = Case(list(catalogues), list(events), [0] * len(events), {0: range(len(held))}, dict(enumerate(held)), [1])
    answer = harness.by_kernel(case)
    return harness.seen(answer, case), answer.buckets.tolist()


def one(the_price: Price, event: Event, held: Sequence[Bucket] = (), **terms: object) -> harness.Seen:
    """One event of plan `shop/plan`, whose price holds for any destination and which has free minutes, messages and bytes."""
    the_plan = plan(rule(service=Service(event.service)), allowances=(minutes(services=(Service(event.service),), unit=the_price.unit),))
    return by_kernel([catalogue(the_price, **{"plans": (the_plan,), **terms})], [event], held)[0]


GOOD: dict[str, object] = {"plan": "shop/plan", "quantity": 60_000_000, "start_us": instant_us(NOON), "destination": "49", "service": 1}
# Each wrong in one way, in the order of the statuses; a row below gives an event the mistakes of all rows that follow as well.
WRONG: list[tuple[dict[str, object], Status]] = [
    ({"plan": None}, Status.UNKNOWN_SUBSCRIPTION),
    ({"plan": "shop/other"}, Status.UNKNOWN_PLAN),
    ({"quantity": -1}, Status.NEGATIVE_QUANTITY),
    ({"start_us": instant_us("2070-01-01T00:00:00Z")}, Status.TIME_OUT_OF_RANGE),
    ({"destination": None}, Status.INVALID_NUMBER),
    ({"start_us": instant_us("2025-01-01T00:00:00Z")}, Status.NO_VERSION),
    ({"destination": "33"}, Status.NO_ZONE),
    ({"destination": "4999"}, Status.NOT_SOLD),
    ({"quantity": 2**62}, Status.QUANTITY_TOO_LARGE),
]


@pytest.mark.parametrize("position", range(len(WRONG)))
def test_the_first_refusal_wins(position: int) -> None:
    zones = (Zone(1, "home", ("49",)), Zone(2, "unsold", ("4999",)))
    shop = catalogue(TEN_CENTS, zones=zones, plans=(plan(rule("home"), rule("unsold", None), allowances=(minutes(),)),))
    everything = dict(GOOD)
    for change, _status in reversed(WRONG[position:]):  # an earlier mistake overwrites a later one of the same field
        everything |= change
    events = [_event(WRONG[position][0]), _event(everything), _event({})]
    alone, together, good = by_kernel([shop], events, [left(30_000)])
    assert (alone.status, together.status) == (WRONG[position][1], WRONG[position][1])
    assert all((seen.charge_micros, seen.chargeable_qty, seen.free_qty) == (0, 0, 0) for seen in (alone, together))
    assert (good.status, good.charge_micros, good.free_qty) == (Status.RATED, micros("0.05"), 30_000)  # nothing was drawn before


def _event(change: dict[str, object]) -> Event:
    return Event(bytes(16), **{**GOOD, **change})  # type: ignore[arg-type]  # rows of mixed columns


# words of the rate, connect fee, terms, seconds -> chargeable seconds, charge
AMOUNTS: list[tuple[str, str, dict[str, object], str, int, str]] = [
    ("60/60 at 0.10/60s", "0", {}, "60.000001", 120, "0.20"),  # a microsecond is in the next minute
    ("60/1 at 0.09/60s", "0.05", {}, "185.2", 186, "0.329"),
    ("60/60 at 0.10/60s", "0.05", {"maximum_micros": 20_000}, "60", 60, "0.02"),  # below the connect fee
    ("60/60 at 0.10/60s", "0.05", {"maximum_micros": 0}, "60", 60, "0"),
    ("60/60 at 0/60s", "0", {}, "60", 60, "0"),
    ("60/60 at 0/60s", "0.05", {}, "60", 60, "0.05"),
    ("60/60 at 0/60s", "0", {"minimum_micros": 70_000}, "60", 60, "0.07"),
    ("60/60 at 0.10/60s", "0.05", {}, "0", 0, "0"),
    ("60/60 at 0.10/60s", "0.05", {"charge_zero_usage": True, "minimum_micros": 60_000}, "0", 0, "0.06"),
    ("60/60 at 0.10/60s, from 90s 60 at 0.05/60s", "0", {}, "130", 180, "0.25"),
    ("600/1 at 0.10/60s, from 60s 1 at 0.05/60s", "0", {}, "1", 600, "1.00"),  # the first increment is whole at the first step
    ("1/1 at 0.01/60s", "0", {"rounding_step_micros": 5_000_000, "rounding_mode": RoundingMode.UP}, "1", 1, "5"),
    ("1/1 at 0.01/60s", "0", {"rounding_step_micros": 5_000_000, "rounding_mode": RoundingMode.DOWN}, "1", 1, "0"),
    ("60/60 at 2.50/60s", "0", {"rounding_step_micros": 5_000_000, "rounding_mode": RoundingMode.HALF_UP}, "60", 60, "5"),
    ("60/60 at 2.50/60s", "0", {"rounding_step_micros": 5_000_000, "rounding_mode": RoundingMode.HALF_EVEN}, "60", 60, "0"),
    ("60/60 at 7.50/60s", "0", {"rounding_step_micros": 5_000_000, "rounding_mode": RoundingMode.HALF_EVEN}, "60", 60, "10"),
]


@pytest.mark.parametrize("row", AMOUNTS)
def test_amounts(row: tuple[str, str, dict[str, object], str, int, str]) -> None:
    words, connect, terms, seconds, chargeable_s, charge = row
    seen = one(price(rate(words, connect=connect), **terms), call(seconds))
    assert (seen.chargeable_qty, seen.charge_micros) == (chargeable_s * 1000, micros(charge))
    assert seen.status == (Status.RATED if micros(charge) else Status.ZERO_RATED)


# left, seconds -> free seconds, charge, at 60/30, 0.10 a minute for 120 s and then 0.05, connect 0.05
ENDS = [
    (60_000, "60", 60_000, "0"),  # at the end of the event
    (60_000, "90", 60_000, "0.10"),  # at the end of an increment: 0.05 + 30 s x 0.10
    (75_000, "90", 75_000, "0.075"),  # inside an increment: 0.05 + 15 s x 0.10
    (120_000, "150", 120_000, "0.075"),  # where a step begins: 0.05 + 30 s x 0.05
    (119_999, "150", 119_999, "0.075002"),  # a millisecond before: + 1 ms x 0.10 a minute, 0.0000017
    (90_001, "90", 90_000, "0"),  # a millisecond more than the event
    (89_999, "90", 89_999, "0.050002"),
]


@pytest.mark.parametrize(("amount", "seconds", "free", "charge"), ENDS)
def test_where_an_allowance_ends(amount: int, seconds: str, free: int, charge: str) -> None:
    seen = one(price(rate("60/30 at 0.10/60s, from 120s 30 at 0.05/60s", connect="0.05")), call(seconds), [left(amount)])
    assert (seen.free_qty, seen.charge_micros) == (free, micros(charge))


def test_allowances_of_messages_and_bytes() -> None:
    sms = price(rate("1/1 at 0.09/1m"), unit=QuantityUnit.MESSAGE, band_policy=BandPolicy.START)
    data = price(rate("1000/1000 at 1/1000B"), unit=QuantityUnit.BYTE, band_policy=BandPolicy.START)
    assert one(sms, use(3, Service.SMS), [left(2)])[2:5] == (micros("0.09"), 3, 2)
    assert one(data, use(2_500, Service.DATA), [left(1_500)])[2:5] == (micros("1.5"), 3_000, 1_500)


def test_equal_starts_draw_in_order_of_the_whole_key() -> None:
    keys = [n.to_bytes(16) for n in (1, 2, 2**63, 2**64, 2**127)]  # lowest first, as bytes
    events = {key: msgspec.structs.replace(call("60"), event_key=key) for key in keys}
    shop = catalogue(TEN_CENTS, plans=(plan(allowances=(minutes(),)),))
    for order in list(itertools.permutations(keys))[::11]:
        seen = by_kernel([shop], [events[key] for key in order], [left(150_000)])
        assert [seen[order.index(key)].free_qty for key in keys] == [60_000, 60_000, 30_000, 0, 0]


WEEK = calendar(("peak", "12345", "08:00", "20:00"), ("noon", "67", "11:59", "12:00"))
BANDED = price(
    rate("60/60 at 0.20/60s", band="peak", connect="0.03"),
    rate("60/60 at 0.60/60s", band="noon"),
    rate("60/60 at 0.10/60s", band=OTHER_BAND),
    calendar="week",
)
# zone, start, seconds, first increment -> charge
ACROSS = [
    ("Europe/Berlin", "2026-03-02T19:59:30+01:00", 120, 60, "0.33"),  # Monday: 0.03 + 0.20 + 0.10
    ("Europe/Berlin", "2026-03-07T11:58:00+01:00", 180, 60, "0.80"),  # Saturday: 0.10 + 0.60 + 0.10
    ("Europe/Berlin", "2026-03-07T11:58:30+01:00", 180, 60, "0.80"),  # the minutes begin at 11:58:30, 11:59:30, 12:00:30
    ("Europe/Berlin", "2026-03-07T11:58:00+01:00", 180, 120, "0.30"),  # the first two minutes jump over the band: 0.20 + 0.10
    # Three days from Friday 19:59: 1 minute of peak; to Monday 08:00 3,600 minutes, two of them noon; 719 minutes of Monday's peak.
    ("Europe/Berlin", "2026-03-06T19:59:00+01:00", 3 * 86_400, 60, "505.03"),  # 0.03 + 720 x 0.20 + 3,598 x 0.10 + 2 x 0.60
    # At 02:00 clocks go back by half an hour: it is 11:59 after 750 minutes.
    ("Australia/Lord_Howe", "2026-04-04T23:59:00+11:00", 750 * 60, 60, "75.00"),
    ("Australia/Lord_Howe", "2026-04-04T23:59:00+11:00", 751 * 60, 60, "75.60"),
    # A Wednesday of which only the first second is rated: a call may go on beyond that.
    ("Europe/Berlin", "2069-12-31T23:59:59Z", 86_400, 60, "216.00"),  # 720 x 0.20 + 720 x 0.10
]


@pytest.mark.parametrize(("zone", "at", "seconds", "first", "charge"), ACROSS)
def test_bands_are_split(zone: str, at: str, seconds: int, first: int, charge: str) -> None:
    rates = tuple(msgspec.structs.replace(each, first_increment_qty=first * 1000) for each in BANDED.rates)
    seen = one(msgspec.structs.replace(BANDED, rates=rates), call(str(seconds), at), timezone=zone, calendars=(WEEK,))
    assert seen.charge_micros == micros(charge)


SWITCH = "2026-03-02T12:00:00+01:00"
# start of a two-minute call on plans of both versions, the old one and the new one only -> charge or status
VERSIONS = [
    ("2026-03-02T11:59:59.999999+01:00", "0.20", "0.20", Status.NO_VERSION),  # the version at the start prices all of it
    (SWITCH, "1.00", Status.NO_VERSION, "1.00"),
    ("2025-12-31T23:59:59.999999+01:00", Status.NO_VERSION, Status.NO_VERSION, Status.NO_VERSION),
]


@pytest.mark.parametrize(("at", "both", "old", "new"), VERSIONS)
def test_the_version_at_the_start_prices(at: str, both: str | Status, old: str | Status, new: str | Status) -> None:
    plans = {name: plan(name=name) for name in ("both", "old", "new")}
    first = catalogue(TEN_CENTS, plans=(plans["both"], plans["old"]))
    second = catalogue(
        price(rate("60/60 at 0.50/60s")), version=2, effective_from_us=instant_us(SWITCH), plans=(plans["both"], plans["new"])
    )
    events = [msgspec.structs.replace(call("120", at), plan=f"shop/{name}") for name in plans]
    for seen, wanted in zip(by_kernel([second, first], events), (both, old, new), strict=True):
        assert (seen.status, seen.charge_micros) == ((wanted, 0) if isinstance(wanted, Status) else (Status.RATED, micros(wanted)))


# service, unit, words, largest quantity -> its charge
LARGEST = [
    (Service.VOICE, QuantityUnit.MILLISECOND, "60000/60000 at 0.01/60000s", 31 * 86_400 * 10**6, "0.45"),  # 2,678,400 s: 45 increments
    (Service.SMS, QuantityUnit.MESSAGE, "1/1 at 0.01/1m", 1_000_000, "10000"),
    (Service.DATA, QuantityUnit.BYTE, "1048576/1048576 at 0.01/1048576B", 2**40, "10485.76"),
]


@pytest.mark.parametrize(("service", "unit", "words", "largest", "charge"), LARGEST)
def test_the_largest_quantity(service: Service, unit: QuantityUnit, words: str, largest: int, charge: str) -> None:
    the_price = price(rate(words), unit=unit, band_policy=BandPolicy.START)
    allowed, refused = (one(the_price, use(quantity, service)) for quantity in (largest, largest + 1))
    assert (allowed.status, allowed.charge_micros) == (Status.RATED, micros(charge))
    assert (refused.status, refused.charge_micros) == (Status.QUANTITY_TOO_LARGE, 0)


# What a plan has besides, buckets of the holder -> what one call of 90 s at 60/30, 0.10 a minute, connect 0.05 comes to:
# (free seconds, gross, charge), amount and mark of the buckets afterwards.
DAY = 20_514  # 2026-03-02
WHOLE = {"allowances": (minutes(draw=Draw.WHOLE_INCREMENTS),)}
TWO = {"allowances": (minutes(2), minutes(1))}
PASS, CAP = BucketKind.DAY_PASS, BucketKind.CAP
COMPOSED: list[tuple[dict[str, object], list[Bucket], tuple[int, str, str], list[list[int]]]] = [
    (WHOLE, [left(75_000)], (60, "0.10", "0.10"), [[15_000, 0]]),  # the remnant stays
    (WHOLE, [left(59_999)], (0, "0.20", "0.20"), [[59_999, 0]]),
    ({"allowances": (minutes(connect_when_free=True),)}, [left(90_000)], (90, "0.05", "0.05"), [[0, 0]]),
    (TWO, [left(40_000, 1, priority=1), left(60_000, 2)], (90, "0", "0"), [[10_000, 0], [0, 0]]),  # the lower number first
    (TWO, [left(40_000, 1), left(60_000, 2, to_us=2**61)], (90, "0", "0"), [[10_000, 0], [0, 0]]),  # the earlier expiry
    (TWO, [left(60_000, 2), left(40_000, 1)], (90, "0", "0"), [[10_000, 0], [0, 0]]),  # the lower id
    ({"allowances": (minutes(unit=QuantityUnit.MICRO),)}, [left(150_000)], (0, "0.20", "0.05"), [[0, 0]]),
    ({"allowances": (minutes(),)}, [left(90_000, to_us=instant_us(NOON))], (0, "0.20", "0.20"), [[90_000, 0]]),  # expired
    ({"allowances": (minutes(),)}, [left(90_000, from_us=instant_us(NOON))], (90, "0", "0"), [[0, 0]]),
    ({}, [left(90_000)], (0, "0.20", "0.20"), [[90_000, 0]]),  # of another plan
    ({"day_passes": None}, [bucket(PASS, 9, 7, DAY - 1)], (90, "0.99", "0.99"), [[0, DAY]]),  # is opened
    ({"day_passes": None}, [bucket(PASS, 9, 0, DAY)], (90, "0", "0"), [[0, DAY]]),  # is open
    ({"day_passes": 60_000}, [bucket(PASS, 9, 0, DAY - 1)], (60, "1.09", "1.09"), [[0, DAY]]),
    ({"day_passes": 60_000}, [bucket(PASS, 9, 0, DAY)], (0, "0.20", "0.20"), [[0, DAY]]),  # is used up
    ({"caps": CapWindow.PERIOD}, [bucket(CAP, 3, 400_000)], (0, "0.20", "0.10"), [[500_000, 0]]),
    ({"caps": CapWindow.PERIOD}, [bucket(CAP, 3, 500_000)], (0, "0.20", "0"), [[500_000, 0]]),
    ({"caps": CapWindow.DAY}, [bucket(CAP, 3, 500_000, DAY - 1)], (0, "0.20", "0.20"), [[200_000, DAY]]),
    ({"caps": CapWindow.DAY}, [bucket(CAP, 3, 500_000, DAY)], (0, "0.20", "0"), [[500_000, DAY]]),
    ({"discounts": 100_000}, [], (0, "0.20", "0.18"), []),
]


@pytest.mark.parametrize(("terms", "held", "figures", "after"), COMPOSED)
def test_composition(terms: dict[str, object], held: list[Bucket], figures: tuple[int, str, str], after: list[list[int]]) -> None:
    the_price = price(rate("60/30 at 0.10/60s", connect="0.05"))
    shop = catalogue(the_price, plans=(_plan(terms), plan(name="other", allowances=(minutes(),))))
    (seen,), buckets = with_state([shop], [call("90")], held)
    free_s, gross, charge = figures
    assert (seen.free_qty, seen.gross_micros, seen.charge_micros) == (free_s * 1000, micros(gross), micros(charge))
    assert buckets == after


def _plan(terms: dict[str, object]) -> Plan:
    """A plan of short words: the milliseconds of a pass (fee 0.99), the window of a cap of 0.50, the ppm of a discount."""
    voice, anywhere = (Service.VOICE,), (ANY_ZONE,)
    made = dict(terms)
    if "day_passes" in terms:
        made["day_passes"] = (DayPass(9, "pass", micros("0.99"), voice, anywhere, QuantityUnit.MILLISECOND, terms["day_passes"]),)
    if "caps" in terms:
        made["caps"] = (ChargeCap(3, "cap", micros("0.50"), terms["caps"], voice, anywhere),)
    if isinstance(ppm := terms.get("discounts"), int):
        made["discounts"] = (Discount(4, "less off", ppm - 1, voice, anywhere), Discount(5, "off", ppm, voice, anywhere))
    return plan(**made)


# Counting, calls in order (seconds), the words of the rate -> charges, and the counter afterwards: amount and mark
COUNTED: list[tuple[Counting, list[str], str, list[str], list[int]]] = [
    (Counting.GRADUATED, ["60", "60", "60"], "60/60 at 0.10/60s, from 120s 60 at 0.05/60s", ["0.10", "0.10", "0.05"], [180_000, 0]),
    (Counting.PACKAGE, ["20", "20", "30"], "60/60 at 0.10/60s", ["0.10", "0", "0.10"], [120_000, 50_000]),
    (Counting.EVENT, ["20", "20", "30"], "60/60 at 0.10/60s", ["0.10", "0.10", "0.10"], [0, 0]),
]


@pytest.mark.parametrize(("counting", "seconds", "words", "charges", "after"), COUNTED)
def test_counting_over_the_period(counting: Counting, seconds: list[str], words: str, charges: list[str], after: list[int]) -> None:
    the_price = price(rate(words), counting=counting, counter_id=2)
    other = msgspec.structs.replace(TEN_CENTS, price_id=8, name="other", counting=Counting.PACKAGE, counter_id=2)  # so that it is known
    shop = catalogue(the_price, prices=(the_price, other), plans=(plan(),))
    events = [msgspec.structs.replace(call(each), event_key=place.to_bytes(16)) for place, each in enumerate(seconds)]
    seen, buckets = with_state([shop], events, [bucket(BucketKind.COUNTER, 2, 0)])
    assert [each.charge_micros for each in seen] == [micros(charge) for charge in charges]
    assert buckets == [after]


# Conditions of the first of two rules, what the event says -> whether that one (0.10) holds, else the other (0.50)
CONDITIONS: list[tuple[dict[str, object], dict[str, object], bool]] = [
    ({"direction": 1}, {"direction": 1}, True),
    ({"direction": 1}, {"direction": 2}, False),
    ({"direction": 1}, {}, False),
    ({"on_net": True}, {"on_net": True}, True),
    ({"on_net": False}, {"on_net": False}, True),
    ({"on_net": False}, {}, False),
    ({"origin": "home"}, {"origin": "4930"}, True),
    ({"origin": "home"}, {"origin": "33"}, False),
    ({"origin": "home"}, {}, False),
    ({"roaming": "home"}, {}, True),
    ({"roaming": "home"}, {"visited": 208_001}, False),
    ({"rating_group": 7}, {"rating_group": 7}, True),
    ({"rating_group": 7}, {}, False),
    ({"customer_group": 7}, {"customer_group": 8}, False),
    ({"customer_group": 7, "direction": 1}, {"customer_group": 7, "direction": 1}, True),
    ({"customer_group": 7, "direction": 1}, {"customer_group": 7, "direction": 2}, False),
]


@pytest.mark.parametrize(("conditions", "known", "holds"), CONDITIONS)
def test_conditions(conditions: dict[str, object], known: dict[str, object], holds: bool) -> None:  # noqa: FBT001 - a column of the table
    other = msgspec.structs.replace(TEN_CENTS, price_id=8, name="other", rates=(rate("60/60 at 0.50/60s"),))
    shop = catalogue(TEN_CENTS, prices=(TEN_CENTS, other), plans=(plan(rule(**conditions), rule(of="other")),))
    assert by_kernel([shop], [call("60", **known)])[0].charge_micros == micros("0.10" if holds else "0.50")

"""A fee for a local day: which event opens a pass, and what is free from then on. A diary of events on the clocks of several zones."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING

import pytest

from rating.model import BucketKind, DayPass, QuantityUnit, RoamingZone, Service, WallClock
from tests.rating.both import Both
from tests.rating.shop import (
    bucket,
    call,
    catalogue,
    closed_pass,
    day_pass,
    in_order,
    left,
    micros,
    minutes,
    plan,
    price,
    rate,
    rated,
    rule,
    use,
)

if TYPE_CHECKING:
    from rating.outcome import Event

MINUTES = price(rate("60/60 at 0.10/60s", connect="0.05"))


def _day(text: str) -> int:
    return (dt.date.fromisoformat(text) - dt.date(1970, 1, 1)).days


def _charges(events: list[Event], passes: tuple[DayPass, ...], **terms: object) -> list[int]:
    """What the events of one subscriber cost, in the order given, which is that of time."""
    twin = Both([catalogue(MINUTES, **{"plans": (plan(day_passes=passes),), **terms})])
    outcomes, _ = in_order(twin, events, [closed_pass(each.pass_id) for each in passes])
    return [outcome.charge_micros for outcome in outcomes]


# start, seconds -> charge. Berlin; the first call of a day pays 2.00, the others nothing
DIARY = [
    ("2026-03-02T00:00:00+01:00", "60", "2.00"),
    ("2026-03-02T12:00:00+01:00", "3600", "0"),
    ("2026-03-02T23:59:59.999999+01:00", "7200", "0"),  # the day in which it begins counts
    ("2026-03-03T00:00:00+01:00", "0", "0"),  # zero usage opens nothing
    ("2026-03-03T00:00:01+01:00", "1", "2.00"),
    ("2026-03-05T08:00:00+01:00", "1", "2.00"),
    ("2026-03-29T00:30:00+01:00", "1", "2.00"),  # the day of 23 hours
    ("2026-03-29T23:30:00+02:00", "1", "0"),
    ("2026-03-30T00:00:00+02:00", "1", "2.00"),
    ("2026-10-25T00:00:00+02:00", "1", "2.00"),  # the day of 25 hours
    ("2026-10-25T02:30:00+02:00", "1", "0"),
    ("2026-10-25T02:30:00+01:00", "1", "0"),
    ("2026-10-25T23:59:59+01:00", "1", "0"),
    ("2026-10-26T00:00:00+01:00", "1", "2.00"),
]


def test_the_first_event_of_a_local_day_pays() -> None:
    events = [call(seconds, at) for at, seconds, _ in DIARY]
    assert _charges(events, (day_pass(),)) == [micros(charge) for *_, charge in DIARY]


def test_whatever_the_arrival() -> None:
    twin = Both([catalogue(MINUTES, plans=(plan(day_passes=(day_pass(),)),))])
    rows = DIARY[1:5]
    for order in itertools.permutations(range(4)):
        outcomes, _ = in_order(twin, [call(rows[i][1], rows[i][0]) for i in order], [closed_pass()])
        assert {i: outcome.charge_micros for i, outcome in zip(order, outcomes, strict=True)} == {0: 2_000_000, 1: 0, 2: 0, 3: 2_000_000}


# time zone, start -> the local day that is opened
LOCAL_DAYS = [
    ("Europe/Berlin", "2026-03-02T23:30:00Z", "2026-03-03"),
    ("Asia/Kolkata", "2026-03-02T18:29:59Z", "2026-03-02"),
    ("Asia/Kolkata", "2026-03-02T18:30:00Z", "2026-03-03"),
    ("America/New_York", "2026-03-02T04:59:59Z", "2026-03-01"),
    ("Pacific/Kiritimati", "2026-03-02T10:00:00Z", "2026-03-03"),  # 14 hours ahead
    ("Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29"),
    ("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31"),  # the 30th was skipped
    ("America/Sao_Paulo", "2017-10-15T02:59:59Z", "2017-10-14"),
    ("America/Sao_Paulo", "2017-10-15T03:00:00Z", "2017-10-15"),  # this day begins at one o'clock
]


@pytest.mark.parametrize(("zone", "at", "day"), LOCAL_DAYS)
def test_local_days(zone: str, at: str, day: str) -> None:
    plans = (plan(day_passes=(day_pass(),)),)
    outcome = rated(MINUTES, call("1", at), [closed_pass()], plans=plans, timezone=zone, effective_from_us=0)
    assert (outcome.buckets[0].mark, outcome.taken[0].opened_day) == (_day(day), _day(day))


JAPAN = (RoamingZone(1, "japan", (440_010,), "Asia/Tokyo"),)

# clock of the pass, (start, home zone, visited network) of events -> which of them open it. Midnight in Tokyo is 16:00 in Berlin
CLOCKS = [
    (WallClock.TARIFF, [("T15:59", "", 440_010), ("T16:00", "", 440_010), ("T23:59", "", 440_010)], [True, False, False]),
    (WallClock.VISITED, [("T15:59", "", 440_010), ("T16:00", "", 440_010), ("T23:59", "", 440_010)], [True, True, False]),
    (WallClock.VISITED, [("T15:59", "", 0), ("T16:00", "", 0)], [True, False]),  # at home: the tariff's clock
    (WallClock.VISITED, [("T15:59", "", 0), ("T16:00", "", 440_010), ("T16:01", "", 0)], [True, True, True]),  # to Japan and back
    (WallClock.HOME, [("T15:59", "Asia/Tokyo", 0), ("T16:00", "Asia/Tokyo", 0)], [True, True]),
    (WallClock.HOME, [("T15:59", "", 440_010), ("T16:00", "", 440_010)], [True, False]),
]


@pytest.mark.parametrize(("clock", "events", "opens"), CLOCKS)
def test_whose_days(clock: WallClock, events: list[tuple[str, str, int]], opens: list[bool]) -> None:
    calls = [call("60", f"2026-03-02{time}:00+01:00", home_timezone=home, visited=network) for time, home, network in events]
    charges = _charges(calls, (day_pass(clock=clock),), roaming_zones=JAPAN)
    assert charges == [2_000_000 if opened else 0 for opened in opens]


# A pass of 2.00 with 5 minutes a day. start, seconds -> free seconds, charge
LIMITED = [
    ("2026-03-02T08:00:00+01:00", "120", 120, "2.00"),
    ("2026-03-02T09:00:00+01:00", "240", 180, "0.15"),  # 300 - 120 = 180 are left; one minute and the connect fee: 0.10 + 0.05
    ("2026-03-02T10:00:00+01:00", "60", 0, "0.15"),  # used up, and not opened again on its day
    ("2026-03-03T08:00:00+01:00", "360", 300, "2.15"),  # a new day: 2.00 + 0.10 + 0.05
]


def test_a_limit_of_the_day() -> None:
    twin = Both([catalogue(MINUTES, plans=(plan(day_passes=(day_pass(quantity=300_000),)),))])
    outcomes, buckets = in_order(twin, [call(seconds, at) for at, seconds, *_ in LIMITED], [closed_pass()])
    assert [(o.free_qty // 1000, o.charge_micros) for o in outcomes] == [(free_s, micros(charge)) for *_, free_s, charge in LIMITED]
    assert buckets == (bucket(BucketKind.DAY_PASS, 5, 0, _day("2026-03-03")),)
    told = outcomes[1].taken[0]
    assert (told.before, told.taken, told.after, told.opened_day, told.fee_micros) == (180_000, 180_000, 0, 0, 0)


def test_an_allowance_that_frees_the_event_keeps_the_pass_closed() -> None:
    plans = (plan(allowances=(minutes(1),), day_passes=(day_pass(),)),)
    held = [left(60_000, 1), closed_pass()]
    free = rated(MINUTES, call("60"), held, plans=plans)
    assert (free.charge_micros, free.buckets) == (0, (left(0, 1), closed_pass()))
    opened = rated(MINUTES, call("61"), held, plans=plans)  # one minute more than is free
    assert (opened.charge_micros, opened.free_qty, [told.definition_id for told in opened.taken]) == (2_000_000, 120_000, [1, 5])


# priority of allowance and pass -> what gives first. A call of 60 s, 600 s in the allowance
@pytest.mark.parametrize(("allowance", "of_pass", "given", "charge"), [(0, 1, [1], "0"), (1, 0, [5], "2.00"), (0, 0, [1], "0")])
def test_passes_and_allowances_in_one_order(allowance: int, of_pass: int, given: list[int], charge: str) -> None:
    plans = (plan(allowances=(minutes(1),), day_passes=(day_pass(),)),)
    held = [closed_pass(priority=of_pass), left(600_000, 1, priority=allowance)]
    outcome = rated(MINUTES, call("60"), held, plans=plans)
    assert ([told.definition_id for told in outcome.taken], outcome.charge_micros) == (given, micros(charge))


def test_an_opened_pass_is_told_with_its_fee() -> None:
    outcome = rated(MINUTES, call("90"), [closed_pass()], plans=(plan(day_passes=(day_pass(),)),))
    told = outcome.taken[0]
    assert (told.limited, told.before, told.taken, told.after, told.fee_micros) == (False, 0, 120_000, 0, 2_000_000)
    assert (outcome.pass_fees_micros, outcome.gross_micros, outcome.rounded_micros, outcome.free_qty) == (2_000_000, 2_000_000, 0, 120_000)


def test_two_passes_on_one_day() -> None:
    small = day_pass(pass_id=4, name="small", fee_micros=500_000, quantity=60_000)
    events = [call("60", "2026-03-02T08:00:00+01:00"), call("60", "2026-03-02T09:00:00+01:00"), call("60", "2026-03-02T10:00:00+01:00")]
    assert _charges(events, (small, day_pass())) == [500_000, 2_000_000, 0]  # the small one first, then the large one too


def test_the_fee_is_neither_rounded_nor_discounted_nor_bounded() -> None:
    the_price = price(rate("60/60 at 0.104/60s"), rounding_step_micros=50_000, maximum_micros=100_000)
    odd = day_pass(fee_micros=1_234_567, quantity=60_000)
    outcome = rated(the_price, call("180"), [closed_pass()], plans=(plan(day_passes=(odd,)),))
    assert outcome.charge_micros == 1_234_567 + 100_000  # 2 x 0.104 cut to 0.10


def test_nothing_but_what_it_serves_opens_a_pass() -> None:
    plans = (plan(rule("home"), rule(), day_passes=(day_pass(zones=("home",)),)),)
    assert rated(MINUTES, call("60", to="49"), [closed_pass()], plans=plans).charge_micros == 2_000_000
    abroad = rated(MINUTES, call("60", to="33"), [closed_pass()], plans=plans)
    assert (abroad.charge_micros, abroad.buckets) == (micros("0.15"), (closed_pass(),))


def test_data_passes() -> None:
    data = price(rate("1/1 at 0.01/1B"), unit=QuantityUnit.BYTE)
    day = day_pass(services=(Service.DATA,), unit=QuantityUnit.BYTE, quantity=1_000)
    outcome = rated(data, use(1_500, Service.DATA), [closed_pass()], plans=(plan(rule(service=Service.DATA), day_passes=(day,)),))
    assert (outcome.free_qty, outcome.charge_micros) == (1_000, micros("7.00"))  # 2.00 + 500 x 0.01

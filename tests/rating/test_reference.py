"""The twin as a diary: a row an event, what it costs, and the arithmetic beside it. Amounts are currency units as text."""

from __future__ import annotations

import itertools
import random
import struct
import zoneinfo
from fractions import Fraction
from importlib import resources

import pytest

from rating.model import OTHER_BAND, BandPolicy, Plan, QuantityUnit, Service, UsageRule, Zone
from rating.money import RoundingMode
from rating.reference import Event, Reference
from rating.reference_clock import Clock
from rating.status import Status
from tests.rating.shop import (
    MINUTE_MS,
    NOON,
    calendar,
    call,
    catalogue,
    instant_us,
    micros,
    minutes_plan,
    price,
    rate,
    rated,
    use,
)

# increments, rate, seconds of usage -> chargeable seconds, charge
DIARY = [
    ("60/60 at 0.10/60s", "0.000001", 60, "0.10"),  # a started minute is a minute
    ("60/60 at 0.10/60s", "60", 60, "0.10"),
    ("60/60 at 0.10/60s", "60.0004", 120, "0.20"),  # the source's microseconds decide: 60.0004 s is in the second minute
    ("60/60 at 0.10/60s", "61", 120, "0.20"),
    ("90/60 at 0.10/60s", "1", 90, "0.15"),  # 90 x 0.10 / 60
    ("90/60 at 0.10/60s", "90", 90, "0.15"),
    ("90/60 at 0.10/60s", "90.001", 150, "0.25"),  # the further increment counts from the end of the first: 90 + 60
    ("90/60 at 0.10/60s", "150", 150, "0.25"),
    ("90/60 at 0.10/60s", "151", 210, "0.35"),
    ("6/6 at 0.012/60s", "6.1", 12, "0.0024"),  # 12 x 0.012 / 60
    ("30/6 at 0.006/60s", "32", 36, "0.0036"),  # 30 + 6
    ("30/6 at 0.006/60s", "57", 60, "0.006"),  # 30 + 5 x 6
    ("30/6 at 0.006/60s", "75", 78, "0.0078"),  # 30 + 8 x 6
    ("1/1 at 0.09/60s", "185.2", 186, "0.279"),  # 186 x 0.09 / 60
    ("60/1 at 0.09/60s", "59.9", 60, "0.09"),
    ("60/1 at 0.09/60s", "60.1", 61, "0.0915"),
    ("1/1 at 0.00/60s", "185", 185, "0"),  # a price of nothing
    ("1/1 at 0.10/60s, from 180s 1 at 0.05/60s", "180", 180, "0.30"),  # 3 min at 0.10
    ("1/1 at 0.10/60s, from 180s 1 at 0.05/60s", "240", 240, "0.35"),  # 3 min at 0.10 + 1 min at 0.05
    ("60/60 at 0.10/60s, from 90s 60 at 0.05/60s", "130", 180, "0.25"),  # the second minute begins before 90 s: 0.10 + 0.10 + 0.05
    (
        "60/60 at 0.10/60s, from 61s 1 at 0.05/60s, from 62s 1 at 0.01/60s",
        "121",
        121,
        "0.200167",
    ),  # 61 lies inside minute 2: 120 s x 0.10, 1 s x 0.01
]


@pytest.mark.parametrize(("words", "seconds", "chargeable_s", "charge"), DIARY)
def test_calls(words: str, seconds: str, chargeable_s: int, charge: str) -> None:
    outcome = rated(price(rate(words)), call(seconds))
    assert (outcome.chargeable_qty, outcome.charge_micros) == (chargeable_s * 1000, micros(charge))
    assert outcome.status is (Status.RATED if micros(charge) else Status.ZERO_RATED)


# terms of the price, connect fee, seconds -> charge
FEES = [
    ({}, "0.05", "60", "0.15"),  # 0.05 + 0.10
    ({}, "0.05", "0", "0"),  # zero usage costs nothing, the connect fee neither
    ({"charge_zero_usage": True}, "0.05", "0", "0.05"),
    ({"charge_zero_usage": True, "minimum_micros": 80_000}, "0.05", "0", "0.08"),
    ({"charge_zero_usage": True, "maximum_micros": 20_000}, "0.05", "0", "0.02"),
    ({"charge_zero_usage": True}, "0", "0", "0"),
    ({"minimum_micros": 200_000}, "0", "60", "0.20"),
    ({"minimum_micros": 200_000}, "0", "120", "0.20"),
    ({"minimum_micros": 200_000}, "0.05", "120", "0.25"),  # the connect fee counts toward the minimum
    ({"minimum_micros": 200_000}, "0", "0", "0"),
    ({"maximum_micros": 250_000}, "0", "180", "0.25"),
    ({"maximum_micros": 250_000}, "0.10", "120", "0.25"),  # and toward the maximum: 0.10 + 0.20
    ({"maximum_micros": 250_000}, "0", "120", "0.20"),
    ({"minimum_micros": 155_000, "rounding_step_micros": 10_000, "rounding_mode": RoundingMode.HALF_UP}, "0", "60", "0.16"),  # rounded last
]


@pytest.mark.parametrize(("terms", "connect", "seconds", "charge"), FEES)
def test_connect_fee_minimum_and_maximum(terms: dict[str, object], connect: str, seconds: str, charge: str) -> None:
    outcome = rated(price(rate("60/60 at 0.10/60s", connect=connect), **terms), call(seconds))
    assert outcome.charge_micros == micros(charge)
    assert outcome.status is (Status.RATED if micros(charge) else Status.ZERO_RATED)


# rate of one second, step -> half_up, half_even, up, down
ROUNDING = [
    ("0.0050", "0.01", "0.01", "0", "0.01", "0"),  # a tie between 0.00 and 0.01
    ("0.0150", "0.01", "0.02", "0.02", "0.02", "0.01"),  # a tie between 0.01 and 0.02
    ("0.0250", "0.01", "0.03", "0.02", "0.03", "0.02"),
    ("0.0149", "0.01", "0.01", "0.01", "0.02", "0.01"),
    ("0.0151", "0.01", "0.02", "0.02", "0.02", "0.01"),
    ("0.0200", "0.01", "0.02", "0.02", "0.02", "0.02"),
    ("0.0750", "0.05", "0.10", "0.10", "0.10", "0.05"),  # steps of five cents
    ("0.1250", "0.05", "0.15", "0.10", "0.15", "0.10"),
]


@pytest.mark.parametrize("row", ROUNDING)
def test_rounding_once_in_four_modes(row: tuple[str, ...]) -> None:
    text, step, *charges = row
    for mode, charge in zip((RoundingMode.HALF_UP, RoundingMode.HALF_EVEN, RoundingMode.UP, RoundingMode.DOWN), charges, strict=True):
        the_price = price(rate(f"1/1 at {text}/1s"), rounding_mode=mode, rounding_step_micros=micros(step))
        assert rated(the_price, call("1")).charge_micros == micros(charge), mode


def test_rounded_once_and_not_an_increment_at_a_time() -> None:
    outcome = rated(price(rate("1/1 at 0.01/60s"), rounding_step_micros=10_000), call("60"))
    assert outcome.charge_micros == micros("0.01")  # 60 increments of 1/6000 each; rounded singly they were nothing
    assert rated(price(rate("1/1 at 0.01/7s")), call("1")).exact_micros == Fraction(10_000, 7)


PEAK = calendar(("peak", "12345", "08:00", "20:00"))
PEAK_PRICE = price(rate("60/60 at 0.20/60s", band="peak", connect="0.03"), rate("60/60 at 0.10/60s", band=OTHER_BAND), calendar="week")

# start, seconds -> charge of split, charge of start
BANDS = [
    ("2026-03-02T19:58:00+01:00", "120", "0.43", "0.43"),  # Monday, all at peak: 0.03 + 2 x 0.20
    ("2026-03-02T19:58:00+01:00", "240", "0.63", "0.83"),  # 2 x 0.20 + 2 x 0.10; or all four at 0.20
    ("2026-03-02T19:59:30+01:00", "90", "0.33", "0.43"),  # the minute begun at 19:59:30 is peak to its end, the one of 20:00:30 is not
    ("2026-03-02T19:59:59.999999+01:00", "61", "0.33", "0.43"),
    ("2026-03-02T20:00:00+01:00", "60", "0.10", "0.10"),  # an end is exclusive
    ("2026-03-02T07:59:00+01:00", "120", "0.30", "0.20"),  # 0.10 + 0.20, no connect fee: that of the band at start
    ("2026-03-06T19:59:00+01:00", "120", "0.33", "0.43"),  # Friday
    ("2026-03-07T12:00:00+01:00", "60", "0.10", "0.10"),  # Saturday
    ("2026-03-02T06:59:00Z", "120", "0.30", "0.20"),  # the tariff's wall clock decides, not the offset written
]


@pytest.mark.parametrize(("at", "seconds", "split", "start"), BANDS)
def test_bands(at: str, seconds: str, split: str, start: str) -> None:
    for policy, charge in ((BandPolicy.SPLIT, split), (BandPolicy.START, start)):
        the_price = price(*PEAK_PRICE.rates, calendar="week", band_policy=policy)
        assert rated(the_price, call(seconds, at), calendars=(PEAK,)).charge_micros == micros(charge), policy


NIGHT = calendar(("happy", "1234567", "02:00", "03:00"))
HAPPY = price(rate("1/1 at 0.60/60s", band="happy"), rate("1/1 at 0.06/60s", band=OTHER_BAND), calendar="week")

# Berlin, clocks put back on 2026-10-25 at 03:00+02:00 and put forward on 2026-03-29 at 02:00+01:00. Minutes happy and other.
CLOCK_CHANGES = [
    ("2026-10-25T01:30:00+02:00", 240, 120, 120),  # the band lasts two hours
    ("2026-10-25T02:59:00+02:00", 2, 2, 0),  # into the second 02:00
    ("2026-10-25T02:59:00+01:00", 2, 1, 1),
    ("2026-10-24T02:30:00+02:00", 60, 30, 30),  # an ordinary night
    ("2026-03-29T01:59:00+01:00", 10, 0, 10),  # 02:00 does not exist: the band is not there
    ("2026-03-28T22:00:00+01:00", 600, 0, 600),
    ("2026-10-24T22:00:00+02:00", 1440, 120, 1320),  # a day-long call, over midnight and over the change
]


@pytest.mark.parametrize(("at", "minutes", "happy", "other"), CLOCK_CHANGES)
def test_a_band_is_where_the_wall_clock_is(at: str, minutes: int, happy: int, other: int) -> None:
    outcome = rated(HAPPY, call(str(minutes * 60), at), calendars=(NIGHT,))
    lengths = {band: sum(p.to_qty - p.from_qty for p in outcome.pieces if p.band == band) // MINUTE_MS for band in ("happy", OTHER_BAND)}
    assert (lengths["happy"], lengths[OTHER_BAND]) == (happy, other)
    assert outcome.charge_micros == happy * micros("0.60") + other * micros("0.06")


# service, rate, quantity -> chargeable, charge
MESSAGES_AND_DATA = [
    (Service.SMS, "1/1 at 0.09/1m", 1, 1, "0.09"),
    (Service.SMS, "1/1 at 0.09/1m", 3, 3, "0.27"),
    (Service.SMS, "1/1 at 0.09/1m, from 2m 1 at 0.05/1m", 3, 3, "0.23"),
    (Service.SMS, "1/1 at 0.09/1m", 0, 0, "0"),
    (Service.DATA, "1/1 at 0.02/1000000B", 1_500_000, 1_500_000, "0.03"),
    (Service.DATA, "10000/10000 at 0.02/1000000B", 1_234_567, 1_240_000, "0.0248"),
    (Service.DATA, "1048576/1048576 at 0.10/1048576B", 1_048_577, 2_097_152, "0.20"),
]


@pytest.mark.parametrize(("service", "words", "quantity", "chargeable", "charge"), MESSAGES_AND_DATA)
def test_messages_and_data(service: Service, words: str, quantity: int, chargeable: int, charge: str) -> None:
    unit = QuantityUnit.BYTE if service is Service.DATA else QuantityUnit.MESSAGE
    outcome = rated(price(rate(words), unit=unit, band_policy=BandPolicy.START), use(quantity, service))
    assert (outcome.chargeable_qty, outcome.charge_micros) == (chargeable, micros(charge))


# left seconds, seconds of the call -> free seconds, charge (60/1 at 0.10 a minute, connect 0.05, minimum 0.08)
ALLOWANCES = [
    (0, "60", 0, "0.15"),
    (600, "60", 60, "0"),  # all free: neither connect fee nor minimum
    (600, "1", 60, "0"),  # the first increment is drawn whole
    (60, "60", 60, "0"),
    (59, "60", 59, "0.08"),  # one second charged: 0.05 + 0.001667, raised to 0.08
    (30, "90", 30, "0.15"),  # 60 s charged: 0.05 + 0.10
    (600, "0", 0, "0"),
]


@pytest.mark.parametrize(("left_s", "seconds", "free_s", "charge"), ALLOWANCES)
def test_allowances(left_s: int, seconds: str, free_s: int, charge: str) -> None:
    the_price = price(rate("60/1 at 0.10/60s", connect="0.05"), minimum_micros=80_000)
    outcome = rated(the_price, call(seconds), left_s * 1000, plans=(minutes_plan(600_000),))
    assert (outcome.free_qty, outcome.charge_micros) == (free_s * 1000, micros(charge))
    assert outcome.allowance_after == outcome.allowance_before - outcome.free_qty
    assert outcome.status is (Status.RATED if micros(charge) else Status.ZERO_RATED)


def test_allowance_ends_inside_a_step_inside_a_band() -> None:
    the_price = price(
        rate("60/1 at 0.60/60s, from 120s 1 at 0.30/60s", band="peak", connect="0.05"),
        rate("60/1 at 0.12/60s", band=OTHER_BAND),
        calendar="week",
    )
    event = call("240", "2026-03-02T19:57:00+01:00")  # 180 s before 20:00
    outcome = rated(the_price, event, 150_000, calendars=(PEAK,), plans=(minutes_plan(600_000),))
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


@pytest.mark.parametrize(("zones", "to", "free_s"), [(("home",), "49301", 60), (("home",), "33", 0), (("*",), "33", 60), (("*",), "", 60)])
def test_an_allowance_serves_its_zones(zones: tuple[str, ...], to: str, free_s: int) -> None:
    outcome = rated(price(rate("60/60 at 0.10/60s")), call("60", to=to), 600_000, plans=(minutes_plan(600_000, zones),))
    assert outcome.free_qty == free_s * 1000


def test_in_order_of_time_then_key_whatever_the_order_of_arrival() -> None:
    twin = Reference([catalogue(price(rate("60/60 at 0.10/60s")), plans=(minutes_plan(600_000),))])
    early, late = instant_us(NOON), instant_us(NOON) + 1
    events = [
        Event(b"\x02" * 16, late, 60_000_000, 1, "shop/plan", "49"),
        Event(b"\x01" * 16, late, 60_000_000, 1, "shop/plan", "49"),
        Event(b"\x09" * 16, early, 60_000_000, 1, "shop/plan", "49"),
        Event(b"\x03" * 16, early, 60_000_000, 1, "shop/plan", "49"),
    ]
    buckets = ["a", "a", "a", None]
    for order in itertools.permutations(range(4)):
        ordered = twin.rate_in_order([events[i] for i in order], [buckets[i] for i in order], {"a": 90_000})
        free = {i: outcome.free_qty for i, outcome in zip(order, ordered.outcomes, strict=True)}
        assert free == {2: 60_000, 1: 30_000, 0: 0, 3: 0}
        assert ordered.left == {"a": 0}


def test_the_version_at_start_prices_the_whole_call() -> None:
    switch = "2026-03-02T12:00:00+01:00"
    old = catalogue(price(rate("60/60 at 0.10/60s")))
    new = catalogue(price(rate("60/60 at 0.50/60s")), version=2, effective_from_us=instant_us(switch))
    twin = Reference([new, old])
    before, at = twin.rate(call("120", "2026-03-02T11:59:59.999999+01:00"), 0), twin.rate(call("120", switch), 0)
    assert (before.version, before.charge_micros) == (1, micros("0.20"))
    assert (at.version, at.charge_micros) == (2, micros("1.00"))


TEN_CENTS = price(rate("60/60 at 0.10/60s"))
DEEP_ZONES = (
    Zone(1, "home", ("49",)),
    Zone(2, "premium", ("4990012345", "499001234567890")),
    Zone(3, "unsold", ("49900123456",)),
    Zone(4, "elsewhere", ("4930",)),  # no rule of the plan names it
)
DEEP_RULES = (
    UsageRule(Service.VOICE, "home", "price"),
    UsageRule(Service.VOICE, "premium", "price"),
    UsageRule(Service.VOICE, "unsold", None),
)

# destination -> status, zone, prefix
PREFIXES = [
    ("49", Status.RATED, "home", "49"),
    ("4", Status.NO_ZONE, "", ""),  # shorter than the prefix
    ("", Status.NO_ZONE, "", ""),
    ("33123", Status.NO_ZONE, "", ""),
    ("4930111", Status.RATED, "home", "49"),  # the longer prefix 4930 is in a zone that this plan does not price
    ("499001234", Status.RATED, "home", "49"),
    ("4990012345", Status.RATED, "premium", "4990012345"),
    ("49900123459", Status.RATED, "premium", "4990012345"),
    ("49900123456", Status.NOT_SOLD, "unsold", "49900123456"),
    ("49900123456789", Status.NOT_SOLD, "unsold", "49900123456"),
    ("499001234567890", Status.RATED, "premium", "499001234567890"),  # 15 digits
    ("4990012345678901", Status.INVALID_NUMBER, "", ""),  # 16
    ("+49", Status.INVALID_NUMBER, "", ""),
    ("٤٩", Status.INVALID_NUMBER, "", ""),
    (None, Status.INVALID_NUMBER, "", ""),
]


@pytest.mark.parametrize(("to", "status", "zone", "prefix"), PREFIXES)
def test_the_longest_prefix_that_the_plan_prices(to: str | None, status: Status, zone: str, prefix: str) -> None:
    outcome = rated(TEN_CENTS, call("1", to=to), zones=DEEP_ZONES, plans=(Plan("plan", DEEP_RULES, {}),))
    assert (outcome.status, outcome.zone, outcome.prefix) == (status, zone, prefix)
    assert outcome.charge_micros == (100_000 if status is Status.RATED else 0)


LIMIT_US = 31 * 86_400 * 1_000_000

# what differs from a good call -> status; a refusal that comes earlier in the list of statuses wins
REFUSALS = [
    ({}, Status.RATED),
    ({"plan": None, "quantity": -1}, Status.UNKNOWN_SUBSCRIPTION),
    ({"plan": "shop/other", "quantity": -1}, Status.UNKNOWN_PLAN),
    ({"quantity": -1, "start_us": -1}, Status.NEGATIVE_QUANTITY),
    ({"start_us": instant_us("2000-01-01T00:00:00Z") - 1, "destination": None}, Status.TIME_OUT_OF_RANGE),
    ({"start_us": instant_us("2070-01-01T00:00:00Z"), "destination": None}, Status.TIME_OUT_OF_RANGE),
    ({"start_us": instant_us("2070-01-01T00:00:00Z") - 1}, Status.RATED),
    ({"start_us": instant_us("2000-01-01T00:00:00Z"), "destination": None}, Status.INVALID_NUMBER),
    ({"start_us": instant_us("2000-01-01T00:00:00Z"), "service": 9}, Status.NO_VERSION),
    ({"start_us": instant_us("2026-01-01T00:00:00+01:00") - 1}, Status.NO_VERSION),
    ({"start_us": instant_us("2026-01-01T00:00:00+01:00")}, Status.RATED),
    ({"service": 9}, Status.NO_ZONE),  # no rule for such a service
    ({"service": Service.DATA, "quantity": 2**60}, Status.NO_ZONE),
    ({"quantity": LIMIT_US}, Status.RATED),
    ({"quantity": LIMIT_US + 1}, Status.QUANTITY_TOO_LARGE),
]


@pytest.mark.parametrize(("change", "status"), REFUSALS)
def test_refusals_in_order(change: dict[str, object], status: Status) -> None:
    good: dict[str, object] = {"start_us": instant_us(NOON), "quantity": 1, "service": 1, "plan": "shop/plan", "destination": "49"}
    outcome = rated(TEN_CENTS, Event(bytes(16), **{**good, **change}), 5)  # type: ignore[arg-type]  # rows of mixed columns
    assert outcome.status is status
    if status is not Status.RATED:
        assert (outcome.charge_micros, outcome.chargeable_qty, outcome.free_qty, outcome.allowance_after) == (0, 0, 0, 5)


def test_a_plan_that_the_version_in_force_does_not_hold() -> None:
    old = catalogue(TEN_CENTS)
    new = catalogue(TEN_CENTS, version=2, effective_from_us=instant_us(NOON), plans=())
    assert Reference([old, new]).rate(call("1"), 0).status is Status.NO_VERSION
    assert Reference([old, new]).rate(call("1", "2026-03-02T11:00:00+01:00"), 0).status is Status.RATED


def test_runs_of_increments_are_what_single_increments_are() -> None:
    """The walk in runs equals the definition, taken one increment at a time."""
    rng = random.Random(20261025)
    week = calendar(("happy", "1234567", "02:00", "03:00"), ("peak", "12345", "08:00", "20:00"), ("noon", "67", "11:30", "12:30"))
    clock = Clock(week, zoneinfo.ZoneInfo("Europe/Berlin"))
    for _ in range(300):
        increments = [rng.choice((1, 6, 7, 60, 90)) for _ in range(4)]
        words = f"{rng.choice((1, 30, 60, 90))}/{increments[0]} at 0.10/60s, from {rng.choice((59, 60, 61))}s {increments[1]} at 0.07/60s"
        rates = {
            band: rate(words if band == "peak" else f"60/{increments[2]} at 0.03/60s", band=band)
            for band in ("happy", "peak", "noon", OTHER_BAND)
        }
        start = instant_us("2026-10-24T22:00:00+02:00") + rng.randrange(2 * 86_400) * 1_000_000 + rng.choice((0, 1, 999_999))
        event = Event(bytes(16), start, rng.randrange(20_000_000_000), 1, "shop/plan", "49")
        outcome = rated(price(*rates.values(), calendar="week"), event, calendars=(week,))
        position, exact, first = 0, Fraction(0), True
        while position * 1000 < event.quantity:
            band = rates[clock.band_at(start + position * 1000)]
            step = [each for each in band.steps if each.from_qty <= position][-1]
            length = band.first_increment_qty if first else step.increment_qty
            exact += Fraction(length * step.rate_micros, step.per_qty)
            position, first = position + length, False
        assert (outcome.chargeable_qty, outcome.exact_micros) == (position, exact)


def test_no_zone_changes_its_offset_twice_within_a_day() -> None:
    """What the twin's clock rests on, for every zone and the years that rating accepts."""
    first, last = 946_684_800, 3_155_760_000
    zones = resources.files("tzdata.zoneinfo")
    checked = 0
    for name in sorted(zoneinfo.available_timezones()):
        path = zones.joinpath(*name.split("/"))
        if not path.is_file():
            continue
        moments = [moment for moment in _transitions(path.read_bytes()) if first <= moment <= last]
        gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
        assert min(gaps, default=86_401) > 86_400, name
        checked += 1
    assert checked > 400


def _transitions(data: bytes) -> list[int]:
    """Transition times of the second (64-bit) block of a TZif file."""
    head = struct.Struct(">4sc15x6l")
    _, _, *counts = head.unpack_from(data)
    utc, standard, leap, times, types, letters = counts
    offset = head.size + times * 5 + types * 6 + letters + leap * 8 + standard + utc
    count = head.unpack_from(data, offset)[5]
    return list(struct.unpack_from(f">{count}q", data, offset + head.size))

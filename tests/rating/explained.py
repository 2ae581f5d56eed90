"""One operator whose tariff uses every stage of composition, and events that meet them: what the tests of the explanation tell.

The reader's arithmetic is in the texts of test_explain.
"""

from __future__ import annotations

import datetime as dt

from rating.model import (
    ANY_BAND,
    OTHER_BAND,
    Allowance,
    Band,
    BandPolicy,
    BucketKind,
    Calendar,
    CapWindow,
    Catalogue,
    ChargeCap,
    Counting,
    DayPass,
    Discount,
    Draw,
    Plan,
    Price,
    QuantityUnit,
    Rate,
    RoamingZone,
    Service,
    Step,
    TaxClass,
    UsageRule,
    WallClock,
    Zone,
)
from rating.money import RoundingMode
from rating.outcome import Bucket, Event, Outcome
from rating.reference import Reference
from rating.schema import Direction

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MIB = 2**20
ALL = ("*",)
GERMANY = 49
PORTED = {"8613800000001": [(0, "8618600000001")]}

CALL = Price(
    1, "local-call", 10, 1, "standard", QuantityUnit.MILLISECOND,
    rates=(
        Rate("day", (Step(0, 200_000, 60_000, 60_000), Step(120_000, 150_000, 60_000, 6_000)), 60_000, connect_fee_micros=50_000),
        Rate(OTHER_BAND, (Step(0, 100_000, 60_000, 60_000),), 60_000),
    ),
    calendar="week",
    minimum_qty=10_000,
    minimum_micros=100_000,
    rounding_mode=RoundingMode.HALF_UP,
    rounding_step_micros=10_000,
)  # fmt: skip
FLAT = Price(
    2, "flat-call", 10, 1, "standard", QuantityUnit.MILLISECOND,
    rates=(Rate(ANY_BAND, (Step(0, 100_000, 60_000, 60_000),), 60_000),),
    rounding_step_micros=10_000,
)  # fmt: skip
DATA = Price(
    3, "roaming-data", 11, 1, "standard", QuantityUnit.BYTE,
    rates=(Rate("day", (Step(0, 300_000, MIB, 1_024),), 1_024), Rate(OTHER_BAND, (Step(0, 200_000, MIB, 1_024),), 1_024)),
    calendar="week",
    clock=WallClock.VISITED,
    band_policy=BandPolicy.START,
    rounding_mode=RoundingMode.UP,
)  # fmt: skip
MESSAGE = Price(
    4, "message-package", 12, 1, "standard", QuantityUnit.MESSAGE,
    rates=(Rate(ANY_BAND, (Step(0, 1_000_000, 10, 10),), 10),),
    counting=Counting.PACKAGE,
    counter_id=9,
)  # fmt: skip
CONTENT = Price(
    5, "content", 13, 1, "standard", QuantityUnit.MESSAGE,
    rates=(Rate(ANY_BAND, (Step(0, 0, 1, 1),), 1, connect_fee_micros=500_000),),
    content_ppm=300_000,
    maximum_micros=5_000_000,
)  # fmt: skip

FAMILY = Plan(
    "family",
    rules=(
        UsageRule(Service.VOICE, "local", "local-call"),
        UsageRule(Service.VOICE, "service", "flat-call"),
        UsageRule(Service.DATA, "*", "roaming-data", roaming="europe"),
        UsageRule(Service.CONTENT, "*", "content"),
        UsageRule(Service.MMS, "*", None),
    ),
    title={},
    allowances=(
        Allowance(1, "minutes", (Service.VOICE,), QuantityUnit.MILLISECOND, 600_000, ("local",), draw=Draw.EXACT),
        Allowance(2, "gift", tuple(Service), QuantityUnit.MICRO, 10_000_000, ALL),
    ),
    fallbacks=("base",),
    day_passes=(DayPass(3, "Europe day", 5_000_000, (Service.DATA,), ALL, QuantityUnit.BYTE, 100 * MIB, clock=WallClock.VISITED),),
    caps=(
        ChargeCap(4, "day cap", 6_000_000, CapWindow.DAY, (Service.DATA, Service.CONTENT), ALL),
        ChargeCap(5, "month cap", 50_000_000, CapWindow.PERIOD, tuple(Service), ALL),
    ),
    discounts=(Discount(6, "friends", 200_000, (Service.VOICE,), ALL, friends_only=True),),
)
BASE = Plan("base", (UsageRule(Service.SMS, "mobile", "message-package", direction=Direction.ORIGINATING),), {})

CATALOGUE = Catalogue(
    identity="demo",
    version=3,
    currency="CNY",
    minor_digits=2,
    timezone="Asia/Shanghai",
    effective_from_us=0,
    zones=(Zone(1, "local", ("8610",)), Zone(2, "mobile", ("86138", "86186")), Zone(3, "service", (), ("10086",))),
    calendars=(Calendar("week", (Band("day", (1, 2, 3, 4, 5), 8 * 3_600, 20 * 3_600),)),),
    prices=(CALL, FLAT, DATA, MESSAGE, CONTENT),
    plans=(FAMILY, BASE),
    tax_classes=(TaxClass("standard", 1, ()),),
    disclosure={},
    roaming_zones=(RoamingZone(1, "europe", (262_001,), "Europe/Berlin"),),
    content_hash=bytes.fromhex("a1b2c3d4e5f6") + bytes(26),
)
TWIN = Reference([CATALOGUE], PORTED)


def event(service: Service, quantity: int, at: str, to: str = "", **terms: object) -> Event:
    """An event of the plan `family` that starts at ISO instant `at`."""
    start_us = (dt.datetime.fromisoformat(at) - EPOCH) // dt.timedelta(microseconds=1)
    return Event(bytes(15) + b"\x01", start_us, quantity, service, "demo/family", to, **terms)  # type: ignore[arg-type]  # the struct checks them


def bucket(kind: BucketKind, definition_id: int, amount: int, mark: int = 0, priority: int = 0) -> Bucket:
    """A bucket of the operator's catalogue."""
    return Bucket(kind, "demo", definition_id, amount, mark, priority=priority)


def simple() -> Outcome:
    """A call to a service number: nothing but increments and rounding."""
    return TWIN.rate(event(Service.VOICE, 61_500_000, "2026-03-02T12:00:00+08:00", "10086"))


def evening() -> Outcome:
    """A call to a friend from day into evening: the allowance ends in its first minute, the discount is theirs."""
    buckets = [bucket(BucketKind.ALLOWANCE, 1, 40_000), bucket(BucketKind.CAP, 5, 12_300_000)]
    call = event(
        Service.VOICE, 305_200_400, "2026-03-02T19:57:00+08:00", "861012345678",
        origin="8613911112222", direction=Direction.ORIGINATING, on_net=True, friend=True,
    )  # fmt: skip
    return TWIN.rate(call, buckets)


def free_call() -> Outcome:
    """A short call that the allowance covers whole, and that is below the minimum quantity."""
    call = event(Service.VOICE, 4_000_000, "2026-03-02T12:00:00+08:00", "861012345678")
    return TWIN.rate(call, [bucket(BucketKind.ALLOWANCE, 1, 540_000)])


def roaming() -> Outcome:
    """Data abroad: it opens a day pass, runs over it, and meets the caps of the day and of the period."""
    buckets = [bucket(BucketKind.DAY_PASS, 3, 0), bucket(BucketKind.CAP, 4, 1_000_000, 20_000), bucket(BucketKind.CAP, 5, 30_000_000)]
    return TWIN.rate(event(Service.DATA, 110 * MIB, "2026-03-03T03:30:00+08:00", visited=262_001, rating_group=7), buckets)


def package() -> Outcome:
    """Messages to a ported number by the rule of a fallback plan: the package begun before is used up first."""
    messages = event(Service.SMS, 12, "2026-03-02T12:00:00+08:00", "8613800000001", direction=Direction.ORIGINATING, customer_group=2)
    return TWIN.rate(messages, [bucket(BucketKind.COUNTER, 9, 30, 4)])


def content() -> Outcome:
    """A purchase: a fixed part and a share of the provider's amount, cut to the maximum, partly paid by a money allowance."""
    bought = event(Service.CONTENT, 1, "2026-03-02T12:00:00+08:00", content_micros=18_000_000)
    return TWIN.rate(bought, [bucket(BucketKind.ALLOWANCE, 2, 1_250_000)])


def refused() -> Outcome:
    """A message that no rule fits: it came in, and the only rule is for those that go out."""
    return TWIN.rate(event(Service.SMS, 1, "2026-03-02T12:00:00+08:00", "8618600000001", direction=Direction.TERMINATING))


STORIES = {each.__name__: each for each in (simple, evening, free_call, roaming, package, content, refused)}

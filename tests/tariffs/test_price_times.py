"""When prices are active: bands that occur, what prices leave of each other, and until when a version prices at all."""

from __future__ import annotations

import msgspec

from rating.model import ANY_BAND, OTHER_BAND, WallClock
from tariffs.compiling.price_times import PriceTimes, occurring
from tests.rating.shop import calendar, catalogue, instant_us, price, rate, rule

WEEK = calendar(("day", "12345", "08:00", "20:00"), ("weekend", "67", "00:00", "24:00"))
HALVES = msgspec.structs.replace(calendar(("morning", "1234567", "00:00", "12:00")), name="halves")
DAY = price(rate("1/1 at 1/1s", band="day"), name="day", price_id=1, calendar="week")
REST = price(rate("1/1 at 1/1s", band="weekend"), rate("1/1 at 1/1s", band=OTHER_BAND), name="rest", price_id=2, calendar="week")
MORNING = price(rate("1/1 at 1/1s", band="morning"), name="morning", price_id=3, calendar="halves")
AFTERNOON = price(rate("1/1 at 1/1s", band=OTHER_BAND), name="afternoon", price_id=4, calendar="halves")
ABROAD = msgspec.structs.replace(REST, name="abroad", price_id=5, clock=WallClock.VISITED)
ALWAYS = price(rate("1/1 at 1/1s"), name="always", price_id=6)
SHOP = catalogue(ALWAYS, prices=(DAY, REST, MORNING, AFTERNOON, ABROAD, ALWAYS), calendars=(WEEK, HALVES))
TIMES = PriceTimes(SHOP)

# a rule's price (None: refuses), those of the rules before it -> the bands that are left, each with its first instant; None: nothing
LEFT: list[tuple[str | None, list[str | None], dict[str, str] | None]] = [
    ("day", [], {"day": "2026-01-01T08:00:00+01:00"}),
    ("day", ["rest"], {"day": "2026-01-01T08:00:00+01:00"}),
    ("day", ["morning"], {"day": "2026-01-01T12:00:00+01:00"}),
    ("rest", ["morning"], {"weekend": "2026-01-03T12:00:00+01:00", OTHER_BAND: "2026-01-01T20:00:00+01:00"}),
    ("day", ["morning", "afternoon"], None),
    ("day", ["day"], None),
    (None, ["day", "rest"], None),
    (None, ["day", "abroad"], {"": "2026-01-01T00:00:00+01:00"}),  # another clock: nobody knows
    ("always", ["morning"], {ANY_BAND: "2026-01-01T12:00:00+01:00"}),
    ("always", [None], None),
    ("morning", ["always"], None),
]


def test_what_is_left() -> None:
    for of, before, left in LEFT:
        found = TIMES.left(rule(of=of), [rule(of=each) for each in before])
        assert found == (None if left is None else {band: instant_us(at) for band, at in left.items()}), (of, before)


def test_overlap() -> None:
    assert TIMES.overlap(DAY, MORNING)
    assert TIMES.overlap(ALWAYS, DAY)
    assert not TIMES.overlap(DAY, REST)
    assert not TIMES.overlap(MORNING, AFTERNOON)
    assert TIMES.overlap(DAY, ABROAD), "on another clock both may be active"


def test_bands_occur_as_long_as_the_version_prices() -> None:
    assert occurring(WEEK, SHOP) == ("day", "weekend", OTHER_BAND)
    thursday = msgspec.structs.replace(SHOP, effective_to_us=instant_us("2026-01-02T00:00:00+01:00"))
    assert occurring(WEEK, thursday) == ("day", OTHER_BAND)
    assert PriceTimes(thursday).active(REST) == (OTHER_BAND,)

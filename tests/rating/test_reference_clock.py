"""The wall clocks of the twin: what they rest on, and that what they remember is what the instant says."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import struct
import zoneinfo
from importlib import resources

import pytest

from rating.model import Band, Calendar
from rating.reference.clock import MICROSECONDS_PER_DAY, Clock, Days, ZoneClock
from tests.rating.shop import EPOCH, instant_us

ZONES = ["Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "Africa/Casablanca", "UTC"]


def _wall(instant: int, zone: str) -> dt.datetime:
    return (EPOCH + dt.timedelta(microseconds=instant)).astimezone(zoneinfo.ZoneInfo(zone))


@pytest.mark.parametrize("zone", ZONES)
def test_a_remembered_day_says_what_each_instant_says(zone: str) -> None:
    rng = random.Random(zone)
    clock = ZoneClock(zone)
    for _ in range(1_000):
        instant = rng.randrange(instant_us("2000-01-01T00:00:00Z"), instant_us("2070-02-01T00:00:00Z"))
        wall = _wall(instant, zone)
        assert clock.day(instant) == (wall.date() - dt.date(1970, 1, 1)).days
        assert clock.offset_us(instant) == wall.utcoffset() // dt.timedelta(microseconds=1)  # type: ignore[operator]  # it is aware


# zone, around which instant: on such days an offset changes within a day of UTC
CHANGES = [
    ("Europe/Berlin", "2026-03-29T01:00:00Z"),
    ("Europe/Berlin", "2026-10-25T01:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),
    ("America/Sao_Paulo", "2018-02-18T02:00:00Z"),
]


@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_a_stay_ends_where_the_band_does(zone: str, change: str) -> None:
    """Around a change of the clocks, every stay is of one band to its last microsecond, asked of zoneinfo instant by instant."""
    rng = random.Random(change)
    bands = (Band("night", (), 0, 7_000), Band("early", (5, 6), 5_000, 9_000, weight=1), Band("late", (), 80_000, 86_400))
    clock = Clock(Days(Calendar("week", bands)), ZoneClock(zone))

    def band(instant: int) -> str:
        wall = _wall(instant, zone)
        second = wall.hour * 3600 + wall.minute * 60 + wall.second
        if 5_000 <= second < 9_000 and wall.isoweekday() in {5, 6}:
            return "early"
        return "night" if second < 7_000 else "late" if second >= 80_000 else "other"

    for _ in range(300):
        begin = instant_us(change) + rng.randrange(-MICROSECONDS_PER_DAY, MICROSECONDS_PER_DAY)
        stay = clock.stay(begin)
        assert begin < stay.until_us <= begin + MICROSECONDS_PER_DAY
        for instant in (begin, stay.until_us - 1, *(rng.randrange(begin, stay.until_us) for _ in range(5))):
            assert band(instant) == stay.band
    assert clock.stay(instant_us(change) - 1).until_us == instant_us(change)


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

"""Bands laid out over time agree with the wall clock at every instant, DST days and half-hour zones included."""

from __future__ import annotations

import datetime as dt
import random
from zoneinfo import ZoneInfo

import pytest

from rating.model import OTHER_BAND, Calendar, WeeklyBand
from rating.tables import HOUR_US, TIME_MAX_US, TIME_MIN_US
from tariffs.timeline import band_names, timeline

CALENDAR = Calendar(
    "week",
    (
        WeeklyBand("peak", (1, 2, 3, 4, 5), 8 * 3600, 20 * 3600),
        WeeklyBand("sunday two to three", (7,), 2 * 3600, 3 * 3600),
        WeeklyBand("night", (1, 2, 3, 4, 5, 6, 7), 22 * 3600, 86_400),
        WeeklyBand("night", (1, 7), 0, 1_800),
        WeeklyBand("dawn", (1,), 1_800, 3_600),
    ),
)
ZONES = ["Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/New_York", "Asia/Shanghai", "Africa/Casablanca"]


def _by_wall_clock(instant_us: int, timezone: str) -> str:
    local = dt.datetime.fromtimestamp(instant_us // 1_000_000, dt.UTC).astimezone(ZoneInfo(timezone))
    second = local.hour * 3600 + local.minute * 60 + local.second
    inside = (band for band in CALENDAR.bands if local.isoweekday() in band.days and band.start_s <= second < band.end_s)
    return next((band.name for band in inside), OTHER_BAND)


def _by_timeline(instant_us: int, timezone: str) -> str:
    line = timeline(CALENDAR, timezone)
    position = line.hours[(instant_us - TIME_MIN_US) // HOUR_US]
    while line.boundaries[position + 1] <= instant_us:
        position += 1
    return band_names(CALENDAR)[line.bands[position]]


@pytest.mark.parametrize("timezone", ZONES)
def test_every_instant_is_in_the_band_of_its_wall_clock(timezone: str) -> None:
    rng = random.Random(timezone)
    anywhere = [rng.randrange(TIME_MIN_US, TIME_MAX_US) for _ in range(2_000)]
    edges = [int(edge) for edge in timeline(CALENDAR, timezone).boundaries if TIME_MIN_US < edge < TIME_MAX_US]
    near_edges = [edge + shift for edge in rng.sample(edges, 1_000) for shift in (-1, 0)]
    wrong = [at for at in anywhere + near_edges if _by_timeline(at, timezone) != _by_wall_clock(at, timezone)]
    assert wrong == []


@pytest.mark.parametrize(("day", "hours"), [("2026-10-25", 2), ("2026-03-29", 0), ("2026-03-22", 1)])
def test_a_band_from_two_to_three_lasts_as_long_as_the_wall_clock_shows_it(day: str, hours: int) -> None:
    midnight_us = int(dt.datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()) * 1_000_000
    minutes = sum(_by_timeline(midnight_us + minute * 60_000_000, "Europe/Berlin") == "sunday two to three" for minute in range(6 * 60))
    assert minutes == hours * 60


def test_a_calendar_without_bands_is_all_other() -> None:
    line = timeline(Calendar("empty", ()), "Europe/Berlin")
    assert set(line.bands.tolist()) == {0}
    assert band_names(Calendar("empty", ())) == (OTHER_BAND,)

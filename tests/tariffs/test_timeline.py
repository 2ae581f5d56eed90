"""Bands and days laid out over time agree with the wall clock at every instant: DST, half-hour zones, days that are skipped or repeated."""

from __future__ import annotations

import datetime as dt
import functools
import random
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from rating.model import OTHER_BAND, Band, Calendar, DaySwap
from rating.tables import TIME_MAX_US, TIME_MIN_US
from tariffs.compiling.timeline import COARSE_SHIFT, FINE_SHIFT, MARGIN_DAYS, Timeline, band_names, days, timeline

DAY_US = 86_400_000_000
LAST_US = TIME_MAX_US + MARGIN_DAYS * DAY_US - 1
HOUR_S = 3_600
WORKDAYS = (1, 2, 3, 4, 5)
EPOCH = dt.date(1970, 1, 1)
WEEK = Calendar(
    "week",
    (
        Band("peak", WORKDAYS, 8 * HOUR_S, 20 * HOUR_S),
        Band("sunday two to three", (7,), 2 * HOUR_S, 3 * HOUR_S),
        Band("night", (), 22 * HOUR_S, 86_400),
        Band("night", (1, 7), 0, 1_800),
        Band("dawn", (1,), 1_800, HOUR_S),
    ),
)
ZONES = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",  # summer is the standard time there
    "Australia/Lord_Howe",  # clocks move by half an hour
    "Asia/Kathmandu",  # 5:45 before UTC
    "America/New_York",
    "America/Sao_Paulo",  # clocks moved at midnight
    "America/St_Johns",  # clocks went back at 00:01, so that a day began twice
    "Asia/Shanghai",
    "Africa/Casablanca",  # clocks move with Ramadan
    "Pacific/Apia",  # has no 2011-12-30
]


@functools.cache
def _zone(timezone: str) -> ZoneInfo:
    return ZoneInfo(timezone)


def _wall_clock(instant_us: int, timezone: str) -> dt.datetime:
    return dt.datetime.fromtimestamp(instant_us // 1_000_000, _zone(timezone))


def _meets(band: Band, calendar: Calendar, day: dt.date) -> bool:
    weekday = next((swap.as_day for swap in calendar.day_swaps if swap.date == day), day.isoweekday())
    return (
        (not band.days or weekday in band.days)
        and (not band.years or day.year in band.years)
        and (not band.months or day.month in band.months)
        and (not band.month_days or day.day in band.month_days)
        and (not band.dates or day in band.dates)
        and (not band.holidays or day in calendar.holidays)
    )


def _by_wall_clock(calendar: Calendar, instant_us: int, timezone: str) -> str:
    local = _wall_clock(instant_us, timezone)
    second = local.hour * 3600 + local.minute * 60 + local.second
    best: Band | None = None
    for band in calendar.bands:
        if not (band.start_s <= second < band.end_s and _meets(band, calendar, local.date())):
            continue
        if best is None or (band.weight, band.start_s) > (best.weight, best.start_s):
            best = band
    return best.name if best else OTHER_BAND


def _band_at(line: Timeline, instant_us: int) -> int:
    """As the kernel finds it; beyond the stretches by search."""
    if instant_us < TIME_MAX_US:
        position = int(line.stretches[(instant_us - TIME_MIN_US) >> line.shift])
        assert line.boundaries[position] <= instant_us
    else:
        position = int(line.stretches[-1])
    while line.boundaries[position + 1] <= instant_us:
        position += 1
    return int(line.bands[position])


def _by_timeline(calendar: Calendar, instant_us: int, timezone: str, shift: int = FINE_SHIFT) -> str:
    return band_names(calendar)[_band_at(timeline(calendar, timezone, shift), instant_us)]


def _instants(rng: random.Random, line: Timeline, local_seconds: list[int], timezone: str) -> list[int]:
    """Anywhere, at boundaries, and at times of the wall clock at which a band begins or ends on any day."""
    anywhere = [rng.randrange(TIME_MIN_US, LAST_US) for _ in range(600)]
    edges = [*rng.choices(line.boundaries[:-1].tolist(), k=500), *line.boundaries[-40:-1].tolist()]
    for _ in range(500):
        midnight = dt.datetime(2000, 1, 2) + dt.timedelta(days=rng.randrange(25_565))  # noqa: DTZ001 - given its zone below
        local = midnight + dt.timedelta(seconds=rng.choice(local_seconds))
        edges.append(int(local.replace(tzinfo=_zone(timezone), fold=rng.randint(0, 1)).timestamp()) * 1_000_000)
    near = [edge + shift for edge in edges for shift in (-1, 0)]
    ends = [TIME_MIN_US, TIME_MAX_US - 1, TIME_MAX_US, LAST_US]
    return [at for at in anywhere + near + ends if TIME_MIN_US <= at <= LAST_US]


def _random_calendar(rng: random.Random) -> Calendar:
    """Few values of everything, so that criteria meet and bands overlap and tie."""
    seconds = [0, 1, 1_800, 2 * HOUR_S, 3 * HOUR_S, 8 * HOUR_S, 86_399, 86_400]
    dates = [dt.date(2011, 12, 30), dt.date(2011, 12, 31), dt.date(2024, 2, 29), dt.date(2026, 3, 29), dt.date(2026, 10, 25)]
    bands = []
    for _ in range(rng.randint(1, 9)):
        start_s, end_s = sorted(rng.sample(seconds, 2))
        bands.append(
            Band(
                rng.choice(["peak", "low", "feast", "night"]),
                tuple(sorted(rng.sample(range(1, 8), rng.choice([0, 0, 2, 5])))),
                start_s,
                end_s,
                weight=rng.choice([0, 0, 1, 5]),
                years=rng.choice([(), (), (2011, 2026), (2070,)]),
                months=rng.choice([(), (), (1, 3, 10, 12)]),
                month_days=rng.choice([(), (), (1, 29, 30, 31)]),
                dates=tuple(rng.sample(dates, rng.choice([0, 0, 0, 3]))),
                holidays=rng.random() < 0.2,
            )
        )
    swaps = tuple(DaySwap(day, rng.randint(1, 7)) for day in sorted(rng.sample(dates, rng.choice([0, 2, 5]))))
    return Calendar("random", tuple(bands), tuple(rng.sample(dates, 2)), swaps)


@pytest.mark.parametrize("timezone", ZONES)
def test_every_instant_is_in_the_band_of_its_wall_clock(timezone: str) -> None:
    rng = random.Random(timezone)
    for shift, calendar in enumerate((WEEK, _random_calendar(rng), _random_calendar(rng), _random_calendar(rng)), start=FINE_SHIFT):
        edges_s = sorted({edge for band in calendar.bands for edge in (band.start_s, band.end_s)})
        instants = _instants(rng, timeline(calendar, timezone), edges_s, timezone)
        wrong = [at for at in instants if _by_timeline(calendar, at, timezone, shift) != _by_wall_clock(calendar, at, timezone)]
        assert wrong == [], calendar


@pytest.mark.parametrize("timezone", ZONES)
def test_every_instant_is_of_the_day_that_its_wall_clock_shows(timezone: str) -> None:
    rng = random.Random(timezone)
    line = days(timezone)
    instants = _instants(rng, line, [0, 60, HOUR_S], timezone)
    wrong = [at for at in instants if _band_at(line, at) != (_wall_clock(at, timezone).date() - EPOCH).days]
    assert wrong == []


@pytest.mark.parametrize(
    ("timezone", "first", "last", "shown"),
    [
        ("Pacific/Apia", "2011-12-28T12:00+00:00", "2012-01-01T09:00+00:00", ["28", "29", "31", "01"]),
        ("America/St_Johns", "2010-11-06T12:00+00:00", "2010-11-08T12:00+00:00", ["06", "07", "06", "07", "08"]),
        ("America/Sao_Paulo", "2018-02-17T12:00+00:00", "2018-02-19T12:00+00:00", ["17", "18", "19"]),
    ],
)
def test_days_that_a_zone_skips_or_begins_twice(timezone: str, first: str, last: str, shown: list[str]) -> None:
    line = days(timezone)
    from_us, to_us = (int(dt.datetime.fromisoformat(each).timestamp()) * 1_000_000 for each in (first, last))
    position, end = np.searchsorted(line.boundaries, [from_us, to_us], side="right") - 1
    assert [f"{EPOCH + dt.timedelta(days=int(day)):%d}" for day in line.bands[position : end + 1]] == shown


@pytest.mark.parametrize(("day", "hours"), [("2026-10-25", 2), ("2026-03-29", 0), ("2026-03-22", 1)])
def test_a_band_from_two_to_three_lasts_as_long_as_the_wall_clock_shows_it(day: str, hours: int) -> None:
    midnight_us = int(dt.datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()) * 1_000_000
    minutes = [midnight_us + minute * 60_000_000 for minute in range(6 * 60)]
    assert sum(_by_timeline(WEEK, minute, "Europe/Berlin") == "sunday two to three" for minute in minutes) == hours * 60


# Which of two bands has noon of 2026-05-01, a Friday and a holiday of this calendar.
MAY_DAY = (dt.date(2026, 5, 1),)
NOON_S = 12 * HOUR_S
PLAIN = Band("plain", (), 0, 86_400)


@pytest.mark.parametrize(
    ("other", "winner"),
    [
        (Band("second", (), 0, 86_400), "plain"),  # alike: the first in the calendar
        (Band("second", (), HOUR_S, 86_400), "second"),  # begins later
        (Band("second", (), HOUR_S, 86_400, weight=-1), "plain"),  # begins later, but is lighter
        (Band("second", (), 0, 86_400, weight=1), "second"),
        (Band("second", (), 0, NOON_S, weight=1), "plain"),  # ends at noon, exclusive
        (Band("second", (), NOON_S, NOON_S + 1), "second"),
        (Band("second", (5,), 0, 86_400, weight=1), "second"),
        (Band("second", (4, 6), 0, 86_400, weight=1), "plain"),
        (Band("second", (), 0, 86_400, weight=1, holidays=True), "second"),
        (Band("second", (1,), 0, 86_400, weight=1, holidays=True), "plain"),  # a holiday, but no Monday: every criterion must be met
        (Band("second", (), 0, 86_400, weight=1, years=(2026,), months=(5,), month_days=(1,)), "second"),
        (Band("second", (), 0, 86_400, weight=1, years=(2026,), months=(5,), month_days=(2,)), "plain"),
        (Band("second", (), 0, 86_400, weight=1, dates=MAY_DAY), "second"),
        (Band("second", (), 0, 86_400, weight=1, dates=(dt.date(2025, 5, 1),)), "plain"),
    ],
)
def test_which_band_wins(other: Band, winner: str) -> None:
    noon_us = int(dt.datetime(2026, 5, 1, 12, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()) * 1_000_000
    assert _by_timeline(Calendar("two", (PLAIN, other), MAY_DAY), noon_us, "Europe/Berlin") == winner


@pytest.mark.parametrize("line", [timeline(WEEK, "Europe/Berlin"), days("Pacific/Apia")], ids=["bands", "days"])
def test_boundaries_grow_are_closed_and_change_the_band(line: Timeline) -> None:
    assert line.boundaries[0] == TIME_MIN_US
    assert line.boundaries[-1] == np.iinfo(np.int64).max
    assert (np.diff(line.boundaries[:-1]) > 0).all()
    assert (np.diff(line.bands[:-1]) != 0).all()
    assert len(line.bands) == len(line.boundaries)
    assert len(line.stretches) == ((TIME_MAX_US - TIME_MIN_US) >> line.shift) + 1
    assert [each.dtype for each in line[:-1]] == [np.int64, np.int32, np.int32]


@pytest.mark.parametrize(
    ("swap", "winner"),
    [
        (DaySwap(dt.date(2026, 5, 1), 6), "second"),
        (DaySwap(dt.date(2026, 5, 1), 7), "plain"),
        (DaySwap(dt.date(2027, 5, 1), 6), "plain"),
        (DaySwap(dt.date(1969, 5, 1), 6), "plain"),  # before all days that are laid out
        (DaySwap(dt.date(2071, 5, 1), 6), "plain"),  # and after them
    ],
)
def test_a_date_counts_as_another_day_of_the_week(swap: DaySwap, winner: str) -> None:
    noon_us = int(dt.datetime(2026, 5, 1, 12, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()) * 1_000_000
    calendar = Calendar("two", (PLAIN, Band("second", (6,), 0, 86_400, weight=1)), day_swaps=(swap,))
    assert _by_timeline(calendar, noon_us, "Europe/Berlin") == winner


def test_days_of_another_calendar_are_not_swapped() -> None:
    band = (Band("saturday", (6,), 0, 86_400),)
    noon_us = int(dt.datetime(2026, 5, 2, 12, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()) * 1_000_000
    swapped, plain = Calendar("one", band, day_swaps=(DaySwap(dt.date(2026, 5, 2), 1),)), Calendar("other", band)
    assert [_by_timeline(each, noon_us, "Europe/Berlin") for each in (swapped, plain)] == [OTHER_BAND, "saturday"]


def test_a_calendar_without_bands_is_all_other() -> None:
    line = timeline(Calendar("empty", ()), "Europe/Berlin")
    assert line.boundaries.tolist() == [TIME_MIN_US, np.iinfo(np.int64).max]
    assert set(line.bands.tolist()) == {0}
    assert band_names(Calendar("empty", ())) == (OTHER_BAND,)


def test_bands_are_numbered_by_name_and_the_rest_is_last() -> None:
    assert band_names(WEEK) == ("peak", "sunday two to three", "night", "dawn", OTHER_BAND)
    assert band_names(Calendar("named", (Band(OTHER_BAND, (), 0, 1), PLAIN))) == ("plain", OTHER_BAND)


def test_zones_with_one_clock_have_one_timeline() -> None:
    assert timeline(WEEK, "Europe/Paris", COARSE_SHIFT) is timeline(WEEK, "Europe/Berlin", COARSE_SHIFT)
    assert days("Europe/Paris") is days("Europe/Berlin")
    assert days("Europe/London") is not days("Europe/Berlin")

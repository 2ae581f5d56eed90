"""Conversions between dates, day numbers and instants, at the edges of both; and no second copy of them in the tree."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from rating.dates import (
    BEFORE_ALL,
    DAY_US,
    LONG_AGO_DAY,
    NEVER,
    NEVER_DAY,
    day_after,
    day_number,
    day_of,
    instant_of,
    last_day,
    last_day_text,
    local_date,
    local_time,
    midnight_us,
    utc_date,
    utc_midnight_us,
    utc_time,
)

ROOT = Path(__file__).parents[2]
PACKAGES = ("rating", "tariffs", "mediation", "billing", "server")
# The plain twin and who verifies a run share nothing with what they check.
OWN = re.compile(r"rating/(dates\.py|reference/.*)|billing/verification/.*")
COPIES = re.compile(r"86_?400(_000){0,2}\b|\bdate(time)?\(1970\b|^_?(SECOND|MINUTE|HOUR|DAY)_US\b.*= \d|iinfo\((np\.)?int64\)\.(max|min)")
# A length of one day, and the last day of a span by its end: of a date, of ISO text, of a day number.
DAYS = re.compile(r"timedelta\((days=)?1\)|(\bend|ends|_to|_date|closed_on|after_day) - _?ONE_DAY|\+ _?ONE_DAY|toordinal|day_of\(\w+ - 1\)")
PER_MILLION = re.compile(r"^_?PPM(_PER_\w+)?\b[^=]*= |_ppm \* MICROS_PER_UNIT|ppm, 10_000")


@pytest.mark.parametrize(
    ("number", "date"), [(0, "1970-01-01"), (-1, "1969-12-31"), (20_423, "2025-12-01"), (NEVER_DAY, "9999-12-31"), (-719_162, "0001-01-01")]
)
def test_a_day_number_and_its_date(number: int, date: str) -> None:
    assert (day_number(dt.date.fromisoformat(date)), day_of(number).isoformat()) == (number, date)


@pytest.mark.parametrize("number", [NEVER_DAY + 1, -719_163, LONG_AGO_DAY])
def test_a_number_beyond_the_calendar_has_no_date(number: int) -> None:
    with pytest.raises(OverflowError):
        day_of(number)


@pytest.mark.parametrize(
    ("instant_us", "utc", "zone", "local"),
    [
        (-1, "1969-12-31T23:59:59.999999+00:00", "UTC", "1969-12-31"),
        (1_764_547_199_999_999, "2025-11-30T23:59:59.999999+00:00", "Asia/Shanghai", "2025-12-01"),
        (1_764_547_200_000_000, "2025-12-01T00:00:00+00:00", "America/New_York", "2025-11-30"),
    ],
)
def test_an_instant_in_utc_and_on_a_wall_clock(instant_us: int, utc: str, zone: str, local: str) -> None:
    moment = utc_time(instant_us)
    assert (moment.isoformat(), instant_of(moment), instant_of(local_time(instant_us, zone))) == (utc, instant_us, instant_us)
    assert (utc_date(instant_us).isoformat(), local_date(instant_us, zone).isoformat()) == (utc[:10], local)


@pytest.mark.parametrize("instant_us", [NEVER, BEFORE_ALL])
def test_an_instant_that_stands_for_no_end_has_no_date(instant_us: int) -> None:
    with pytest.raises(OverflowError):
        utc_time(instant_us)


@pytest.mark.parametrize(
    ("day", "zone", "begins"),
    [
        ("2025-12-01", "Europe/Berlin", "2025-11-30T23:00:00+00:00"),
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00+00:00"),  # the clock goes from 24:00 to 01:00
        ("2025-12-01", "UTC", "2025-12-01T00:00:00+00:00"),
    ],
)
def test_the_first_instant_of_a_date(day: str, zone: str, begins: str) -> None:
    date = dt.date.fromisoformat(day)
    assert utc_time(midnight_us(date, zone)).isoformat() == begins
    assert utc_midnight_us(date) == midnight_us(date, "UTC") == day_number(date) * DAY_US


@pytest.mark.parametrize(
    ("end", "last"),
    [("2025-12-01", "2025-11-30"), ("2024-03-01", "2024-02-29"), ("2026-01-01", "2025-12-31"), ("9999-12-31", "9999-12-30")],
)
def test_the_last_day_of_a_span_and_the_end_of_one(end: str, last: str) -> None:
    date, day = dt.date.fromisoformat(end), dt.date.fromisoformat(last)
    assert (last_day(end), last_day(date), day_after(day)) == (day, day, date)
    assert (last_day_text(end), last_day_text(date)) == (last, last)


def test_a_span_without_an_end_has_no_last_day() -> None:
    assert (last_day_text(None), last_day_text("")) == ("", "")


@pytest.mark.parametrize(
    ("copies", "place"),
    [
        (COPIES, ""),  # an epoch, a length of a day, a largest instant
        (DAYS, ""),
        (PER_MILLION, "rating/(model|figures).py"),
    ],
    ids=["epochs", "days", "parts per million"],
)
def test_no_module_has_a_constant_or_a_function_of_its_own(copies: re.Pattern[str], place: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if not OWN.fullmatch(name := path.relative_to(ROOT).as_posix()) and not re.fullmatch(place, name)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if copies.search(line.split("#")[0])
    ]
    assert found == []

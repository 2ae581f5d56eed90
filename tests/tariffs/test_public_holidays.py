"""Public holidays become dates of the version, with own dates on top and away, and weekends that are worked; nothing is asked again."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING

import holidays
import msgspec
import pytest

from billing.catalogue import publish, published
from billing.store.home import Home
from rating.errors import UserError
from rating.model import DaySwap
from tariffs import canonical
from tariffs.language.entries import PublicHolidaysEntry
from tariffs.language.texts import TextError
from tariffs.public_holidays import frozen
from tests.tariffs.rich import RICH, changed
from tests.tariffs.sample import loaded

if TYPE_CHECKING:
    from rating.model import Calendar

OWN = "    holidays: [2026-12-25, 2026-01-01]"
CHINA_2026 = ((1, 4, 5), (2, 14, 5), (2, 28, 1), (5, 9, 2), (9, 20, 2), (10, 10, 3))  # month and day worked, and the day it counts as
OTHER = {dt.date(2026, 7, 1): "invented"}
VERSION = importlib.metadata.version("holidays")


def _calendar(folder: Path, lines: str) -> Calendar:
    return loaded(folder, changed(OWN, lines)).calendars[0]


def test_china_with_the_weekends_that_are_worked() -> None:
    found = frozen(PublicHolidaysEntry(country="CN", years=(2026,), swaps=True))
    assert found.swaps == tuple(DaySwap(dt.date(2026, month, day), as_day) for month, day, as_day in CHINA_2026)
    assert {dt.date(2026, 1, 1), dt.date(2026, 2, 17), dt.date(2026, 2, 23), dt.date(2026, 10, 7)} <= set(found.dates)
    assert not {swap.date for swap in found.swaps} & set(found.dates)
    assert found.source == f"holidays {VERSION} CN 2026, working weekends of 2026"


# country, part, years, swaps -> a holiday, no holiday, swaps, source after the name of the package
ASKED = [
    ("CN", None, (2026,), False, (2026, 2, 20), (2026, 2, 14), 0, "CN 2026"),
    ("CN", None, (2027, 2026, 2026), True, (2027, 1, 1), (2025, 1, 1), 6, "CN 2026-2027, working weekends of 2026"),
    ("DE", None, (2026,), True, (2026, 5, 14), (2026, 6, 4), 0, "DE 2026, working weekends of no year"),
    ("DE", "BY", (2024, 2026), False, (2026, 6, 4), (2025, 6, 19), 0, "DE-BY 2024, 2026"),
    ("DE", None, (2030,), False, (2030, 12, 26), (2029, 12, 26), 0, "DE 2030"),
    ("CN", None, (2011,), True, (2011, 1, 3), (2012, 1, 1), 6, "CN 2011, working weekends of 2011"),  # one of them for January 2012
]


@pytest.mark.parametrize(("country", "part", "years", "swaps", "day", "no_day", "swapped", "source"), ASKED)
def test_what_is_asked(  # noqa: PLR0913, PLR0917 - a row's columns
    country: str,
    part: str | None,
    years: tuple[int, ...],
    swaps: bool,  # noqa: FBT001 - a row's column
    day: tuple[int, int, int],
    no_day: tuple[int, int, int],
    swapped: int,
    source: str,
) -> None:
    found = frozen(PublicHolidaysEntry(country=country, subdivision=part, years=years, swaps=swaps))
    assert dt.date(*day) in found.dates
    assert dt.date(*no_day) not in found.dates
    assert {date.year for date in found.dates} == set(years)
    assert list(found.dates) == sorted(set(found.dates))
    assert (len(found.swaps), found.source) == (swapped, f"holidays {VERSION} {source}")


def test_a_year_of_which_nothing_is_known() -> None:
    with pytest.raises(TextError, match="no public holiday of ES is known for 2000"):
        frozen(PublicHolidaysEntry(country="ES", years=(2000,)))


def test_own_dates_on_top_and_away(tmp_path: Path) -> None:
    lines = (
        "    public_holidays: {country: CN, years: [2026], swaps: true}\n"
        "    holidays: [2026-12-25]\n"
        "    not_holidays: [2026-04-06]\n"
        "    working_days: [{date: 2026-12-26, as: wed}, {date: 2026-02-28, as: tue}, {date: 2026-05-09, as: sat}]"
    )
    calendar = _calendar(tmp_path, lines)
    public = frozen(PublicHolidaysEntry(country="CN", years=(2026,), swaps=True))
    assert set(calendar.holidays) == {*public.dates, dt.date(2026, 12, 25)} - {dt.date(2026, 4, 6)}
    swaps = {(swap.date.month, swap.date.day): swap.as_day for swap in calendar.day_swaps}
    assert swaps == {(1, 4): 5, (2, 14): 5, (2, 28): 2, (9, 20): 2, (10, 10): 3, (12, 26): 3}  # 9 May is a Saturday again
    assert list(calendar.day_swaps) == sorted(calendar.day_swaps, key=lambda swap: swap.date)
    assert calendar.source == public.source


def test_a_version_keeps_its_dates_whatever_the_package_says_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "    public_holidays: {country: CN, years: [2026], swaps: true}\n    holidays: [2026-12-25]"
    catalogue = loaded(tmp_path, changed(OWN, lines))
    document = canonical.encode(catalogue)
    assert b"2026-02-17" in document
    assert f"holidays {VERSION} CN 2026".encode() in document

    def gone(*_: object, **__: object) -> None:
        raise AssertionError("asked again")

    monkeypatch.setattr(holidays, "country_holidays", gone)
    assert canonical.decode(document) == catalogue
    written = msgspec.structs.replace(catalogue, content_hash=b"")
    assert canonical.digest(canonical.encode(written)) == catalogue.content_hash


@pytest.mark.slow
def test_what_is_published_stays_when_a_later_package_says_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = changed(OWN, "    public_holidays: {country: DE, years: [2026]}")
    first = loaded(tmp_path, text)
    monkeypatch.setattr(holidays, "country_holidays", lambda *_, **__: OTHER)
    later = loaded(tmp_path, text)
    assert later.calendars[0].holidays == tuple(OTHER)
    with Home.open(tmp_path / "home", create=True) as home:
        publish(home, first, 1)
        assert published(home)[0].calendars == first.calendars  # read from the store, not made again
        with pytest.raises(UserError, match="other content"):
            publish(home, later, 2)


def test_the_example_of_the_page(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "calendars.md").read_text(encoding="utf-8")
    example = page.partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "holidays.csv").write_text("date\n2026-12-25\n")
    text = changed("calendars:\n", example)
    (calendar,) = (each for each in loaded(tmp_path, text).calendars if each.name == "china")
    assert {dt.date(2026, 11, 11), dt.date(2026, 12, 25), dt.date(2026, 2, 17)} <= set(calendar.holidays)
    assert dt.date(2026, 4, 6) not in calendar.holidays
    assert {DaySwap(dt.date(2026, 12, 26), 3), DaySwap(dt.date(2026, 2, 14), 5)} <= set(calendar.day_swaps)


def test_own_dates_alone_name_no_source(tmp_path: Path) -> None:
    calendar = loaded(tmp_path, RICH).calendars[0]
    assert (calendar.source, calendar.day_swaps) == ("", ())

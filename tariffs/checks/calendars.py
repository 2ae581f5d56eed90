"""Calendars: every band is on some day, and never do two bands have the same claim to an instant.

Where several bands cover an instant the heaviest wins, then the one that begins latest. Two of equal weight and start would be
decided by their order in the file, which nobody means.
"""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING, Final

from rating.model import ANY_BAND, OTHER_BAND
from tariffs.checks.common import twice
from tariffs.document import Finding
from tariffs.words import NO_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rating.model import Band, Calendar, Catalogue
    from tariffs.document import Place

YEARS: Final = range(2000, 2071)  # in which usage is rated, by anybody's wall clock
DAYS_OF_LONGEST_MONTH: Final = 31
WEIGHT_MAX: Final = 1_000_000


def calendars(catalogue: Catalogue) -> Iterator[Finding]:
    """All calendars."""
    yield from twice("calendars", "calendar", [calendar.name for calendar in catalogue.calendars])
    for index, calendar in enumerate(catalogue.calendars):
        yield from _calendar(calendar, ("calendars", index))


def _calendar(calendar: Calendar, place: Place) -> Iterator[Finding]:
    for name in sorted({band.name for band in calendar.bands if band.name in {OTHER_BAND, ANY_BAND}}):
        yield Finding(place, f"a band cannot be called `{name}`", f"`{OTHER_BAND}` is every time that no band covers; choose another name")
    if not calendar.bands:
        yield Finding(place, f"calendar `{calendar.name}` has no band", "add one, or leave the calendar out of the price")
    if not calendar.holidays and any(band.holidays for band in calendar.bands):
        message = f"calendar `{calendar.name}` has a band for holidays, but no holidays"
        yield Finding((*place, "holidays"), message, "add `holidays` with their dates, or `holidays_file`")
        return
    bands = [band for band in calendar.bands if band.days != NO_DAYS]
    for band in bands:
        yield from _band(band, calendar, place)
    yield from _same_claims(bands, calendar, place)


def _band(band: Band, calendar: Calendar, place: Place) -> Iterator[Finding]:
    if abs(band.weight) > WEIGHT_MAX:
        yield Finding(place, f"band `{band.name}` has the weight {band.weight}", f"write -{WEIGHT_MAX} to {WEIGHT_MAX}")
    if any(not 1 <= day <= DAYS_OF_LONGEST_MONTH for day in band.month_days):
        yield Finding(place, f"band `{band.name}` has a day of the month that there is not", "write 1 to 31")
    elif any(year not in YEARS for year in band.years):
        yield Finding(place, f"band `{band.name}` has a year out of range", f"write {YEARS[0]} to {YEARS[-1]}")
    elif _day_of((band,), calendar.holidays) is None:
        yield Finding(place, f"band `{band.name}` is on no day", "take a criterion away: a day must meet all that are given")


def _same_claims(bands: Iterable[Band], calendar: Calendar, place: Place) -> Iterator[Finding]:
    """Bands of equal weight and start, under different names, that are on one day."""
    told: set[frozenset[str]] = set()
    for former, latter in itertools.combinations(bands, 2):
        names = frozenset((former.name, latter.name))
        if former.start_s != latter.start_s or former.weight != latter.weight or len(names) == 1 or names in told:
            continue
        day = _day_of((former, latter), calendar.holidays)
        if day is not None:
            told.add(names)  # the same on other days needs no saying
            time = f"{former.start_s // 3600:02d}:{former.start_s // 60 % 60:02d}"
            message = f"bands `{former.name}` and `{latter.name}` both begin at {time}, such as on {day:%A} {day}"
            yield Finding(place, message, "give the one that shall win a higher `weight`")


def _day_of(bands: tuple[Band, ...], holidays: tuple[dt.date, ...]) -> dt.date | None:
    """A day that all `bands` are on; None where there is none."""
    return next((day for day in _candidates(bands, holidays) if all(_is_on(band, day, holidays) for band in bands)), None)


def _candidates(bands: tuple[Band, ...], holidays: tuple[dt.date, ...]) -> Iterable[dt.date]:
    """Days among which one must be that all `bands` are on, if there is any."""
    dated = next((band.dates for band in bands if band.dates), None)
    if dated is not None:
        return dated
    if any(band.holidays for band in bands):
        return holidays
    years = next((band.years for band in bands if band.years), YEARS)
    months = next((band.months for band in bands if band.months), range(1, 13))
    month_days = next((band.month_days for band in bands if band.month_days), range(1, DAYS_OF_LONGEST_MONTH + 1))
    return (day for parts in itertools.product(years, months, month_days) if (day := _date(*parts)) is not None)


def _date(year: int, month: int, month_day: int) -> dt.date | None:
    try:
        return dt.date(year, month, month_day)
    except ValueError:  # such as 30 February
        return None


def _is_on(band: Band, day: dt.date, holidays: tuple[dt.date, ...]) -> bool:
    """Whether `day` meets every criterion of `band`."""
    criteria = (
        (band.days, day.isoweekday()),
        (band.years, day.year),
        (band.months, day.month),
        (band.month_days, day.day),
        (band.dates, day),
    )
    return all(not wanted or value in wanted for wanted, value in criteria) and (not band.holidays or day in holidays)

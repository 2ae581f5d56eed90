"""Calendars: every band is on some day, and never do two bands have the same claim to an instant.

Where several bands cover an instant the heaviest wins, then the one that begins latest. Two of equal weight and start would be
decided by their order in the file, which no author means.
"""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING, Final

from rating.model import ANY_BAND, OTHER_BAND
from tariffs.documents.document import Finding
from tariffs.documents.findings import twice
from tariffs.language.words import NO_DAYS
from tariffs.public_holidays import YEARS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rating.model import Band, Calendar, Catalogue
    from tariffs.documents.document import Place

DAYS_OF_LONGEST_MONTH: Final = 31
WEIGHT_MAX: Final = 1_000_000
_CRITERIA: Final = ("days", "years", "months", "month_days", "dates")


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
    yield from _swaps(calendar, place)
    if not calendar.holidays and any(band.holidays for band in calendar.bands):
        message = f"calendar `{calendar.name}` has a band for holidays, but no holidays"
        yield Finding((*place, "holidays"), message, "add `holidays` with their dates, `holidays_file` or `public_holidays`")
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
    elif _day_of((band,), calendar) is None:
        yield Finding(place, f"band `{band.name}` is on no day", "take a criterion away: a day must meet all that are given")


def _same_claims(bands: Iterable[Band], calendar: Calendar, place: Place) -> Iterator[Finding]:
    """Bands of equal weight and start, under different names, that are on one day."""
    told: set[frozenset[str]] = set()
    for former, latter in itertools.combinations(bands, 2):
        names = frozenset((former.name, latter.name))
        if former.start_s != latter.start_s or former.weight != latter.weight or len(names) == 1 or names in told:
            continue
        day = _day_of((former, latter), calendar)
        if day is not None:
            told.add(names)  # the same on other days needs no saying
            time = f"{former.start_s // 3600:02d}:{former.start_s // 60 % 60:02d}"
            message = f"bands `{former.name}` and `{latter.name}` both begin at {time}, such as on {day:%A} {day}"
            yield Finding(place, message, "give the one that shall win a higher `weight`")


def _swaps(calendar: Calendar, place: Place) -> Iterator[Finding]:
    """A date counts as one day of the week, which rating knows, and is not a holiday as well."""
    holidays = set(calendar.holidays)
    for swap in calendar.day_swaps:
        if swap.date.year not in YEARS:
            yield Finding((*place, "working_days"), f"{swap.date} is out of range", f"write dates of {YEARS[0]} to {YEARS[-1]}")
        if swap.date in holidays:
            message = f"{swap.date} is a holiday and a working day in calendar `{calendar.name}`"
            yield Finding((*place, "working_days"), message, "keep one of them; `not_holidays` takes a public holiday away")


def _day_of(bands: tuple[Band, ...], calendar: Calendar) -> dt.date | None:
    """A day that all `bands` are on; None where there is none."""
    if any(_disjoint([getattr(band, criterion) for band in bands]) for criterion in _CRITERIA):
        return None
    swaps = {swap.date: swap.as_day for swap in calendar.day_swaps}
    holidays = frozenset(calendar.holidays)
    candidates = _candidates(bands, calendar.holidays)
    return next((day for day in candidates if all(_is_on(band, day, holidays, swaps) for band in bands)), None)


def _disjoint(wanted: list[tuple[object, ...]]) -> bool:
    """Return whether bands ask for different values of one criterion: a glance that spares looking at every day of seventy years."""
    given = [set(values) for values in wanted if values]
    return len(given) > 1 and not set.intersection(*given)


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


def _is_on(band: Band, day: dt.date, holidays: frozenset[dt.date], swaps: Mapping[dt.date, int]) -> bool:
    """Return whether `day` meets every criterion of `band`; `swaps`: dates that count as another day of the week."""
    criteria = (
        (band.days, swaps.get(day, day.isoweekday())),
        (band.years, day.year),
        (band.months, day.month),
        (band.month_days, day.day),
        (band.dates, day),
    )
    return all(not wanted or value in wanted for wanted, value in criteria) and (not band.holidays or day in holidays)

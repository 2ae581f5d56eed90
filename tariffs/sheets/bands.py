"""Bands of a calendar in words, and instants that lie in them.

A band is described by its days and times, not by its short name. Instants are found by the same clock that prices
(`rating.reference.clock`).
"""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.dates import DAY_S, DAY_US, day_number
from rating.model import ANY_BAND, OTHER_BAND, WallClock
from rating.reference.clock import Days, ZoneClock
from tariffs.sheets.figures import time_of_day

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rating.model import Band, Calendar, Catalogue
    from tariffs.sheets.words import Words

_LONG_US: Final = 7_200_000_000  # a span of two hours is long enough for every example
_DAYS_LOOKED_AT: Final = 1_600  # four years and more: every day of the week and of every month
_LAST_DAY: Final = day_number(dt.date(2070, 1, 1))  # rating takes nothing that starts later
_SPANS_A_BAND: Final = 24
_WEEK: Final = 7


class Span(NamedTuple):
    """Instants of one band, half open."""

    from_us: int
    until_us: int


def spans(calendar: Calendar, catalogue: Catalogue) -> dict[str, list[Span]]:
    """For each band some spans by the clock of the catalogue while the version may price, the long ones first."""
    days, clock = Days(calendar), ZoneClock(catalogue.timezone)
    names = {OTHER_BAND, *(band.name for band in calendar.bands)}
    recurs = not any(band.years or band.dates or band.holidays for band in calendar.bands)
    found: dict[str, list[Span]] = {}
    first = clock.day(catalogue.effective_from_us)
    for day in range(first, _LAST_DAY):
        if day - first >= _DAYS_LOOKED_AT and (recurs or found.keys() >= names):
            break
        for name, span in _of_day(days, clock, day):
            if _is_within(span, catalogue) and len(found.setdefault(name, [])) < _SPANS_A_BAND:
                found[name].append(span)
    return {name: sorted(each, key=lambda span: -min(span.until_us - span.from_us, _LONG_US)) for name, each in found.items()}


def _of_day(days: Days, clock: ZoneClock, day: int) -> Iterator[tuple[str, Span]]:
    """Spans of a local day whose offset does not change; the others show no price that these do not."""
    midnight_us = day * DAY_US
    offset_us = clock.offset_us(midnight_us - clock.offset_us(midnight_us))
    if clock.offset_us(midnight_us + DAY_US - offset_us) != offset_us or clock.offset_us(midnight_us - offset_us) != offset_us:
        return
    start_us = 0
    for span in days.spans(day):
        yield span.band, Span(midnight_us + start_us - offset_us, midnight_us + span.end_us - offset_us)
        start_us = span.end_us


def _is_within(span: Span, catalogue: Catalogue) -> bool:
    until_us = catalogue.effective_to_us
    return span.from_us >= catalogue.effective_from_us and (until_us is None or span.until_us <= until_us)


def told(name: str, calendar: Calendar | None, words: Words) -> str:
    """A band by its days and times."""
    if name == ANY_BAND or calendar is None:
        return ""
    if name == OTHER_BAND:
        return words.labels.other_times
    entries: dict[str, list[str]] = {}
    for band in calendar.bands:
        if band.name == name:
            entries.setdefault(days_of(band, words), []).append(times_of(band))
    parts = [" ".join(filter(None, [days, words.figures.comma.join(_joined(times, days, words))])) for days, times in entries.items()]
    return words.figures.semicolon.join(parts)


def days_of(band: Band, words: Words) -> str:
    """On which days a band holds."""
    figures, labels = words.figures, words.labels
    parts = [figures.date_month.format(figures.months[month - 1]) for month in band.months]
    parts = [figures.comma.join([*map(str, band.years)]), figures.comma.join(parts)]
    parts.append(labels.month_days.format(figures.comma.join(map(str, band.month_days))) if band.month_days else "")
    parts.append(_dates(band.dates, words))
    parts.append(labels.holidays if band.holidays else "")
    parts.append(_weekdays(band.days, words))
    found = [part for part in parts if part]
    return " ".join(found) if found else labels.daily


def times_of(band: Band) -> str:
    """From when to when, if not the whole day."""
    if band.start_s == 0 and band.end_s == DAY_S:
        return ""
    return f"{time_of_day(band.start_s)}–{time_of_day(band.end_s)}"  # noqa: RUF001 - an en dash between two times


def in_order(calendar: Calendar) -> list[Band]:
    """The bands as they win where several cover an instant: the first that does."""
    return sorted(calendar.bands, key=lambda band: (-band.weight, -band.start_s))  # a stable sort: then the first in the calendar


def may_meet(calendar: Calendar) -> bool:
    """Return whether bands of different names may cover the same instant; dates are ignored."""
    return any(
        one.name != other.name
        and one.start_s < other.end_s
        and other.start_s < one.end_s
        and (not one.days or not other.days or not set(one.days).isdisjoint(other.days))
        for one, other in itertools.combinations(calendar.bands, 2)
    )


def clock_of(clock: WallClock, catalogue: Catalogue, words: Words) -> str:
    """The clock of a price, in words."""
    return words.times.clock[clock].format(catalogue.timezone)


def _joined(times: Sequence[str], days: str, words: Words) -> list[str]:
    """Times of the same days; where these are all days, a time that continues after midnight is one."""
    found = [each for each in times if each]
    before = next((each for each in found if each.endswith("24:00")), None)
    after = next((each for each in found if each.startswith("00:00")), None)
    if days != words.labels.daily or before is None or after is None or before == after:
        return found
    joined = before.removesuffix("24:00") + after.removeprefix("00:00–")  # noqa: RUF001 - the dash of times_of
    return [joined if each == before else each for each in found if each != after]


def _weekdays(days: Sequence[int], words: Words) -> str:
    """Runs of days as spans: Mon-Fri; all days of the week are none."""
    if not days or len(days) == _WEEK:
        return ""
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    names = words.figures.days
    return words.figures.comma.join(
        names[run[0] - 1] if len(run) == 1 else words.figures.between.format(names[run[0] - 1], names[run[-1] - 1]) for run in runs
    )


def _dates(dates: Sequence[dt.date], words: Words) -> str:
    figures = words.figures
    told_dates = (figures.date.format(year=d.year, month=d.month, day=d.day, name=figures.months[d.month - 1]) for d in dates)
    return figures.semicolon.join(told_dates)

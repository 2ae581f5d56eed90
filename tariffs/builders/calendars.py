"""Calendars: bands over midnight become two, criteria are sorted.

A band that was not read whole covers nothing, so that it is not judged by what stands in for its texts.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import msgspec

from rating.model import Band, Calendar
from tariffs.document import Finding
from tariffs.texts import DAY_NAMES, SECONDS_PER_DAY
from tariffs.words import NO_DAYS

if TYPE_CHECKING:
    from tariffs.document import Place
    from tariffs.language import BandEntry, CalendarEntry

_ONE_DAY: Final = dt.timedelta(days=1)
_OF_A_DATE: Final = ("years", "months", "month_days", "holidays")  # criteria that the day after a day does not inherit


def calendar(entry: CalendarEntry, from_file: tuple[dt.date, ...], place: Place, findings: list[Finding]) -> Calendar:
    """The calendar of its entry and of the dates that its file holds."""
    bands = [band for i, each in enumerate(entry.bands) for band in _bands(each, (*place, "bands", i), findings)]
    return Calendar(entry.name, tuple(bands), tuple(sorted({*entry.holidays, *from_file})))


def _bands(entry: BandEntry, place: Place, findings: list[Finding]) -> list[Band]:
    """The bands of an entry: two when it runs over midnight, the second of them on the next day."""
    if any(finding.place[: len(place)] == place for finding in findings):
        return [Band(entry.name, NO_DAYS, 0, SECONDS_PER_DAY)]
    band = Band(
        name=entry.name,
        days=_days(entry.days),
        start_s=entry.from_,
        end_s=entry.to if entry.from_ < entry.to else SECONDS_PER_DAY,
        weight=entry.weight,
        years=tuple(sorted(set(entry.years))),
        months=tuple(sorted(set(entry.months))),
        month_days=tuple(sorted(set(entry.month_days))),
        dates=tuple(sorted(set(entry.dates))),
        holidays=entry.holidays,
    )
    if entry.from_ < entry.to or entry.to == 0:
        return [band]
    named = next((name for name in _OF_A_DATE if getattr(entry, name)), None)
    if named is not None:
        message = f"band `{entry.name}` runs over midnight, and `{named}` does not say which day that is"
        findings.append(Finding(place, message, 'write two bands: one that ends at "24:00", and one from "00:00" with its own days'))
    next_days = _days(tuple(day % 7 + 1 for day in entry.days))
    morning = msgspec.structs.replace(band, days=next_days, start_s=0, end_s=entry.to, dates=tuple(date + _ONE_DAY for date in band.dates))
    return [band, morning]


def _days(days: tuple[int, ...]) -> tuple[int, ...]:
    """Sorted; none for all, which is the same."""
    return () if len(days) == len(DAY_NAMES) else tuple(sorted(days))

"""Calendars: short times between bands, bands that never prevail, holidays that end soon.

A band's end is exclusive, so bands meet at the same time of day ("08:00" to "18:00", then "18:00" to "08:00"); one minute between two bands
is a slip. Looked at on the wall clock itself, over the years from the version's start on.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import numpy as np

from rating.dates import MINUTE_US, utc_date, utc_time
from rating.model import OTHER_BAND
from tariffs.compiling.price_times import occurring
from tariffs.compiling.timeline import band_names, timeline
from tariffs.warnings.common import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import Calendar, Catalogue
    from tariffs.documents.document import Place
    from tariffs.warnings.common import Warning  # noqa: A004 -- see there

HOLE_MINUTES_MAX: Final = 30  # a longer time without a band is one that its author sees
HOLIDAYS_DAYS_MIN: Final = 300  # of a year's holidays the last is in December: those of the year of the start suffice


def warn(catalogue: Catalogue) -> Iterator[Warning]:
    """All calendars."""
    for index, calendar in enumerate(catalogue.calendars):
        place: Place = ("calendars", index)
        yield from _holes(calendar, catalogue, place)
        yield from _idle(calendar, catalogue, place)
        yield from _holidays_end(calendar, catalogue, place)


def _holes(calendar: Calendar, catalogue: Catalogue, place: Place) -> Iterator[Warning]:
    """Short times that no band covers, each reported once by its time of day."""
    line = timeline(calendar, "UTC")  # UTC has no change of clocks: instants are times of day
    lengths = np.diff(line.boundaries[:-1])
    is_hole = (line.bands[: len(lengths)] == len(band_names(calendar)) - 1) & (lengths <= HOLE_MINUTES_MAX * MINUTE_US)
    is_hole &= line.boundaries[: len(lengths)] >= catalogue.effective_from_us
    told: set[tuple[str, str]] = set()
    for begin_us, length_us in zip(line.boundaries[:-2][is_hole].tolist(), lengths[is_hole].tolist(), strict=True):
        begin = utc_time(begin_us)
        end = begin + dt.timedelta(microseconds=length_us)
        span = (f"{begin:%H:%M}", f"{end:%H:%M}")
        if span not in told:
            told.add(span)
            message = f"calendar `{calendar.name}`: no band covers {span[0]} to {span[1]}, such as on {begin:%A} {begin:%Y-%m-%d}"
            yield warning("band-gap", place, message, "let a band end when the next one begins: the end itself is not in the band")


def _idle(calendar: Calendar, catalogue: Catalogue, place: Place) -> Iterator[Warning]:
    occurs = occurring(calendar, catalogue)
    for name in band_names(calendar):
        if name not in occurs and name != OTHER_BAND:
            message = f"calendar `{calendar.name}`: band `{name}` never prevails from the version's start on"
            yield warning("idle-band", place, message, "raise its `weight` if others hide it, or take it out if its days are past")


def _holidays_end(calendar: Calendar, catalogue: Catalogue, place: Place) -> Iterator[Warning]:
    if not calendar.holidays or not any(band.holidays for band in calendar.bands):
        return
    start = utc_date(catalogue.effective_from_us)
    last = calendar.holidays[-1]
    if catalogue.effective_to_us is not None and utc_time(catalogue.effective_to_us).year <= last.year:
        return
    if last < start + dt.timedelta(days=HOLIDAYS_DAYS_MIN):
        message = f"calendar `{calendar.name}`: the last holiday is {last}; after it no day is one"
        yield warning("holidays-end", (*place, "holidays"), message, "add the next year's, or publish a version with them in time")

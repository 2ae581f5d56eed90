"""The wall clocks of the plain twin: which local day it is, and in which band of a calendar an instant lies, asked of zoneinfo.

Instants in microseconds UTC; a local day is the number of days since 1970-01-01 on the wall. Answers are remembered by day, because
millions of events ask the same. Knows nothing of the compiled timelines that the kernel reads.

Its assumption, which a test checks for every zone and year that rating accepts: no zone changes its offset twice within 24 hours.
So equal offsets at both ends of a day mean an unbroken clock between them.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from rating.model import OTHER_BAND

if TYPE_CHECKING:
    from rating.model import Band, Calendar

MICROSECONDS_PER_SECOND: Final = 1_000_000
MICROSECONDS_PER_DAY: Final = 86_400 * MICROSECONDS_PER_SECOND
_SECONDS_PER_DAY: Final = 86_400
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EPOCH_DATE: Final = dt.date(1970, 1, 1)


class Stay(NamedTuple):
    """The band of an instant, and an instant up to which (exclusive) it surely lasts, at most one day later."""

    band: str
    until_us: int


class ZoneClock:
    """The wall clock of one IANA time zone."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._zone = ZoneInfo(name)
        self._offset_by_utc_day: dict[int, int | None] = {}  # None: the offset changes within that day

    def day(self, instant_us: int) -> int:
        """The number of the local day in which an instant lies."""
        return (instant_us + self.offset_us(instant_us)) // MICROSECONDS_PER_DAY

    def offset_us(self, instant_us: int) -> int:
        """Return how far the wall clock is ahead of UTC."""
        utc_day = instant_us // MICROSECONDS_PER_DAY
        if utc_day not in self._offset_by_utc_day:
            start_us = utc_day * MICROSECONDS_PER_DAY
            at_start, at_end = self._asked_us(start_us), self._asked_us(start_us + MICROSECONDS_PER_DAY)
            self._offset_by_utc_day[utc_day] = at_start if at_start == at_end else None
        offset_us = self._offset_by_utc_day[utc_day]
        return self._asked_us(instant_us) if offset_us is None else offset_us

    def unbroken_until(self, instant_us: int, until_us: int) -> int:
        """`until_us` (at most a day later), or the first instant after `instant_us` that has another offset."""
        offset_us = self.offset_us(instant_us)
        if self.offset_us(until_us) == offset_us:
            return until_us
        before_us, after_us = instant_us, until_us
        while after_us - before_us > 1:
            middle_us = (before_us + after_us) // 2
            if self._asked_us(middle_us) == offset_us:
                before_us = middle_us
            else:
                after_us = middle_us
        return after_us

    def _asked_us(self, instant_us: int) -> int:
        offset = (_EPOCH + dt.timedelta(microseconds=instant_us)).astimezone(self._zone).utcoffset()
        assert offset is not None, "a zone always has an offset"
        return offset // dt.timedelta(microseconds=1)


class _Span(NamedTuple):
    """A part of a wall-clock day that lies in one band; it begins where the one before it ends."""

    end_us: int
    band: str


class Days:
    """The bands of a calendar, day by day, for any time zone."""

    def __init__(self, calendar: Calendar) -> None:
        self._bands = calendar.bands
        self._holidays = frozenset(calendar.holidays)
        self._swaps = {swap.date: swap.as_day for swap in calendar.day_swaps}
        self._spans_by_day: dict[int, tuple[_Span, ...]] = {}

    def spans(self, day: int) -> tuple[_Span, ...]:
        """The bands of one local day in their order, from its first to its last wall-clock microsecond."""
        spans = self._spans_by_day.get(day)
        if spans is None:
            spans = self._spans_by_day[day] = self._cut(_EPOCH_DATE + dt.timedelta(days=day))
        return spans

    def _cut(self, date: dt.date) -> tuple[_Span, ...]:
        bands = [band for band in self._bands if self._is_on(band, date)]
        ends_s = sorted({_SECONDS_PER_DAY} | {s for band in bands for s in (band.start_s, band.end_s) if s > 0})
        spans: list[_Span] = []
        start_s = 0
        for end_s in ends_s:
            name = _name_at(bands, start_s)
            if spans and spans[-1].band == name:
                spans.pop()
            spans.append(_Span(end_s * MICROSECONDS_PER_SECOND, name))
            start_s = end_s
        return tuple(spans)

    def _is_on(self, band: Band, date: dt.date) -> bool:
        """Return whether `date` meets every criterion that `band` gives. Days of the week are those that dates count as."""
        return (
            (not band.days or self._swaps.get(date, date.isoweekday()) in band.days)
            and (not band.years or date.year in band.years)
            and (not band.months or date.month in band.months)
            and (not band.month_days or date.day in band.month_days)
            and (not band.dates or date in band.dates)
            and (not band.holidays or date in self._holidays)
        )


class Clock:
    """Finds the band of a calendar in which an instant lies by the wall clock of a zone, and how long it stays there."""

    def __init__(self, days: Days, zone: ZoneClock) -> None:
        self.zone = zone
        self._days = days

    def band_at(self, instant_us: int) -> str:
        """The band of one instant: the definition that everything else here must agree with."""
        return self.stay(instant_us).band

    def stay(self, instant_us: int) -> Stay:
        """The band of `instant_us`, up to a wall-clock time of its day, unless the zone's offset changes first."""
        day, day_us = divmod(instant_us + self.zone.offset_us(instant_us), MICROSECONDS_PER_DAY)
        span = next(span for span in self._days.spans(day) if day_us < span.end_us)
        return Stay(span.band, self.zone.unbroken_until(instant_us, instant_us + span.end_us - day_us))


def _name_at(bands: list[Band], second: int) -> str:
    """Return the band that covers a second of its day: the heaviest, then the one that starts last, then the first."""
    covering = [band for band in bands if band.start_s <= second < band.end_s]
    if not covering:
        return OTHER_BAND
    return max(covering, key=lambda band: (band.weight, band.start_s)).name  # max keeps the first of equals

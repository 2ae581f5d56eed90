"""The wall clock of the plain twin: in which weekly band an instant lies, asked of zoneinfo each time.

Instants in microseconds UTC. Knows nothing of the compiled timelines that the kernel reads.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from rating.model import OTHER_BAND

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from rating.model import Calendar

MICROSECONDS_PER_SECOND: Final = 1_000_000
MICROSECONDS_PER_DAY: Final = 86_400 * MICROSECONDS_PER_SECOND
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Clock:
    """Tells in which weekly band an instant lies, by its wall-clock time, and how long it stays there."""

    def __init__(self, calendar: Calendar, zone: ZoneInfo) -> None:
        self._zone = zone
        self._by_weekday = {day: [band for band in calendar.bands if day in band.days] for day in range(1, 8)}

    def band_at(self, instant_us: int) -> str:
        """The band of one instant: the definition that everything else here must agree with."""
        return self.stay(instant_us)[0]

    def stay(self, instant_us: int) -> tuple[str, int]:
        """The band of `instant_us` and an instant up to which (exclusive) it surely lasts, at most one day later.

        Within a day the band ends at a wall-clock time, unless the zone's offset changes first. No zone changes its offset
        twice within a day, so that equal offsets at both ends mean an unbroken clock between them.
        """
        offset_us = self._offset_us(instant_us)
        days, day_us = divmod(instant_us + offset_us, MICROSECONDS_PER_DAY)
        name, end_us = OTHER_BAND, MICROSECONDS_PER_DAY
        for band in self._by_weekday[(days + 3) % 7 + 1]:  # day 0, 1970-01-01, was a Thursday: ISO 4
            band_start_us, band_end_us = band.start_s * MICROSECONDS_PER_SECOND, band.end_s * MICROSECONDS_PER_SECOND
            if band_start_us <= day_us < band_end_us:
                name, end_us = band.name, band_end_us
            elif day_us < band_start_us and name == OTHER_BAND:
                end_us = min(end_us, band_start_us)
        until_us = instant_us + end_us - day_us
        if self._offset_us(until_us) == offset_us:
            return name, until_us
        return name, self._offset_change(instant_us, until_us, offset_us)

    def _offset_us(self, instant_us: int) -> int:
        offset = (_EPOCH + dt.timedelta(microseconds=instant_us)).astimezone(self._zone).utcoffset()
        assert offset is not None, "a zone always has an offset"
        return offset // dt.timedelta(microseconds=1)

    def _offset_change(self, before_us: int, after_us: int, offset_us: int) -> int:
        """The first instant after `before_us` whose offset is no longer `offset_us`, found by halving."""
        while after_us - before_us > 1:
            middle_us = (before_us + after_us) // 2
            if self._offset_us(middle_us) == offset_us:
                before_us = middle_us
            else:
                after_us = middle_us
        return after_us

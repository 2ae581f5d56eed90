"""The timelines of all calendars and clocks in one set of arrays; what repeats is stored once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rating.dates import DAY_US
from rating.tables import TIMELINE_ROW
from tariffs.compiling.timeline import COARSE_SHIFT, FINE_SHIFT, Timeline, days, timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.model import Calendar

_LONGEST_US = 32 * DAY_US  # the longest call, and a day of rounding


class TimelineStack:
    """Gathers timelines, then gives the arrays of `rating.tables.Tables` that hold them."""

    def __init__(self) -> None:
        self._timelines: list[Timeline] = []
        self._known: dict[tuple[Calendar | None, tuple[str, ...]], int] = {}
        self.changes_max = 0  # changes of band in the longest call, over all calendars so far

    def bands(self, calendar: Calendar, timezones: Sequence[str]) -> int:
        """Number of the first of the timelines of `calendar` in each of `timezones`. One alone is asked most and laid out fine."""
        return self._add(calendar, tuple(timezones))

    def days(self, timezones: Sequence[str]) -> int:
        """Number of the first of the timelines of local days in each of `timezones`."""
        return self._add(None, tuple(timezones))

    def _add(self, calendar: Calendar | None, timezones: tuple[str, ...]) -> int:
        key = (calendar, timezones)
        if key not in self._known:
            self._known[key] = len(self._timelines)
            shift = FINE_SHIFT if len(timezones) == 1 else COARSE_SHIFT
            made = [days(zone) if calendar is None else timeline(calendar, zone, shift) for zone in timezones]
            self._timelines += made
            if calendar is not None:
                self.changes_max = max(self.changes_max, *(_changes_max(each) for each in _distinct(made)))
        return self._known[key]

    def arrays(self) -> dict[str, Any]:
        """One array of each kind for all timelines; those of time zones with one clock are in them once."""
        parts = _distinct(self._timelines)
        ends = np.cumsum([(0, 0), *((len(each.boundaries), len(each.stretches)) for each in parts)], axis=0).tolist()
        rows = {id(each): (*begin, each.shift) for each, begin in zip(parts, ends, strict=False)}
        return {
            "timelines": np.array([rows[id(each)] for each in self._timelines], TIMELINE_ROW),
            "boundaries": np.concatenate([np.zeros(0, np.int64), *(each.boundaries for each in parts)]),
            "bands": np.concatenate([np.zeros(0, np.int32), *(each.bands for each in parts)]),
            "stretches": np.concatenate([np.zeros(0, np.int32), *(each.stretches for each in parts)]),
        }


def _distinct(timelines: Sequence[Timeline]) -> list[Timeline]:
    """The objects among them, each once."""
    return list({id(each): each for each in timelines}.values())


def _changes_max(each: Timeline) -> int:
    """The most changes of band within the longest call."""
    starts = each.boundaries[:-1]
    return int((np.searchsorted(starts, starts + _LONGEST_US) - np.arange(len(starts))).max()) + 1

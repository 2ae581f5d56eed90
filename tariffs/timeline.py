"""A weekly calendar in a time zone, laid out as the instants at which the band changes.

Wall-clock truth is settled here, once: an instant is in a band if and only if its wall-clock time is, so a 02-03 band lasts two hours
on the day clocks go back and not at all on the day they go forward. Later kinds of bands (dates, holidays) change this file and no
kernel.

Units: microseconds UTC, between TIME_MIN_US and TIME_MAX_US.
"""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from rating.model import OTHER_BAND
from rating.tables import HOUR_US, TIME_MAX_US, TIME_MIN_US

if TYPE_CHECKING:
    from collections.abc import Callable

    from rating.model import Calendar

DAY_S = 86_400
_MONDAY_S = 4 * DAY_S  # 1970-01-05 was a Monday


class Timeline(NamedTuple):
    """From `boundaries[i]` to `boundaries[i + 1]` the band is `bands[i]`; `hours` finds the i in force when an hour begins."""

    boundaries: NDArray[np.int64]
    bands: NDArray[np.int32]
    hours: NDArray[np.int32]


def band_names(calendar: Calendar) -> tuple[str, ...]:
    """Names of the bands in the order of their numbers; OTHER_BAND is last."""
    return (*dict.fromkeys(band.name for band in calendar.bands), OTHER_BAND)


@functools.lru_cache(maxsize=64)
def timeline(calendar: Calendar, timezone: str) -> Timeline:
    """Lay `calendar` out over all of time in `timezone` (an IANA name)."""
    edges_s, edge_bands = _week(calendar)
    pieces = [_between(edges_s, edge_bands, *segment) for segment in _offset_segments(timezone)]
    boundaries = np.concatenate([piece[0] for piece in pieces])
    bands = np.concatenate([piece[1] for piece in pieces])
    changes = np.concatenate([[True], bands[1:] != bands[:-1]])
    boundaries, bands = boundaries[changes], bands[changes]
    starts = np.arange(TIME_MIN_US, TIME_MAX_US + HOUR_US, HOUR_US, dtype=np.int64)
    hours = (np.searchsorted(boundaries, starts, side="right") - 1).astype(np.int32)
    closed = np.append(boundaries, np.iinfo(np.int64).max)
    return Timeline(closed, np.append(bands, bands[-1]).astype(np.int32), hours)


def _week(calendar: Calendar) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Seconds of the week at which a band begins, from Monday midnight, and the number of the band."""
    number = {name: index for index, name in enumerate(band_names(calendar))}
    spans = sorted(
        ((day - 1) * DAY_S + band.start_s, (day - 1) * DAY_S + band.end_s, number[band.name])
        for band in calendar.bands
        for day in band.days
    )
    edges, bands, cursor = [0], [number[OTHER_BAND]], 0
    for start, end, band in spans:
        if start == cursor:
            edges[-1:], bands[-1:] = [start], [band]
        else:
            edges.append(start)
            bands.append(band)
        edges.append(end)
        bands.append(number[OTHER_BAND])
        cursor = end
    if edges[-1] == 7 * DAY_S:
        edges.pop()
        bands.pop()
    return np.array(edges, dtype=np.int64), np.array(bands, dtype=np.int32)


def _between(
    edges_s: NDArray[np.int64], edge_bands: NDArray[np.int32], from_us: int, to_us: int, offset_s: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Boundaries in [from_us, to_us), where the offset is constant; the first stands at from_us itself."""
    local_from_s = from_us // 1_000_000 + offset_s
    local_to_s = -(-to_us // 1_000_000) + offset_s
    week_s = 7 * DAY_S
    first_week = (local_from_s - _MONDAY_S) // week_s
    last_week = (local_to_s - _MONDAY_S) // week_s
    weeks = np.arange(first_week, last_week + 1, dtype=np.int64) * week_s + _MONDAY_S
    instants = ((weeks[:, None] + edges_s[None, :]).ravel() - offset_s) * 1_000_000
    bands = np.tile(edge_bands, len(weeks))
    current = np.searchsorted(instants, from_us, side="right") - 1
    inside = slice(current, int(np.searchsorted(instants, to_us, side="left")))
    instants, bands = instants[inside].copy(), bands[inside]
    instants[0] = from_us
    return instants, bands


@functools.lru_cache(maxsize=64)
def _offset_segments(timezone: str) -> tuple[tuple[int, int, int], ...]:
    """(from_us, to_us, UTC offset in seconds) over all of time, in order."""
    zone = ZoneInfo(timezone)

    def offset_at(second: int) -> int:
        moment = dt.datetime.fromtimestamp(second, dt.UTC).astimezone(zone)
        offset = moment.utcoffset()
        assert offset is not None
        return int(offset.total_seconds())

    segments = []
    start = TIME_MIN_US // 1_000_000
    # Beyond the last tick stands a margin, so that a call that starts before TIME_MAX_US finds its bands to the end.
    end = TIME_MAX_US // 1_000_000 + 40 * DAY_S
    opened, current = start, offset_at(start)
    for tick in range(start + DAY_S, end + DAY_S, DAY_S):
        if offset_at(tick) != current:
            change = _change(offset_at, tick - DAY_S, tick)
            segments.append((opened * 1_000_000, change * 1_000_000, current))
            opened, current = change, offset_at(tick)
    segments.append((opened * 1_000_000, (end + DAY_S) * 1_000_000, current))
    return tuple(segments)


def _change(offset_at: Callable[[int], int], low: int, high: int) -> int:
    """The second in (low, high] at which the offset changes; a zone changes at most once a day."""
    before = offset_at(low)
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at(middle) == before:
            low = middle
        else:
            high = middle
    return high

"""A calendar in a time zone, laid out as the instants at which the band changes; and local days, laid out in the same way.

Wall-clock truth is settled here, once: an instant is in a band if and only if its wall-clock time is. So a 02-03 band lasts two hours
on the day clocks go back and not at all on the day they go forward. A date that a zone skips has no bands. The kernel has no
calendars, only boundaries.

Each local day meets the criteria of some bands; days that meet those of the same bands are of one kind and have the same edges. Edges
of all days are the line of wall-clock time, which is then cut into segments of one UTC offset and moved to UTC. Time zones with the same
offsets since TIME_MIN_US (Berlin, Paris, Rome) have one timeline, the same object.

To find an instant, UTC time is cut into stretches of 2**shift microseconds, each with the boundary in force when it begins: fine ones
(71.6 minutes, 2 MB a timeline) need no search after them, coarse ones (9.5 hours, an eighth) a few steps.

Units: microseconds UTC from TIME_MIN_US to MARGIN_DAYS beyond TIME_MAX_US, so that a call that starts before TIME_MAX_US finds its bands
to its end; seconds of the wall clock since 1970-01-01T00:00 are called local seconds.
"""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from rating.dates import DAY_S, NEVER, SECOND_US
from rating.model import OTHER_BAND
from rating.tables import TIME_MAX_US, TIME_MIN_US

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rating.model import Band, Calendar

FINE_SHIFT: Final = 32
COARSE_SHIFT: Final = 35
MARGIN_DAYS: Final = 40
_START_S: Final = TIME_MIN_US // SECOND_US
_END_S: Final = TIME_MAX_US // SECOND_US + MARGIN_DAYS * DAY_S
# Local days that any zone's clock shows in that time, with some to spare.
_FIRST_DAY: Final = _START_S // DAY_S - 2
_LAST_DAY: Final = _END_S // DAY_S + 2
_THURSDAY: Final = 4  # the ISO weekday of 1970-01-01


class Timeline(NamedTuple):
    """From `boundaries[i]` to `boundaries[i + 1]` the band is `bands[i]`; `stretches` finds the i in force when a stretch begins."""

    boundaries: NDArray[np.int64]
    bands: NDArray[np.int32]
    stretches: NDArray[np.int32]  # by (instant - TIME_MIN_US) >> shift
    shift: int


_Segments = tuple[tuple[int, int, int], ...]  # (from, to, UTC offset) in seconds


def band_names(calendar: Calendar) -> tuple[str, ...]:
    """Names of the bands in the order of their numbers; OTHER_BAND is last."""
    return (*dict.fromkeys(band.name for band in calendar.bands if band.name != OTHER_BAND), OTHER_BAND)


def timeline(calendar: Calendar, timezone: str, shift: int = FINE_SHIFT) -> Timeline:
    """Lay `calendar` out over all of time in `timezone` (an IANA name)."""
    return _laid_out(calendar, _offset_segments(timezone), shift)


def days(timezone: str, shift: int = COARSE_SHIFT) -> Timeline:
    """Lay local days out over all of time: the band is the wall clock's day, counted from 1970-01-01."""
    return _laid_out(None, _offset_segments(timezone), shift)


@functools.lru_cache(maxsize=64)
def _laid_out(calendar: Calendar | None, segments: _Segments, shift: int) -> Timeline:
    """From edges on the line of wall-clock time (None: local days) to boundaries in UTC."""
    local_s, local_bands = _local_days() if calendar is None else _local_line(calendar)
    instants_s, parts = [], []
    for from_s, to_s, offset_s in segments:
        current, end = np.searchsorted(local_s, [from_s + offset_s, to_s + offset_s - 1], side="right") - 1
        instants_s.append(np.maximum(local_s[current : end + 1] - offset_s, from_s))
        parts.append(local_bands[current : end + 1])
    seconds, bands = _changes(np.concatenate(instants_s), np.concatenate(parts))
    boundaries = seconds * SECOND_US
    count = ((TIME_MAX_US - TIME_MIN_US) >> shift) + 1
    # A boundary counts from the first stretch that begins at or after it; boundaries in the margin fall off.
    first = np.minimum(-((TIME_MIN_US - boundaries) >> shift), count)
    stretches = np.cumsum(np.bincount(first, minlength=count + 1))[:count] - 1
    return Timeline(np.append(boundaries, NEVER), np.append(bands, bands[-1]), stretches.astype(np.int32), shift)


def _changes(at: NDArray[np.int64], bands: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Without edges at which the band stays what it is."""
    changes = np.concatenate([[True], bands[1:] != bands[:-1]])
    return at[changes], bands[changes]


class _Days(NamedTuple):
    """Every local day, and what the criteria of bands ask of it."""

    numbers: NDArray[np.int64]  # since 1970-01-01
    weekdays: NDArray[np.int64]  # ISO
    years: NDArray[np.int64]
    months: NDArray[np.int64]
    month_days: NDArray[np.int64]


@functools.cache
def _all_days() -> _Days:
    numbers = np.arange(_FIRST_DAY, _LAST_DAY + 1, dtype=np.int64)
    dates = numbers.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    month_numbers = months.astype(np.int64)
    return _Days(
        numbers=numbers,
        weekdays=(numbers + _THURSDAY - 1) % 7 + 1,
        years=month_numbers // 12 + 1970,
        months=month_numbers % 12 + 1,
        month_days=(dates - months).astype(np.int64) + 1,
    )


def _local_days() -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Local seconds at which a day begins, and its number."""
    numbers = _all_days().numbers
    return numbers * DAY_S, numbers.astype(np.int32)


@functools.lru_cache(maxsize=8)
def _local_line(calendar: Calendar) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Local seconds at which a band begins, over all local days, and the number of the band."""
    numbers = _all_days().numbers
    kinds, kind_of_day = _kinds(calendar)
    edges = [_edges(calendar, kind) for kind in kinds]
    counts = np.array([len(each) for each in edges])
    flat = np.array([edge for each in edges for edge in each], dtype=np.int64)
    # Of every day, the edges of its kind.
    day_counts = counts[kind_of_day]
    day_from = (np.cumsum(counts) - counts)[kind_of_day]
    rows = np.repeat(day_from - (np.cumsum(day_counts) - day_counts), day_counts) + np.arange(day_counts.sum())
    return _changes(np.repeat(numbers * DAY_S, day_counts) + flat[rows, 0], flat[rows, 1].astype(np.int32))


def _kinds(calendar: Calendar) -> tuple[list[tuple[int, ...]], NDArray[np.int64]]:
    """The kinds of day, each the positions of the bands whose criteria it meets, and the kind of each day."""
    line = _swapped(_all_days(), calendar)
    holidays = _day_numbers(calendar.holidays)
    kind_of_day = np.zeros(len(line.numbers), np.int64)
    kinds: list[tuple[int, ...]] = [()]
    for position, band in enumerate(calendar.bands):
        # Every kind may fall into days that do not meet this band (even) and days that do (odd); those that occur are numbered anew.
        parted = kind_of_day * 2 + _meets(band, line, holidays)
        occurs = np.bincount(parted, minlength=2 * len(kinds)) > 0
        kind_of_day = (np.cumsum(occurs) - 1)[parted]
        kinds = [(*kinds[each // 2], position) if each % 2 else kinds[each // 2] for each in np.flatnonzero(occurs).tolist()]
    return kinds, kind_of_day


def _swapped(line: _Days, calendar: Calendar) -> _Days:
    """The days with the weekdays that their dates count as in `calendar`."""
    numbers = _day_numbers([swap.date for swap in calendar.day_swaps]) - _FIRST_DAY
    as_days = np.array([swap.as_day for swap in calendar.day_swaps], np.int64)
    laid_out = (numbers >= 0) & (numbers < len(line.numbers))
    weekdays = line.weekdays.copy()
    weekdays[numbers[laid_out]] = as_days[laid_out]
    return line._replace(weekdays=weekdays)


def _meets(band: Band, line: _Days, holidays: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mask of the days that meet every criterion of the band."""
    criteria = (
        (line.weekdays, band.days),
        (line.years, band.years),
        (line.months, band.months),
        (line.month_days, band.month_days),
        (line.numbers, _day_numbers(band.dates)),
    )
    met = np.ones(len(line.numbers), np.bool_)
    for values, wanted in criteria:
        if len(wanted):
            met &= np.isin(values, wanted)
    if band.holidays:
        met &= np.isin(line.numbers, holidays)
    return met


def _day_numbers(dates: Sequence[dt.date]) -> NDArray[np.int64]:
    return np.array(dates, dtype="datetime64[D]").astype(np.int64)


def _edges(calendar: Calendar, kind: tuple[int, ...]) -> list[tuple[int, int]]:
    """Seconds of the day at which a band begins on a day of this kind, from 0, and the number of the band."""
    number = {name: index for index, name in enumerate(band_names(calendar))}
    # The first of these that covers an instant has it; sorting leaves the order of the calendar where nothing else decides.
    bands = sorted((calendar.bands[position] for position in kind), key=lambda band: (-band.weight, -band.start_s))
    edges = sorted({0, *(band.start_s for band in bands), *(band.end_s for band in bands)} - {DAY_S})
    winners = [next((band.name for band in bands if band.start_s <= edge < band.end_s), OTHER_BAND) for edge in edges]
    return [(edge, number[name]) for edge, name in zip(edges, winners, strict=True)]


@functools.cache
def _offset_segments(timezone: str) -> _Segments:
    """The UTC offsets of a zone over all of time, in order."""
    zone = ZoneInfo(timezone)

    def offset_at(second: int) -> int:
        offset = dt.datetime.fromtimestamp(second, zone).utcoffset()
        assert offset is not None
        return offset.days * DAY_S + offset.seconds

    segments = []
    opened, current = _START_S, offset_at(_START_S)
    for tick in range(_START_S + DAY_S, _END_S + 1, DAY_S):
        if (offset := offset_at(tick)) != current:
            change = _change(offset_at, tick - DAY_S, tick)
            segments.append((opened, change, current))
            opened, current = change, offset
    segments.append((opened, _END_S, current))
    return tuple(segments)


def _change(offset_at: Callable[[int], int], low: int, high: int) -> int:
    """The second in (low, high] at which the offset changes; no zone changes twice within a day."""
    before = offset_at(low)
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at(middle) == before:
            low = middle
        else:
            high = middle
    return high

"""Local times of a zone to instants, for columns, and an honest answer where a clock change makes them doubtful.

When clocks go back, an hour of local times happens twice (ambiguous); when they go forward, an hour of them never happens
(nonexistent). Both have two candidate instants; for all other local times the two are equal. Microseconds; zones by their IANA
names.
"""

from __future__ import annotations

import datetime as dt
import functools
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from rating.dates import DAY_S, SECOND_US

UNIQUE, AMBIGUOUS, NONEXISTENT = 0, 1, 2
_YEAR_MIN, _YEAR_MAX = 1969, 2100


class Instants(NamedTuple):
    """Candidates UTC of local times, and UNIQUE, AMBIGUOUS or NONEXISTENT."""

    earliest_us: NDArray[np.int64]
    latest_us: NDArray[np.int64]
    state: NDArray[np.int8]


def to_utc(local_us: NDArray[np.int64], zone: str) -> Instants:
    """Instants of local times between 1970 and 2099."""
    years = _years(local_us)
    changes = [change for year in range(years.start, years.stop) for change in _changes_of(zone, year)]
    first_offset_s = _offset_s(ZoneInfo(zone), _epoch_s(years.start))
    at_us = np.array([at_s for at_s, _ in changes], np.int64) * SECOND_US
    offset_us = np.array([first_offset_s, *(offset_s for _, offset_s in changes)], np.int64) * SECOND_US
    if not changes:
        instant_us = local_us - offset_us[0]
        return Instants(instant_us, instant_us, np.zeros(local_us.size, np.int8))
    # The offset before a change holds for local times up to its end, the one after it from its beginning on.
    ended = np.searchsorted(at_us + offset_us[:-1], local_us, side="right")
    begun = np.searchsorted(at_us + offset_us[1:], local_us, side="right")
    candidates = (local_us - offset_us[ended], local_us - offset_us[begun])
    state = np.where(ended == begun, UNIQUE, np.where(begun > ended, AMBIGUOUS, NONEXISTENT)).astype(np.int8)
    return Instants(np.minimum(*candidates), np.maximum(*candidates), state)


def _years(local_us: NDArray[np.int64]) -> range:
    if local_us.size == 0:
        return range(1970, 1971)
    edges = np.array([local_us.min(), local_us.max()]).astype("M8[us]").astype("M8[D]")
    first, last = ((edges + np.array([-2, 2])).astype("M8[Y]").astype(int) + 1970).tolist()
    return range(max(first, _YEAR_MIN), min(last, _YEAR_MAX) + 1)


@functools.cache
def _changes_of(zone: str, year: int) -> tuple[tuple[int, int], ...]:
    """Changes of the offset in a UTC year: (second since 1970, offset after it)."""
    info = ZoneInfo(zone)
    changes = []
    before_s, before_offset_s = _epoch_s(year), _offset_s(info, _epoch_s(year))
    for at_s in range(before_s + DAY_S, _epoch_s(year + 1) + 1, DAY_S):
        offset_s = _offset_s(info, at_s)
        if offset_s != before_offset_s:
            changes.append((_bisect(info, at_s - DAY_S, at_s), offset_s))
        before_offset_s = offset_s
    return tuple(changes)


def _bisect(info: ZoneInfo, before_s: int, after_s: int) -> int:
    """The first second of the offset at `after_s`, when another one holds at `before_s`."""
    offset_s = _offset_s(info, after_s)
    while after_s - before_s > 1:
        middle_s = (before_s + after_s) // 2
        if _offset_s(info, middle_s) == offset_s:
            after_s = middle_s
        else:
            before_s = middle_s
    return after_s


def _offset_s(info: ZoneInfo, at_s: int) -> int:
    offset = dt.datetime.fromtimestamp(at_s, info).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _epoch_s(year: int) -> int:
    return int(dt.datetime(year, 1, 1, tzinfo=dt.UTC).timestamp())

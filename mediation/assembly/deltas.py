"""Running totals to what each segment adds.

A total that is below the one before began anew: it counts from zero, so all of it is added. Every counter of the session began anew, since
the equipment did, when the time falls. The same holds when the session begins over a minute later than it did and not before the last
total was taken. When one counter falls alone, that one began anew. A segment that is silent about a counter adds nothing to it. A counter
that fell because it ran over its largest number adds less than was used, never more.

Example: bytes 1,000, then 5,000, then 300, then 700 add 1,000, 4,000, 300 and 400.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mediation.assembly.segments import COUNTERS, Segments, integers, valid
from rating.schema import UsageFlag

if TYPE_CHECKING:
    from numpy.typing import NDArray


MOVED_US: Final = 60_000_000  # clocks and roundings move the begin of a session by less


def added(segments: Segments) -> dict[str, NDArray[np.int64]]:
    """Quantity that each row adds to its group, by counter: its own quantities, or the growth of its totals."""
    cumulative = segments.has(UsageFlag.CUMULATIVE)
    if not cumulative.any():
        return {name: integers(segments.table, name) for name in COUNTERS}
    began_anew = _began_anew(segments)
    return {name: _growth(segments, name, cumulative, began_anew) for name in COUNTERS}


def _began_anew(segments: Segments) -> NDArray[np.bool_]:
    """Rows before which the equipment restarted."""
    time_us = _last_known(segments, "duration_us", segments.opens)
    has_time = valid(segments.table, "duration_us") & ~segments.opens
    is_timed = has_time & segments.before(valid(segments.table, "duration_us"), at_begin=0)
    is_later = (segments.start_us - segments.before(segments.start_us, 0) > MOVED_US) & (
        segments.start_us >= segments.before(segments.end_us, 0)
    )
    began_anew: NDArray[np.bool_] = (time_us < segments.before(time_us, 0)) | (is_timed & is_later)
    return began_anew


def _growth(segments: Segments, name: str, cumulative: NDArray[np.bool_], began_anew: NDArray[np.bool_]) -> NDArray[np.int64]:
    known = _last_known(segments, name, segments.opens | began_anew)
    before = segments.before(known, 0)
    growth = np.where(began_anew | (known < before), known, known - before)
    return np.where(cumulative, growth, integers(segments.table, name))


def _last_known(segments: Segments, name: str, from_zero: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Each row's total; of a row without one, the last one before it, counted from zero at the rows `from_zero`."""
    is_known = valid(segments.table, name) | from_zero
    place = np.maximum.accumulate(np.where(is_known, np.arange(segments.rows), 0))
    return integers(segments.table, name)[place]

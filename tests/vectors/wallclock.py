"""On which wall clock a case's bands are read: the one whose offset its answer time carries.

Where the case names a time zone, and the zone has that offset at the answer, it is that zone's, with its changes of offset. Else the
offset stays as it is: whole hours have a zone of their own, and any other offset is a wall clock that we read as if it were UTC's.
"""

from __future__ import annotations

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_HOUR: Final = dt.timedelta(hours=1)
_WHOLE_HOURS: Final = range(-12, 15)  # offsets east of UTC that have a zone of their own


def wall_clock(answer: dt.datetime, named: str | None) -> tuple[str, int]:
    """IANA name of the zone to read bands in, and the start in microseconds that makes its wall clock show the case's."""
    offset = answer.utcoffset()
    assert offset is not None, "instants have an offset"
    start_us = (answer - _EPOCH) // _MICROSECOND
    if named is not None and _offset_at(named, answer) == offset:
        return named, start_us
    hours, rest = divmod(offset, _HOUR)
    if not offset:
        return "UTC", start_us
    if not rest and hours in _WHOLE_HOURS:
        return f"Etc/GMT{-hours:+d}", start_us  # POSIX counts them westward
    return "UTC", start_us + offset // _MICROSECOND


def _offset_at(named: str, answer: dt.datetime) -> dt.timedelta | None:
    try:
        return answer.astimezone(ZoneInfo(named)).utcoffset()
    except (ZoneInfoNotFoundError, ValueError):
        return None  # such as "Local": the offset of the answer time has to do

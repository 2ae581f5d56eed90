"""Durations as people read them: exact to the millisecond, with a fraction of a second only where there is one."""

from __future__ import annotations

from typing import Final

_MILLISECONDS_PER_SECOND: Final = 1000
_SECONDS_PER_MINUTE: Final = 60


def minutes_text(milliseconds: int) -> str:
    """Minutes and seconds: `30:00`, `9:01.935`, `-1,204:07`."""
    sign, seconds, fraction = _split(milliseconds)
    minutes, rest = divmod(seconds, _SECONDS_PER_MINUTE)
    return f"{sign}{minutes:,}:{rest:02d}{fraction}"


def seconds_text(milliseconds: int) -> str:
    """Seconds: `1800`, `541.935`."""
    sign, seconds, fraction = _split(milliseconds)
    return f"{sign}{seconds}{fraction}"


def _split(milliseconds: int) -> tuple[str, int, str]:
    """The sign, whole seconds and the rest of one as decimals."""
    seconds, rest = divmod(abs(milliseconds), _MILLISECONDS_PER_SECOND)
    return "-" * (milliseconds < 0), seconds, f".{rest:03d}".rstrip("0") if rest else ""

"""Columns of usage as people read them: durations in seconds, volumes in bytes, instants in UTC. JSON has them as they are stored."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from rating.dates import SECOND_US, utc_time
from rating.money import format_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_HEADS: Final = {"duration_us": "duration", "start_us": "start (UTC)", "offset_s": "offset", "source_amount_micros": "source_amount"}


def head(name: str) -> str:
    """The head of a column."""
    return _HEADS.get(name, name)


def shown(name: str, value: Any) -> str:  # noqa: ANN401 -- a value of any column
    """A value of a column, with its unit; empty where there is none."""
    if value is None:
        return ""
    return _WORDS.get(name, str)(value)


def side_by_side(differences: Mapping[str, Sequence[Any]]) -> list[tuple[str, ...]]:
    """Rows of columns in which versions differ, with the value of each."""
    return [(head(name), *(shown(name, value) for value in values)) for name, values in differences.items()]


def seconds(duration_us: int) -> str:
    """Such as `90 s` or `0.25 s`."""
    whole, rest = divmod(duration_us, SECOND_US)
    return f"{whole:,}{f'.{rest:06d}'.rstrip('0') if rest else ''} s"


def _volume(volume_bytes: int) -> str:
    return f"{volume_bytes:,} B"


def _offset(offset_s: int) -> str:
    return f"{offset_s:+} s"


def _instant(at: Any) -> str:  # noqa: ANN401 -- microseconds, or the instant
    begun = utc_time(at) if isinstance(at, int) else at
    return f"{begun:%Y-%m-%d %H:%M:%S}" if isinstance(begun, dt.datetime) else str(begun)


_WORDS: Final[Mapping[str, Callable[[Any], str]]] = {
    "duration_us": seconds,
    "bytes_up": _volume,
    "bytes_down": _volume,
    "start_us": _instant,
    "offset_s": _offset,
    "source_amount_micros": format_micros,
}

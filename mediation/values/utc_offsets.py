"""Offsets from UTC written alone, such as the time zone of a device: `+08:00`, `-03:30`, and `+01:00+1` with an hour of summer time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from mediation.values.columns import Amounts

if TYPE_CHECKING:
    from mediation.records.rows import Block, Spans

_OFFSET: Final = re.compile(rb"([+-])(\d\d):?(\d\d)(?:\+([012]))?")
_HOUR_S: Final = 3600


def offsets(block: Block, spans: Spans) -> Amounts:
    """Seconds east of UTC. A text that is no offset counts as absent."""
    known: dict[bytes, int | None] = {}
    value, present = np.zeros(block.size, np.int64), np.zeros(block.size, np.bool_)
    for row in np.flatnonzero(spans.filled).tolist():
        text = block.data[spans.begin[row] : spans.end[row]].tobytes()
        if text not in known:
            known[text] = _seconds(text)
        seconds = known[text]
        if seconds is not None:
            value[row], present[row] = seconds, True
    return Amounts(value, present)


def _seconds(text: bytes) -> int | None:
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    sign = -1 if match[1] == b"-" else 1
    return sign * (int(match[2]) * _HOUR_S + int(match[3]) * 60) + int(match[4] or 0) * _HOUR_S

"""`sbc-c`: rows of Kamailio's acc_cdrs, comma-separated, with cdr_start_on_confirmed set; durations with fractions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.day.calls import MICROSECOND, day_of_calls
from tests.day.truth import Sums

if TYPE_CHECKING:
    import datetime as dt
    import random

    from tests.day.truth import Truth

NAME = "sbc-c"
COLUMNS = ("start_time", "end_time", "duration", "src_user", "dst_user", "callid", "from_tag", "to_tag")


def records(rng: random.Random, count: int, truth: Truth) -> list[bytes]:
    """Rows of answered calls in milliseconds (others make no cdr here), in order of their end."""
    rows: list[bytes] = []
    calls = [call for call in day_of_calls(rng, count, whole_seconds=False) if call.duration_us >= 1000]  # no time at all: it failed
    for call in sorted(calls, key=lambda call: call.end):
        assert call.answered is not None
        duration_us = call.duration_us // 1000 * 1000
        begin = call.answered - (call.answered.microsecond % 1000) * MICROSECOND
        times = (
            _stamp(begin),
            _stamp(begin + duration_us * MICROSECOND),
            f"{duration_us // 1_000_000}.{duration_us % 1_000_000 // 1000:03d}",
        )
        row = ",".join((*times, f"+{call.caller}", f"+{call.callee}", f"{call.number}@192.0.2.8", f"f{call.number}", f"t{call.number}"))
        rows.append(row.encode())
        truth.add(NAME, "answered", Sums(1, duration_us))
    return rows


def _stamp(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"

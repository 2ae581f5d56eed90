"""`pbx-a`: an Asterisk with 21 columns and local time of Berlin; ring-all legs, copies and rubbish among its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tests.day.calls import SECOND, day_of_calls
from tests.day.truth import Sums

if TYPE_CHECKING:
    import datetime as dt
    import random

    from tests.day.calls import Call
    from tests.day.truth import Truth

NAME = "pbx-a"
_ZONE = ZoneInfo("Europe/Berlin")
_HALF = b'"";half a row of a call that never was'


def records(rng: random.Random, count: int, truth: Truth) -> list[bytes]:
    """Rows in order of the end of their calls, as the switch writes them."""
    rows: list[bytes] = []
    for call in sorted(day_of_calls(rng, count, whole_seconds=True), key=lambda call: call.end):
        row = _row(call, 0, call.duration_us)
        rows.append(row)
        truth.add(NAME, "unanswered" if call.answered is None else "answered", Sums(1, call.duration_us))
        if call.answered is not None and call.duration_us > 2_000_000 and rng.random() < 0.05:
            shorter = call.duration_us - 1_000_000  # another phone of a ring group, a second shorter: the longest bills
            rows.append(_row(call, 1, shorter))
            truth.add(NAME, "absorbed", Sums(1, shorter))
        if rng.random() < 0.02:
            rows.append(row)
            truth.add(NAME, "duplicate", Sums(1, call.duration_us))
        if rng.random() < 0.01:
            # The same bytes each time: the first one is rejected, the others are its copies.
            truth.add(NAME, "duplicate" if _HALF in rows else "rejected", Sums(1))
            rows.append(_HALF)
    return rows


def _row(call: Call, leg: int, duration_us: int) -> bytes:
    seconds = duration_us // 1_000_000
    end = call.end if call.answered is None else call.answered + seconds * SECOND
    unique = f"1788825600.{call.number}"
    fields = (
        "", f"+{call.caller}", f"+{call.callee}", "from-inside", f'""""" <+{call.caller}>"', f"PJSIP/desk-{call.number:08x}",
        f"PJSIP/carrier-{2 * call.number + leg:08x}", "Dial", f"PJSIP/{call.callee}@carrier", _local(call.start),
        "" if call.answered is None else _local(call.answered), _local(end), str(seconds + 5), str(seconds),
        "NO ANSWER" if call.answered is None else "ANSWERED", "DOCUMENTATION", unique, "", "", unique, str(2 * call.number + leg),
    )  # fmt: skip
    return ",".join(field if field.startswith('"') else f'"{field}"' for field in fields).encode()


def _local(moment: dt.datetime) -> str:
    return moment.astimezone(_ZONE).strftime("%Y-%m-%d %H:%M:%S")

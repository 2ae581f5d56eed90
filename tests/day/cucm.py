"""`cucm-d`: a Cisco CUCM's files with two header lines; whole seconds since 1970, 0 for what never happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.day.calls import day_of_calls, epoch_us
from tests.day.truth import Sums

if TYPE_CHECKING:
    import random

    from tests.day.calls import Call
    from tests.day.truth import Truth

NAME = "cucm-d"
COLUMNS = (
    "cdrRecordType", "globalCallID_callManagerId", "globalCallID_callId", "origLegCallIdentifier", "dateTimeOrigination",
    "callingPartyNumber", "originalCalledPartyNumber", "finalCalledPartyNumber", "dateTimeConnect", "dateTimeDisconnect",
    "lastRedirectDn", "duration", "origCause_value", "destCause_value", "origDeviceName", "destDeviceName", "huntPilotDN",
    "joinOnBehalfOf", "globalCallId_ClusterID",
)  # fmt: skip
_TYPES = ("VARCHAR(50)" if "Number" in name or "Name" in name else "INTEGER" for name in COLUMNS)
HEADER = "\n".join((",".join(f'"{name}"' for name in COLUMNS), ",".join(_TYPES))).encode()


def records(rng: random.Random, count: int, truth: Truth) -> list[bytes]:
    """Rows in order of the end of their calls."""
    rows: list[bytes] = []
    for call in sorted(day_of_calls(rng, count, whole_seconds=True), key=lambda call: call.end):
        row = _row(call)
        rows.append(row)
        truth.add(NAME, "unanswered" if call.answered is None else "answered", Sums(1, call.duration_us))
        if rng.random() < 0.03:
            rows.append(row)
            truth.add(NAME, "duplicate", Sums(1, call.duration_us))
    return rows


def _row(call: Call) -> bytes:
    connect = 0 if call.answered is None else epoch_us(call.answered) // 1_000_000
    fields = (
        1, 1, call.number, 3 * call.number, epoch_us(call.start) // 1_000_000,
        f'"+{call.caller}"', f'"+{call.callee}"', f'"+{call.callee}"',
        connect, epoch_us(call.end) // 1_000_000, '""', call.duration_us // 1_000_000, 0 if connect else 19, 16 if connect else 0,
        '"SEP001122334455"', '"trunk-1"', '""', 0, '"StandAlone"',
    )  # fmt: skip
    return ",".join(map(str, fields)).encode()

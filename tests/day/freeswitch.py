"""`fs-b`: JSON records of a FreeSWITCH, pretty-printed one after another; microseconds, and a billsec that is a second off."""

from __future__ import annotations

import json
import urllib.parse
import uuid
from typing import TYPE_CHECKING

from tests.day.calls import day_of_calls, epoch_us
from tests.day.truth import Sums

if TYPE_CHECKING:
    import random

    from tests.day.calls import Call
    from tests.day.truth import Truth

NAME = "fs-b"


def records(rng: random.Random, count: int, truth: Truth) -> list[bytes]:
    """Records in order of the end of their calls. Two versions of one call, which differ in their time, wait for a decision."""
    out: list[bytes] = []
    for call in sorted(day_of_calls(rng, count, whole_seconds=False), key=lambda call: call.end):
        identity = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        if call.answered is not None and rng.random() < 0.01:
            for duration_us in (call.duration_us, call.duration_us + 1_000_000):
                out.append(_record(call, identity, duration_us))
                truth.add(NAME, "conflicting", Sums(1, duration_us))
            continue
        record = _record(call, identity, call.duration_us)
        out.append(record)
        truth.add(NAME, "unanswered" if call.answered is None else "answered", Sums(1, call.duration_us))
        if rng.random() < 0.02:
            out.append(record)
            truth.add(NAME, "duplicate", Sums(1, call.duration_us))
    return out


def _record(call: Call, identity: str, duration_us: int) -> bytes:
    answer_us = 0 if call.answered is None else epoch_us(call.answered)
    end_us = epoch_us(call.end) if call.answered is None else answer_us + duration_us
    variables = {
        "uuid": identity,
        "direction": "inbound",
        "channel_name": f"sofia/internal/{call.caller}@192.0.2.7",
        "start_uepoch": str(epoch_us(call.start)),
        "answer_uepoch": str(answer_us),
        "end_uepoch": str(end_us),
        "billsec": str(end_us // 1_000_000 - answer_us // 1_000_000 if answer_us else 0),
        "billusec": str(duration_us),
        "hangup_cause": "NO_ANSWER" if call.answered is None else "NORMAL_CLEARING",
    }
    encoded = {name: urllib.parse.quote(value, safe="") for name, value in variables.items()}
    profile = {"caller_id_number": f"+{call.caller}", "ani": f"+{call.caller}", "destination_number": f"+{call.callee}"}
    document = {"core-uuid": "0", "switchname": "fs-b", "variables": encoded, "callflow": [{"caller_profile": profile}]}
    return json.dumps(document, indent=1).encode()

"""`chf-f`: charging data of a 5G core, a JSON document a line; each container of a session is an event of its own."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.day.calls import DAY
from tests.day.truth import Sums

if TYPE_CHECKING:
    import random

    from tests.day.truth import Truth

NAME = "chf-f"


class _Used(NamedTuple):
    """What one container of a session holds."""

    session: int
    sequence: int
    begin: dt.datetime
    end: dt.datetime
    up: int
    down: int

    @property
    def seconds(self) -> int:
        return int((self.end - self.begin).total_seconds())


def records(rng: random.Random, count: int, truth: Truth) -> list[bytes]:
    """Requests in order of time: an initial one without usage, updates and a termination with a container each."""
    timed: list[tuple[dt.datetime, bytes]] = []
    for number in range(1, count + 1):
        at = DAY + dt.timedelta(seconds=rng.randrange(70_000))
        for sequence in range(1, rng.randrange(2, 5)):
            begin, at = at, at + dt.timedelta(seconds=rng.randrange(60, 3000))
            used = _Used(number, sequence, begin, at, rng.randrange(10**7), rng.randrange(10**9))
            request = _request(used)
            timed.append((at, request))
            sums = Sums(1, used.seconds * 1_000_000, used.up + used.down)
            truth.add(NAME, "answered", sums)
            if rng.random() < 0.02:
                timed.append((at, request))
                truth.add(NAME, "duplicate", sums)
    return [text for _, text in sorted(timed, key=lambda each: each[0])]


def _request(used: _Used) -> bytes:
    container: dict[str, Any] = {
        "localSequenceNumber": used.sequence,
        "time": used.seconds,
        "uplinkVolume": used.up,
        "downlinkVolume": used.down,
        "totalVolume": used.up + used.down,
        "triggerTimestamp": _stamp(used.end),
        "triggers": [{"triggerType": "TIME_LIMIT", "triggerCategory": "IMMEDIATE_REPORT"}],
        "pDUContainerInformation": {"timeofFirstUsage": _stamp(used.begin), "timeofLastUsage": _stamp(used.end)},
    }
    document = {
        "subscriberIdentifier": f"imsi-00101{used.session:010d}",
        "nfConsumerIdentification": {"nodeFunctionality": "SMF", "nFName": "smf-1"},
        "invocationTimeStamp": _stamp(used.end),
        "invocationSequenceNumber": used.sequence,
        "multipleUnitUsage": [{"ratingGroup": 10, "usedUnitContainer": [container]}],
        "pDUSessionChargingInformation": {
            "chargingId": used.session,
            "userInformation": {"servedGPSI": f"msisdn-49301{used.session:06d}"},
            "pduSessionInformation": {"pduSessionID": 1, "dnnId": "internet", "startTime": _stamp(used.begin)},
        },
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _stamp(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

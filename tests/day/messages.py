"""`smsc-g`: delimited records of messages, numbered, with a header and a trailer that counts them; long messages come in parts."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from tests.day.calls import DAY
from tests.day.truth import Sums

if TYPE_CHECKING:
    import random

    from tests.day.truth import Truth

NAME = "smsc-g"
COLUMNS = ("type", "number", "sender", "recipient", "sent", "reference", "part", "parts")


def records(rng: random.Random, count: int, truth: Truth) -> list[bytes]:
    """Records in order of sending. A message counts as one when all its parts are there; of the last one a part is missing."""
    timed: list[tuple[dt.datetime, str]] = []
    for number in range(1, count + 1):
        at = DAY + dt.timedelta(seconds=rng.randrange(80_000))
        parts = 3 if number == count else rng.choice((1, 1, 1, 2, 3))
        present = [part for part in range(1, parts + 1) if not (number == count and part == 2)]
        sender, recipient = f"49301{rng.randrange(10**6):06d}", f"49151{rng.randrange(10**7):07d}"
        for part in present:
            sent = at + dt.timedelta(seconds=part)
            timed.append((sent, f"{sender};{recipient};{sent:%Y%m%d%H%M%S};m{number};{part};{parts}"))
        if parts == 1:
            truth.add(NAME, "answered", Sums(1, units=1))
        elif len(present) < parts:
            truth.add(NAME, "waiting", Sums(len(present), units=len(present)))
        else:
            truth.add(NAME, "absorbed", Sums(parts, units=parts))
            truth.add(NAME, "assembled", Sums(1, units=1))
    timed.sort()
    return [f"R;{number};{text}".encode() for number, (_, text) in enumerate(timed, 1)]


def trailer(records_: list[bytes]) -> bytes:
    """The last line of a file: how many records it has."""
    return f"T;{len(records_)}".encode()

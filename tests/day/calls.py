"""Made-up calls of one day, of which the voice switches write their records."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random

DAY = dt.datetime(2026, 9, 8, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
MICROSECOND = dt.timedelta(microseconds=1)


class Call(NamedTuple):
    """A call from one number to another. `answered` None: it was not."""

    caller: str  # E.164 without +
    callee: str
    start: dt.datetime
    answered: dt.datetime | None
    end: dt.datetime
    number: int  # of the call, from 1

    @property
    def duration_us(self) -> int:
        """From answer to end."""
        return 0 if self.answered is None else (self.end - self.answered) // MICROSECOND


def day_of_calls(rng: random.Random, count: int, *, whole_seconds: bool) -> list[Call]:
    """Calls of the day, in order of their start; about one in four is not answered."""
    begins = sorted(rng.randrange(0, 86_000 * 1_000_000) for _ in range(count))
    return [_call(rng, begin_us, number, whole_seconds=whole_seconds) for number, begin_us in enumerate(begins, 1)]


def _call(rng: random.Random, begin_us: int, number: int, *, whole_seconds: bool) -> Call:
    step = SECOND if whole_seconds else MICROSECOND
    start = DAY + (begin_us // (step // MICROSECOND)) * step
    ring = rng.randrange(1_000_000, 20_000_000) * MICROSECOND // step * step
    talk = rng.choice((0, 1_000_000, 30_000_000, 59_999_999, 60_000_000, 67_539_896, rng.randrange(1_000_000, 900_000_000))) * MICROSECOND
    talk = talk // step * step
    caller = f"49301{rng.randrange(10**6):06d}"
    callee = rng.choice((f"49151{rng.randrange(10**7):07d}", f"4420{rng.randrange(10**8):08d}", f"33{rng.randrange(10**8, 10**9)}"))
    if rng.random() < 0.25:
        return Call(caller, callee, start, None, start + ring, number)
    return Call(caller, callee, start, start + ring, start + ring + talk, number)


def epoch_us(moment: dt.datetime) -> int:
    """Microseconds since 1970."""
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // MICROSECOND

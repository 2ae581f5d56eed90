"""Random sessions that come in any order: what bills charge and what is listed as too late is what plain sums say.

Each home has a joined call and a session of running totals, and records of both come before and after runs. A minute is 0.10.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING, Final

import pytest

from tests.billing.too_late.session_world import (
    MONTHS,
    Arrived,
    agreed_by_all,
    begin,
    closing,
    comes_to,
    live,
    opening,
    piece,
    total,
)

if TYPE_CHECKING:
    from tests.billing.runs.world import World
    from tests.mediation.segment_rows import Segment

pytestmark = pytest.mark.slow
DAYS: Final = ("2025-10-06", "2025-10-20", "2025-11-03", "2025-11-20", "2025-12-20", "2026-02-10", "2026-03-10")
LAST_DAY: Final = {"none": "2026-01-31", "days": "2025-10-25", "waive": "2025-10-31", "both": "2025-10-25"}  # of what comes in time
CENTS: Final = 10


@pytest.mark.parametrize("seed", range(5))
def test_bills_and_what_is_too_late_come_to_the_session(world: World, seed: int) -> None:
    draw = random.Random(seed)
    rule = ("days", "none", "waive", "both", "arrival")[seed]
    minutes = sorted(draw.sample(range(1, 90), 5))
    middles = draw.sample(range(1, 9, 2), 3)  # of a call of ten minutes: odd ones may be missing, even ones come first
    came: dict[str, list[Segment]] = {day: [] for day in DAYS}
    came[DAYS[0]] = [opening(60), *(piece(60 * each, 60) for each in (2, 4, 6, 8)), closing(600, 60)]
    odd = {each: draw.choice(DAYS[1:]) for each in middles}
    totals = {each: draw.choice(DAYS) for each in minutes}
    begin(world, rule)
    arrived = []
    for day in DAYS:
        joined = came[day] + [piece(60 * each, 60) for each, on in odd.items() if on == day]
        parts = [total(each) for each, on in totals.items() if on == day]
        arrived += [Arrived(day, tuple(some)) for some in (joined, parts) if some]
    live(world, *arrived, months=MONTHS[:7])
    every = 6 + len(odd) + max(totals)
    in_time = 6 + sum(_is_in_time(rule, on) for on in odd.values())
    in_time += max(totals) if rule == "arrival" else max((each for each, on in totals.items() if _is_in_time(rule, on)), default=0)
    assert comes_to(world) == (CENTS * in_time, CENTS * (every - in_time)), (rule, odd, totals)
    agreed_by_all(world)


def _is_in_time(rule: str, day: str) -> bool:
    """True where a change that comes on a day is billed: on a plan without days by the time its period is closed."""
    return dt.date.fromisoformat(day) <= dt.date.fromisoformat(LAST_DAY.get(rule, LAST_DAY["none"]))

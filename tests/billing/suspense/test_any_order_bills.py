"""Bills in between: whatever came, was contradicted, chosen, corrected and put together before, between or after bills, they add up."""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING

import pytest

from billing.intake.taking import Intake
from billing.suspense import resolving
from billing.suspense.deciding import Deciding
from mediation.decoded import Decoded
from tests.billing.runs.world import Call, instant_us
from tests.billing.suspense.world import ANA, apply, asking, later, listed, save, total_cents, unbalanced
from tests.mediation.segment_rows import BEGIN_US, SECOND_US, call, segment_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.billing.runs.world import World
    from tests.mediation.segment_rows import Segment

pytestmark = pytest.mark.slow
ANNA, BERT = "8613800000001", "8613800000002"
ADD_86 = {"source": "switch", "reasons": ["UNKNOWN_SUBSCRIPTION"], "served": {"begins": "1", "digits": 11, "add": "86"}}
BILLS = ("2025-11-01", "2025-12-01", "2026-01-01")
# What a perfect October is: calls as they were, the longer version of each
CALLS = [Call(ANNA if day % 2 else BERT, f"2025-10-{day:02d}T10:00", 300 * day, key=f"call {day}") for day in range(5, 13)]
JOINED = Call(ANNA, "2025-10-20T09:00", 3600, key="joined")
WITHOUT_86 = Call(BERT, "2025-10-22T09:00", 1500, key="without")


def parts() -> list[Segment]:
    """JOINED as it came."""
    begin_s = (instant_us(JOINED.at) - BEGIN_US) // SECOND_US
    cut = call("c", 600, 1800, 1200, begin_s=begin_s)
    return [part._replace(served_id=ANNA) for part in cut]


def choose(world: World) -> None:
    """The longer version of every event in conflict."""
    while ids := [each.id for each in listed(world).rows if each.reason == "conflicting"]:
        found = resolving.versions(world.home, asking(world).seq, int(ids[0]))
        durations = found.rows["duration_us"].to_pylist()
        name = found.names[durations.index(max(durations))]
        resolving.resolve(world.home, found, name, Deciding(ANA, world.tick(), "the longer one"), {})


def take_part(world: World, part: Segment) -> None:
    Intake(world.home).take_batch("msc1", Decoded(segment_table([part], "msc1"), [], 1, b"", 0), later(world))


@pytest.mark.parametrize("seed", range(3))
def test_the_bills_add_up(make_world: Callable[[str], World], seed: int) -> None:
    rng = random.Random(seed)
    reference, mixed = make_world("reference"), make_world("mixed")
    reference.take(*CALLS, JOINED, WITHOUT_86._replace(served=BERT))
    versions = [each._replace(seconds=each.seconds - 60) for each in rng.sample(CALLS, 4)]
    first, middle, last = parts()
    segments = [first, middle, last, last._replace(seconds=1199)]
    wrong = WITHOUT_86._replace(served=BERT.removeprefix("86"))
    waiting: list[Call | Segment] = [*CALLS, *versions, *rng.sample(CALLS, 2), *segments, wrong]
    rng.shuffle(waiting)
    for date in BILLS:
        size = len(waiting) if date == BILLS[-1] else rng.randrange(len(waiting) + 1)
        for each in waiting[:size]:
            mixed.take(each) if isinstance(each, Call) else take_part(mixed, each)
            if rng.random() < 0.2:
                choose(mixed)
            if rng.random() < 0.1:
                Intake(mixed.home).seal(later(mixed))
        waiting = waiting[size:]
        if date == BILLS[-1]:
            choose(mixed)
            apply(mixed, save(mixed, ADD_86, bill_date=dt.date.fromisoformat(date)))
        for world in (reference, mixed):
            world.bill(date)
        assert unbalanced(mixed) == []
    assert {each: total_cents(mixed, each) for each in ("anna", "bert")} == {
        each: total_cents(reference, each) for each in ("anna", "bert")
    }

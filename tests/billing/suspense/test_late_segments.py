"""A call in segments bills as the whole call would, and a segment that comes after the bill is made good by the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.intake.taking import Intake
from mediation.decoded import Decoded
from rating.dates import DAY_US
from tests.billing.runs.world import Call, instant_us
from tests.billing.suspense.world import later, listed, total_cents, unbalanced
from tests.mediation.segment_rows import BEGIN_US, FIRST, LAST, SECOND_US, Segment, segment_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
ANNA = "8613800000001"
WHOLE = Call(ANNA, "2025-10-31T23:50", 3000)  # over midnight of the month: it is billed in the period in which it began
PARTS = [(0, 1200, FIRST), (1200, 1200, 0), (2400, 600, LAST)]


def segments() -> list[Segment]:
    begin_s = (instant_us(WHOLE.at) - BEGIN_US) // SECOND_US
    return [
        Segment("c", number, begin_s + after_s, seconds, flags, ANNA, WHOLE.number)
        for number, (after_s, seconds, flags) in enumerate(PARTS)
    ]


def take(world: World, *parts: Segment) -> None:
    Intake(world.home).take_batch("msc1", Decoded(segment_table(parts, "msc1"), [], len(parts), b"", 0), later(world))


def test_a_call_in_segments_bills_as_the_whole_call(make_world: Callable[[str], World]) -> None:
    reference, cut = make_world("reference"), make_world("cut")
    reference.take(WHOLE)
    first, middle, last = segments()
    take(cut, last, first)
    take(cut, middle)
    for world in (reference, cut):
        world.bill("2025-11-01")
    assert cut.lines(cut.numbers("anna")[0]) == reference.lines(reference.numbers("anna")[0])
    assert unbalanced(cut) == []


def test_what_comes_after_the_bill_is_made_good_by_the_next(make_world: Callable[[str], World]) -> None:
    reference, late = make_world("reference"), make_world("late")
    reference.take(WHOLE)
    first, middle, last = segments()
    take(late, first, last)
    for world in (reference, late):
        world.bill("2025-11-01")
    assert total_cents(late) < total_cents(reference)
    take(late, middle)
    for world in (reference, late):
        world.bill("2025-12-01")
    assert total_cents(late) == total_cents(reference)
    assert unbalanced(late) == []


def test_a_call_that_is_not_whole_is_worth_what_its_segments_are(world: World) -> None:
    first, _, last = segments()
    take(world, first, last)
    Intake(world.home).assemble(later(world) + 1_000 * DAY_US)
    (entry,) = listed(world).rows
    assert (entry.reason, entry.basis, entry.currency) == ("missing_segment", "own plan", "CNY")
    assert entry.estimated_micros == 3_000_000  # 30 minutes at 0.10


def test_an_end_of_a_call_that_tells_no_length_is_worth_what_others_are(world: World) -> None:
    world.take(WHOLE)
    first, _, _ = segments()
    take(world, first._replace(seconds=0))
    Intake(world.home).assemble(later(world) + 1_000 * DAY_US)
    (entry,) = listed(world).rows
    assert (entry.basis, entry.estimated_micros) == ("mean of source", 5_000_000)  # the other call: 50 minutes at 0.10


def test_what_was_billed_and_is_contradicted_comes_back(make_world: Callable[[str], World]) -> None:
    nobody, billed = make_world("nobody"), make_world("billed")
    take(billed, *segments())
    for world in (nobody, billed):
        world.bill("2025-11-01")
    assert total_cents(billed) > total_cents(nobody)
    take(billed, segments()[1]._replace(seconds=1199))
    for world in (nobody, billed):
        world.bill("2025-12-01")
    assert total_cents(billed) == total_cents(nobody)
    assert unbalanced(billed) == []

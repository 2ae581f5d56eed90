"""Another policy is given to an account that stands at a step: levels are those of one policy, a bar is a bar, a reminder is none."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import dunning, dunning_policy, payments
from billing.dunning_policy import Action, Policy, Step
from billing.payments import promises, recording

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
REMIND, BAR = Action.REMIND, Action.BAR_OUTGOING
THREE = Policy("standard", (Step(1, REMIND, 3), Step(2, REMIND, 10), Step(3, REMIND, 40, "1.00")))
TWO = Policy("standard", (Step(1, REMIND, 3, "1.00"), Step(2, BAR, 30, "10.00", after=REMIND, days_after=14)))
BAR_FIRST = Policy("standard", (Step(1, BAR, 30), Step(2, BAR, 60)))
BAR_LAST = Policy("standard", (Step(1, REMIND, 3), Step(3, BAR, 30, after=REMIND, days_after=14)))
REMIND_LAST = Policy("standard", (Step(1, REMIND, 3), Step(2, REMIND, 20), Step(3, REMIND, 40)))


@pytest.fixture
def owing(world: World) -> World:
    """Anna owes bills of November and December, due after fourteen days."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.bill("2025-11-01")
    world.bill("2025-12-01")
    return world


def given(world: World, policy: Policy) -> None:
    dunning_policy.add(world.home, policy, ("ana", 1), world.tick())


def run(world: World, on: str) -> list[tuple[int, str]]:
    day = dt.date.fromisoformat(on)
    return [(each.level, each.action) for each in dunning.run(world.home, day, world.begun(day))]


def test_a_reminder_of_a_high_level_is_no_bar(owing: World) -> None:
    given(owing, THREE)
    assert run(owing, "2025-12-26") == [(3, "remind")]
    given(owing, TWO)
    assert run(owing, "2025-12-27") == [(1, "remind")], "the bar waits fourteen days after a reminder"
    assert run(owing, "2026-01-08") == []
    assert run(owing, "2026-01-09") == [(2, "bar_outgoing")]


def test_a_promise_keeps_a_bar_of_a_lower_level_away(owing: World) -> None:
    given(owing, THREE)
    assert run(owing, "2025-12-26") == [(3, "remind")]
    given(owing, TWO)
    promise = promises.Promise("m1", "anna", 100_000_000, dt.date(2026, 1, 10), dt.date(2026, 2, 20))
    promises.promise(owing.home, promise, payments.Act(recording.NOBODY, owing.begun(dt.date(2026, 1, 10))))
    assert run(owing, "2026-01-20") == []
    assert run(owing, "2026-02-21") == [(2, "bar_outgoing")], "it was not kept"


def test_who_is_barred_stays_barred_by_another_policy(owing: World) -> None:
    given(owing, BAR_FIRST)
    assert run(owing, "2025-12-20") == [(1, "bar_outgoing")]
    given(owing, BAR_LAST)
    assert run(owing, "2025-12-21") == [(3, "bar_outgoing")], "a bar is a bar: nobody is set free to be barred again"


def test_a_policy_without_bars_ends_them(owing: World) -> None:
    given(owing, BAR_FIRST)
    assert run(owing, "2025-12-20") == [(1, "bar_outgoing")]
    given(owing, REMIND_LAST)
    assert run(owing, "2025-12-27") == [(3, "remind")]

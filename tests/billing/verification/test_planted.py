"""A run that reads a fact, its scope or what was left of an allowance wrongly: `bill verify` finds it, while the fault is in the code.

The fault stays in while the run is verified, as it would. So it is found only by code that shares nothing with what is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.verification.rerate_sample import rerate
from tests.billing.verification import histories
from tests.billing.verification.planting import plant

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow

# fault of tests/faults/planted -> history that it makes wrong -> figure that differs
PLANTED: list[tuple[str, Callable[[World], None], str]] = [
    ("runs-end-a-day-late", histories.an_end, "subscription_id"),
    ("runs-retraction-ignored", histories.a_retracted_end, "subscription_id"),
    ("runs-retraction-ignored", histories.a_retracted_pool, "status"),
    ("runs-pool-never-ends", histories.a_pool_that_ended, "status"),
    ("runs-bill-day-of-before", histories.another_bill_day, "period_from"),
    ("runs-closing-ignored", histories.a_closing, "period_to"),
    ("runs-midnight-of-greenwich", histories.a_call_after_midnight, "period_from"),
    ("runs-plan-a-day-late", histories.another_plan, "status"),
    ("runs-plan-learned-first", histories.a_plan_told_twice, "status"),
    ("runs-plan-of-now", histories.a_plan_learned_since, "status"),
    ("runs-left-to-the-last-period", histories.two_months_at_once, "status"),
    ("runs-left-by-all-runs", histories.october_made_again, "status"),
    ("runs-left-by-the-first-run", histories.october_made_again, "gross_micros"),
    ("runs-left-by-an-undone-run", histories.october_undone, "gross_micros"),
    ("runs-left-by-a-void-rerating", histories.a_void_rerating, "status"),
]
HISTORIES = list(dict.fromkeys(history for _, history, _ in PLANTED))
IDS = [f"{fault}, {history.__name__}" for fault, history, _ in PLANTED]


@pytest.mark.parametrize(("fault", "history", "figure"), PLANTED, ids=IDS)
def test_a_planted_fault_is_found(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: str, history: Callable[[World], None], figure: str
) -> None:
    plant(monkeypatch, fault)
    history(world)
    report = rerate(world.home, None, 10**6, seed=1)
    assert report.disagreements > 0
    assert f": {figure} is " in report.examples[0]


@pytest.mark.parametrize(
    "history", sorted({history for _, history, _ in PLANTED}, key=lambda each: each.__name__), ids=lambda each: each.__name__
)
def test_a_run_without_a_fault_is_confirmed(world: World, history: Callable[[World], None]) -> None:
    history(world)
    report = rerate(world.home, None, 10**6, seed=1)
    assert (report.disagreements, report.events > 0) == (0, True)

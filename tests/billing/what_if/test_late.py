"""Late usage that is on no bill is priced in its month all the same, and the answer names that."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.what_if import Month, all_plans, what_if
from tests.billing.runs.world import shop
from tests.billing.too_late.late_world import CENT, decide, late

if TYPE_CHECKING:
    from tests.billing.runs.world import World

OCTOBER = Month(2025, 10)


def test_usage_of_no_bill_is_priced_and_that_is_named(world: World) -> None:
    """Of October anna has one minute on a bill, three written off and one billed by hand, which are 0.50 together; bert four minutes."""
    late(world)
    decide(world, WRITTEN_OFF, "late-1")
    decide(world, BILLED, "late-2")
    found = all_plans.compare(world.home, "anna", OCTOBER)
    assert found.now.usage_micros == 50 * CENT
    assert "late_usage" in found.not_included
    report = what_if(world.home, shop(version=2, effective_from_us=world.now_us), OCTOBER, clock_s=itertools.count().__next__)
    assert sum(row.now_micros for part in report.currencies for row in part.revenue if row.service) == 90 * CENT
    assert "late_usage" in report.not_included

"""Bill thresholds: reached at their amount, each once a period."""

from __future__ import annotations

import pytest

from billing.charges.thresholds import reached
from rating.model import BillThreshold

UNIT = 1_000_000
THRESHOLDS = (BillThreshold(3, "high", 500 * UNIT), BillThreshold(1, "low", 200 * UNIT), BillThreshold(2, "low, too", 200 * UNIT))


# unbilled usage, thresholds that have acted, those that act now
@pytest.mark.parametrize(
    ("total", "acted", "expected"),
    [
        (199, set(), []),
        (200, set(), [1, 2]),
        (400, {1, 2}, []),
        (600, {1, 2}, [3]),
        (600, set(), [1, 2, 3]),  # passed at once: the lowest first
        (600, {1, 2, 3}, []),
        (-5, set(), []),
    ],
)
def test_reached(total: int, acted: set[int], expected: list[int]) -> None:
    assert [each.threshold_id for each in reached(total * UNIT, THRESHOLDS, acted)] == expected


def test_one_micro_below_is_not_reached() -> None:
    assert reached(200 * UNIT - 1, THRESHOLDS, ()) == []

"""Packed sorting gives the order that sorting field by field gives, whatever the ranges of the fields."""

from __future__ import annotations

import numpy as np
import pytest

from billing.charges.ordering import order_by

RANGES = [
    [(0, 5), (0, 3), (0, 9)],  # all in one word
    [(-(2**62), 2**62), (0, 3), (-5, 5)],  # one that needs a word of its own
    [(0, 1), (-(2**63), 2**63 - 1), (0, 2), (0, 2**40), (7, 8)],
    [(3, 4), (3, 4)],  # everything is equal
]


@pytest.mark.parametrize("ranges", RANGES)
@pytest.mark.parametrize("rows", [0, 1, 300])
def test_as_lexsort(ranges: list[tuple[int, int]], rows: int) -> None:
    random = np.random.default_rng(11)
    columns = [random.integers(low, high, rows, np.int64) for low, high in ranges]
    assert order_by(columns).tolist() == np.lexsort(columns[::-1]).tolist()


def test_truth_values_sort_no_before_yes() -> None:
    assert order_by([np.array([True, False, True]), np.array([1, 2, 0])]).tolist() == [1, 2, 0]

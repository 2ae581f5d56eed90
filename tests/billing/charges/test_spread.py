"""Shares by largest remainder: nothing is lost, nobody gets a step too much."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.charges.spread import spread, spread_columns

CENT = 10_000


@pytest.mark.parametrize(
    ("cents", "weights", "expected"),
    [
        (100, [333, 333, 334], [33, 33, 34]),  # 33.3, 33.3, 33.4: the cent that is left goes to the largest remainder
        (100, [1, 1, 1], [34, 33, 33]),  # equal remainders: the first
        (10, [100, 50, 30, 20], [5, 3, 1, 1]),  # 5, 2.5, 1.5, 1: one cent is left for two equal remainders
        (1000, [10000, 5000, 3000, 2000], [500, 250, 150, 100]),
        (-100, [1, 1, 1], [-34, -33, -33]),  # a credit is shared like a charge
        (1, [0, 5, 0], [0, 1, 0]),
        (0, [0, 0], [0, 0]),
        (0, [], []),
    ],
)
def test_shares(cents: int, weights: list[int], expected: list[int]) -> None:
    assert spread(cents * CENT, weights, CENT) == [share * CENT for share in expected]


WEIGHTS = st.lists(st.integers(0, 10**14), min_size=1, max_size=8).filter(any)
GROUPS = st.lists(st.tuples(st.integers(0, 10**12), WEIGHTS, st.sampled_from([1, 1000, CENT, 1_000_000])), min_size=1, max_size=5)


@settings(max_examples=300, deadline=None)
@given(st.integers(-(10**14), 10**14), WEIGHTS, st.sampled_from([1, 1000, CENT, 1_000_000]))
def test_shares_add_up_and_are_less_than_a_step_off(steps: int, weights: list[int], step: int) -> None:
    shares = spread(steps * step, weights, step)
    assert sum(shares) == steps * step
    for share, weight in zip(shares, weights, strict=True):
        assert share * steps >= 0  # no share changes its sign
        assert abs(share - Fraction(steps * step * weight, sum(weights))) < step


@settings(max_examples=200, deadline=None)
@given(GROUPS)
def test_columns_share_as_numbers_do(groups: list[tuple[int, list[int], int]]) -> None:
    amounts = np.array([steps * step for steps, _, step in groups], np.int64)
    weights = np.array([weight for _, each, _ in groups for weight in each], np.int64)
    group = np.array([place for place, (_, each, _) in enumerate(groups) for _ in each], np.int64)
    found = spread_columns(amounts, weights, group, np.array([step for *_, step in groups], np.int64))
    assert found.tolist() == [share for steps, each, step in groups for share in spread(steps * step, each, step)]


def test_no_columns() -> None:
    nothing = np.zeros(0, np.int64)
    assert spread_columns(nothing, nothing, nothing, nothing).size == 0

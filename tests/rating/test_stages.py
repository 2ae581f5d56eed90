"""The kernel's small parts, each against arithmetic that anyone can check: Python's own integers and fractions."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest

from rating import kernel
from rating.money import RoundingMode, round_exact
from rating.tables import NO_MAXIMUM, ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, ROUNDING_CODES

SEED = 20261125
MODES = list(RoundingMode)
CARD_MODES = {
    RoundingMode.DOWN: ROUND_DOWN,
    RoundingMode.UP: ROUND_UP,
    RoundingMode.HALF_UP: ROUND_HALF_UP,
    RoundingMode.HALF_EVEN: ROUND_HALF_EVEN,
}


def _columns(*rows: tuple[int, ...]) -> list[np.ndarray]:
    return [np.array(column, np.int64) for column in zip(*rows, strict=True)]


def _numerators(rng: random.Random, divisor: int, count: int) -> list[int]:
    """Numbers up to where the proof ends, most of them next to a multiple or a half of the divisor."""
    limit = min(2**62 - 1, divisor * (2**50 - 1))
    found = []
    for _ in range(count):
        multiple = rng.randrange(int(2 ** (rng.random() * 50)) or 1) * divisor
        found.append(
            min(
                max(multiple + rng.choice([0, 0, divisor // 2, -(-divisor // 2), rng.randrange(divisor)]) + rng.choice([0, 1, -1]), 0),
                limit,
            )
        )
    return found


@pytest.mark.parametrize("divisor", [1, 2, 3, 7, 60, 999_983, 6_000_000, 2**31 - 1, 2**40 + 1, 2**61 - 1])
def test_quick_division_is_exact(divisor: int) -> None:
    rng = random.Random(SEED + divisor)
    for number in [0, 1, divisor - 1, divisor, divisor + 1, *_numerators(rng, divisor, 3_000)]:
        assert kernel.quick_div(number, divisor) == number // divisor, (number, divisor)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("divisor", [1, 2, 3, 7, 60, 6_000_000, 2**40 + 1])
def test_rounding_is_that_of_money(divisor: int, mode: RoundingMode) -> None:
    rng = random.Random(SEED + divisor)
    for number in _numerators(rng, divisor, 300):
        exact = Fraction(number, divisor)
        if exact < 10**17:
            assert kernel.rounded(number, divisor, ROUNDING_CODES[mode]) == round_exact(exact, 1, mode), (number, divisor)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ppm", [0, 1, 100_000, 123_457, 500_000, 999_999, 1_000_000])
def test_a_discount_is_rounded_once(ppm: int, mode: RoundingMode) -> None:
    rng = random.Random(SEED + ppm)
    for divisor in (1, 2, 7, 60_000, 6_000_000, 2**43 - 1):
        for _ in range(60):
            number = (
                rng.randrange(min(2**62, divisor * 2**43))
                if rng.random() < 0.5
                else rng.randrange(2**20) * divisor // rng.choice([1, 2, 4])
            )
            exact = Fraction(number, divisor) * Fraction(1_000_000 - ppm, 1_000_000)
            assert kernel.with_discount(number, ppm, divisor, ROUNDING_CODES[mode]) == round_exact(exact, 1, mode), (number, divisor)


# first, increment, change, increment_2: a card's grid of increment ends
GRIDS = [(60, 60, 2**62, 60), (90, 60, 2**62, 60), (30, 6, 2**62, 6), (60, 1, 180, 6), (60, 60, 180, 1), (7, 3, 7, 5), (1, 1, 2**62, 1)]


def _ends(grid: tuple[int, int, int, int], beyond: int) -> list[int]:
    """Every end of an increment, one by one, until one is beyond a number."""
    first, increment, change, increment_2 = grid
    ends = [first]
    while ends[-1] <= beyond:
        ends.append(ends[-1] + (increment if ends[-1] < change else increment_2))
    return ends


@pytest.mark.parametrize("grid", GRIDS)
def test_usage_is_rounded_up_to_the_end_of_its_last_increment(grid: tuple[int, int, int, int]) -> None:
    wanted = list(range(400))
    ends = _ends(grid, max(wanted))
    first, increment, change, increment_2 = grid
    columns = _columns(*((each, change, first, increment, increment_2, -1, -1) for each in wanted))
    kernel.reach(len(wanted), *columns)
    assert columns[-2].tolist() == [0, *(next(end for end in ends if end >= each) for each in wanted[1:])]


@pytest.mark.parametrize("grid", GRIDS)
def test_whole_increments_end_at_the_last_end_covered(grid: tuple[int, int, int, int]) -> None:
    first, increment, change, increment_2 = grid
    for limit in range(400):
        covered = [end for end in [0, *_ends(grid, limit)] if end <= limit]
        assert kernel.grid_floor(limit, first, increment, change, increment_2) == covered[-1], limit


@pytest.mark.parametrize("mode", MODES)
def test_a_charge_is_the_exact_sum_rounded_once(mode: RoundingMode) -> None:
    rng = random.Random(SEED)
    rows, expected = [], []
    for _ in range(kernel.TILE):
        change, position = rng.choice([60_000, 180_000, 2**62]), rng.randrange(1_000_000)
        free = rng.choice([0, 0, position, rng.randrange(position + 1)])
        weight, weight_2, connect = rng.randrange(1_000_000), rng.randrange(1_000_000), rng.choice([0, 50_000])
        minimum, maximum = rng.choice([0, 0, 2_000_000]), rng.choice([NO_MAXIMUM, NO_MAXIMUM, 3_000_000, 0])
        charged, step, common = rng.random() < 0.8, rng.choice([1, 7, 100, 50_000]), rng.choice([60_000, 7, 1])
        # What lies before the change counts at one weight, the rest at the other; the free head is taken off.
        usage = sum((min(x, change) * weight + max(x - change, 0) * weight_2) * sign for x, sign in ((position, 1), (free, -1)))
        exact = max(Fraction(usage, common) + connect, Fraction(minimum)) if charged else Fraction(0)
        exact = exact if maximum == NO_MAXIMUM else min(exact, Fraction(maximum))
        expected.append(round_exact(exact, step, mode))
        rounding = ROUND_HALF_UP if mode is RoundingMode.HALF_EVEN and common * step % 2 else CARD_MODES[mode]
        rows.append((position, free, charged, weight, weight_2, change, common, connect, minimum, maximum, step, rounding, -1, -1))
    columns = _columns(*rows)
    kernel.charge(len(rows), *columns)
    assert columns[-1].tolist() == expected


def test_the_worked_example_of_the_kernel() -> None:
    wanted = _columns((200_300, 180_000, 60_000, 1_000, 1_000, 0, 0))
    kernel.reach(1, *wanted)
    assert (wanted[-2].tolist(), wanted[-1].tolist()) == ([201_000], [1])
    columns = _columns((201_000, 50_000, 1, 90_000, 60_000, 180_000, 60_000, 0, 0, NO_MAXIMUM, 100, ROUND_HALF_UP, 0, 0))
    kernel.charge(1, *columns)
    assert (columns[-2].tolist(), columns[-1].tolist()) == ([12_960_000_000], [216_000])

"""The kernel's small parts, each against arithmetic that anyone can check: Python's own integers and fractions."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest

from rating import kernel
from rating.money import RoundingMode, round_exact
from rating.status import Status
from rating.tables import (
    NO_MAXIMUM,
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    ROUNDING_CODES,
    SERVICES,
    TIME_MAX_US,
    TIME_MIN_US,
)

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


def _sifted(**changed: int) -> tuple[int, int, int, int, int]:
    """Code, quantity, place of the search, first six and next three digits of one event."""
    event = {"plan": 2, "quantity": 60, "start": TIME_MIN_US, "service": 3, "number": 4930123456, "digits": 10} | changed
    kinds = {"number": np.uint64}
    columns = [np.array([value], kinds.get(name, np.int64)) for name, value in event.items()]
    code, plan_service, six, three = (np.full(1, -7, np.int64) for _ in range(4))
    kernel.sift(1, *columns, code, plan_service, six, three)
    return int(code[0]), int(columns[1][0]), int(plan_service[0]), int(six[0]), int(three[0])


def test_an_event_that_no_table_refuses_is_looked_up_by_plan_service_and_nine_digits() -> None:
    assert _sifted() == (Status.RATED, 60, 2 * SERVICES + 3, 493_012, 345)
    assert _sifted(number=49, digits=2)[3:] == (490_000, 0)
    assert _sifted(number=10**15 - 1, digits=15)[3:] == (999_999, 999)
    assert _sifted(number=0, digits=0)[3:] == (0, 0)
    assert _sifted(service=SERVICES)[2] == 2 * SERVICES, "a service nobody sells"


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"plan": -1}, Status.UNKNOWN_SUBSCRIPTION),
        ({"plan": -2, "quantity": -1}, Status.UNKNOWN_PLAN),
        ({"quantity": -1, "start": 0}, Status.NEGATIVE_QUANTITY),
        ({"start": TIME_MIN_US - 1, "digits": -1}, Status.TIME_OUT_OF_RANGE),
        ({"start": TIME_MAX_US}, Status.TIME_OUT_OF_RANGE),
        ({"digits": -1}, Status.INVALID_NUMBER),
        ({"digits": 16}, Status.INVALID_NUMBER),
        ({"digits": 0}, Status.INVALID_NUMBER),
        ({"number": 10**9, "digits": 9}, Status.INVALID_NUMBER),
        ({"number": 10**15, "digits": 15}, Status.INVALID_NUMBER),
        ({"number": 2**64 - 1, "digits": 15}, Status.INVALID_NUMBER),
    ],
)
def test_the_first_refusal_that_holds_is_the_one(changed: dict[str, int], status: Status) -> None:
    assert _sifted(**changed)[:3] == (status, 0, 0)


@pytest.mark.parametrize("digits", range(1, 16))
def test_numbers_of_any_length_are_aligned_exactly(digits: int) -> None:
    rng = random.Random(SEED + digits)
    for number in [0, 10 ** (digits - 1), 10**digits - 1, *(rng.randrange(10**digits) for _ in range(200))]:
        nine = number * 10 ** (15 - digits) // 10**6
        assert _sifted(number=number, digits=digits)[3:] == (nine // 1_000, nine % 1_000)
        assert _sifted(number=number + 10**digits, digits=digits)[0] == Status.INVALID_NUMBER


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
    columns = _columns(*((each, change, first, increment, increment_2, -1, -1, -1, -1, -1) for each in wanted))
    kernel.reach(len(wanted), *columns)
    position, charged, *cleared = columns[-5:]
    assert position.tolist() == [0, *(next(end for end in ends if end >= each) for each in wanted[1:])]
    assert charged.tolist() == [0, *(1 for _ in wanted[1:])]
    assert not any(column.any() for column in cleared)


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
    wanted = _columns((200_300, 180_000, 60_000, 1_000, 1_000, 0, 0, 0, 0, 0))
    kernel.reach(1, *wanted)
    assert (wanted[5].tolist(), wanted[6].tolist()) == ([201_000], [1])
    columns = _columns((201_000, 50_000, 1, 90_000, 60_000, 180_000, 60_000, 0, 0, NO_MAXIMUM, 100, ROUND_HALF_UP, 0, 0))
    kernel.charge(1, *columns)
    assert (columns[-2].tolist(), columns[-1].tolist()) == ([12_960_000_000], [216_000])

"""Volume tiers: the whole quantity at the price of the tier that it reaches."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.charges.volume import prices, step_reached
from rating.model import VolumeStep
from rating.money import MICROS_LIMIT, RoundingMode, parse_micros, round_exact

CENT = 10_000
# Up to 15 messages 0.10 each, from 16 on 0.08 each for all of them, from 101 on 0.05 each and 1.00 once.
MESSAGES = (VolumeStep(0, 100_000), VolumeStep(16, 80_000), VolumeStep(101, 50_000, 1, 1_000_000))

TABLE = """
quantity  price  arithmetic
0         0.00   nothing used, nothing due
1         0.10   1 x 0.10
15        1.50   15 x 0.10
16        1.28   16 x 0.08: the sixteenth lowers the total
17        1.36   17 x 0.08
100       8.00   100 x 0.08
101       6.05   101 x 0.05 + 1.00
1000      51.00  1000 x 0.05 + 1.00
"""


def cents(steps: tuple[VolumeStep, ...], *quantities: int, step: int = CENT) -> list[int]:
    found = prices(steps, np.array(quantities, np.int64), np.full(len(quantities), step, np.int64))
    return [amount // step for amount in found.amount_micros.tolist()]


@pytest.mark.parametrize("row", TABLE.strip().splitlines()[1:])
def test_whole_quantity(row: str) -> None:
    quantity, price, _ = row.split(maxsplit=2)
    assert cents(MESSAGES, int(quantity)) == [parse_micros(price) // CENT]


def test_rates_a_part_of_the_quantity() -> None:
    """0.50 a mebibyte: 3.5 MiB are 1.75; 0.01 for 3 units: 1 unit is 0.0033, 2 are 0.0067."""
    mebibyte = (VolumeStep(0, 500_000, 2**20),)
    assert cents(mebibyte, 2**20 * 7 // 2) == [175]
    assert cents((VolumeStep(0, 10_000, 3),), 1, 2, 150) == [0, 1, 50]


def test_halves_are_rounded_up() -> None:
    assert cents((VolumeStep(0, 5_000),), 1, 3) == [1, 2]  # 0.005 and 0.015


def test_exact_price_beside_the_rounded_one() -> None:
    found = prices((VolumeStep(0, 10_000, 3),), np.array([1, 2, 3], np.int64), np.full(3, CENT, np.int64))
    assert found.exact_micros.tolist() == [3_333, 6_667, 10_000]


def test_a_price_beyond_money_is_cut_to_the_limit() -> None:
    assert prices((VolumeStep(0, 10**12),), np.array([2**40], np.int64), np.array([CENT])).amount_micros.tolist() == [MICROS_LIMIT]


STEPS = st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10**9), st.integers(1, 10**7), st.integers(0, 10**9)), max_size=4)


@settings(max_examples=300, deadline=None)
@given(STEPS, st.lists(st.integers(0, 2**40), min_size=1, max_size=6), st.sampled_from([1000, CENT, 1_000_000]))
def test_prices_are_the_plain_definition(raw: list[tuple[int, int, int, int]], quantities: list[int], step: int) -> None:
    begins = [0, *sorted({each[0] for each in raw})][: len(raw)]
    steps = tuple(VolumeStep(begin, *rest) for begin, (_, *rest) in zip(begins, raw, strict=False)) or (VolumeStep(0, 7, 3),)
    found = prices(steps, np.array(quantities, np.int64), np.full(len(quantities), step, np.int64))
    for quantity, amount, exact in zip(quantities, found.amount_micros.tolist(), found.exact_micros.tolist(), strict=True):
        reached = [each for each in steps if each.from_qty <= quantity][-1]
        plain = Fraction(quantity * reached.rate_micros, reached.per) + reached.flat_micros if quantity else Fraction(0)
        if plain < MICROS_LIMIT - step:
            assert amount == round_exact(plain, step, RoundingMode.HALF_UP)
            assert exact == round_exact(plain, 1, RoundingMode.HALF_UP)


def test_the_step_that_a_quantity_reaches() -> None:
    assert step_reached(MESSAGES, np.array([0, 15, 16, 100, 101, 10**12])).tolist() == [0, 0, 1, 1, 2, 2]

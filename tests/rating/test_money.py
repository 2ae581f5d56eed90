"""Money: text, limits, and one rounding."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating.money import MICROS_LIMIT, MoneyError, RoundingMode, check_micros, format_about, format_micros, parse_micros, round_exact

UP, DOWN, HALF_UP, HALF_EVEN = RoundingMode.UP, RoundingMode.DOWN, RoundingMode.HALF_UP, RoundingMode.HALF_EVEN

# amount in micro-units, step, mode, rounded
ROUNDINGS = [
    ("14999.5", 10_000, HALF_UP, 10_000),
    ("15000", 10_000, HALF_UP, 20_000),  # a tie goes away from zero
    ("15000", 10_000, HALF_EVEN, 20_000),  # a tie goes to the even cent
    ("25000", 10_000, HALF_EVEN, 20_000),
    ("25001", 10_000, HALF_EVEN, 30_000),
    ("10001", 10_000, UP, 20_000),
    ("10000", 10_000, UP, 10_000),
    ("19999", 10_000, DOWN, 10_000),
    ("74999", 50_000, HALF_UP, 50_000),  # a step of 0.05 is not decimal
    ("75000", 50_000, HALF_UP, 100_000),
    ("75000", 50_000, HALF_EVEN, 100_000),  # between the first and the second step of five cents: the second is even
    ("125000", 50_000, HALF_EVEN, 100_000),
    ("125000", 50_000, HALF_UP, 150_000),
    ("100001", 50_000, UP, 150_000),
    ("149999", 50_000, DOWN, 100_000),
    ("100000", 50_000, UP, 100_000),
    ("100000", 50_000, DOWN, 100_000),
    ("375000000", 250_000_000, HALF_EVEN, 500_000_000),  # a step of 250 units
    ("1/3", 1, HALF_EVEN, 0),
    ("2/3", 1, HALF_EVEN, 1),
    ("0", 10_000, UP, 0),
]


@pytest.mark.parametrize(("amount", "step", "mode", "rounded"), ROUNDINGS)
def test_round_exact(amount: str, step: int, mode: RoundingMode, rounded: int) -> None:
    assert round_exact(Fraction(amount), step, mode) == rounded
    assert round_exact(-Fraction(amount), step, mode) == -rounded, "signs are treated alike"


@pytest.mark.parametrize("mode", RoundingMode)
@pytest.mark.parametrize("step", [1, 10_000, 50_000, 1_000_000])
def test_an_adjustment_downward_is_the_mirror_of_one_upward(mode: RoundingMode, step: int) -> None:
    for quarters in range(-12, 13):  # every quarter of a step, ties among them, from -3 to 3 steps
        amount = Fraction(quarters * step, 4)
        assert round_exact(-amount, step, mode) == -round_exact(amount, step, mode)


@given(st.fractions(-(10**12), 10**12), st.integers(1, 10**6), st.sampled_from(RoundingMode))
def test_rounding_stays_within_one_step_and_keeps_multiples(amount: Fraction, step: int, mode: RoundingMode) -> None:
    rounded = round_exact(amount, step, mode)
    assert rounded % step == 0
    assert abs(rounded - amount) < step
    assert round_exact(rounded, step, mode) == rounded
    assert round_exact(-amount, step, mode) == -rounded
    if mode in {HALF_UP, HALF_EVEN}:
        assert 2 * abs(rounded - amount) <= step


@pytest.mark.parametrize(
    ("text", "micros"), [("0", 0), ("0.085", 85_000), ("-1.5", -1_500_000), ("999999999999.999999", 10**18 - 1), ("12", 12_000_000)]
)
def test_parse_micros(text: str, micros: int) -> None:
    assert parse_micros(text) == micros


@pytest.mark.parametrize("text", ["", ".5", "1.", "1e3", "0.0000001", "1234567890123", "1,5", " 1", "\u0661", "+1", "nan"])
def test_text_that_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(MoneyError, match="decimal amount"):
        parse_micros(text)


@given(st.integers(-MICROS_LIMIT + 1, MICROS_LIMIT - 1))
def test_format_and_parse_agree(micros: int) -> None:
    assert parse_micros(format_micros(micros)) == micros


@pytest.mark.parametrize(("micros", "text"), [(0, "0.00"), (85_000, "0.085"), (-1_500_000, "-1.50"), (1, "0.000001")])
def test_format_micros(micros: int, text: str) -> None:
    assert format_micros(micros) == text


@pytest.mark.parametrize("micros", [MICROS_LIMIT, -MICROS_LIMIT])
def test_the_limit_is_outside(micros: int) -> None:
    with pytest.raises(MoneyError, match="outside"):
        check_micros(micros)


@pytest.mark.parametrize("micros", [14_999, 15_000, 15_001, -14_999, -15_000, 4_999, -4_999, 0, 10**18 - 1, 10**19 + 5_000])
def test_an_estimate_is_rounded_as_money_is_and_may_be_larger(micros: int) -> None:
    """To the cent, half up; where that would be nothing it is exact. A sum of a home may lie beyond what one amount holds."""
    cents, rest = divmod(abs(micros), 10_000)
    rounded = (cents + (rest >= 5_000)) * 10_000 * (-1 if micros < 0 else 1)
    assert format_about(micros, 2) == format_micros(rounded or micros)
    if abs(micros) < 10**18 - 5_000:
        assert rounded == round_exact(micros, 10_000, HALF_UP)

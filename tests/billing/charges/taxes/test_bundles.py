"""A fee of several tax classes: its lines add up to its price."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.charges.taxes.bundles import parts
from rating.model import RecurringFee, TaxShare

CENT = 10_000


def bundle(*shares: int) -> RecurringFee:
    of = tuple(TaxShare(f"class {number}", share, 5000 + number) for number, share in enumerate(shares))
    return RecurringFee(1, "bundle", 1, 5000, "standard", 0, shares=of)


@pytest.mark.parametrize(
    ("cents", "shares", "expected"),
    [
        (3000, (), [3000]),
        (3000, (600_000, 400_000), [1800, 1200]),
        (2999, (600_000, 400_000), [1799, 1200]),  # 1799.4 and 1199.6
        (1, (500_000, 500_000), [1, 0]),
        (1001, (333_333, 333_333, 333_334), [334, 333, 334]),  # 333.6663 twice and 333.6673: two cents are left, for the last and the first
        (-2999, (600_000, 400_000), [-1799, -1200]),
    ],
)
def test_parts(cents: int, shares: tuple[int, ...], expected: list[int]) -> None:
    found = [part.amount_micros // CENT for part in parts(bundle(*shares), cents * CENT, cents * CENT, CENT)]
    assert found == expected


@given(st.integers(-(10**8), 10**8), st.integers(0, 1_000_000), st.integers(-4999, 4999))
def test_parts_add_up_exactly(cents: int, share: int, beyond: int) -> None:
    found = parts(bundle(share, 1_000_000 - share), cents * CENT, cents * CENT + beyond, CENT)
    assert sum(part.amount_micros for part in found) == cents * CENT
    assert sum(part.exact_micros for part in found) == cents * CENT + beyond


def test_every_part_has_its_class_and_revenue() -> None:
    found = parts(bundle(600_000, 400_000), 3000 * CENT, 3000 * CENT, CENT)
    assert [(part.tax_class, part.revenue_code) for part in found] == [("class 0", 5000), ("class 1", 5001)]
    (whole,) = parts(bundle(), 3000 * CENT, 3000 * CENT, CENT)
    assert (whole.tax_class, whole.revenue_code) == ("standard", 5000)

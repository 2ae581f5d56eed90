"""Prices that hold their tax: the gross stands fast, the net is shared among the lines."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.charges.charge_keys import Kind
from billing.charges.taxes.inclusive import added_tax, split
from billing.charges.taxes.tax import tax_due, taxed
from rating.money import RoundingMode, round_exact
from tests.billing.charges.rows import lines

if TYPE_CHECKING:
    from billing.charges.lines import Lines

CENT = 10_000
KEY = {"account_key": 7, "period_from": 100, "period_to": 131, "kind": 1, "tax_class": 1, "rate_ppm": 190_000, "inclusive": 1}


def gross(*cents: int, **more: int) -> Lines:
    return lines(*({**KEY, "price_id": place, "amount_micros": each * CENT, **more} for place, each in enumerate(cents)))


def steps(rows: Lines) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.full(rows.size, CENT, np.int64)


TABLE = [
    # gross lines      rate ppm  net lines         tax   net of all = gross / (1 + rate)
    ([999], 190_000, [839], 160),  # 8.3950
    ([999, 500], 190_000, [840, 420], 239),  # 14.99 / 1.19 = 12.5966; 8.3950 and 4.2017: a cent for the first
    ([100, 100, 100], 190_000, [84, 84, 84], 48),  # 2.5210
    ([119], 190_000, [100], 19),
    ([-999], 190_000, [-839], -160),
    ([999, -999], 190_000, [839, -839], 0),  # 8.3950 and -8.3950: nothing in all, whichever way they go
    ([1, 1, 1], 190_000, [1, 1, 1], 0),  # 0.0252 is 3 cents
    ([1], 1_000_000, [1], 0),  # half a cent is one
    ([999], 0, [999], 0),
]


@pytest.mark.parametrize(("amounts", "rate_ppm", "net", "tax"), TABLE)
def test_net_and_tax(amounts: list[int], rate_ppm: int, net: list[int], tax: int) -> None:
    rows = gross(*amounts, rate_ppm=rate_ppm)
    found = split(rows, steps(rows))
    assert sum(net) + tax == sum(amounts)
    assert [each // CENT for each in found.taxes["amount_micros"].tolist()] == ([tax] if rate_ppm else [])
    assert [each // CENT for each in found.lines["amount_micros"].tolist()] == net


def test_every_class_and_rate_is_split_alone() -> None:
    rows = np.concatenate([gross(119), gross(107, tax_class=2, rate_ppm=70_000), gross(119, account_key=8), gross(119, period_to=132)])
    found = split(rows, steps(rows))
    assert [each // CENT for each in found.lines["amount_micros"].tolist()] == [100] * 4
    assert sorted(each // CENT for each in found.taxes["amount_micros"].tolist()) == [7, 19, 19, 19]


def test_prices_without_tax_pass_and_are_taxed_beside() -> None:
    """A class that has both: 1.00 net and 1.19 gross make one tax line of 0.38."""
    rows = np.concatenate([gross(100, inclusive=0), gross(119)])
    found = taxed(rows, steps(rows))
    assert [each // CENT for each in found.lines["amount_micros"].tolist()] == [100, 100]
    assert found.taxes[["kind", "amount_micros", "price_id"]].tolist() == [(Kind.TAX, 38 * CENT, 0)]


def test_without_prices_that_hold_tax_nothing_changes() -> None:
    rows = gross(100, 250, inclusive=0)
    found = taxed(rows, steps(rows))
    assert found.lines.tolist() == rows.tolist()
    assert found.taxes.tolist() == tax_due(rows, steps(rows)).tolist()


AMOUNT = st.integers(-(10**7), 10**7) | st.integers(-(10**13), 10**13)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(AMOUNT, min_size=1, max_size=8),
    st.sampled_from([0, 1, 60_000, 70_000, 190_000, 333_333, 1_000_000]),
    st.sampled_from([1, CENT, 1_000_000]),
)
def test_the_gross_stands_fast_and_no_line_is_a_step_off(amounts: list[int], rate_ppm: int, step: int) -> None:
    rows = lines(
        *({**KEY, "price_id": place, "rate_ppm": rate_ppm, "amount_micros": each // step * step} for place, each in enumerate(amounts))
    )
    found = split(rows, np.full(rows.size, step, np.int64))
    whole = sum(rows["amount_micros"].tolist())
    net = found.lines["amount_micros"].tolist()
    assert sum(net) == round_exact(Fraction(whole * 1_000_000, 1_000_000 + rate_ppm), step, RoundingMode.HALF_UP)
    assert sum(net) + sum(found.taxes["amount_micros"].tolist()) == whole
    for before, after in zip(rows["amount_micros"].tolist(), net, strict=True):
        exact = Fraction(before * 1_000_000, 1_000_000 + rate_ppm)
        assert abs(after - exact) < step
        assert after % step == 0
        assert after * before >= 0


def test_exact_amounts_are_net_too() -> None:
    rows = gross(119)
    rows["exact_micros"] = 1_190_000 + 119
    assert split(rows, steps(rows)).lines["exact_micros"].tolist() == [1_000_100]


# tax in what is due; net billed on the same charges, and on others; tax on both -> what is added, all in cents at 19 %
ADDED = [
    (191, 0, 0, 0, 191),  # 11.99: 10.08 and 1.91
    (191, 0, 500, 95, 191),  # others have their own tax
    (319, 1008, 0, 191, 128),  # 19.99 by now: 3.19, and 1.91 is billed
    (319, 1008, 500, 191 + 95, 128),
    (0, 1008, 0, 191, -191),  # nothing is due any more
]


@pytest.mark.parametrize(("due", "billed", "rest", "tax", "expected"), ADDED)
def test_tax_that_a_bill_of_some_charges_adds(due: int, billed: int, rest: int, tax: int, expected: int) -> None:
    amounts = (np.array([each * 10_000], np.int64) for each in (due, billed, rest, tax))
    assert added_tax(*amounts, np.array([190_000]), np.array([10_000])).tolist() == [expected * 10_000]

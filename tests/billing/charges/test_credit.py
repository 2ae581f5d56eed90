"""Credits never exceed what was billed, and the last one takes the residue of the tax."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.charges.credit import Billed, creditable, tax_with

CENT = 10_000


# wanted, billed, credited before, what may be given
@pytest.mark.parametrize(
    ("wanted", "billed", "credited", "expected"),
    [
        (100, 200, 0, 100),
        (300, 200, 50, 150),  # no more than is left
        (100, 200, 180, 20),
        (100, 200, 200, 0),
        (100, 200, 250, 0),
        (-50, 200, 50, 0),  # a credit below nothing is none
        (0, 200, 0, 0),
    ],
)
def test_what_may_be_credited(wanted: int, billed: int, credited: int, expected: int) -> None:
    assert creditable(wanted, billed, credited) == expected


# net billed, tax billed, credits of net, tax with each
@pytest.mark.parametrize(
    ("net", "tax", "credits", "expected"),
    [
        (10000, 1900, [10000], [1900]),
        (10000, 1900, [5000, 5000], [950, 950]),
        (1000, 190, [333, 333, 334], [63, 64, 63]),  # 63.27, then 126.54 in all, then the rest
        (100, 1, [50, 50], [1, 0]),  # half a cent is one; nothing is left for the last
        (100, 1, [49, 51], [0, 1]),
        (100, 0, [100], [0]),
        (0, 0, [0], [0]),
    ],
)
def test_tax_with_credits(net: int, tax: int, credits: list[int], expected: list[int]) -> None:  # noqa: A002 -- what the table calls it
    billed, found = Billed(net * CENT, tax * CENT), []
    for each in credits:
        found.append(tax_with(billed, each * CENT, CENT) // CENT)
        billed = billed._replace(
            credited_net_micros=billed.credited_net_micros + each * CENT, credited_tax_micros=billed.credited_tax_micros + found[-1] * CENT
        )
    assert found == expected


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.lists(st.integers(0, 10**5), max_size=10))
def test_many_credits_take_all_of_the_tax_and_no_more(net: int, tax: int, wanted: list[int]) -> None:
    billed = Billed(net * CENT, tax * CENT)
    for each in [*wanted, net]:
        credit = creditable(each * CENT, billed.net_micros, billed.credited_net_micros)
        with_it = tax_with(billed, credit, CENT)
        assert with_it >= 0
        billed = billed._replace(
            credited_net_micros=billed.credited_net_micros + credit, credited_tax_micros=billed.credited_tax_micros + with_it
        )
    assert billed.credited_net_micros == billed.net_micros
    assert billed.credited_tax_micros == billed.tax_micros
    assert billed.left_micros == 0

"""Sums by charge key and rounding of lines to the minor unit."""

from __future__ import annotations

import numpy as np
import pytest

from billing.charges import lines as columns
from rating.money import RoundingMode, minor_step_micros, round_exact
from tests.billing.charges.rows import lines

# amount in micro-units, decimal places of the currency, rounded
ROUNDED = [
    (10_278_798, 2, 10_280_000),
    (1_023_450_000, 0, 1_023_000_000),
    (1_023_500_000, 0, 1_024_000_000),
    (4_000, 2, 0),
    (5_000, 2, 10_000),
    (-5_000, 2, -10_000),
    (-4_999, 2, 0),
    (33_333_334, 2, 33_330_000),
    (1_234_500, 3, 1_235_000),
]


@pytest.mark.parametrize(("micros", "digits", "expected"), ROUNDED)
def test_half_up_to_the_minor_unit(micros: int, digits: int, expected: int) -> None:
    assert columns.round_half_up(np.array([micros]), minor_step_micros(digits)).tolist() == [expected]


def test_columns_round_as_single_amounts_do() -> None:
    micros = np.random.default_rng(11).integers(-(10**17), 10**17, 2000)
    wanted = [round_exact(each, 10_000, RoundingMode.HALF_UP) for each in micros.tolist()]
    assert columns.round_half_up(micros, 10_000).tolist() == wanted


def test_an_amount_out_of_range_is_our_mistake() -> None:
    with pytest.raises(AssertionError):
        columns.round_half_up(np.array([10**18]), 10_000)


def test_sums_by_key() -> None:
    one = {"account_key": 1, "price_id": 5, "amount_micros": 3, "events": 1, "revenue_code": 9}
    summed = columns.sum_by_key(lines(one, {"account_key": 1, "price_id": 4}, {**one, "amount_micros": 4}))
    assert summed[["price_id", "amount_micros", "events", "revenue_code"]].tolist() == [(4, 0, 0, 0), (5, 7, 2, 9)]


def test_before_the_tax_is_known_sums_of_catalogues_and_rates_stay_apart() -> None:
    net, gross = (
        {"account_key": 1, "amount_micros": 3, "catalogue": 1},
        {"account_key": 1, "amount_micros": 5, "catalogue": 2, "inclusive": 1},
    )
    exempt = {**net, "rate_ppm": 60_000}
    rows = lines(gross, net, gross, exempt)
    assert columns.sum_as_taxed(rows)[["catalogue", "rate_ppm", "inclusive", "amount_micros"]].tolist() == [
        (1, 0, 0, 3),
        (1, 60_000, 0, 3),
        (2, 0, 1, 10),
    ]
    assert columns.sum_by_key(rows)["amount_micros"].tolist() == [16]

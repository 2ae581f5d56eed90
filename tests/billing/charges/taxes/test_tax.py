"""Tax: on the sum of rounded lines of a period and class, at the rate of the period's last day, HALF_UP to the minor unit."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from billing.charges import lines as columns
from billing.charges.taxes.rates import rate_on
from billing.charges.taxes.tax import tax_due
from rating.model import TaxRate
from tests.billing.charges.rows import lines

KEY = {"account_key": 7, "period_from": 100, "period_to": 131, "kind": 2, "tax_class": 1, "rate_ppm": 60_000}
CENT = 10_000


def tax(*rows: dict[str, int], step_micros: int = CENT) -> list[int]:
    given = lines(*rows)
    return tax_due(given, np.full(given.size, step_micros, np.int64))["amount_micros"].tolist()


@pytest.mark.parametrize(
    ("base_cents", "rate_ppm", "tax_cents"),
    [
        (1000, 60_000, 60),
        (8, 60_000, 0),
        (9, 60_000, 1),
        (-9, 60_000, -1),
        (25, 20_000, 1),
        (24, 20_000, 0),
        (-25, 20_000, -1),
        (333, 77_000, 26),
    ],
)
def test_rounding(base_cents: int, rate_ppm: int, tax_cents: int) -> None:
    expected = [tax_cents * CENT]
    assert tax({**KEY, "rate_ppm": rate_ppm, "amount_micros": base_cents * CENT}) == expected


def test_lines_of_one_class_are_added_before_the_tax_is_rounded() -> None:
    assert tax({**KEY, "price_id": 1, "amount_micros": 8 * CENT}, {**KEY, "price_id": 2, "amount_micros": 8 * CENT}) == [1 * CENT]


def test_each_account_period_and_class_is_taxed_alone() -> None:
    row = {**KEY, "amount_micros": 100 * CENT}
    assert tax(row, {**row, "account_key": 8}, {**row, "period_from": 131, "period_to": 161}, {**row, "tax_class": 2}) == [6 * CENT] * 4


def test_two_rates_under_one_code_make_one_line() -> None:
    assert tax({**KEY, "amount_micros": 100 * CENT}, {**KEY, "rate_ppm": 190_000, "amount_micros": 100 * CENT}) == [25 * CENT]


def test_a_currency_without_minor_unit() -> None:
    assert tax({**KEY, "amount_micros": 25_000_000}, step_micros=1_000_000) == [2_000_000]


def test_amounts_beyond_int64_products_are_exact() -> None:
    base = 10**17 * 9 // CENT * CENT
    assert tax({**KEY, "rate_ppm": 333_333, "amount_micros": base}) == [(base * 333_333 + 5_000_000_000) // 10_000_000_000 * CENT]


def test_no_rate_no_line() -> None:
    assert tax({**KEY, "rate_ppm": 0, "amount_micros": 100 * CENT}) == []
    assert tax_due(columns.empty(), np.zeros(0, np.int64)).size == 0


def test_the_rate_of_a_day() -> None:
    rates = (TaxRate(dt.date(2020, 1, 1), 60_000), TaxRate(dt.date(2025, 7, 1), 90_000))
    days = ("2019-12-31", "2020-01-01", "2025-06-30", "2025-07-01")
    assert [rate_on(rates, dt.date.fromisoformat(day)) for day in days] == [0, 60_000, 60_000, 90_000]

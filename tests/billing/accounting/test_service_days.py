"""Revenue that is not earned yet: lines by the day, a row each with its arithmetic."""

from __future__ import annotations

import datetime as dt
import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.accounting.service_days import Share, to_minor_unit, unearned, unearned_sums

# period, amount, first day that is not over, unearned
ROWS = (
    ("2026-04-01", "2026-05-01", 30, "2026-04-01", "30", "all 30 of 30 days are ahead"),
    ("2026-04-01", "2026-05-01", 30, "2026-04-11", "20", "20 of 30 days"),
    ("2026-04-01", "2026-05-01", 30, "2026-05-01", "0", "none"),
    ("2026-04-01", "2026-05-01", 30, "2026-06-01", "0", "long over"),
    ("2026-04-15", "2026-05-15", 30, "2026-05-01", "14", "14 of 30 days"),
    ("2024-02-01", "2024-03-01", 29, "2024-02-29", "1", "the leap day is 1 of 29"),
    ("2026-04-15", "2026-05-15", -30, "2026-05-01", "-14", "a credit is unearned like a charge"),
    ("2026-04-01", "2026-04-01", 5, "2026-04-01", "0", "a span without days has nothing ahead"),
)


@pytest.mark.parametrize(("first", "to", "amount", "after", "expected", "why"), ROWS)
def test_each_row(  # noqa: PLR0913, PLR0917 -- the columns of the table
    first: str, to: str, amount: int, after: str, expected: str, why: str
) -> None:
    share = Share(("", 5000, "CNY"), dt.date.fromisoformat(first), dt.date.fromisoformat(to), amount)
    assert unearned(share, dt.date.fromisoformat(after)) == Fraction(expected), why


def test_a_sum_is_rounded_once() -> None:
    day = dt.date(2026, 4, 1)
    third = Share(("", 5000, "CNY"), day, dt.date(2026, 4, 4), 10_000)  # a cent over three days: two thirds of it are ahead on the second
    assert unearned_sums([third] * 3, dt.date(2026, 4, 2)) == {("", 5000, "CNY"): 20_000}  # 3 x 2/3 of a cent
    assert unearned_sums([third._replace(heading=("", 5000, "JPY"))], dt.date(2026, 4, 2)) == {}  # less than half a yen


# exact micro-units, to cents
ROUNDED = (
    ("4999", 0),
    ("5000", 10_000),
    ("-5000", -10_000),
    ("-4999", 0),
    ("-1004999", -1_000_000),
    ("-1005000", -1_010_000),
    ("999995000", 1_000_000_000),
    ("2000000000000000000", 2 * 10**18),
    ("-2000000000000005000", -2 * 10**18 - 10_000),
    ("10000/3", 0),
)


@pytest.mark.parametrize(("exact", "expected"), ROUNDED)
def test_a_sum_of_any_size_is_rounded(exact: str, expected: int) -> None:
    assert to_minor_unit(Fraction(exact), "CNY") == expected


@given(st.integers(1, 400), st.integers(-(10**12), 10**12), st.lists(st.integers(0, 450), min_size=1, max_size=6))
def test_what_is_earned_month_by_month_adds_up(days: int, amount: int, cuts: list[int]) -> None:
    start = dt.date(2026, 1, 15)
    share = Share(("", 1, "CNY"), start, start + dt.timedelta(days=days), amount)
    left = [unearned(share, start + dt.timedelta(days=cut)) for cut in sorted(cuts)]
    earned = [share.amount_micros - left[0], *(one - two for one, two in itertools.pairwise(left)), left[-1]]
    assert sum(earned) == amount
    assert all(part * amount >= 0 for part in earned)

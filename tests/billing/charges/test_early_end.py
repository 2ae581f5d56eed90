"""Ending before the least time of a contract is over: how many months are left, and what is charged for them."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.charges.early_end import Agreed, Contract, months_after, months_left
from billing.charges.one_off import one_offs_due
from billing.charges.periods import period_of
from billing.charges.proration import Span
from billing.charges.recurring import plan_spans
from rating.model import FeeOccasion, OneOffFee, Plan, ServiceTerms

# begins      months  first day without  left
MONTHS = """
2026-01-01    24      2026-01-01         24
2026-01-01    24      2026-01-31         24     # the first month is begun, and counts whole
2026-01-01    24      2026-02-01         23
2026-01-15    12      2026-03-14         11     # the second month is not over
2026-01-15    12      2026-03-15         10
2026-01-15    12      2027-01-14         1
2026-01-15    12      2027-01-15         0      # over to the day
2026-01-15    12      2030-01-01         0
2026-01-31    12      2026-02-28         11     # a month from 31 January is over on 28 February
2026-01-31    12      2026-03-30         11     # the next one on 31 March, not on the 28th
2026-01-31    12      2026-03-31         10
2028-02-29    12      2029-02-27         1
2028-02-29    12      2029-02-28         0      # a year from a leap day ends on 28 February
2028-02-29    48      2032-02-28         1
2028-02-29    48      2032-02-29         0
2026-01-15    0       2026-02-01         0
"""


def rows() -> list[tuple[dt.date, int, dt.date, int]]:
    cells = [line.partition("#")[0].split() for line in MONTHS.strip().splitlines()]
    return [(dt.date.fromisoformat(begins), int(months), dt.date.fromisoformat(end), int(left)) for begins, months, end, left in cells]


@pytest.mark.parametrize(("begins", "months", "end", "left"), rows())
def test_months_left(begins: dt.date, months: int, end: dt.date, left: int) -> None:
    assert months_left(begins, months, end) == left


@given(st.dates(dt.date(2024, 1, 1), dt.date(2030, 1, 1)), st.integers(0, 36), st.integers(0, 2000))
def test_months_left_is_the_plain_count(begins: dt.date, months: int, days: int) -> None:
    """Of the months of the contract those count that end after the end."""
    end = begins + dt.timedelta(days=days)
    assert months_left(begins, months, end) == sum(months_after(begins, number) > end for number in range(1, months + 1))


FLAT = OneOffFee(1, "early end", 1, 1, "standard", 100_000_000, FeeOccasion.EARLY_END)
EACH = OneOffFee(2, "months left", 1, 1, "standard", 5_000_000, FeeOccasion.EARLY_END, per_remaining_month=True)
LAST = OneOffFee(3, "end", 1, 1, "standard", 1_000_000, FeeOccasion.END)
FIRST = OneOffFee(4, "activation", 1, 1, "standard", 1_000_000, FeeOccasion.ACTIVATION)
PLANS = {
    "x/bound": Plan("bound", (), {}, one_offs=(FLAT, EACH, LAST, FIRST), terms=ServiceTerms(minimum_months=12)),
    "x/free": Plan("free", (), {}, one_offs=(FLAT, EACH, LAST, FIRST)),
}


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def due(end: str, contract: Contract, plan: str = "x/bound") -> dict[str, int]:
    """What the period of the last day charges a subscription since 15 January 2026, by name, in whole units."""
    begins = day("2026-01-15")
    spans = plan_spans([(begins, plan)], Span(begins, day(end)))
    period = period_of(day(end) - dt.timedelta(days=1), begins, ((dt.date.min, 1),))
    assert period is not None
    return {
        each.fee.name: each.micros // 1_000_000 for each in one_offs_due(spans, period, period.end, lambda name, _: PLANS[name], contract)
    }


@pytest.mark.parametrize(
    ("end", "plan", "contract", "expected"),
    [
        ("2026-06-15", "x/bound", Contract(), {"early end": 100, "months left": 7 * 5, "end": 1}),
        ("2026-06-16", "x/bound", Contract(), {"early end": 100, "months left": 7 * 5, "end": 1}),
        ("2027-01-15", "x/bound", Contract(), {"end": 1}),
        ("2026-06-15", "x/free", Contract(), {"end": 1}),
        # Agreed with the subscriber: 24 months from 1 March 2026; of them 3 are over, and half of one more.
        ("2026-06-15", "x/free", Contract((Agreed(day("2026-03-01"), 24),)), {"early end": 100, "months left": 21 * 5, "end": 1}),
        ("2027-01-15", "x/bound", Contract((Agreed(day("2026-03-01"), 24),)), {"early end": 100, "months left": 14 * 5, "end": 1}),
        ("2026-06-15", "x/bound", Contract((Agreed(day("2026-03-01"), 0),)), {"end": 1}),
        ("2026-06-15", "x/bound", Contract((Agreed(day("2026-07-01"), 0),)), {"early end": 100, "months left": 7 * 5, "end": 1}),
        ("2026-06-15", "x/bound", Contract((Agreed(day("2026-03-01"), None, waived=True),)), {"end": 1}),
        ("2026-06-15", "x/bound", Contract(handed_over=True), {}),
        ("2026-06-15", "x/bound", Contract(taken_over=True), {"end": 1}),
    ],
)
def test_fees_of_an_early_end(end: str, plan: str, contract: Contract, expected: dict[str, int]) -> None:
    assert due(end, contract, plan) == expected


def test_a_transfer_is_no_activation() -> None:
    """The first period of a subscription that was taken over, and of one that was not."""
    assert due("2026-01-31", Contract(taken_over=True), "x/free") == {"end": 1}
    assert due("2026-01-31", Contract(), "x/free") == {"activation": 1, "end": 1}

"""Exact day fractions: a leading stub divides by the period that ends at the first bill date, a trailing one by that which starts last."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest

from billing.charges.periods import Period, next_bill_date, period_from
from billing.charges.proration import Span, clip, share

# bill day, active from, active to (exclusive), cycles charged in all
CYCLES = """
10  2011-02-10  2011-02-24  1/2
1   2011-02-01  2011-02-14  13/28
27  2011-02-14  2011-03-27  1+13/31
30  2012-01-30  2012-03-30  2
7   2011-02-07  2011-03-10  1+3/31
15  2011-03-07  2011-05-15  2+8/28
1   2023-06-23  2023-07-15  8/30+14/31
1   2025-10-10  2025-10-11  1/31
31  2025-02-10  2025-03-31  1+18/28
"""


def cycles(bill_day: int, span: Span, until: dt.date) -> Fraction:
    total, period = Fraction(0), period_from(span.start, bill_day)
    while period.start < until:
        total += share([span], period)
        period = Period(period.end, next_bill_date(period.end, bill_day), period.end)
    return total


@pytest.mark.parametrize("row", CYCLES.strip().splitlines())
def test_cycles_charged(row: str) -> None:
    bill_day, start, end, expected = row.split()
    span = Span(dt.date.fromisoformat(start), dt.date.fromisoformat(end))
    assert span.end is not None
    assert cycles(int(bill_day), span, span.end) == sum(Fraction(part) for part in expected.split("+"))


def test_the_parts_of_a_period_add_up_to_one() -> None:
    period = period_from(dt.date(2025, 10, 1), 1)
    for day in range(2, 32):
        change = dt.date(2025, 10, day)
        assert share([Span(dt.date(2020, 1, 1), change)], period) + share([Span(change, None)], period) == 1


def test_spans_that_come_and_go_are_added() -> None:
    period = period_from(dt.date(2025, 10, 1), 1)
    spans = [Span(dt.date(2025, 10, 1), dt.date(2025, 10, 5)), Span(dt.date(2025, 10, 20), None)]
    assert share(spans, period) == Fraction(4 + 12, 31)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (Span(dt.date(2025, 9, 1), dt.date(2025, 10, 1)), None),
        (Span(dt.date(2025, 11, 1), None), None),
        (Span(dt.date(2025, 10, 31), None), Span(dt.date(2025, 10, 31), dt.date(2025, 11, 1))),
        (Span(dt.date(2025, 10, 9), dt.date(2025, 10, 9)), None),
    ],
)
def test_clip(span: Span, expected: Span | None) -> None:
    assert clip(span, period_from(dt.date(2025, 10, 1), 1)) == expected


def test_overlapping_spans_are_our_mistake() -> None:
    period = period_from(dt.date(2025, 10, 1), 1)
    with pytest.raises(AssertionError, match="overlap"):
        share([Span(dt.date(2025, 10, 1), None), Span(dt.date(2025, 10, 1), None)], period)

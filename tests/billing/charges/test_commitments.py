"""Minimum commitments: prorated like a fee, and charged as far as they are missing."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import numpy as np
import pytest

from billing.charges.commitments import committed, missing
from billing.charges.periods import period_from
from billing.charges.proration import Span
from rating.model import Commitment

UNIT = 1_000_000
FEBRUARY = period_from(dt.date(2024, 2, 1), 1)  # 29 days


def of(micros: int, *, prorate: bool = True) -> Commitment:
    return Commitment(1, "least", 1, 1, "standard", micros, prorate=prorate)


@pytest.mark.parametrize(
    ("held", "prorate", "expected"),
    [
        ([(1, 30)], True, Fraction(10_000)),
        ([(28, 30)], True, Fraction(20_000, 29)),  # 10000 x 2/29 = 689.66
        ([(1, 11), (21, 30)], True, Fraction(10_000 * 19, 29)),
        ([(28, 30)], False, Fraction(10_000)),
        ([], True, Fraction(0)),
        ([], False, Fraction(0)),
    ],
)
def test_what_a_period_is_committed_to(held: list[tuple[int, int]], prorate: bool, expected: Fraction) -> None:  # noqa: FBT001 -- a column of the table
    first = dt.date(2024, 1, 31)
    spans = [Span(first + dt.timedelta(days=start), first + dt.timedelta(days=end)) for start, end in held]
    assert committed(of(10_000 * UNIT, prorate=prorate), spans, FEBRUARY) == expected * UNIT


# amount in the second half of February, whether it is prorated, what is committed: 29.00 for the first 14 days, of 29
@pytest.mark.parametrize(
    ("later", "prorate", "expected"),
    [
        (29, True, 29),
        (58, True, 14 + 30),
        (58, False, 58),
    ],
)
def test_an_amount_that_changes_within_a_period(later: int, prorate: bool, expected: int) -> None:  # noqa: FBT001 -- a column of the table
    middle = dt.date(2024, 2, 15)
    before = committed(of(29 * UNIT, prorate=prorate), [Span(FEBRUARY.start, middle)], FEBRUARY)
    assert committed(of(later * UNIT, prorate=prorate), [Span(middle, None)], FEBRUARY, before) == expected * UNIT
    assert committed(of(later * UNIT, prorate=prorate), [], FEBRUARY, before) == before  # no day of it counts


# committed, what counts, what is missing
@pytest.mark.parametrize(
    ("least", "counted", "expected"),
    [
        (100, 0, 100),
        (100, 60, 40),
        (100, 100, 0),
        (100, 130, 0),  # what exceeds it is no credit
        (100, -5, 100),
        (0, 0, 0),
    ],
)
def test_what_is_missing(least: int, counted: int, expected: int) -> None:
    assert missing(np.array([least * UNIT]), np.array([counted * UNIT])).tolist() == [expected * UNIT]


def test_a_first_month_of_two_days() -> None:
    """10,000.00 for February 2024 from the 28th on: 689.66; less the fee of 6.90 and usage of 30.00: 652.76."""
    exact = committed(of(10_000 * UNIT), [Span(dt.date(2024, 2, 28), None)], FEBRUARY)
    rounded = np.array([round(exact / 10_000) * 10_000])
    assert rounded.tolist() == [689_660_000]
    assert missing(rounded, np.array([36_900_000])).tolist() == [652_760_000]

"""Days of a report, and the months before them."""

from __future__ import annotations

import datetime as dt

import pytest

from billing.usage_report.span import Span, month_of, months_earlier
from rating.dates import utc_midnight_us

DATE = dt.date


@pytest.mark.parametrize(
    ("date", "months", "earlier"),
    [
        (DATE(2026, 9, 8), 3, DATE(2026, 6, 8)),
        (DATE(2026, 1, 31), 2, DATE(2025, 11, 30)),  # November has no 31st day
        (DATE(2024, 5, 31), 3, DATE(2024, 2, 29)),
        (DATE(2026, 2, 1), 3, DATE(2025, 11, 1)),
        (DATE(2026, 12, 1), -1, DATE(2027, 1, 1)),
    ],
)
def test_months_earlier(date: dt.date, months: int, earlier: dt.date) -> None:
    assert months_earlier(date, months) == earlier


def test_a_month_holds_its_first_and_last_microsecond() -> None:
    month = Span(DATE(2026, 2, 1), DATE(2026, 3, 1))
    assert month_of(month.from_us) == month_of(month.to_us - 1) == month
    assert month_of(month.to_us) == Span(DATE(2026, 3, 1), DATE(2026, 4, 1))
    assert month.before() == Span(DATE(2025, 11, 1), DATE(2026, 2, 1))
    assert month.to_us - month.from_us == 28 * 86_400_000_000
    assert utc_midnight_us(DATE(1970, 1, 2)) == 86_400_000_000

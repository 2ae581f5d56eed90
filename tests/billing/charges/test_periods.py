"""Bill periods: clamped to the end of the month, derived from the anchor, half open, with a leading stub."""

from __future__ import annotations

import datetime as dt

import pytest

from billing.charges import periods

# bill day, day, bill date on or before it
BILL_DATES = """
1   2025-01-01  2025-01-01
1   2025-01-31  2025-01-01
15  2025-01-14  2024-12-15
31  2025-02-28  2025-02-28
31  2025-03-30  2025-02-28
31  2025-03-31  2025-03-31
30  2024-02-29  2024-02-29
29  2025-03-01  2025-02-28
"""

# bill day, start, bill date, billed through, reopened; then the periods
OPEN = """
1   2025-10-01  2025-11-01  -           3   2025-10-01..2025-11-01
1   2025-10-10  2025-11-01  -           3   2025-10-10..2025-11-01
1   2025-10-10  2025-10-31  -           3
1   2025-11-01  2025-11-01  -           3
1   2025-07-01  2025-11-01  2025-10-01  1   2025-09-01..2025-10-01 2025-10-01..2025-11-01
1   2025-07-01  2025-11-01  -           1   2025-07-01..2025-08-01 2025-08-01..2025-09-01 2025-09-01..2025-10-01 2025-10-01..2025-11-01
1   2025-07-01  2025-11-01  2025-08-15  0   2025-08-01..2025-09-01 2025-09-01..2025-10-01 2025-10-01..2025-11-01
31  2025-01-31  2025-04-30  2025-04-30  9   2025-01-31..2025-02-28 2025-02-28..2025-03-31 2025-03-31..2025-04-30
31  2025-02-10  2025-03-31  -           3   2025-02-10..2025-02-28 2025-02-28..2025-03-31
"""


def rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()]


@pytest.mark.parametrize(("bill_day", "day", "expected"), rows(BILL_DATES))
def test_bill_date_clamps_to_the_end_of_the_month(bill_day: str, day: str, expected: str) -> None:
    found = periods.bill_date_on_or_before(dt.date.fromisoformat(day), int(bill_day))
    assert found.isoformat() == expected


def test_the_anchor_is_not_lost_in_a_short_month() -> None:
    day = dt.date(2022, 12, 31)
    walk = []
    for _ in range(15):
        day = periods.next_bill_date(day, 31)
        walk.append(day.isoformat())
    assert walk == [
        "2023-01-31", "2023-02-28", "2023-03-31", "2023-04-30", "2023-05-31", "2023-06-30", "2023-07-31", "2023-08-31",
        "2023-09-30", "2023-10-31", "2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31",
    ]  # fmt: skip
    for expected in reversed(["2022-12-31", *walk[:-1]]):
        day = periods.previous_bill_date(day, 31)
        assert day.isoformat() == expected


@pytest.mark.parametrize("row", rows(OPEN), ids=" ".join)
def test_open_periods(row: list[str]) -> None:
    bill_day, start, bill_date, through, reopened, *expected = row
    found = periods.open_periods(
        dt.date.fromisoformat(start),
        int(bill_day),
        dt.date.fromisoformat(bill_date),
        None if through == "-" else dt.date.fromisoformat(through),
        int(reopened),
    )
    assert [f"{period.start}..{period.end}" for period in found] == expected


def test_a_stub_knows_the_cycle_it_is_cut_from() -> None:
    stub = periods.period_from(dt.date(2025, 2, 10), 31)
    assert stub == periods.Period(dt.date(2025, 2, 10), dt.date(2025, 2, 28), dt.date(2025, 1, 31))
    assert stub.cycle_days == 28
    assert stub.last_day == dt.date(2025, 2, 27)


@pytest.mark.parametrize("bill_day", [0, 32, -1])
def test_a_bill_day_outside_the_month_is_refused(bill_day: int) -> None:
    with pytest.raises(ValueError, match="bill day"):
        periods.bill_date_in(2025, 1, bill_day)

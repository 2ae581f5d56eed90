"""Bill periods: clamped to the end of the month, derived from the anchor, half open, with a leading stub."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest

from billing.charges import periods
from rating.dates import last_day

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


# bill days (`day` or `from:day`), start, closed on, bill date; then all periods that have ended, each with the days of its cycle
LIVES = """
1                              2025-10-10 -           2025-12-01  10-10..11-01/31 11-01..12-01/30
31                             2024-01-31 -           2024-04-30  01-31..02-29/29 02-29..03-31/31 03-31..04-30/30
1,2025-10-12:15                2025-09-01 -           2025-12-15  09-01..10-01/30 10-01..11-01/31 11-01..11-15/31 11-15..12-15/30
1,2025-11-01:15                2025-10-01 -           2025-11-15  10-01..11-01/31 11-01..11-15/31
15,2025-10-20:1                2025-09-15 -           2026-01-01  09-15..10-15/30 10-15..11-15/31 11-15..12-01/30 12-01..01-01/31
1,2025-10-05:15,2025-10-20:1   2025-10-01 -           2025-12-01  10-01..11-01/31 11-01..12-01/30
1,2025-10-05:15,2025-11-03:1   2025-10-01 -           2026-01-01  10-01..11-01/31 11-01..11-15/31 11-15..12-01/30 12-01..01-01/31
1,2025-10-05:15,2025-10-06:20  2025-10-01 -           2025-11-20  10-01..11-01/31 11-01..11-20/31
31,2025-02-10:28               2025-01-31 -           2025-03-28  01-31..02-28/28 02-28..03-28/28
30,2024-02-01:31               2024-01-30 -           2024-03-31  01-30..02-29/30 02-29..03-31/31
1,2025-09-01:15                2025-10-10 -           2025-11-15  10-10..10-15/30 10-15..11-15/31
1                              2025-10-01 2025-11-01  2026-01-01  10-01..11-01/31
1                              2025-10-01 2025-11-11  2025-11-11  10-01..11-01/31 11-01..11-11/30
1                              2025-10-01 2025-11-11  2025-11-10  10-01..11-01/31
1                              2025-10-01 2025-11-11  2026-02-01  10-01..11-01/31 11-01..11-11/30
1                              2025-10-10 2025-10-20  2025-10-20  10-10..10-20/31
1                              2025-10-10 2025-10-10  2025-12-01
31                             2024-01-31 2024-02-10  2024-03-31  01-31..02-10/29
1,2025-10-12:15                2025-10-01 2025-11-05  2025-12-15  10-01..11-01/31 11-01..11-05/31
1,2025-10-12:15                2025-10-01 2025-10-20  2025-12-15  10-01..10-20/31
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


def bill_days(text: str) -> periods.BillDays:
    first, *changes = text.split(",")
    told = [(dt.date.fromisoformat(day), int(number)) for day, number in (each.split(":") for each in changes)]
    return (*periods.always(int(first)), *told)


def life(row: list[str]) -> tuple[dt.date, periods.BillDays, dt.date | None]:
    return dt.date.fromisoformat(row[1]), bill_days(row[0]), None if row[2] == "-" else dt.date.fromisoformat(row[2])


@pytest.mark.parametrize("row", rows(LIVES), ids=" ".join)
def test_changes_of_the_bill_day_and_the_end_of_an_account(row: list[str]) -> None:
    start, days, closed_on = life(row)
    found = list(periods.ended_by(start, days, dt.date.fromisoformat(row[3]), closed_on))[::-1]
    assert [f"{each.start:%m-%d}..{each.end:%m-%d}/{each.cycle_days}" for each in found] == row[4:]


@pytest.mark.parametrize("row", rows(LIVES), ids=" ".join)
def test_walking_forward_and_looking_a_day_up_agree_with_walking_back(row: list[str]) -> None:
    start, days, closed_on = life(row)
    expected = list(periods.ended_by(start, days, start + dt.timedelta(400), closed_on))[::-1]
    for period, following in itertools.pairwise(expected):
        assert periods.period_after(period, days, closed_on) == following
    for period in expected:
        for day in (period.start, period.last_day):
            assert periods.period_of(day, start, days, closed_on) == period
    assert periods.period_of(last_day(start), start, days, closed_on) is None
    if closed_on is not None:
        assert periods.period_of(closed_on, start, days, closed_on) is None
        assert expected == [] or periods.period_after(expected[-1], days, closed_on) is None


def test_shares_of_a_stub_and_the_rest_of_its_cycle_add_up() -> None:
    """A leading stub and the days before it, a trailing one and those after it: one cycle each."""
    leading = periods.period_from(dt.date(2025, 10, 10), 1)
    trailing = periods.period_from(dt.date(2025, 11, 1), 1, dt.date(2025, 11, 11))
    assert (leading.end - leading.start).days + 9 == leading.cycle_days == 31
    assert (trailing.end - trailing.start).days + 20 == trailing.cycle_days == 30

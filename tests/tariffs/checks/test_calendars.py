"""Bands: one that is on no day, or two with one claim to an instant, are told; of everything else the heavier and later wins."""

# ruff: noqa: E501 - a mistake a line
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tariffs.rich import Mistake, check_row

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [
    Mistake('to: "20:00"}', 'to: "23:00"}', "", ""),  # bands may overlap
    Mistake("holiday, holidays: true, weight: 20", "holiday, holidays: true", "", ""),  # from 00:00 it covers, and peak wins at 08:00
    Mistake("weight: 20", "weight: 5", "", ""),  # on no holiday is it summer
    Mistake("weight: 20", 'weight: 5, days: daily, from: "08:00"', "", ""),
    Mistake("months: [jul, 8]", "months: [jul, 12]", "", ""),
    Mistake("weight: 9}", "weight: 0, days: sat}", "", ""),
    Mistake("months: [jul, 8], years: [2026, 2027], weight: 5", "months: [12], weight: 20", "calendars[0]",
            "bands `holiday` and `summer` both begin at 00:00, such as on Friday 2026-12-25", "higher `weight`"),
    Mistake("months: [jul, 8], years: [2026, 2027], weight: 5", "dates: [2026-12-24, 2026-12-25], weight: 20", "calendars[0]",
            "such as on Friday 2026-12-25", "weight"),
    Mistake("months: [jul, 8], years: [2026, 2027], weight: 5", "dates: [2026-12-24], weight: 20", "", ""),
    Mistake('from: "12:00", to: "14:00", weight: 9', 'from: "08:00", to: "14:00"', "calendars[0]",
            "bands `peak` and `pay-day` both begin at 08:00, such as on Tuesday 2000-02-01", "weight"),
    Mistake('month_days: [1, 15], from: "12:00", to: "14:00", weight: 9', 'month_days: [29], months: [2], years: [2028], from: "08:00"',
            "calendars[0]", "such as on Tuesday 2028-02-29", "weight"),
    Mistake('month_days: [1, 15], from: "12:00", to: "14:00", weight: 9', 'month_days: [29], months: [2], years: [2032], from: "08:00"',
            "", ""),  # a Sunday
    Mistake("name: pay-day, month_days: [1, 15]", "name: peak, days: mon", "", ""),  # one name
    Mistake("    holidays: [2026-12-25, 2026-01-01]\n", "", "calendars[0]", "has a band for holidays, but no holidays", "holidays_file"),
    Mistake("    holidays: [2026-12-25, 2026-01-01]", "    holidays_file: none.csv", "calendars[0].holidays_file", "no such file", "put it"),
    Mistake("holidays: [2026-12-25, 2026-01-01]", "holidays: [2026-13-25]", "calendars[0].holidays[0] (line 11)", "not a date", "2026-01-01"),
    Mistake("holiday, holidays: true", "holiday, holidays: true, days: sun", "calendars[0]", "band `holiday` is on no day", "criterion"),
    Mistake("months: [jul, 8], years: [2026, 2027]", "months: [2], month_days: [30]", "calendars[0]", "`summer` is on no day", "criterion"),
    Mistake("months: [jul, 8]", "months: [july]", "calendars[0].bands[2].months[0] (line 15)", "not a month", "jul"),
    Mistake("years: [2026, 2027]", "years: [26]", "calendars[0]", "a year out of range", "2000 to 2070"),
    Mistake("month_days: [1, 15]", "month_days: [0, 15]", "calendars[0]", "a day of the month that there is not", "1 to 31"),
    Mistake("month_days: [1, 15]", "month_days: [first]", "calendars[0].bands[3].month_days[0]", "expected a whole number", "digits"),
    Mistake("weight: 5}", "weight: 9999999}", "calendars[0]", "band `summer` has the weight 9999999", "1000000"),
    Mistake("holiday, holidays: true", "holiday, holidays: yes", "calendars[0].bands[1].holidays", "expected true or false", "true"),
    Mistake("name: pay-day", "name: other", "calendars[0]", "cannot be called `other`", "another name"),
    Mistake('to: "14:00", weight: 9', 'to: "04:00", weight: 9', "calendars[0].bands[3] (line 16)", "`month_days` does not say which day", "two bands"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_rows(tmp_path: Path, row: Mistake) -> None:
    check_row(tmp_path, row)

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
    Mistake("holidays: [2026-12-25, 2026-01-01]", "public_holidays: {country: DE, years: [2026, 2027]}", "", ""),
    Mistake("holidays: [2026-12-25, 2026-01-01]", "public_holidays: {country: DE, subdivision: BY, years: [2026]}", "", ""),
    Mistake("holidays: [2026-12-25, 2026-01-01]", "public_holidays: {country: Germany, years: [2026]}", "calendars[0].public_holidays",
            'for the country "Germany"', "such as CN or DE"),
    Mistake("holidays: [2026-12-25, 2026-01-01]", "public_holidays: {country: utils, years: [2026]}", "calendars[0].public_holidays",
            'for the country "utils"', "ISO 3166"),
    Mistake("holidays: [2026-12-25, 2026-01-01]", "public_holidays: {country: DE, subdivision: XY, years: [2026]}",
            "calendars[0].public_holidays", 'DE has no part "XY"', "one of BB, BE"),
    Mistake("holidays: [2026-12-25, 2026-01-01]", "public_holidays: {country: CN, subdivision: XY, years: [2026]}",
            "calendars[0].public_holidays", 'CN has no part "XY"', "leave `subdivision` out"),
    Mistake("holidays: [2026-12-25, 2026-01-01]", "public_holidays: {country: DE, years: []}", "calendars[0].public_holidays", "no year", "2000"),
    Mistake("holidays: [2026-12-25, 2026-01-01]", "public_holidays: {country: DE, years: [2026, 20267]}", "calendars[0].public_holidays",
            "out of range", "2000 to 2070"),
    Mistake("holidays: [2026-12-25, 2026-01-01]", "public_holidays: {country: DE, years: [next]}", "calendars[0].public_holidays.years[0]",
            "expected a whole number", "digits"),
    Mistake("    holidays: [2026-12-25", "    not_holidays: [2026-12-25]\n    holidays: [2026-12-25", "", ""),
    Mistake("    holidays: [2026-12-25", "    not_holidays: [2026-12-26]\n    holidays: [2026-12-25", "calendars[0].not_holidays[0] (line 11)",
            "2026-12-26 is not a holiday of calendar `year`", "out of `not_holidays`"),
    Mistake("    holidays: [2026-12-25", "    working_days: [{date: 2026-12-19, as: fri}]\n    holidays: [2026-12-25", "", ""),
    Mistake("    holidays: [2026-12-25", "    working_days: [{date: 2026-12-18, as: fri}]\n    holidays: [2026-12-25",
            "calendars[0].working_days[0]", "2026-12-18 counts as fri anyway", "another date"),
    Mistake("    holidays: [2026-12-25", "    working_days: [{date: 2026-12-19, as: friday}]\n    holidays: [2026-12-25",
            "calendars[0].working_days[0].as", '"friday" is not a day of the week', "mon, tue"),
    Mistake("    holidays: [2026-12-25", "    working_days: [{date: 2026-12-19, as: fri}, {date: 2026-12-19, as: mon}]\n    holidays: [2026-12-25",
            "calendars[0].working_days[1]", "2026-12-19 is here twice", "once"),
    Mistake("    holidays: [2026-12-25", "    working_days: [{date: 2026-12-25, as: mon}]\n    holidays: [2026-12-25",
            "calendars[0].working_days", "2026-12-25 is a holiday and a working day", "`not_holidays`"),
    Mistake("    holidays: [2026-12-25", "    working_days: [{date: 2126-12-25, as: mon}]\n    holidays: [2026-12-25",
            "calendars[0].working_days", "2126-12-25 is out of range", "2000 to 2070"),
    Mistake("    holidays: [2026-12-25", "    not_holidays: [2026-12-26]\n    holidays_file: none.csv\n    holidays: [2026-12-25",
            "calendars[0].holidays_file", "no such file", "put it"),
    Mistake("    holidays: [2026-12-25", "    not_holidays: [2026-12-26]\n    public_holidays: {country: XX, years: [2026]}\n    holidays: [2026-12-25",
            "calendars[0].public_holidays", 'for the country "XX"', "ISO 3166"),
    Mistake("dates: [2026-12-31]", "days: sat", "", ""),
]  # fmt: skip

# a change made before the mistake: the calendar has a Saturday that counts as a Friday
FRIDAY = Mistake("    holidays: [2026-12-25", "    working_days: [{date: 2026-12-19, as: fri}]\n    holidays: [2026-12-25", "", "")
ON_SWAPPED_DAYS = [
    Mistake("dates: [2026-12-31]", "days: fri", "calendars[0].bands[4]", "counts 2026-12-18 or", "two bands"),  # Friday's night has no morning
    Mistake("dates: [2026-12-31]", "days: mon-fri", "calendars[0].bands[4]", "counts 2026-12-19 or", "two bands"),  # nor has Saturday's
    Mistake("dates: [2026-12-31]", "days: sat", "calendars[0].bands[4]", "counts 2026-12-19 or", "two bands"),
    Mistake("dates: [2026-12-31]", "days: thu", "calendars[0].bands[4]", "counts 2026-12-18 or", "two bands"),  # a morning too many
    Mistake("dates: [2026-12-31]", "days: tue", "", ""),
    Mistake("dates: [2026-12-31]", "days: daily", "", ""),
    Mistake("dates: [2026-12-31]", "dates: [2026-12-18]", "", ""),
    Mistake("dates: [2026-12-31]", "days: fri, dates: [2026-12-11]", "", ""),
    Mistake("holiday, holidays: true", "saturday, dates: [2026-12-19], days: sat", "calendars[0]", "`saturday` is on no day", "criterion", 1),
    Mistake("holiday, holidays: true, weight: 20", 'holiday, dates: [2026-12-19], days: fri, from: "21:00"', "", ""),
    Mistake("holiday, holidays: true, weight: 20", 'friday, dates: [2026-12-19], from: "08:00"', "calendars[0]",
            "bands `peak` and `friday` both begin at 08:00, such as on Saturday 2026-12-19", "weight", 1),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_rows(tmp_path: Path, row: Mistake) -> None:
    check_row(tmp_path, row)


@pytest.mark.parametrize("row", ON_SWAPPED_DAYS)
def test_rows_on_swapped_days(tmp_path: Path, row: Mistake) -> None:
    check_row(tmp_path, row, FRIDAY)

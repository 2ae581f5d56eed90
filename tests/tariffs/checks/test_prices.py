"""Prices: forms that exclude each other, clocks, counters, and what only content can have."""

# ruff: noqa: E501 - a mistake a line
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tariffs.rich import Mistake, check_row, problems

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [
    Mistake('      - {band: peak, rate: "0.09"}\n', "", "", ""),  # a price need not be active in every band
    Mistake("band: peak, r", "band: peek, r", "prices[1].rates[0].band", "unknown band `peek`", "holiday, new-year, other, pay-day, peak, summer"),
    Mistake('flat: "0.20"', 'flat: "0.20", rate: "1"', "prices[1].rates[1] (line 39)", "both `rate` and `flat`", "keep one"),
    Mistake('flat: "0.20"', 'flat: "0.20", connect_fee: "0.01"', "prices[1].rates[1]", "both `flat` and `connect_fee`", "keep one"),
    Mistake('flat: "0.20"', "flat: 0.2", "prices[1].rates[1].flat", "must be text", "quotes"),
    Mistake('{size: 10min, price: "0.25"}', '{size: 10min, price: "0.25"}, increments: 1/1', "prices[1].rates[2]", "both `package` and increments", "leave"),
    Mistake('price: "0.50"}', 'price: "0.50"}\n    increments: 1B/1B', "prices[3]", "both `package` and increments", "leave"),
    Mistake('price: "0.50"}', 'price: "0.50"}\n    flat: "1"', "prices[3]", "both `flat` and `package`", "keep one"),
    Mistake("size: 10MB", "size: 0MB", "prices[3].package.size", "a package of nothing", "10MB"),
    Mistake("size: 10MB, price", "price", "prices[3].package", "field `size` is missing", "add", others=2),
    Mistake("size: 10min", "size: 10MB", "prices[1]", "mixes time and volume", "one kind"),
    Mistake("    per: 60s\n    rates", '    per: 60s\n    connect_fee: "1"\n    rates', "prices[1].connect_fee", "both `rates` and `connect_fee`", "inside"),
    Mistake("    per: 60s\n    rates", '    per: 60s\n    flat: "1"\n    rates', "prices[1].flat", "both `rates` and `flat`", "inside"),
    Mistake("unit: seconds", "unit: bytes", "plans[0].rules[0].price", "price `free` is for volume", "time", others=2),
    Mistake("unit: seconds", "unit: minutes", "prices[0].unit (line 26)", "is not what a price counts", "seconds, bytes, messages", others=3),
    Mistake('flat: "0.07"', 'flat: "0.07", unit: messages, minimum_quantity: 1s', "prices[4]", "mixes messages and time", "one kind"),
    Mistake("minimum_quantity: 30s", "minimum_quantity: 32000h", "prices[1]", "minimum quantity is larger than the largest event", "smaller"),
    Mistake("clock: home", "clock: utc", "prices[1].clock (line 33)", "not a clock", "tariff, home, visited"),
    Mistake("home_timezones: [Europe/Berlin, Asia/Kolkata]\n", "", "prices[1].clock", "no time zone is known for the clock `home`", "home_timezones"),
    Mistake(", timezone: Europe/Paris", "", "plans[0].day_passes[0].clock", "no time zone is known for the clock `visited`", "timezone"),
    Mistake("    counting: graduated", "    clock: home\n    counting: graduated", "prices[2].clock", "has a clock, but no calendar", "calendar"),
    Mistake("counting: graduated\n    counter: 5", "counting: graduated", "prices[2] (line 41)", "counts over a period, but has no counter", "`counter`"),
    Mistake("    counting: graduated\n", "", "prices[2]", "has a counter, but counts each event alone", "graduated"),
    Mistake("counter: 5", "counter: -5", "prices[2].counter", "counter -5 is out of range", "1 to"),
    Mistake("counter: 6", "counter: 5", "prices[3].counter", "counts volume with counter 5, which counts time", "its own"),
    Mistake("counting: package", "counting: packages", "prices[3].counting", "not a way of counting", "event, graduated, package"),
    Mistake("from: 100h", "from: 3000000000h", "prices[2]", "begins beyond what a period can count", "smaller"),
    Mistake("increments: 1/1\n    steps", "increments: 900h/900h\n    steps", "prices[2]", "longer than the largest event", "smaller"),
    Mistake('content_percent: "30"', 'content_percent: "130"', "prices[5].content_percent", "more than 100 percent", "0 to 100"),
    Mistake('content_percent: "30"', "content_percent: 30", "", ""),
    Mistake("    package: {size: 10MB", '    content_percent: "5"\n    package: {size: 10MB', "prices[3].content_percent", "only content", "1 message"),
    Mistake('rate: "0.10", per', 'rate: "10", per', "prices[5]", "with a discount", "larger step"),
]  # fmt: skip


PER_GIGABYTE = """
identity: t
version: 1
currency: EUR
timezone: Europe/Berlin
effective_from: 2026-01-01T00:00:00+01:00
tax_classes:
  - {name: standard, code: 1, rates: [{from: 2020-01-01, percent: "19"}]}
prices:
  - {id: 1, name: data, charge_code: 1, revenue_code: 400, tax_class: standard, rate: "5.00", per: 1GB, increment: 1KB}
plans:
  - name: basic
    title: {en: Basic}
    rules:
      - {service: data, zone: "*", price: data}
disclosure: {en: x}
"""


def test_a_price_of_too_large_a_unit_is_told_the_unit_that_fits(tmp_path: Path) -> None:
    """The remedy works: 5.00 for 1GB, written as 0.005 for 1MB, is good."""
    (found,) = problems(tmp_path, PER_GIGABYTE)
    assert "does not fit into 64 bits" in found.message
    assert found.remedy == "write the price per 1MB, with rates 1,000 times smaller"
    assert problems(tmp_path, PER_GIGABYTE.replace('"5.00", per: 1GB', '"0.005", per: 1MB')) == []


@pytest.mark.parametrize("row", ROWS)
def test_rows(tmp_path: Path, row: Mistake) -> None:
    check_row(tmp_path, row)

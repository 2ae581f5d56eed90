"""Receivables by age: a row an item, the bucket it must fall into."""

from __future__ import annotations

import datetime as dt

import pytest

from billing.accounting.ageing import Item, aged, bucket_names, bucket_of

AS_OF = dt.date(2026, 3, 31)

# due on, days past due on 31 March 2026, bucket
DUE = (
    ("2026-04-30", -30, "not due"),
    ("2026-03-31", 0, "not due"),
    ("2026-03-30", 1, "1-30"),
    ("2026-03-01", 30, "1-30"),
    ("2026-02-28", 31, "31-60"),
    ("2026-01-30", 60, "31-60"),
    ("2026-01-29", 61, "61-90"),
    ("2025-12-31", 90, "61-90"),
    ("2025-12-30", 91, "over 90"),
    ("2020-02-29", 2222, "over 90"),
)


@pytest.mark.parametrize(("due_on", "days", "bucket"), DUE)
def test_each_item_is_in_the_bucket_of_its_days(due_on: str, days: int, bucket: str) -> None:
    assert (AS_OF - dt.date.fromisoformat(due_on)).days == days
    assert bucket_names()[bucket_of(days)] == bucket


def test_sums_are_by_account_and_currency_and_credit_stands_apart() -> None:
    items = [
        Item("a", "", "CNY", "R-1", dt.date(2026, 3, 30), 5_000_000),
        Item("a", "", "CNY", "R-2", dt.date(2025, 1, 1), 7_000_000),
        Item("a", "", "CNY", "R-3", dt.date(2025, 1, 1), -2_000_000),
        Item("a", "", "EUR", "R-4", dt.date(2026, 3, 30), 1_000_000),
        Item("b", "north", "CNY", "N-1", dt.date(2026, 4, 1), 3_000_000),
    ]
    found = aged(items, AS_OF)
    assert [(each.account_id, each.entity, each.currency, each.buckets, each.credit_micros) for each in found] == [
        ("a", "", "CNY", (0, 5_000_000, 0, 0, 7_000_000), -2_000_000),
        ("a", "", "EUR", (0, 1_000_000, 0, 0, 0), 0),
        ("b", "north", "CNY", (3_000_000, 0, 0, 0, 0), 0),
    ]
    assert sum(each.total_micros for each in found) == sum(item.open_micros for item in items)

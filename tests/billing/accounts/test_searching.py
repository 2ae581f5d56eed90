"""Accounts are found by what a caller says; of a number, who had it when. On both databases."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.accounts.searching import search
from rating.errors import UserError
from tests.billing.accounts import operator_home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.store.home import Home

pytestmark = pytest.mark.slow
ACCOUNTS = """
account_id,name,currency,timezone,bill_day,language,opened_on,billed_through,dunning_policy,payment_days,legal_entity,category
A1,王小明,CNY,Asia/Shanghai,1,zh,2025-10-01,,standard,20,,
A10,王小红,CNY,Asia/Shanghai,1,zh,2025-10-01,,standard,14,,
B1,小王子书店,CNY,Asia/Shanghai,1,zh,2025-10-01,,standard,14,,
T1,Tom Ray (100 %),CNY,Europe/Berlin,1,en,2025-10-01,,standard,20,,
"""
SUBSCRIPTIONS = """
subscription_id,account_id,plan,from_date,to_date
A1-1,A1,mobile/basic,2025-10-01,
A10-1,A10,mobile/basic,2025-10-01,
T1-1,T1,mobile/basic,2025-10-01,
"""
NUMBERS = """
served_id,subscription_id,from,to
8613800000001,A1-1,2025-10-01T00:00:00+08:00,2026-01-01T00:00:00+08:00
8613800000001,T1-1,2026-01-10T12:00:00+01:00,
8613800000002,A10-1,2025-10-01T00:00:00+08:00,
8613800000013,A10-1,2025-10-01T00:00:00+08:00,
"""


@pytest.fixture
def home(tmp_path: Path, both: str) -> Iterator[Home]:
    """Four accounts with names in Chinese and English; a number that changed hands."""
    assert both
    made = operator_home.make(tmp_path, accounts=ACCOUNTS, subscriptions=SUBSCRIPTIONS, numbers=NUMBERS)
    yield made
    made.close()


def found(home: Home, text: str, on: str = "") -> list[tuple[str, str, str, bool]]:
    hits = search(home, text, on=dt.date.fromisoformat(on) if on else None).hits
    return [(each.account_id, each.found_by, each.text, each.exact) for each in hits]


def test_by_id_exact_ones_first(home: Home) -> None:
    assert found(home, "A1") == [
        ("A1", "account", "A1", True),
        ("A10", "account", "A10", False),
        ("A1", "subscription", "A1-1", False),
        ("A10", "subscription", "A10-1", False),
    ]
    assert found(home, "a10")[0] == ("A10", "account", "A10", False), "in either case"
    assert found(home, "A10-1") == [("A10", "subscription", "A10-1", True)]


def test_by_name_whole_its_beginning_or_any_part(home: Home) -> None:
    assert found(home, "王小明") == [("A1", "name", "王小明", True)]
    assert found(home, " 王小") == [("A1", "name", "王小明", False), ("A10", "name", "王小红", False)]
    assert [each[0] for each in found(home, "王")] == ["A1", "A10", "B1"], "names that begin so come before those that hold it"
    assert found(home, "tom ray (100 %)") == [("T1", "name", "Tom Ray (100 %)", True)]
    assert found(home, "RAY")[0][0] == "T1"


@pytest.mark.parametrize("text", ["%", "_", "1%", "A_", "'", "\\"])
def test_marks_of_the_database_mean_nothing(home: Home, text: str) -> None:
    assert [each[0] for each in found(home, text)] == (["T1"] if text == "%" else [])


def test_a_number_of_somebody_at_a_date(home: Home) -> None:
    whole = search(home, "8613800000001").hits
    assert [(each.account_id, each.subscription_id, each.exact) for each in whole] == [("A1", "A1-1", True), ("T1", "T1-1", True)]
    assert whole[0].to_us == whole[0].from_us + 92 * 86_400_000_000  # type: ignore[operator] -- both are known here
    assert whole[1].to_us is None
    # date -> who had it: A1 to the last of 2025 by Shanghai's clock, T1 from noon of 10 January by Berlin's
    who = {"2025-09-30": [], "2025-12-31": ["A1"], "2026-01-01": [], "2026-01-09": [], "2026-01-10": ["T1"], "2027-01-01": ["T1"]}
    assert {day: [each[0] for each in found(home, "8613800000001", day)] for day in who} == who


def test_a_number_as_people_write_it_and_its_beginning(home: Home) -> None:
    assert [each[2] for each in found(home, "+86 138-0000 0002")] == ["8613800000002"]
    assert sorted({each[2] for each in found(home, "86138000000")}) == ["8613800000001", "8613800000002", "8613800000013"]
    assert [each[2] for each in found(home, "861380000001")] == ["8613800000013"]


def test_a_part_of_a_name_or_a_number_finds_nothing_where_each_is_found_as_a_whole(home: Home) -> None:
    def whole(text: str) -> list[tuple[str, str]]:
        return [(each.account_id, each.found_by) for each in search(home, text, whole=True).hits]

    assert whole("tom ray (100 %)") == [("T1", "name")]
    assert whole("Tom Ray") == whole("王小") == whole("861380000001") == []
    assert whole("a1") == [("A1", "account"), ("A10", "account")], "ids are found by their beginning"
    assert whole("8613800000013") == [("A10", "number")]


def test_the_answer_is_bounded_and_says_so(home: Home) -> None:
    cut = search(home, "86138", limit=1)
    assert ({each.text for each in cut.hits}, cut.more) == ({"8613800000001"}, True)
    assert search(home, "8613800000002", limit=1).more is False
    for text, limit in (("  ", 50), ("A", 0), ("A", 1_001)):
        with pytest.raises(UserError):
            search(home, text, limit=limit)


def test_a_give_that_was_taken_back_counts_for_nobody(home: Home) -> None:
    """Of facts with one beginning the one learned last holds."""
    from billing.accounts import numbers  # noqa: PLC0415 -- what this test alone does

    begin, end = dt.date(2026, 3, 5), dt.date(2026, 3, 6)
    numbers.give(home, operator_home.ASKED, "8613800000077", "A1-1", begin, 0)
    numbers.take(home, operator_home.ASKED, "8613800000077", "A1-1", end)
    (only,) = search(home, "8613800000077").hits
    assert only.from_us is not None
    assert only.to_us == only.from_us + 86_400_000_000
    assert found(home, "8613800000077", "2026-03-06") == []

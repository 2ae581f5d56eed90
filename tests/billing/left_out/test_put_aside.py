"""Reasons for which runs put accounts aside: every text that a run stores has its Chinese, and none of its English is left in that."""

# ruff: noqa: RUF001 - Chinese texts have Chinese punctuation
from __future__ import annotations

import re
from typing import Final

import pytest

from billing.accounts import entities
from billing.left_out.put_aside import TEXTS, in_words
from billing.runs.usage.carried_allowances import CLASHING
from tests.billing.runs.test_bounds import CASES

HELD: Final = "its bills are held on 2026-03-01"
PASSED_BY: Final = "it, or an account that it is billed with, has a bill of 2026-03-01: a run of that date or a later one bills it"
BOUNDS: Final = sorted({reason for _, _, _, reason in CASES if reason is not None})
STORED: Final = [HELD, PASSED_BY, "test account", CLASHING, "; ".join(entities.unknown("north")), *BOUNDS]


@pytest.mark.parametrize("stored", STORED)
def test_each_stored_reason_has_its_chinese(stored: str) -> None:
    told = in_words(stored, "zh")
    words = re.sub(r"`[^`]*`|'[^']*'", "", told)
    assert not re.search("[A-Za-z]", words), told
    assert sorted(re.findall("[0-9]+", told)) == sorted(re.findall("[0-9]+", stored))
    assert in_words(stored, "en") == stored
    unit = f"with account anna 2 of its unit: {stored}"
    assert in_words(unit, "zh") == f"与同一出账单元的账户 anna 2 一并隔离：{told}"


def test_the_table_holds_nothing_that_no_run_says() -> None:
    known = [*STORED, f"with account anna of its unit: {HELD}"]
    unused = [text for text in TEXTS["zh"] if not any(re.fullmatch(text, each) for each in known)]
    assert unused == []


def test_numbers_and_names_stay() -> None:
    assert in_words(PASSED_BY, "zh") == "该账户或与其一并出账的账户已有 2026-03-01 的账单：该日期或更晚的出账将计费"
    assert in_words("a subscription has 32 lines in 31 days: more than 1 a day", "zh") == "一个订购在 31 天内有 32 行，超过每天 1 行"
    assert "`ratewright accounts entity add north ...`" in in_words("; ".join(entities.unknown("north")), "zh")


def test_a_text_of_another_version_stays_as_it_is_stored() -> None:
    assert in_words("for a reason of its own", "zh") == "for a reason of its own"

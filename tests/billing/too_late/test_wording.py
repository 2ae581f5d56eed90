"""Texts of late usage on a customer's bill: days and sources of the records, and no record ids, which may hold numbers."""

# ruff: noqa: RUF001 - Chinese texts have Chinese punctuation
from __future__ import annotations

import pytest

from billing.left_out.telling import UnbilledRecord
from billing.runs.selection.left_out import LeftOut, Outlook
from billing.too_late.listing import TooLate
from billing.too_late.wording import line_text
from tests.billing.runs.world import instant_us

# language, records as source and start, text
TABLE = """
en    | sw 2025-10-05T10:00                                        | Late usage: 1 record of 2025-10-05 10:00 (sw)
en    | sw 2025-10-05T10:00, sw 2025-10-05T11:00                   | Late usage: 2 records of 2025-10-05 (sw)
en    | sw 2025-10-05T10:00, sw 2025-10-06T00:30                   | Late usage: 2 records of 2025-10-05 to 2025-10-06 (sw)
en    | tap 2025-10-05T10:00, sw 2025-10-05T11:00                  | Late usage: 2 records of 2025-10-05 (sw, tap)
de    | d 2025-10-05T10, c 2025-10-05T11, b 2025-10-05T12, a 2025-10-05T13 | Late usage: 4 records of 2025-10-05 (a, b, c and 1 more)
zh    | sw 2025-10-05T10:00                                        | 迟到用量：2025-10-05 10:00 的 1 条记录（sw）
zh    | d 2025-10-05T10, c 2025-10-05T11, b 2025-10-05T12, a 2025-10-05T13 | 迟到用量：2025-10-05 共 4 条记录（a、b、c 等，另有 1 个来源）
zh-CN | tap 2025-10-05T10:00, sw 2025-10-05T11:00                  | 迟到用量：2025-10-05 共 2 条记录（sw、tap）
zh    | sw 2025-10-05T10:00, sw 2025-10-06T00:30                   | 迟到用量：2025-10-05 至 2025-10-06 共 2 条记录（sw）
"""
NUMBER = "8613800000001"


def record(source: str, start: str) -> TooLate:
    start_us = instant_us(start)
    ids = ("", source, f"{NUMBER} {start}", start_us, start_us, "anna", "anna-1", "Asia/Shanghai")
    return TooLate(UnbilledRecord(*ids, LeftOut.CLOSED, Outlook.FOR_GOOD, 1, *[""] * 7), 1, 100_000, "CNY", "own plan")


def test_the_name_of_a_source_is_cut_and_printable() -> None:
    sources = ["a\tb\x1b[31m", "x" * 41, "y" * 40]
    text = line_text([record(source, "2025-10-05T10:00") for source in sources], "en")
    assert text == f"Late usage: 3 records of 2025-10-05 (a?b?[31m, {'x' * 40}…, {'y' * 40})"


@pytest.mark.parametrize("row", TABLE.strip().splitlines())
def test_the_text_of_a_line(row: str) -> None:
    language, records, text = (cell.strip() for cell in row.split("|"))
    assert line_text([record(*each.split()) for each in records.split(", ")], language) == text


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_no_text_has_the_id_of_a_record(language: str, count: int) -> None:
    text = line_text([record("sw", f"2025-10-0{day}T10:00") for day in range(1, count + 1)], language)
    assert (NUMBER in text, "sw" in text) == (False, True)

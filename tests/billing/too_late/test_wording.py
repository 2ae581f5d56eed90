"""Names of late usage on a customer's bill."""

# ruff: noqa: RUF001 - Chinese texts have Chinese punctuation
from __future__ import annotations

import pytest

from billing.left_out.telling import UnbilledRecord
from billing.runs.selection.left_out import LeftOut, Outlook
from billing.too_late.listing import TooLate
from billing.too_late.wording import line_text
from tests.billing.runs.world import instant_us

# language, records with their starts, text
TABLE = """
en    | a 2025-10-05T10:00                                         | Late usage: record a of 2025-10-05 10:00
en    | a 2025-10-05T10:00, b 2025-10-05T11:00                     | Late usage: 2 records of 2025-10-05 (a, b)
en    | a 2025-10-05T10:00, b 2025-10-06T00:30                     | Late usage: 2 records of 2025-10-05 to 2025-10-06 (a, b)
de    | a 2025-10-05T10, b 2025-10-05T11, c 2025-10-05T12, d 2025-10-05T13 | Late usage: 4 records of 2025-10-05 (a, b, c and 1 more)
zh    | a 2025-10-05T10:00                                         | 迟到用量：2025-10-05 10:00 的记录 a
zh-CN | a 2025-10-05T10:00, b 2025-10-05T11:00                     | 迟到用量：2025-10-05 共 2 条记录（a、b）
zh    | a 2025-10-05T10:00, b 2025-10-06T00:30                     | 迟到用量：2025-10-05 至 2025-10-06 共 2 条记录（a、b）
"""


def record(name: str, start: str) -> TooLate:
    start_us = instant_us(start)
    ids = ("", "switch", name, start_us, start_us, "anna", "anna-1", "Asia/Shanghai")
    return TooLate(UnbilledRecord(*ids, LeftOut.CLOSED, Outlook.FOR_GOOD, 1, *[""] * 7), 1, 100_000, "CNY", "own plan")


def test_a_name_is_cut_and_printable() -> None:
    names = ["a\tb\x1b[31m", "x" * 41, "y" * 40]
    text = line_text([record(name, "2025-10-05T10:00") for name in names], "en")
    assert text == f"Late usage: 3 records of 2025-10-05 (a?b?[31m, {'x' * 40}…, {'y' * 40})"


@pytest.mark.parametrize("row", TABLE.strip().splitlines())
def test_the_text_of_a_line(row: str) -> None:
    language, records, text = (cell.strip() for cell in row.split("|"))
    assert line_text([record(*each.split()) for each in records.split(", ")], language) == text

"""What the demo prints on a terminal that is narrower than its lines."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.demo import running

sys.path.insert(0, str(running.DRIVER.parent))
import display

BOOKS: list[dict[str, Any]] = [
    {"name": "posting EUR: invoiced = receivable", "left": 1_278_153_320_000, "right": 1_278_153_320_000, "unit": "micro-units EUR"},
    {"name": "dunning: bars = steps", "left": 2, "right": 1, "unit": "rows"},
]


@pytest.mark.parametrize(
    ("columns", "lines"),
    [
        (None, 2),
        (120, 2),
        (80, 4),
    ],
)
def test_books_stand_in_two_lines_where_one_is_too_long(columns: int | None, lines: int) -> None:
    text = "\n".join(display.book_lines(BOOKS, columns))
    assert len(text.splitlines()) == lines
    assert max(map(len, text.splitlines())) <= (columns or 200)
    for part in (
        "ok     posting EUR: invoiced = receivable",
        "FAILED dunning: bars = steps",
        "1,278,153,320,000    1,278,153,320,000 micro",
    ):
        assert part in text


def test_a_long_line_goes_on_below_and_keeps_its_own_blanks() -> None:
    line = "    1  recurring  Smart S, monthly fee    4.99"
    assert display.told(line, None) == display.told(line, 100) == " " * 8 + line
    assert display.told("20,000 invoices R-0000000001 .. R-0000020000: net 821,437.24 EUR", 48).splitlines() == [
        "        20,000 invoices R-0000000001 ..",
        "          R-0000020000: net 821,437.24 EUR",
    ]

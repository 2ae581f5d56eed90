"""What a spreadsheet would run is quoted, numbers are not, and reading gives back every text."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rating import spreadsheet_cells

QUOTED = {
    "=HYPERLINK(1)": "'=HYPERLINK(1)",
    "+cmd|' /C calc'!A0": "'+cmd|' /C calc'!A0",
    "-1+1": "'-1+1",
    "-": "'-",
    "@SUM(A1)": "'@SUM(A1)",
    "\t=1": "'\t=1",
    "\r=1": "'\r=1",
    "'=1": "''=1",
    "-\u0663": "'-\u0663",
    "-12.50": "-12.50",
    "+8613800138000": "+8613800138000",
    "12": "12",
    "Anna": "Anna",
    "'quoted'": "'quoted'",
    "": "",
}


@pytest.mark.parametrize(("text", "written"), QUOTED.items(), ids=map(ascii, QUOTED))
def test_a_cell(text: str, written: str) -> None:
    assert spreadsheet_cells.quoted(text) == written
    assert spreadsheet_cells.unquoted(written) == text


@settings(deadline=None)
@given(st.text(alphabet="'=+-@\t\r1.a", max_size=6))
def test_every_text_comes_back(text: str) -> None:
    written = spreadsheet_cells.quoted(text)
    assert spreadsheet_cells.unquoted(written) == text
    column = pc.replace_substring_regex(pa.array([written]), spreadsheet_cells.QUOTED, r"\1", max_replacements=1)
    assert column.to_pylist() == [text]


def test_a_row_keeps_what_is_no_text() -> None:
    assert spreadsheet_cells.row(("=1", 1, None, "a")) == ["'=1", 1, None, "a"]

"""Twelve accounts in September 2027 at the command line: commands, documents, balances and books are as the page says.

The page is `twelve-accounts/diary.md`. Its arithmetic is worked out here, so that an explanation that does not come to its amount fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.store.home import Home
from tests.billing.documents import derived_periods
from tests.billing.documents.en16931 import whole as electronic
from tests.billing.documents.rendering import read_back
from tests.billing.documents.semantic import whole
from tests.diaries import billing_page, month_page
from tests.diaries.month_acts import FOLDER, Desk
from tests.diaries.month_page import Balances, Command, Document, Line

if TYPE_CHECKING:
    from pathlib import Path

TEXT = (FOLDER / "diary.md").read_text(encoding="utf-8")
PARTS, SUMS = month_page.read(TEXT)
DOCUMENTS = [part for part in PARTS if isinstance(part, Document)]


def wrong_arithmetic(sums: list[tuple[str, str, int]]) -> list[str]:
    """Rows whose arithmetic does not come to their amount."""
    return [f"{what}: {arithmetic}" for what, arithmetic, amount in sums if billing_page.worked_out(arithmetic) != amount]


@pytest.mark.usefixtures("both")
def test_the_month(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, capsys, monkeypatch)
    assert [wrong for part in PARTS for wrong in desk.differs(part)] == []
    numbers = {number for each in DOCUMENTS for number in (each.number, each.twin) if number}
    assert {each["number"] for each in desk.json("invoice list")} == numbers
    assert "0 findings" in desk.run("ratewright db check")
    with Home.open(tmp_path / "practice") as home:
        assert derived_periods.differing(home) == []
        assert whole.differing(home) == []
        assert read_back.misread(home) == []
        assert electronic.differing(home) == []


def test_arithmetic() -> None:
    assert wrong_arithmetic(SUMS) == []
    assert [each.number for each in DOCUMENTS if sum(line.amount for line in each.lines) != each.total] == []


def test_the_page_is_whole() -> None:
    for series in "RC":
        numbers = sorted(number for each in DOCUMENTS for number in (each.number, each.twin) if number.startswith(series))
        assert numbers == [f"{series}-{place:010d}" for place in range(1, len(numbers) + 1)]
    owed = [part.of for part in PARTS if isinstance(part, Balances) and part.kind == "owed"]
    assert [len(each) for each in owed] == [10, 12, 12]
    assert {each.account for each in DOCUMENTS} == set(owed[-1])
    assert len([part for part in PARTS if isinstance(part, Balances) and part.kind == "held"]) == 3
    assert len([part for part in PARTS if isinstance(part, Command)]) > 100


def test_a_tampered_figure_is_found() -> None:
    right, wrong = "| [0.20 x 0.24] | 0.05 |", "| [0.20 x 0.24] | 0.06 |"
    assert right in TEXT
    parts, sums = month_page.read(TEXT.replace(right, wrong))
    assert len(wrong_arithmetic(sums)) == 1
    (changed,) = [part for part in parts if part not in PARTS]
    assert isinstance(changed, Document)
    assert Line("VAT standard 20 %", "", "2027-09-01 .. 2027-09-30", "", 6) in changed.lines

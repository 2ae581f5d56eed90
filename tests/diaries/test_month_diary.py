"""Twelve accounts in September 2027 at the command line: commands, documents, balances and books are as the page says.

The page is `twelve-accounts/diary.md`. Its arithmetic is worked out here, so that an explanation that does not come to its amount fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.diaries import billing_page, month_page
from tests.diaries.month_acts import FOLDER, Desk

if TYPE_CHECKING:
    from pathlib import Path

PARTS, SUMS = month_page.read((FOLDER / "diary.md").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_month(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, capsys, monkeypatch)
    assert [wrong for part in PARTS for wrong in desk.differs(part)] == []

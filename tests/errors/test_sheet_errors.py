"""What a user reads when a tariff sheet cannot be written. To change a text on purpose see conftest.py."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.errors.conftest import Provoke

MOBILE = Path(__file__).parents[2] / "tariffs" / "catalogs" / "mobile"
CATALOG = ["--catalog", MOBILE]
CALLS = [
    (["mobile/smart-xxl", *CATALOG], 1, "sheet_no_plan"),
    (["mobile", *CATALOG], 2, "sheet_no_name"),
    (["telco/smart-s", *CATALOG], 1, "sheet_no_catalogue"),
    (["mobile@7/smart-s", *CATALOG], 1, "sheet_no_version"),
    (["mobile/smart-s", *CATALOG, "--format", "pdf"], 2, "sheet_pdf_printed"),
    (["mobile/smart-s", *CATALOG, "--at", "yesterday"], 2, "sheet_at"),
    (["mobile/smart-s", *CATALOG, "--catalog", MOBILE.with_name("mobile-2026-10-15"), "--at", "2020-01-01"], 1, "sheet_too_early"),
]


@pytest.mark.parametrize(("words", "status", "golden"), CALLS, ids=[golden for _, _, golden in CALLS])
def test_calls(provoke: Provoke, words: list[object], status: int, golden: str) -> None:
    provoke(["tariffs", "sheet", *words], status=status, golden=f"tariffs/{golden}")


@pytest.mark.parametrize(("package", "golden"), [("typst", "sheet_no_typst"), ("pylopdf_fonts_zh_cn", "sheet_no_font")])
def test_what_a_pdf_needs(provoke: Provoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, golden: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    path = tmp_path / "sheet.pdf"
    words = ["tariffs", "sheet", "mobile/smart-s", *CATALOG, "--format", "pdf", "--output", path]
    provoke(words, status=1, golden=f"tariffs/{golden}", unchanged=path)


def test_a_file_that_is_there(provoke: Provoke, tmp_path: Path) -> None:
    path = tmp_path / "sheet.txt"
    path.write_text("another's", encoding="utf-8")
    words = ["tariffs", "sheet", "mobile/smart-s", *CATALOG, "--output", path]
    provoke(words, status=2, golden="tariffs/sheet_there", unchanged=path)


def test_a_folder_that_is_not_there(provoke: Provoke, tmp_path: Path) -> None:
    words = ["tariffs", "sheet", "mobile/smart-s", *CATALOG, "--output", tmp_path / "nowhere" / "sheet.txt"]
    provoke(words, status=1, golden="tariffs/sheet_nowhere")

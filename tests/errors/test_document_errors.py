"""Errors that a user reads when an invoice cannot be written. To change a text on purpose see conftest.py."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.billing.documents.clerk import customer
from tests.billing.runs.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.errors.conftest import Provoke

pytestmark = pytest.mark.slow
CALLS = [
    (["R-1"], 2, "pdf_printed"),
    (["R-7", "--format", "text"], 1, "no_invoice"),
    (["R-1", "--language", "fr"], 2, "no_language"),
]


@pytest.fixture
def billed(tmp_path: Path) -> Iterator[World]:
    """A home with one invoice."""
    found = customer(World(tmp_path))
    found.bill("2025-11-01")
    yield found
    found.home.close()


def test_calls(billed: World, provoke: Provoke) -> None:
    for words, status, golden in CALLS:
        provoke(["documents", "write", *words, "--home", billed.home.path], status=status, golden=f"documents/{golden}")


def test_a_pdf_without_its_packages(billed: World, provoke: Provoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "invoice.pdf"
    for package, golden in (("typst", "no_typst"), ("pylopdf_fonts_zh_cn", "no_font")):
        with monkeypatch.context() as within:
            within.setitem(sys.modules, package, None)
            words = ["documents", "write", "R-1", "--output", path, "--home", billed.home.path]
            provoke(words, status=1, golden=f"documents/{golden}", unchanged=path)

"""`ratewright tariffs sheet` as people call it: which version it takes, and where what it writes goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from billing.catalogue import Operator, publish, repeal
from billing.store.home import Home
from server.cli import app
from tariffs.reading.load import load

if TYPE_CHECKING:
    from collections.abc import Callable

CATALOGS = Path(__file__).parents[3] / "tariffs" / "catalogs"
BOTH = ["--catalog", str(CATALOGS / "mobile"), "--catalog", str(CATALOGS / "mobile-2026-10-15")]
NOW_US = 1_767_225_600_000_000  # 2026-01-01
END_US = NOW_US + (365 * 24 - 1) * 3_600_000_000  # 2027-01-01 in Berlin


@pytest.fixture
def told(capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a command prints that must succeed."""

    def run(*words: object) -> str:
        assert app.main(["tariffs", "sheet", *map(str, words)]) == 0
        return capfd.readouterr().out

    return run


DATES = [
    ("2026-03-01", "Version   1,", "until 15 October 2026"),
    ("2026-10-14", "Version   1,", "until 15 October 2026"),
    ("2026-10-15", "Version   2,", "until a later version takes its place"),
    ("2026-10-14T22:00:00+00:00", "Version   2,", "until a later version takes its place"),
]


@pytest.mark.parametrize(("date", "version", "valid"), DATES)
def test_the_version_of_a_date(told: Callable[..., str], date: str, version: str, valid: str) -> None:
    sheet = told("mobile/smart-m", *BOTH, "--at", date)
    assert version in sheet
    assert valid in sheet


def test_a_version_by_its_number(told: Callable[..., str]) -> None:
    """Whatever the date; it says when the next one takes its place."""
    for words in ([], ["--at", "2026-12-01"]):
        sheet = told("mobile@1/smart-m", *BOTH, *words)
        assert "Version   1," in sheet
        assert "until 15 October 2026" in sheet


@pytest.mark.slow
def test_published_versions_of_the_home_folder(told: Callable[..., str], tmp_path: Path) -> None:
    with Home.open(tmp_path, create=True) as home:
        publish(home, load(CATALOGS / "mobile"), NOW_US)
        publish(home, load(CATALOGS / "mobile-2026-10-15"), NOW_US)
    assert "Version   1," in told("mobile/smart-m", "--home", tmp_path, "--at", "2026-03-01")
    assert "Version   2," in told("mobile/smart-m", "--home", tmp_path, "--at", "2026-12-01")
    first = told("mobile@1/smart-m", "--home", tmp_path)
    assert "Version   1," in first
    assert "until 15 October 2026" in first
    with Home.open(tmp_path) as home:
        repeal(home, "mobile@2", Operator("root", 0), NOW_US, from_us=END_US, reason="the brand ends")
    assert "until 1 January 2027" in told("mobile@2/smart-m", "--home", tmp_path)
    assert "until 1 January 2027" in told("mobile/smart-m", "--home", tmp_path, "--at", "2026-12-01")


def test_languages_and_forms(told: Callable[..., str], tmp_path: Path) -> None:
    chosen = ["mobile/smart-l", *BOTH, "--at", "2026-12-01"]
    assert told(*chosen, "--lang", "zh").startswith("资费说明: 智选 L\n")
    assert told(*chosen, "--format", "html").startswith("<!DOCTYPE html>")
    path = tmp_path / "sheet.pdf"
    assert told(*chosen, "--format", "pdf", "--output", path) == f"{path}: Smart L, 18 prices, pdf\n"
    assert path.read_bytes().startswith(b"%PDF")
    path.write_bytes(b"old")
    told(*chosen, "--output", path, "--overwrite")
    assert path.read_text(encoding="utf-8") == told(*chosen)
    page = tmp_path / "sheet.html"
    told(*chosen, "--format", "html", "--output", page)
    assert page.read_text(encoding="utf-8") == told(*chosen, "--format", "html")


def test_json_has_each_price_with_the_event_that_quotes_it(told: Callable[..., str]) -> None:
    sheet = json.loads(told("mobile/smart-s", *BOTH, "--at", "2026-12-01", "--json"))
    assert [cell["number"] for cell in sheet["cells"]] == list(range(1, len(sheet["cells"]) + 1))
    first = sheet["cells"][0]
    assert first["clauses"] == ["EUR 0.11 per minute", "plus EUR 0.05 per call"]
    assert (first["quote"]["plan"], first["quote"]["destination"]) == ("mobile/smart-s", "49")

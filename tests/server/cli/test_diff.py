"""tariffs diff through the command line: files, versions of the home folder, and drafts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from server.cli import app

CATALOGS = Path(__file__).parents[3] / "tariffs" / "catalogs"
OLD, NEW = CATALOGS / "mobile", CATALOGS / "mobile-2026-10-15"
TOLD = """\
mobile@1 (from 2026-01-01 00:00:00+01:00) -> mobile@2 (from 2026-10-15 00:00:00+02:00)
2 changes: 1 dearer, 1 cheaper
price voice-domestic (101) [plans: smart-s, smart-m, smart-l]
  rate in band peak  0.09 EUR a minute -> 0.11 EUR a minute  (dearer +22.2 %)
price voice-europe (102) [plans: smart-s, smart-m, smart-l]
  rate  0.19 EUR a minute -> 0.15 EUR a minute  (cheaper -21.1 %)
"""


def run(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert app.main([str(word) for word in words]) == 0
    return capsys.readouterr().out


def test_two_folders(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "tariffs", "diff", OLD, NEW) == TOLD
    assert run(capsys, "tariffs", "diff", OLD, OLD).splitlines()[1:] == ["no change: both say the same"]


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(run(capsys, "tariffs", "diff", OLD, NEW, "--json"))
    assert (found["old"]["version"], found["new"]["version"]) == (1, 2)
    change = found["changes"][0]
    assert (change["price_id"], change["raises"], change["by"]) == (101, True, "+22.2 %")
    assert change["plans"] == ["smart-s", "smart-m", "smart-l"]


@pytest.mark.slow
def test_a_published_version_and_a_draft(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    run(capsys, "tariffs", "publish", OLD, "--home", home, "--waive-review", "a test")
    run(capsys, "tariffs", "draft", NEW, "--home", home)
    assert run(capsys, "tariffs", "diff", "mobile@1", "mobile@2", "--home", home) == TOLD
    assert run(capsys, "tariffs", "diff", "mobile@1", NEW, "--home", home) == TOLD


def test_the_page_shows_what_the_command_prints() -> None:
    assert TOLD in (CATALOGS.parents[1] / "docs" / "comparing-tariffs.md").read_text(encoding="utf-8")

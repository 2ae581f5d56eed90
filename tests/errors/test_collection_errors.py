"""What a user reads when a folder cannot be collected, or a bill run has to wait for files. To change a text on purpose see conftest.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.cli import app

if TYPE_CHECKING:
    from pathlib import Path

    from tests.errors.conftest import Provoke

NUMBERED = "name: sw1\nformat: asterisk\nfiles: ['sw1_*.csv']\nfile_sequence: {pattern: '_(\\d+)\\.'}\n"
ROW = (
    '"","8613800000001","8613900000002","ctx","x","SIP/a-1","SIP/b-1","Dial","x","2026-02-01 10:00:00","2026-02-01 10:00:05",'
    '"2026-02-01 10:01:05",65,60,"ANSWERED","DOCUMENTATION","u1",""\n'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to watch, beside a folder of definitions."""
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources/sw1.yaml").write_text(NUMBERED)
    (tmp_path / "cdr").mkdir()
    return tmp_path / "cdr"


def _collect(folder: Path, home: Path) -> list[object]:
    return ["usage", "collect", folder, "--sources", folder.parent / "sources", "--settle", 0, "--home", home]


def test_no_folder_to_watch(provoke: Provoke, folder: Path, home: Path) -> None:
    provoke(_collect(folder / "nowhere", home)[:3] + _collect(folder, home)[3:], status=2, golden="collection/no_folder", unchanged=folder)


def test_definitions_without_files(provoke: Provoke, folder: Path, home: Path) -> None:
    (folder.parent / "sources/sw1.yaml").write_text("name: sw1\nformat: asterisk\n")
    provoke(_collect(folder, home), status=2, golden="collection/no_patterns", unchanged=folder)


def test_one_name_for_two_definitions(provoke: Provoke, folder: Path, home: Path) -> None:
    (folder.parent / "sources/sw2.yaml").write_text(NUMBERED)
    provoke(_collect(folder, home), status=1, golden="collection/one_name_twice", unchanged=folder)


def test_a_bill_run_waits(provoke: Provoke, folder: Path, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for number in (1, 3):
        (folder / f"sw1_{number}.csv").write_text(ROW.replace("u1", f"u{number}"))
    assert app.main([str(word) for word in _collect(folder, home)]) == 0
    capfd.readouterr()
    provoke(["bill", "run", "--date", "2026-03-01", "--home", home], status=1, golden="collection/bill_run_waits")
    waive = ["usage", "findings", "waive", "--home", home, "--reason"]
    provoke([*waive, " ", "missing:sw1:2"], status=1, golden="collection/no_reason")
    provoke([*waive, "lost", "missing:sw1:5"], status=1, golden="collection/no_such_finding")

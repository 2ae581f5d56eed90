"""A home that somebody edited, and a terminal without the letters: one sentence and a remedy, never an internal error."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from server.cli.app import main
from tests.billing.documents.clerk import customer
from tests.billing.runs.world import World

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one invoice."""
    world = customer(World(tmp_path / "home"))
    world.bill("2025-11-01")
    world.home.close()
    return tmp_path / "home"


def test_controls_of_a_home_that_was_edited(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.closing(sqlite3.connect(home / "ratewright.db")) as connection:
        connection.executescript("UPDATE invoices SET due_on = '2025-13-45'")
    assert main(["controls", "--home", str(home)]) == 1
    shown = capsys.readouterr().err
    assert f"error: the books of {home} cannot be worked out: ValueError: " in shown
    assert "put back the last good copy of the home" in shown


def test_chinese_in_a_terminal_without_it(home: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "import sys; from server.cli.app import main; sys.exit(main())",
        "invoice",
        "show",
        "R-0000000001",
        "--language",
        "zh",
        "--home",
        str(home),
    ]
    variables = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    assert done.returncode == 2
    assert done.stderr.startswith("error: this terminal shows ascii, which has no '\\u")
    assert "set PYTHONIOENCODING=utf-8" in done.stderr

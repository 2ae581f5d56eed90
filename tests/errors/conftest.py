"""The frame of the error tests: provoke one, compare the text with its golden file, and see that nothing was half done.

    def test_missing_file(provoke, home):
        provoke(["usage", "ingest", "missing.csv", ...], status=1, golden="usage/missing_file", unchanged=home)

Golden texts lie in tests/errors/golden, one folder an area. Paths of the test are shown as <folder>. To write them anew after a
deliberate change: RATEWRIGHT_GOLDEN=write .venv/bin/pytest tests/errors, then read the difference.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from billing.store.home import Home
from server.cli import app

if TYPE_CHECKING:
    from collections.abc import Sequence

GOLDEN = Path(__file__).parent / "golden"
WRITES_GOLDEN = os.environ.get("RATEWRIGHT_GOLDEN") == "write"
PASSING_FILES = ("ratewright.db-wal", "ratewright.db-shm")  # SQLite's own, there while the database is open
PROGRESS = re.compile(r"^.+: [\d,]+ of [\d,]+ [\w ]+ \(\d+ %\), .+ left\n", re.MULTILINE)
HOLDER = re.compile(r"process \d+ on \S+")  # of a lock
COMMAND = Path(sys.executable).with_name("ratewright")


class Provoke(Protocol):
    """Runs one command that must fail."""

    def __call__(  # noqa: PLR0913 - what may be asked of a failure
        self, words: Sequence[object], *, status: int, golden: str, unchanged: Path | None = None, process: bool = False, port: int = 0
    ) -> None:
        """Compare exit status and stderr, and that stdout is empty and `unchanged` (a file or folder) is what it was before.

        `process` runs the installed command in a process of its own, from the folder of the test. `port` becomes <port> in the text.
        """


@pytest.fixture
def provoke(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Provoke:
    """See Provoke. The paths of the test's own folder become <folder> in the text."""

    def run(  # noqa: PLR0913 - see Provoke
        words: Sequence[object], *, status: int, golden: str, unchanged: Path | None = None, process: bool = False, port: int = 0
    ) -> None:
        before = contents(unchanged)
        tokens = [str(word) for word in words]
        if process:
            done = subprocess.run([COMMAND, *tokens], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
            given, out, err = done.returncode, done.stdout, done.stderr
        else:
            given = app.main(tokens)
            out, err = capfd.readouterr()
        text = err.replace(str(tmp_path), "<folder>")
        compare(text.replace(f":{port}", ":<port>") if port else text, golden)
        assert "Traceback" not in err
        assert (given, out) == (status, "")
        assert contents(unchanged) == before, "the command failed and yet changed something"

    return run


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home folder."""
    folder = tmp_path / "home"
    Home.open(folder, create=True).close()
    return folder


def compare(text: str, golden: str) -> None:
    """Assert that `text`, without progress (which a slow machine shows) and holders of locks, is what the golden file says."""
    text = HOLDER.sub("process <number> on <host>", PROGRESS.sub("", text))
    path = GOLDEN / f"{golden}.txt"
    if WRITES_GOLDEN:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.is_file(), f"no golden text {golden}; it would be:\n{text}"
    assert text == path.read_text()


def contents(place: Path | None) -> dict[str, str]:
    """What lies at `place`: the hash of each file, and of a database every row, since its bytes move without meaning."""
    if place is None or not place.exists():
        return {}
    files = [place] if place.is_file() else sorted(place.rglob("*"))
    return {str(path.relative_to(place.parent)): _digest(path) for path in files if path.name not in PASSING_FILES}


def _digest(path: Path) -> str:
    if path.is_dir():
        return "folder"
    if path.name != "ratewright.db":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    connection = sqlite3.connect(path)
    try:
        return hashlib.sha256("\n".join(connection.iterdump()).encode()).hexdigest()
    finally:
        connection.close()

"""One finished demo that the tests of this folder share."""

from __future__ import annotations

import fcntl
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.demo import running

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> running.Finished:
    """One undisturbed demo, for the tests of all workers: the first that asks makes it. Tests only read it."""
    room = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        room = room.parent
    folder, text = room / "demo" / "out", room / "demo.text"
    with (room / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not text.exists():
            folder.parent.mkdir()
            text.write_text(running.demo(folder).text, encoding="utf-8")
    return running.Finished(folder, text.read_text(encoding="utf-8"))


@pytest.fixture
def copied(finished: running.Finished, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return shutil.copytree(finished.folder, tmp_path / "out")

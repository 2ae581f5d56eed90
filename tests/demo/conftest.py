"""One finished demo that the tests of this folder share."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.demo import running

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> running.Finished:
    """One undisturbed demo, for all tests of this worker. Tests only read it."""
    return running.demo(tmp_path_factory.mktemp("demo") / "out")


@pytest.fixture
def copied(finished: running.Finished, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return shutil.copytree(finished.folder, tmp_path / "out")

"""Fixtures of the mediation tests: own small files, and the samples of a folder that may be there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent


@pytest.fixture
def fixtures() -> Path:
    """The folder of small files that make_fixtures.py wrote."""
    return HERE / "fixtures"


@pytest.fixture
def examples() -> Path:
    """The folder of example source definitions."""
    return REPOSITORY / "examples" / "sources"


@pytest.fixture
def samples() -> Path:
    """A folder of usage files from real switches; tests that need it are skipped where it is not."""
    folder = Path(os.environ.get("RATEWRIGHT_SAMPLES", REPOSITORY.parent / "shared" / "samples"))
    if not folder.is_dir():
        pytest.skip(f"no samples at {folder}: set RATEWRIGHT_SAMPLES to a folder that holds them")
    return folder

"""Fields that end their array are read within it: kernels read eight bytes at once, and fewer are left where a short field ends a file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.slow
def test_fields_are_read_within_their_arrays() -> None:
    """Tests that have each text alone in an array, once more with every index checked."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not slow", HERE / "test_fields.py", HERE / "test_numbers.py"],
        env={**os.environ, "NUMBA_BOUNDSCHECK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]

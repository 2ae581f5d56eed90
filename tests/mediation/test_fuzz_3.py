"""Share 3 of CI's damaged files; see fuzz_run."""

from __future__ import annotations

import pytest

from tests.mediation.fuzz_run import run_share


@pytest.mark.slow
def test_damaged_files() -> None:
    run_share(3)

"""Commands that read or record a few rows load no compiler of kernels: it takes longer than all that they do."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.billing.documents.clerk import customer
from tests.billing.runs.world import World

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
COMMANDS = [
    "accounts find anna",
    "accounts show anna",
    "approvals list",
    "bill list",
    "dunning list",
    "invoice list",
    "invoice show R-1",
    "ledger ageing --date 2025-11-02",
    "payment list",
    "payment record --id P-1 --account anna --amount 1.00 --date 2025-11-02 --reference thanks",
    "settings list",
]
HEAVY = ("numba", "pandas", "alembic", "grpc", "polars", "duckdb")
_RUNS = f"""
import contextlib, io, json, sys
from server.cli import app
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()):
        assert app.main(words.split()) == 0, words
    loaded = [name for name in {HEAVY!r} if name in sys.modules]
    assert not loaded, (words, loaded)
"""


def test_they_load_no_kernels(tmp_path: Path) -> None:
    world = World(tmp_path / "home")
    customer(world)
    world.bill("2025-11-01")
    world.home.close()
    ran = subprocess.run(
        [sys.executable, "-c", _RUNS, json.dumps(COMMANDS)],
        env={"RATEWRIGHT_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr

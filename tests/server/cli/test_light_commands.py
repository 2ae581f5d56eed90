"""Commands that read or record a few rows load no compiler of kernels, and the most frequent ones no arrays either."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from server.cli import remote
from tests.billing.documents.clerk import customer
from tests.billing.runs.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.slow
COMMANDS = [
    "accounts find anna",
    "accounts show anna",
    "party show anna",
    "party set anna address billing --from 2025-11-02 city=Berlin country=DE",
    "entity show -",
    "party kinds identity",
    "adjustment list",
    "approvals list",
    "bill alarms list",
    "bill list",
    "documents show R-1",
    "documents write R-1 --format text",
    "documents write R-1 --format html --language zh",
    "documents xml R-1 --syntax ubl",
    "dunning list",
    "invoice list",
    "invoice show R-1",
    "controls findings",
    "ledger ageing --date 2025-11-02",
    "ledger balance",
    "ledger months",
    "ledger write-offs",
    "payment deposit list",
    "payment events",
    "payment instalments list",
    "payment list",
    "payment order",
    "payment promise list",
    "payment statement anna",
    "payment till front",
    "payment worklist list",
    "payment record --id P-1 --account anna --amount 1.00 --date 2025-11-02 --reference thanks",
    "settings list",
    "usage findings",
    "usage suspense decisions",
    "usage suspense limit",
    "usage suspense proposals",
]
_REMOTE = Path(remote.__file__).parent
WITHOUT_ARRAYS = ("accounts show", "invoice list", "invoice show", "payment list", "payment record")
HEAVY = ("numba", "pandas", "alembic", "grpc", "polars", "duckdb")
ARRAYS = ("numpy", "pyarrow")
_RUNS = """
import contextlib, io, json, sys
from server.cli import app
heavy, commands = json.loads(sys.argv[1])
for words in commands:
    with contextlib.redirect_stdout(io.StringIO()):
        assert app.main(words.split()) == 0, words
    loaded = [name for name in heavy if name in sys.modules]
    assert not loaded, (words, loaded)
"""
_IMPORTS = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module("server.cli.remote." + name)
    assert "numba" not in sys.modules, name
"""
_LATE = """
import sys
import sqlalchemy as sa
from billing.store import tables
from billing.store.home import Home
with Home.open(sys.argv[1]) as home, home.begin() as connection:
    seq = home.head_seq(connection)
    assert "numpy" not in sys.modules
    import numpy as np
    connection.execute(tables.commits.update().where(tables.commits.c.commit_seq == seq).values(at_us=np.int64(7)))
    print(connection.execute(sa.select(sa.func.typeof(tables.commits.c.at_us)).where(tables.commits.c.commit_seq == seq)).scalar_one())
"""
ONES = [
    (HEAVY, COMMANDS),
    (HEAVY + ARRAYS, [words for words in COMMANDS if words.startswith(WITHOUT_ARRAYS)]),
]


@pytest.mark.parametrize(("heavy", "commands"), ONES, ids=["kernels", "arrays"])
def test_they_load_no_more_than_they_need(heavy: Sequence[str], commands: Sequence[str], tmp_path: Path) -> None:
    world = World(tmp_path / "home")
    customer(world)
    world.bill("2025-11-01")
    world.home.close()
    ran = subprocess.run(
        [sys.executable, "-c", _RUNS, json.dumps([heavy, commands])],
        env={"RATEWRIGHT_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


def test_commands_with_a_service_load_no_kernels() -> None:
    names = {".".join(path.relative_to(_REMOTE).with_suffix("").parts).removesuffix(".__init__") for path in _REMOTE.rglob("*.py")}
    light = sorted(names - {"__init__"})
    assert {"approvals", "prices", "bill_runs.values"} <= set(light)
    ran = subprocess.run([sys.executable, "-c", _IMPORTS, *light], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_a_service_has_its_kernels_before_the_first_call() -> None:
    names = ["rating.kernel", "rating.order", "billing.runs.usage.usage_kernel", "billing.what_if.adding_kernel", "billing.intake.taking"]
    program = "import sys, server.grpc.service; print([name for name in sys.argv[1:] if name not in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program, *names], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "[]\n"), ran.stderr


@pytest.mark.sqlite
def test_numbers_of_numpy_are_numbers_also_where_it_is_loaded_late(tmp_path: Path) -> None:
    World(tmp_path / "home").home.close()
    ran = subprocess.run([sys.executable, "-c", _LATE, str(tmp_path / "home")], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "integer\n"), ran.stderr

"""Killed at each commit point of a policy that is added and of a run that is undone, and called again: the same as without the kill."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from billing import dunning, dunning_policy
from billing.controls import books
from billing.dunning_policy import Action, Policy, Step
from billing.ledger.closed_months import Who
from billing.store import commit_points, tables
from billing.store.home import Home
from tests.billing import behind
from tests.billing.runs.world import START_US, World

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
NOW_US = START_US + 360 * 86_400_000_000  # 27 December 2025
POINTS = [name for name in commit_points.POINTS if name.split(".")[0] in {"dunning_undo", "dunning_policy"}]
WORK = "import sys; from pathlib import Path; from tests.billing.dunning.test_kill import work; work(Path(sys.argv[1]))"
STERN = Policy("standard", (Step(1, Action.REMIND, 1), Step(2, Action.BAR_OUTGOING, 2)))
KEPT = (
    (tables.dunning_runs, ("run_id", "as_of")),
    (tables.dunning_decisions, ("run_id", "kind", "reason", "by_name")),
    (tables.dunning_policies, ("name", "policy_hash", "origin")),
    (tables.dunning_steps, ("account_key", "level", "as_of", "policy_hash")),
    (tables.account_facts, ("account_key", "kind", "from_date")),
)


def work(folder: Path) -> None:
    """Bar whoever owes by a policy of the home, and take that back."""
    with Home.open(folder) as home:
        dunning_policy.add(home, STERN, ("ana", 1001), NOW_US)
        if not dunning.runs(home):
            dunning.run(home, dt.date(2025, 12, 20), NOW_US)
        if dunning.runs(home)[0].state == "counts":
            dunning.undo(home, 1, "wrong", Who("ana", 1001, NOW_US))
        dunning.undo(home, 1, "wrong", Who("bob", 1002, NOW_US))


def kept(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    with Home.open(folder) as home, home.connect() as connection:
        assert [book.name for book in books(home) if not book.ok] == []
        return {table.name: sorted(map(tuple, connection.execute(sa.select(*(table.c[name] for name in names))))) for table, names in KEPT}


@pytest.mark.parametrize("point", [*POINTS, "dunning_undo.before_commit:2", "dunning_undo.committed:2"])
def test_a_kill_and_a_second_call_end_alike(tmp_path: Path, point: str) -> None:
    world = World(tmp_path / "before")
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.bill("2025-11-01")
    world.home.close()
    for name in ("expected", "home"):
        behind.copy_home(tmp_path / "before", tmp_path / name)
    work(tmp_path / "expected")
    expected = kept(tmp_path / "expected")
    words, env = [sys.executable, "-c", WORK, str(tmp_path / "home")], {**os.environ, commit_points.VARIABLE: point}
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, f"{point} was not reached: {done.stderr}"
    kept(tmp_path / "home")  # readable at once, and every book balances
    work(tmp_path / "home")
    assert kept(tmp_path / "home") == expected
    assert [row[1] for row in expected["account_facts"]] == ["bar_outgoing", "unbar"]

"""Killed at each commit point of a policy that is added, of a run and of its undoing, and called again: the same as without the kill."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing import dunning, dunning_policy
from billing.controls import books
from billing.dunning_policy import Action, Policy, Step
from billing.ledger.closed_months import Who
from billing.store import commit_points, tables
from billing.store.home import Home
from tests.billing.runs.world import START_US, World
from tests.crash_images import Crashes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
NOW_US = START_US + 360 * 86_400_000_000  # 27 December 2025
POINTS = [name for name in commit_points.POINTS if name.split(".")[0] in {"dunning", "dunning_undo", "dunning_policy"}]
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


def prepare(folder: Path) -> None:
    """Anna owes a bill."""
    world = World(folder)
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.bill("2025-11-01")
    world.home.close()


@pytest.fixture(scope="module")
def crashes(tmp_path_factory: pytest.TempPathFactory) -> Crashes:
    return Crashes(tmp_path_factory.mktemp("crashes"), prepare, work)


@pytest.fixture(scope="module")
def expected(crashes: Crashes) -> dict[str, list[tuple[object, ...]]]:
    return kept(crashes.unharmed())


@pytest.mark.parametrize("point", [*POINTS, "dunning_undo.before_commit:2", "dunning_undo.committed:2"])
def test_a_kill_and_a_second_call_end_alike(expected: dict[str, list[tuple[object, ...]]], crashes: Crashes, point: str) -> None:
    folder = crashes.at(point)
    kept(folder)  # readable at once, and every book balances
    work(folder)
    assert kept(folder) == expected
    assert [row[1] for row in expected["account_facts"]] == ["bar_outgoing", "unbar"]

"""Killed at every commit point of a decision on late usage, and called again: the same rows and amounts as without the kill."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from billing.late_decisions import BILLED
from billing.store import commit_points, tables
from rating.errors import UserError
from tests.billing.runs.world import World
from tests.billing.too_late.late_world import decide, late, take_back, wrong
from tests.crash_images import Crashes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow
POINTS = [f"{name}:{time}" for name in commit_points.POINTS if name.startswith("late.") for time in (1, 2, 3)]
KEPT = (
    (tables.late_decisions, ("decision_id", "kind", "undoes", "records", "worth_micros", "amount_micros", "adjustment_id", "commit_seq")),
    (tables.late_decision_events, ("decision_id", "event_key", "worth_micros")),
    (tables.adjustments, ("adjustment_id", "reference", "amount_micros", "text", "approved_by", "commit_seq")),
    (tables.commits, ("commit_seq", "kind")),
)


def work(folder: Path) -> None:
    """Anna's late calls are billed, the decision is taken back, and one of them is billed. What was done is not done again."""
    world = World(folder, fresh=False)
    steps: tuple[Callable[[], object], ...] = (
        lambda: decide(world, BILLED, account="anna"),
        lambda: take_back(world, 1),
        lambda: decide(world, BILLED, "late-1"),
    )
    with world.home.connect() as connection:
        done = int(connection.execute(sa.select(sa.func.count()).select_from(tables.late_decisions)).scalar_one())
    for step in steps[done:]:
        step()
    with contextlib.suppress(UserError):
        take_back(world, 1)
    world.home.close()


def kept(folder: Path) -> list[list[tuple[Any, ...]]]:
    """All that is stored of it, in order; every book balances."""
    world = World(folder, fresh=False)
    assert wrong(world) == set()
    with world.home.connect() as connection:
        rows = [connection.execute(sa.select(*(table.c[name] for name in names))).all() for table, names in KEPT]
    world.home.close()
    return [sorted(map(tuple, found)) for found in rows]


def prepare(folder: Path) -> None:
    """Calls that came too late."""
    late(World(folder)).home.close()


@pytest.fixture(scope="module")
def crashes(tmp_path_factory: pytest.TempPathFactory) -> Crashes:
    return Crashes(tmp_path_factory.mktemp("crashes"), prepare, work)


@pytest.fixture(scope="module")
def expected(crashes: Crashes) -> list[list[tuple[Any, ...]]]:
    return kept(crashes.unharmed())


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_and_a_second_call_end_alike(expected: list[list[tuple[Any, ...]]], crashes: Crashes, point: str) -> None:
    folder = crashes.at(point)
    decisions, events, adjustments, _ = kept(folder)  # readable at once, and every book balances, before anyone mends anything
    billed = [row for row in decisions if row[1] == BILLED]
    assert len(adjustments) == len(billed) == len({row[0] for row in events})
    work(folder)
    assert kept(folder) == expected
    assert [row[1] for row in expected[0]] == ["billed", "taken_back", "billed"]

"""Killed at every commit point of a decision on late usage, and called again: the same rows and amounts as without the kill."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from billing.late_decisions import BILLED
from billing.store import commit_points, tables
from rating.errors import UserError
from tests.billing.runs.world import World
from tests.billing.too_late.late_world import decide, late, take_back, wrong

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
WORK = "import sys; from pathlib import Path; from tests.billing.too_late.test_kill_late import work; work(Path(sys.argv[1]))"
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


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    from tests.billing import behind  # noqa: PLC0415 -- as the books' tests do

    made = tmp_path_factory.mktemp("late") / "home"
    late(World(made)).home.close()

    def copy(folder: Path) -> Path:
        behind.copy_home(made, folder)
        return folder

    return copy


@pytest.fixture(scope="module")
def expected(prepared: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> list[list[tuple[Any, ...]]]:
    folder = prepared(tmp_path_factory.mktemp("unharmed") / "home")
    work(folder)
    return kept(folder)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_and_a_second_call_end_alike(
    prepared: Callable[[Path], Path], expected: list[list[tuple[Any, ...]]], tmp_path: Path, point: str
) -> None:
    folder = prepared(tmp_path / "home")
    words = [sys.executable, "-c", WORK, str(folder)]
    environment = {**os.environ, commit_points.VARIABLE: point}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, f"{point} was not reached: {done.stderr}"
    decisions, events, adjustments, _ = kept(folder)  # readable at once, and every book balances, before anyone mends anything
    billed = [row for row in decisions if row[1] == BILLED]
    assert len(adjustments) == len(billed) == len({row[0] for row in events})
    work(folder)
    assert kept(folder) == expected
    assert [row[1] for row in expected[0]] == ["billed", "taken_back", "billed"]

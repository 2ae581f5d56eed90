"""Killed at every commit point of a correction and a write-off: doing it again ends in the same state, and nothing counts twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing.store import commit_points, tables
from billing.suspense import limits, proposals
from tests.billing.runs.world import Call, World
from tests.billing.suspense.world import ANA, BEN, apply, listed, save, total_cents, unbalanced, write_off
from tests.crash_images import Crashes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
POINTS = ["suspense.before_commit", "suspense.committed", *(name for name in commit_points.POINTS if name.startswith("intake."))]
ADD_86 = {"source": "switch", "served": {"begins": "1", "digits": 11, "add": "86"}}
CALLS = (
    Call("8613800000001", "2025-10-05T10:00", 1500),
    Call("13800000001", "2025-10-06T10:00", 600),
    Call("8613799999999", "2025-10-06T10:00", 600),
)


def prepare(folder: Path) -> None:
    """Usage with a number that lacks its country code and a stranger, billed once."""
    world = World(folder / "home")
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "8613800000001")
    world.take(*CALLS)
    world.bill("2025-11-01")
    world.home.close()


def decide(folder: Path) -> None:
    """Correct and write off, each step unless it is done."""
    world = World(folder / "home", fresh=False)
    world.now_us += 1_000
    with world.home.connect() as connection:
        if len(limits.limits(connection)) == 1:
            limits.set_limit(world.home, 500_000, BEN, world.tick(), reason="small shop")
    made = [each for each in proposals.proposals(world.home) if each.subject.kind == proposals.CORRECT]
    correction = made[0] if made else save(world, ADD_86)
    if correction.state is proposals.State.PROPOSED:
        correction = proposals.decide(world.home, correction.proposal_id, BEN, world.tick(), accept=True)
    if correction.state is not proposals.State.APPLIED:
        apply(world, correction)
    if listed(world).counts:
        write_off(world)
    world.home.close()


def state(folder: Path) -> dict[str, object]:
    """What an invoice run makes of it, and what was decided about what."""
    world = World(folder / "home", fresh=False)
    world.now_us += 10_000
    world.bill("2025-12-01")
    with world.home.connect() as connection:
        row = tables.suspense_decisions.c
        decided = connection.execute(sa.select(row.kind, row.by_uid, row.approved_uid)).all()
    found = {"total": total_cents(world), "decided": sorted(decided), "waits": listed(world).counts, "unbalanced": unbalanced(world)}
    world.home.close()
    return found


@pytest.fixture(scope="module")
def crashes(tmp_path_factory: pytest.TempPathFactory) -> Crashes:
    return Crashes(tmp_path_factory.mktemp("crashes"), prepare, decide, by_kill=["suspense.committed"])


def test_unharmed(crashes: Crashes) -> None:
    expected = [("recycled", ANA.uid, BEN.uid), ("written_off", ANA.uid, BEN.uid)]
    # two months of 10.00, five minutes beyond the free ones in time, and ten that came late; 6 % tax
    assert state(crashes.unharmed()) == {"total": 1113 + 106 + 1060, "decided": expected, "waits": (), "unbalanced": []}


@pytest.mark.parametrize("point", [*POINTS, "suspense.committed:2", "intake.before_commit:2"])
def test_a_kill_and_a_second_try_end_alike(crashes: Crashes, point: str) -> None:
    folder = crashes.at(point)
    decide(folder)
    expected = [("recycled", ANA.uid, BEN.uid), ("written_off", ANA.uid, BEN.uid)]
    assert state(folder) == {"total": 1113 + 106 + 1060, "decided": expected, "waits": (), "unbalanced": []}

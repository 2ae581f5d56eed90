"""Killed at every commit point of a month's closing and reopening: nothing or all of an act is there, and a second call ends alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing.accounting import check, closing, unbilled
from billing.accounting.month_end import month_of
from billing.ledger import closed_months
from billing.ledger.closed_months import Standing, Who
from billing.store import tables
from tests.billing.runs.world import World, instant_us
from tests.crash_images import Crashes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
OCTOBER = "2025-10"
LATER_US = instant_us("2026-01-05T00:00")
# the closing, a request to reopen, and another person's agreement
POINTS = [f"ledger.{when}:{time}" for time in (1, 2, 3) for when in ("before_commit", "committed")]
ENTRIES = {"ledger.before_commit:1": 0}  # later ones leave the two entries of the closing
STANDING = {
    "ledger.before_commit:1": Standing.OPEN,
    "ledger.committed:1": Standing.CLOSED,
    "ledger.before_commit:2": Standing.CLOSED,
    "ledger.committed:2": Standing.REOPEN_ASKED,
    "ledger.before_commit:3": Standing.REOPEN_ASKED,
    "ledger.committed:3": Standing.REOPENED,
}


def prepare(folder: Path) -> None:
    """A customer whose fees in advance and in arrears are worked out at the end of October."""
    world = World(folder)
    world.account("a", bill_day=15)
    world.subscription("s", "a", "shop/plus", "8613800000001")
    world.now_us = LATER_US
    world.bill("2025-10-15")
    world.home.close()


def work(folder: Path) -> None:
    """Close October, ask for it to be reopened, and agree to that. What was done is not done again."""
    world = World(folder, fresh=False)
    world.now_us = LATER_US + 10_000_000
    wanted = month_of(OCTOBER)
    if standing(world) is Standing.OPEN:
        closing.close(world.home, wanted, "", unbilled.targets(world.home, wanted), "", Who("ada", 1001, world.tick()))
    for uid, then in ((1001, Standing.CLOSED), (1002, Standing.REOPEN_ASKED)):
        if standing(world) is then:
            closed_months.reopen(world.home, "", OCTOBER, "a late document", Who("clerk", uid, world.tick()))
    world.home.close()


def standing(world: World) -> Standing:
    with world.home.connect() as connection:
        return closed_months.standing(connection, "", OCTOBER)


def found(folder: Path) -> tuple[Standing, list[str]]:
    """The state of October and the entries of its end; the ledger is whole."""
    world = World(folder, fresh=False)
    assert [each for each in check.check(world.home) if not each.ok] == []
    row = tables.journal_entries.c
    with world.home.connect() as connection:
        entries = list(connection.execute(sa.select(row.document).order_by(row.document)).scalars())
    now = standing(world)
    world.home.close()
    return now, entries


@pytest.fixture(scope="module")
def crashes(tmp_path_factory: pytest.TempPathFactory) -> Crashes:
    return Crashes(tmp_path_factory.mktemp("crashes"), prepare, work)


@pytest.fixture(scope="module")
def expected(crashes: Crashes) -> tuple[Standing, list[str]]:
    return found(crashes.unharmed())


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_leaves_all_of_an_act_or_nothing_and_a_second_call_ends_alike(
    expected: tuple[Standing, list[str]], crashes: Crashes, point: str
) -> None:
    folder = crashes.at(point)
    now, entries = found(folder)
    assert (now, len(entries)) == (STANDING[point], ENTRIES.get(point, 2))
    work(folder)
    assert found(folder) == expected
    assert expected[0] is Standing.REOPENED

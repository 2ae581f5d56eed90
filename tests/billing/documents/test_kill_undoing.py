"""Killed at every commit point of the undoing of a run, and called again: the same rows and amounts as without the kill."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing.accounting.check import check
from billing.documents import undoing
from billing.store import commit_points, tables
from rating.errors import UserError
from tests.billing.documents.clerk import ANA, BEN, customer, who, wrong
from tests.billing.runs.world import World
from tests.crash_images import Crashes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
POINTS = [f"{name}:{time}" for name in commit_points.POINTS if name.startswith("undo.") for time in (1, 2)]  # a proposal, an agreement
KEPT = (
    (tables.invoices, ("number", "total_micros")),
    (tables.invoice_events, ("invoice_key", "kind", "on_date", "reason")),
    (tables.run_undos, ("run_id", "kind", "by_name")),
    (tables.bill_runs, ("bill_date", "kind", "state")),
    (tables.settlements, ("credit_kind", "credit_id", "invoice_key", "amount_micros")),
    (tables.postings, ("document", "line_no", "leg", "debit_account", "credit_account", "amount_micros", "posted_on")),
)


def work(folder: Path) -> None:
    """Two people undo the wrong run, and the right one is made. What was done is not done again."""
    world = World(folder, fresh=False)
    world.now_us += 10_000
    for person in (ANA, BEN):
        with contextlib.suppress(UserError):  # it was proposed, or is undone
            undoing.undo(world.home, 1, "wrong date", who(world, person))
    if len(world.numbers()) == 1:
        world.bill("2025-11-01")
    world.home.close()


def prepare(folder: Path) -> None:
    """Anna has a bill of the wrong date."""
    world = customer(World(folder))
    world.bill("2025-12-01")
    world.home.close()


def kept(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that an auditor would see, in order; every book balances."""
    world = World(folder, fresh=False)
    assert wrong(world) == []
    assert [each for each in check(world.home) if not each.ok] == []
    with world.home.connect() as connection:
        rows = {table.name: connection.execute(sa.select(*(table.c[name] for name in names))).all() for table, names in KEPT}
    world.home.close()
    return {name: sorted((tuple(row) for row in found), key=str) for name, found in rows.items()}


@pytest.fixture(scope="module")
def crashes(tmp_path_factory: pytest.TempPathFactory) -> Crashes:
    return Crashes(tmp_path_factory.mktemp("crashes"), prepare, work)


@pytest.fixture(scope="module")
def expected(crashes: Crashes) -> dict[str, list[tuple[object, ...]]]:
    return kept(crashes.unharmed())


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_and_a_second_call_end_alike(expected: dict[str, list[tuple[object, ...]]], crashes: Crashes, point: str) -> None:
    folder = crashes.at(point)
    kept(folder)  # readable at once, and every book balances, before anyone mends anything
    work(folder)
    assert kept(folder) == expected
    assert [row[1] for row in expected["run_undos"]] == ["proposed", "undone"]
    assert [row[0] for row in expected["invoices"]] == ["R-0000000001", "R-0000000002"]

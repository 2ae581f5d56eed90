"""Decisions about tariffs are told apart from those about runs, findings and alarms, whatever version of this program made them."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing import catalogue
from billing.controls import findings
from billing.controls.book import book
from billing.runs import states
from billing.store import tables
from rating.errors import UserError
from tests.billing.documents.clerk import customer
from tests.billing.second_person import set_by_two

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
BEN = states.By("ben", 2)
ROOT = Path(__file__).parents[3]


@pytest.fixture
def decided(world: World) -> World:
    """A home in which a run was approved, and a finding closed."""
    customer(world)
    set_by_two(world.home, "approval", "required", world.tick)
    world.bill("2025-11-01")
    with world.home.connect() as connection:
        run_id = connection.execute(sa.select(sa.func.max(tables.bill_runs.c.run_id))).scalar_one()
    states.decide(world.home, run_id, states.APPROVED, BEN, "looked at", world.tick())
    findings.keep(world.home, [book("tax CNY", 4, 5, "rows")], 7, "ada", dt.date(2025, 11, 2), world.tick())
    findings.close(world.home, findings.findings(world.home)[0].finding_id, "mended", BEN, world.tick())
    return world


@pytest.mark.parametrize("before", [False, True], ids=["now", "of versions of before"])
def test_other_decisions_are_none_about_tariffs(decided: World, before: bool) -> None:  # noqa: FBT001 -- a parameter
    if before:
        _as_before(decided)
    assert catalogue.decisions(decided.home) == [], "the tariffs of this home were published without a word"


@pytest.mark.parametrize("before", [False, True], ids=["now", "of versions of before"])
def test_one_about_a_tariff_that_is_gone_is_missed(decided: World, before: bool) -> None:  # noqa: FBT001 -- a parameter
    if before:
        _as_before(decided)
    with decided.home.begin() as connection:
        seq = decided.home.next_commit_seq(connection, "decision", decided.tick())
    with pytest.raises(UserError, match=f"a decision is gone from the store: commit {seq} has no row"):
        catalogue.decisions(decided.home)


@pytest.mark.parametrize("kind", ["decision", "draft", "publication", "repeal", "late"])
def test_a_kind_of_commit_that_must_have_a_row_is_taken_by_one_module(kind: str) -> None:
    """Such a commit without its row is held to be a loss: nobody else may take one of that kind."""
    named = [
        path
        for path in (ROOT / "billing").rglob("*.py")
        if re.search(rf'(next_commit_seq\([^)]*|_KIND: Final = )"{kind}"', path.read_text("utf-8"))
    ]
    assert len(named) == 1, named


def _as_before(world: World) -> None:
    """Commits of all decisions of one kind, as earlier versions stored them."""
    commit = tables.commits
    with world.home.begin() as connection:
        changed = connection.execute(commit.update().where(commit.c.kind.in_(("run_decision", "finding_decision"))).values(kind="decision"))
    assert changed.rowcount == 2

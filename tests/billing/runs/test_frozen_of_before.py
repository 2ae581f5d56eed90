"""Frozen lists across schema 0013: one of before is named and not numbered, and one with periods to compute again does not go back.

Anna's call of October moves to Bert while only he is in the run: his list leaves it out, and has October to be computed again.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing.runs import charge_files, cycle, frozen_list, states
from billing.runs.start import Order
from billing.runs.states import Step
from billing.store import tables, upgrading
from rating.errors import UserError
from server.cli import app
from tests.billing.runs.test_moved_histories import History
from tests.billing.too_late.late_world import ANA

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
BILL_DATE = dt.date(2025, 12, 1)
ACTS = """
        2025-10-01 open 3
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2025-11
        2025-11-20 move anna bert-1 2025-10-10
"""
SAID = (
    "the list of bill run 2 of 2025-12-01 was computed by a version before schema 0013: where a number or record changed after it was"
    " billed, it may bill usage a second time"
)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """The list of Bert's run is frozen."""
    made = History(tmp_path)
    for line in ACTS.strip().splitlines():
        made.tell(line)
    made.world.catch_up()
    cycle.run(made.world.home, BILL_DATE, made.world.begun(BILL_DATE), order=order(trial=True))
    yield made
    made.world.home.close()


def order(*, trial: bool = False) -> Order:
    return Order(accounts=frozenset({"bert"}), trial=trial)


def as_before(history: History) -> None:
    """The list as a version before would have frozen it."""
    home = history.world.home
    frozen = frozen_list.named(home, 2)
    file = home.path / frozen.path
    told = json.loads(file.read_bytes())
    assert [day for _, day in told.pop("pending")] == ["2025-10-01"]
    file.write_bytes(json.dumps(told).encode())
    with home.begin() as connection:
        row = tables.run_drafts
        connection.execute(row.update().where(row.c.run_id == 2).values(sha256=charge_files.file_sha256(file)))


def test_a_list_of_before_is_named_and_not_numbered(history: History, capsys: pytest.CaptureFixture[str]) -> None:
    as_before(history)
    world, folder = history.world, history.world.home.path
    assert upgrading.upgrade(folder, "0012").notes == ()
    (note,) = upgrading.upgrade(folder, dry_run=True).notes
    assert note.startswith(f"{SAID}; remedy: reject it (ratewright bill reject --run 2 --note ...) or give it up ")
    assert app.main(["db", "upgrade", "--home", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"note: {note}"
    with pytest.raises(UserError) as caught:
        cycle.run(world.home, BILL_DATE, world.tick(), order=order())
    assert (caught.value.message, world.numbers("bert")) == (SAID, world.numbers("bert")[:1])
    cycle.abandon(world.home, BILL_DATE, Step(world.tick(), states.By(*ANA)))
    cycle.run(world.home, BILL_DATE, world.tick(), order=order())
    history.tell("runs 2026-01 2026-01")
    assert (history.billed_cents("anna"), history.billed_cents("bert")) == (0, 100)


def test_a_list_with_periods_to_compute_again_does_not_go_back(history: History) -> None:
    world, folder = history.world, history.world.home.path
    with pytest.raises(
        UserError, match="the list of bill run 2 of 2025-12-01 has periods of accounts that the next run has to compute again"
    ):
        upgrading.upgrade(folder, "0012")
    assert upgrading.upgrade(folder, dry_run=True).found > "0012"
    cycle.run(world.home, BILL_DATE, world.tick(), order=order())
    with world.home.connect() as connection:
        assert len(connection.execute(sa.select(tables.pending_periods)).all()) == 1
    with pytest.raises(UserError, match="rows of pending_periods"):
        upgrading.upgrade(folder, "0012")

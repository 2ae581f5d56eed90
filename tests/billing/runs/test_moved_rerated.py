"""Numbers that move after a re-rating billed what a void had opened: its documents are another place where usage may be."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import pytest

from billing import catalogue
from billing.controls.late import late_books
from billing.documents import undoing
from billing.late_decisions import BILLED
from billing.persons import Who
from billing.rerate import jobs
from billing.rerate.request import request
from billing.runs import quarantine
from billing.store import tables
from rating.errors import ProblemsError, UserError
from tests.billing.runs.test_moved_histories import History
from tests.billing.runs.world import START_US, shop
from tests.billing.too_late.late_world import ANA, BEN, decide, open_records, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    made = History(tmp_path)
    yield made
    made.world.home.close()


# acts after a void and a re-rating of October, whose call is Bert's then; cents of both after the run of January
RERATED: Final = {
    "her bills are held": ("2025-12-06 hold anna 2026-01-20\n2025-12-07 move anna bert-1 2025-10-10", "2026-01-01 run anna,bert", (100, 0)),
    "a run of his alone comes first": ("2025-12-07 move anna bert-1 2025-10-10", "2026-01-01 run bert", (100, 0)),
    "a run of both comes first": ("2025-12-07 move anna bert-1 2025-10-10", "2026-01-01 run anna,bert", (0, 100)),
    "the document of the re-rating is void": (
        "2025-12-06 hold anna 2026-01-20\n2025-12-06 void anna 2\n2025-12-07 move anna bert-1 2025-10-10",
        "2026-01-01 run anna,bert",
        (0, 100),
    ),
    "it is void after a run with nothing to add": (
        "2025-12-04 run anna 2025-12-01\n2025-12-06 hold anna 2026-01-20\n2025-12-07 move anna bert-1 2025-10-10\n2025-12-08 void anna 2",
        "2026-01-01 run anna,bert",
        (0, 100),
    ),
}


def rerated_history(history: History, runs: str, void_day: str) -> None:
    """Her bill of October is void, and a re-rating has billed the month since."""
    history.all(f"2025-10-01 open 3\n2025-10-21 call anna 2025-10-20 10\n{runs}\n{void_day} void anna 0")
    catalogue.publish(history.world.home, shop(2, START_US, corrects=1), history.world.tick())
    who = Who(*ANA, history.world.tick())
    job = jobs.plan(history.world.home, request("shop/plus", 2, "2025-10", None), who)
    if job.state == jobs.WAITING:
        jobs.decide(history.world.home, job.job_id, jobs.APPROVED, "", Who(*BEN, history.world.tick()))
    jobs.apply(history.world.home, job.job_id, dt.date.fromisoformat(void_day), Who(*ANA, history.world.tick()))
    assert history.billed_cents("anna") == 100


@pytest.mark.parametrize("name", RERATED)
def test_usage_stays_on_a_re_rating_until_a_run_of_its_account_takes_it_off(history: History, name: str) -> None:
    acts, run, then = RERATED[name]
    rerated_history(history, "runs 2025-11 2025-12", "2025-12-03")
    history.all(acts)
    history.tell(run)
    assert "bert" not in {each.account_id for each in quarantine.parked(history.world.home)}
    assert (history.billed_cents("anna"), history.billed_cents("bert")) == then
    history.tell("runs 2026-02 2026-02")
    assert (history.billed_cents("anna"), history.billed_cents("bert"), wrong(history.world)) == (0, 100, set())


def test_a_run_that_took_usage_off_a_re_rating_is_not_undone_for_the_former_owner_alone(history: History) -> None:
    rerated_history(history, "runs 2025-11 2025-12", "2025-12-03")
    history.all("2025-12-07 move anna bert-1 2025-10-10\nruns 2026-01 2026-01")
    assert (history.billed_cents("anna"), history.billed_cents("bert")) == (0, 100)
    with pytest.raises(ProblemsError) as caught:
        undoing.undo(history.world.home, 4, "wrong", Who(*ANA, history.world.tick()), accounts=frozenset({"anna"}))
    assert [each.message for each in caught.value.problems] == ["usage that run 4 took off its bill is on the bill of bert in run 4"]


def test_what_a_re_rating_of_the_former_owner_has_is_not_too_late(history: History) -> None:
    rerated_history(history, "runs 2025-11 2026-02", "2026-02-03")
    history.all("2026-02-06 hold anna never\n2026-02-07 move anna bert-1 2025-10-10\nruns 2026-03 2026-03")
    assert (history.billed_cents("anna"), open_records(history.world), wrong(history.world)) == (100, [], set())
    with pytest.raises(UserError, match="no record x is too late"):
        decide(history.world, BILLED, "x")
    history.tell("2026-03-06 void anna 4")
    assert (history.billed_cents("anna"), open_records(history.world), wrong(history.world)) == (0, ["x"], set())


def test_usage_that_no_run_would_compute_shows_in_the_books(history: History) -> None:
    """The run of January left the call on the re-rating, whose document is void then. Without its note no run computes October again."""
    rerated_history(history, "runs 2025-11 2025-12", "2025-12-03")
    history.all("2025-12-06 hold anna 2026-05-20\n2025-12-07 move anna bert-1 2025-10-10\n2026-01-01 run anna,bert\n2026-01-02 void anna 2")
    home = history.world.home
    with home.begin() as connection:
        assert connection.execute(tables.pending_periods.delete()).rowcount == 1
    with home.connect() as connection:
        books = {each.name: each for each in late_books(home, connection, home.head_seq(connection))}
    found = books["late usage: not due = what coming runs compute"]
    assert (found.ok, found.left - found.right, len(found.terms)) == (False, 1, 1)

"""Random histories of dunning: invoices, payments, promises, plans, runs and undone runs. An undone run leaves no trace in what holds.

Two homes live the same life; in one of them runs are taken and undone in between. Afterwards both say the same of every account.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING, Any

import pytest

from billing import dunning, payments
from billing.controls import books
from billing.ledger.closed_months import Who
from billing.payments import instalments, promises
from rating.errors import UserError
from tests.billing.payments.desk import Desk, day, units

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
ACCOUNTS = ("anna", "ben", "cleo")
ACTS = 30
LAST = dt.date(2026, 11, 30)


class Life:
    """One home and what happened in it. The same random numbers lead to the same acts."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk(folder)
        self.desk.now_us += 4 * 365 * 86_400_000_000  # all dates of a life have begun
        for name in ACCOUNTS[1:]:
            self.desk.account(name)

    def act(self, place: int, what: str, account: str, amount: float, on: dt.date) -> None:
        """One act of the life; `place` makes its id."""
        home, act = self.desk.home, self.desk.act
        later = on + dt.timedelta(20)
        if what == "invoice":
            self.desk.invoice(f"R-{place:010d}", amount, f"{later:%m-%d}", account, issued=f"{on:%m-%d}")
        elif what == "pay":
            payments.record(home, f"p{place}", account, units(amount), on, "", act.now_us)
        elif what == "promise":
            promises.promise(home, promises.Promise(f"m{place}", account, units(amount), on, later), act)
        elif what == "plan":
            try:
                instalments.agree(home, instalments.PlanRequest(f"i{place}", account, on, equal=2, first_on=later), act)
            except UserError as error:
                assert "nothing open" in error.message or "is not possible" in error.message, error.message  # noqa: PT017
        else:
            dunning.run(home, on, act.now_us)

    def wrong_runs(self, chance: random.Random, on: dt.date) -> int:
        """Runs of later dates, undone by two people, the newest first."""
        days = sorted(chance.randint(0, 200) for _ in range(chance.randint(1, 3)))
        taken = [
            changes[0].run_id
            for days_ahead in days
            if (changes := dunning.run(self.desk.home, on + dt.timedelta(days_ahead), self.desk.act.now_us))
        ]
        for run_id in reversed(taken):
            assert run_id is not None
            for name, uid in (("ana", 2001), ("bob", 2002)):
                dunning.undo(self.desk.home, run_id, "tried", Who(name, uid, self.desk.act.now_us))
        return len(taken)

    def holds(self) -> list[Any]:
        """Of every account: the steps that count, whether it is barred, and what further runs would do."""
        found: list[Any] = []
        for name in ACCOUNTS:
            told = dunning.history(self.desk.home, name, LAST)
            steps = [
                (each.as_of, each.level_before, each.level, each.action, each.overdue_micros) for each in told.steps if not each.undone
            ]
            found.append((name, steps, told.barred, told.level, told.held_level))
        for days in (0, 20, 60):
            changes = dunning.preview(self.desk.home, LAST + dt.timedelta(days))
            found.append([(each.account_id, each.level_before, each.action) for each in changes])
        return found


def acts(chance: random.Random) -> list[tuple[str, str, float, dt.date]]:
    """Acts in the order of their dates."""
    days = sorted(day("02-01") + dt.timedelta(chance.randint(0, 270)) for _ in range(ACTS))
    whats = chance.choices(("invoice", "pay", "promise", "plan", "run"), (6, 3, 3, 1, 7), k=ACTS)
    return [(what, chance.choice(ACCOUNTS), chance.choice((0.5, 5, 12, 30, 40)), on) for what, on in zip(whats, days, strict=True)]


@pytest.mark.parametrize("seed", range(6))
def test_undone_runs_leave_no_trace_in_what_holds(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    plain, tried = Life(tmp_path / "plain"), Life(tmp_path / "tried")
    undone = 0
    for place, (what, account, amount, on) in enumerate(acts(chance)):
        plain.act(place, what, account, amount, on)
        tried.act(place, what, account, amount, on)
        if chance.random() < 0.3:
            undone += tried.wrong_runs(chance, on)
    assert undone > 0, f"seed {seed} undoes nothing"
    assert tried.holds() == plain.holds(), f"seed {seed}"
    for life in (plain, tried):
        failed = [book.name for book in books(life.desk.home) if not book.ok and book.name.startswith("dunning")]
        assert failed == [], f"seed {seed}"
        life.desk.home.close()

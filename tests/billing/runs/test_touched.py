"""Only what something touched is computed again: whatever happens, the drafts are those of computing everything."""

from __future__ import annotations

import datetime as dt
import os
import random
from typing import TYPE_CHECKING, Any

import pytest

from billing.runs import computing, cycle
from billing.runs.selection import usage_changes
from billing.runs.start import Order
from tests.billing.runs.histories import ACCOUNTS, Histories
from tests.billing.runs.world import Call

if TYPE_CHECKING:
    from pathlib import Path

    from billing.invoicing.drafts import Drafts
    from billing.store.home import Home

pytestmark = pytest.mark.slow
SEEDS = range(int(os.environ.get("RATEWRIGHT_HISTORIES", "3")))
BILL_DATES = [
    dt.date(2025, 11, 1),
    dt.date(2025, 11, 15),
    dt.date(2025, 12, 1),
    dt.date(2025, 12, 15),
    dt.date(2026, 1, 1),
    dt.date(2026, 2, 1),
]


def told(drafts: Drafts) -> list[tuple[Any, ...]]:
    """Every invoice with all of its lines."""
    found = []
    for place in range(len(drafts)):
        rows = range(int(drafts.first_line[place]), int(drafts.first_line[place + 1]))
        lines = [(drafts.lines[row].tolist(), drafts.texts[drafts.text[row]]) for row in rows]
        heading = (drafts.account_key, drafts.period_from, drafts.period_to, drafts.due_on)
        found.append((*(int(column[place]) for column in heading), lines))
    return found


def drafts_of(home: Home, date: dt.date, *, everything: bool) -> tuple[list[tuple[Any, ...]], int]:
    """What a run would bill now, and how many accounts and periods it computes for that."""
    with home.connect() as connection:
        seq = home.head_seq(connection)
    computed = computing.compute(home, date, seq, threads=1, everything=everything)
    return told(computed.settlement.drafts), sum(len(periods) for periods in computed.scope.periods)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_touched_is_enough(tmp_path: Path, seed: int) -> None:
    with Histories(tmp_path / "home", random.Random(seed)) as histories:
        _live(histories, seed)


def _live(histories: Histories, seed: int) -> None:
    computed = whole = 0
    for date in BILL_DATES:
        happened = [histories.happen() for _ in range(histories.random.choice((1, 4, 8, 16)))]
        histories.today = date
        happened += [histories.happen() for _ in range(histories.random.randint(0, 3))]
        everything, of_all = drafts_of(histories.world.home, date, everything=True)
        chosen, of_chosen = drafts_of(histories.world.home, date, everything=False)
        assert chosen == everything, f"seed {seed}, {date}, after {happened}"
        computed, whole = computed + of_chosen, whole + of_all
        if histories.random.random() < 0.8:
            only = frozenset({histories.random.choice(ACCOUNTS)}) if histories.random.random() < 0.2 else None
            cycle.run(histories.world.home, date, histories.world.begun(date), order=Order(accounts=only))
    assert 0 < computed <= whole


def test_who_is_not_touched_is_not_computed(tmp_path: Path) -> None:
    with Histories(tmp_path / "home", random.Random(3)) as histories:
        histories.calls()
        for date in BILL_DATES[:3]:
            cycle.run(histories.world.home, date, histories.world.begun(date))
        histories.today = BILL_DATES[2]
        histories.world.take(Call(histories.number("anna", 1), "2025-11-20T12:00:00", 600, key="late"))
        everything, chosen = (drafts_of(histories.world.home, BILL_DATES[4], everything=all_) for all_ in (True, False))
        assert chosen[0] == everything[0]
        assert (chosen[1], everything[1]) == (5 + 1, 5 * 3), "the last month of each, and of Anna the one before; of all, all open ones"


def test_the_histories_would_show_what_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_changes, "collect", lambda *_: None)
    with Histories(tmp_path / "home", random.Random(7)) as histories:
        histories.calls()
        cycle.run(histories.world.home, BILL_DATES[0], histories.world.begun(BILL_DATES[0]))
        histories.today = BILL_DATES[0]
        for _ in range(5):
            histories.late_call()
        assert (
            drafts_of(histories.world.home, BILL_DATES[2], everything=True)[0]
            != drafts_of(histories.world.home, BILL_DATES[2], everything=False)[0]
        )

"""Runs in any order of dates, of all or of some, with voids between: what stands billed in the end is one computation from nothing."""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import functools
import os
import random
from typing import TYPE_CHECKING

import pytest

from billing.charges.lines import KEY_FIELDS, empty
from billing.documents import voiding
from billing.guiding import Guide
from billing.invoicing import billed_lines
from billing.runs import bounds, by_hand, computing, cycle, facts, price_list, scope
from billing.runs.beginning import Order
from billing.runs.contracts import Contracts
from billing.runs.coverage import Covered
from rating.errors import UserError
from tests.billing.documents.clerk import who, wrong
from tests.billing.runs.histories import ACCOUNTS, FIRST, Histories
from tests.billing.runs.world import instant_us
from tests.billing.second_person import set_by_two

if TYPE_CHECKING:
    from pathlib import Path

    from billing.charges.lines import Lines
    from billing.store.home import Home

pytestmark = pytest.mark.slow
FOUND = (30, 48, 333)  # what came before a void, or between a reissue and a run made again, was lost in these
SEEDS = sorted({*range(int(os.environ.get("RATEWRIGHT_HISTORIES", "4"))), *FOUND})
DATES = [dt.date(2025, month, day) for month in (11, 12) for day in (1, 15)] + [dt.date(2026, month, 1) for month in (1, 2, 3)]
LAST = dt.date(2026, 7, 1)  # no hold reaches so far
LONG = 60  # periods that stay open: nothing is too old to be corrected
OTHERWISE = ("void", "adjust", "test_account")  # a void as an operator makes it; the others are about single periods


class Disorder(Histories):
    """Histories with runs of any date so far, and voids that may be made anew at once."""

    def __init__(self, folder: Path, random_: random.Random) -> None:
        super().__init__(folder, random_)
        self.things = tuple(each for each in self.things if each.__name__ not in OTHERWISE)
        set_by_two(self.world.home, "reopen_periods_max", str(LONG), self.world.tick)
        self.told: list[str] = []

    def live(self) -> None:
        """From bill date to bill date, up to one of them: what is lost at the end is not found because something else happens later."""
        place, last = 0, self.random.randint(3, len(DATES))
        while place < last:
            self.today = DATES[place]
            self.told += [self.happen() for _ in range(self.random.choice((0, 1, 1, 2)))]
            only = frozenset({self.random.choice(ACCOUNTS)}) if self.random.random() < 0.2 else None
            if self.random.random() < 0.3:
                self.run(self.random.choice(DATES[: place + 1]), only)
            else:
                self.run(DATES[place], only)
                place += 1
            if self.random.random() < 0.5:
                self.void_some()

    def run(self, date: dt.date, only: frozenset[str] | None = None) -> int:
        """How many invoices a run makes."""
        report = cycle.run(self.world.home, date, self.world.begun(date), order=Order(accounts=only))
        self.told.append(f"run {date} {sorted(only or ())} {report.put_aside}")
        assert not report.quarantined, self.told
        return report.invoices

    def void_some(self) -> None:
        """Of the last bills what somebody may void: unpaid, and nothing built on it."""
        self.world.now_us = max(self.world.now_us, instant_us(f"{self.today}T12:00:00"))
        numbers = self.world.numbers()[-8:]
        for number in self.random.sample(numbers, min(3, len(numbers))):
            with contextlib.suppress(UserError):
                voiding.void(self.world.home, number, "wrong", who(self.world))
                self.told.append(f"void {number}")
                if self.random.random() < 0.5:
                    report = voiding.reissue(self.world.home, number, who(self.world))
                    self.told.append(f"reissue {number} {report.bill_date} {report.put_aside}")


def summed(lines: Lines) -> dict[tuple[int, ...], int]:
    """Amounts by charge key that are not zero."""
    sums: collections.Counter[tuple[int, ...]] = collections.Counter()
    for key, amount in zip(lines[list(KEY_FIELDS)].tolist(), lines["amount_micros"].tolist(), strict=True):
        sums[key] += amount
    return {key: amount for key, amount in sums.items() if amount}


def from_nothing(home: Home) -> dict[tuple[int, ...], int]:
    """What one run would bill for all time, had nobody been billed before."""
    midnights = facts.Midnights()
    with home.connect() as connection:
        seq = home.head_seq(connection)
        contracts = Contracts(facts.load(connection, seq), price_list.load(home, seq), midnights)
        nobody = Covered.nobody(len(contracts.facts.accounts))
        chosen = scope.decide(contracts.facts, nobody, LAST, midnights, reopen_periods_max=LONG)
        guide = functools.cache(lambda: Guide(home, seq))
        known = computing.Known(contracts, chosen, empty(), [], by_hand.counting(connection, seq), bounds.Limits(10**6, 10**6), guide)
    settled = computing.settled(home, seq, known, threads=1)
    assert not settled.settlement.quarantined
    return summed(settled.settlement.drafts.lines)


@pytest.mark.parametrize("seed", SEEDS)
def test_runs_in_any_order_bill_what_is_due(tmp_path: Path, seed: int) -> None:
    with Disorder(tmp_path / "home", random.Random(seed)) as history:
        history.live()
        history.run(LAST)
        assert history.run(LAST) == 0, history.told
        home = history.world.home
        with home.connect() as connection:
            billed = summed(billed_lines(connection, FIRST))
        assert billed == from_nothing(home), f"seed {seed}: {history.told}"
        assert wrong(history.world) == []

"""Where no version was published since, a re-rating finds nothing: whatever happened, and whichever runs billed whom and when."""

from __future__ import annotations

import datetime as dt
import os
import random
from typing import TYPE_CHECKING

import pytest

from billing.rerate import jobs
from billing.rerate.request import request
from billing.runs import cycle
from billing.runs.start import Order
from tests.billing.runs.histories import ACCOUNTS, PLANS, Histories

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
SEEDS = range(int(os.environ.get("RATEWRIGHT_HISTORIES", "3")))
BILL_DATES = [dt.date(2025, 11, 1), dt.date(2025, 11, 15), dt.date(2025, 12, 1), dt.date(2025, 12, 15), dt.date(2026, 1, 1)]
NOT_HERE = {"correct_tariff", "void"}  # what they leave is billed by a job


@pytest.mark.parametrize("seed", SEEDS)
def test_without_a_correction_there_is_nothing_to_rate_again(tmp_path: Path, seed: int) -> None:
    with Histories(tmp_path / "home", random.Random(seed)) as histories:
        histories.things = tuple(each for each in histories.things if each.__name__ not in NOT_HERE)
        assert _computed(histories, seed) > 0


def _computed(histories: Histories, seed: int) -> int:
    """How many accounts were rated again along a history."""
    world, chance, accounts = histories.world, histories.random, 0
    for date in BILL_DATES:
        happened = [histories.happen() for _ in range(chance.choice((2, 5, 9)))]
        histories.today = date
        cycle.run(world.home, date, world.begun(date))
        for _ in range(chance.randint(1, 3)):
            happened.append(histories.happen())
            some = frozenset(chance.sample(ACCOUNTS, 2)) if chance.random() < 0.7 else None
            again = chance.choice([each for each in BILL_DATES if each <= date][-2:])
            cycle.run(world.home, again, world.begun(again), order=Order(accounts=some))
        happened.append(histories.happen())
        for plan in PLANS:
            found = jobs.preview(world.home, request(plan, 2, "2025-09..2026-03"))
            assert found.largest == (), f"seed {seed}, {date}, {plan}, after {happened}"
            accounts += found.accounts
    return accounts

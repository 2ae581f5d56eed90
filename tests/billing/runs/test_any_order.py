"""Runs in any order of dates, of all or of some, with voids and undone runs between: what stands billed is one computation from nothing.

And a run that is undone leaves nothing behind: a copy of the home in which it never was bills the same from there on.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import datetime as dt
import functools
import itertools
import os
import random
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from billing import agreeing, late_decisions, setting_changes
from billing.accounting.check import check
from billing.charges.charge_keys import KEY_FIELDS
from billing.charges.lines import empty
from billing.documents import adjusting, undoing, voiding
from billing.guiding import Guide
from billing.invoicing import billed_lines
from billing.late_decisions import BILLED, LIMIT, WRITTEN_OFF
from billing.left_out.history import uncharged
from billing.runs import computing, cycle
from billing.runs.contracts import facts, price_list
from billing.runs.contracts.contracts import Contracts
from billing.runs.selection import scope
from billing.runs.selection.coverage import Covered
from billing.runs.settlement import adjustments, bounds
from billing.runs.start import Order
from billing.store import copying, tables
from billing.store.home import Home
from billing.too_late import deciding, taking_back
from billing.too_late.choosing import Choice
from billing.too_late.listing import listed
from billing.too_late.results import LateAct
from rating.errors import UserError
from tests.billing.documents import derived_periods
from tests.billing.documents.clerk import ANA, BEN, who, wrong
from tests.billing.runs import run_history
from tests.billing.runs.histories import ACCOUNTS, FIRST, Histories
from tests.billing.runs.world import instant_us
from tests.billing.second_person import set_by_two

if TYPE_CHECKING:
    from pathlib import Path

    from billing.charges.lines import Lines

pytestmark = pytest.mark.slow
FOUND = (30, 48, 333)  # what came before a void, or between a reissue and a run made again, was lost in these
DECIDING = range(int(os.environ.get("RATEWRIGHT_HISTORIES", "3")))
MUCH = 3_000_000  # above it another person agrees to a decision on late usage
TWINS = range(int(os.environ.get("RATEWRIGHT_HISTORIES", "3")))
SEEDS = sorted({*range(int(os.environ.get("RATEWRIGHT_HISTORIES", "4"))), *FOUND})
DATES = [dt.date(2025, month, day) for month in (11, 12) for day in (1, 15)] + [dt.date(2026, month, 1) for month in (1, 2, 3)]
COMING = (DATES[-1], dt.date(2026, 4, 1), dt.date(2026, 4, 15))  # after a life
LAST = dt.date(2026, 7, 1)  # no hold reaches so far
FORKED = 10_000  # the first name that is given after a fork
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
            if self.random.random() < 0.4:
                self.undo_some()

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

    def state(self) -> dict[str, Any]:
        """All that decides what happens next, but the home."""
        self._names = itertools.count(FORKED)
        return {name: copy.deepcopy(value) for name, value in vars(self).items() if name not in {"world", "things", "_names"}}

    def go_back(self, state: dict[str, Any]) -> None:
        """The same happens once more."""
        self._names = itertools.count(FORKED)
        vars(self).update(state)

    def undo_some(self) -> None:
        """One of the last runs is undone, for all or for some; what stands in the way refuses it."""
        with self.world.home.connect() as connection:
            runs = connection.execute(sa.select(tables.bill_runs.c.run_id)).scalars().all()
        run_id = self.random.choice(runs[-3:])
        only = frozenset(self.random.sample(ACCOUNTS, self.random.randint(1, 3))) if self.random.random() < 0.6 else None
        with contextlib.suppress(UserError):
            self.undo(run_id, only)

    def undo(self, run_id: int, only: frozenset[str] | None = None) -> None:
        """Two people undo a run."""
        for person in (ANA, BEN):
            done = undoing.undo(self.world.home, run_id, "wrong", who(self.world, person), accounts=only)
        self.told.append(f"undo {run_id} {sorted(only or ())} {[each.number for each in done.documents]}")


class Deciding(Disorder):
    """With plans on which usage is too late after some weeks, and people who decide on that between runs."""

    late_days_max = 30

    def __init__(self, folder: Path, random_: random.Random) -> None:
        super().__init__(folder, random_)
        setting_changes.put(self.world.home, LIMIT, str(MUCH), *ANA, self.world.tick())
        self.decided: list[int] = []

    def happen(self) -> str:
        """Something happens, a late call comes, and perhaps somebody decides."""
        name = super().happen()
        self.late_call()
        for act, chance in ((self.decide_late, 0.8), (self.take_back, 0.3)):
            if self.random.random() < chance:
                act()
        return name

    def decide_late(self) -> None:
        """One or two records of the list are billed or written off; above the limit by two people."""
        records = [each.record.event_key for each in listed(self.world.home, self.world.now_us).records]
        chosen = tuple(self.random.sample(records, min(len(records), self.random.randint(1, 2))))
        wanted = LateAct(self.random.choice((BILLED, WRITTEN_OFF)), Choice(chosen), "the switch was down")
        with contextlib.suppress(UserError):
            done = deciding.decide(self.world.home, wanted, who(self.world))
            if done.needs_second:
                done = agreeing.agree(self.world.home, done.proposal, "seen", who(self.world, BEN)).result
            self.decided += [each.decision_id for each in done.groups]
            self.told.append(f"{wanted.kind} {[each.decision_id for each in done.groups]}")

    def take_back(self) -> None:
        """A decision is taken back; where an invoice has it that is refused."""
        if self.decided:
            number = self.random.choice(self.decided)
            with contextlib.suppress(UserError):
                taking_back.take_back(self.world.home, number, "by mistake", who(self.world))
                self.told.append(f"take back {number}")


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
        known = computing.RunInputs(
            contracts, chosen, empty(), [], adjustments.counting(connection, seq), bounds.Limits(10**6, 10**6), guide
        )
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
        assert [each for each in check(home) if not each.ok] == []
        assert [*run_history.differing(home), *derived_periods.differing(home)] == [], history.told


@pytest.mark.parametrize("seed", DECIDING)
def test_runs_and_decisions_in_any_order_bill_what_is_due(tmp_path: Path, seed: int) -> None:
    """Usage that people decided on is in no run's charges, and of each record that they billed one adjustment stands."""
    with Deciding(tmp_path / "home", random.Random(f"decided {seed}")) as history:
        history.live()
        history.run(LAST)
        assert history.run(LAST) == 0, history.told
        home = history.world.home
        with home.connect() as connection:
            seq = home.head_seq(connection)
            billed, standing = summed(billed_lines(connection, FIRST)), late_decisions.standing(connection, seq)
            keys = set(late_decisions.decided(connection, seq).keys.to_pylist())
        assert len(keys) == sum(each.records for each in standing.values()), "no record is decided on twice"
        assert not keys - set(uncharged(home, seq)[0].to_pylist()), "no run has charged one"
        by_hand_micros = sum(each.amount_micros for each in standing.values() if each.kind == BILLED)
        assert by_hand_micros == sum(each.amount_micros for each in adjusting.list_all(home) if _is_billed_late(each)), history.told
        assert billed == from_nothing(home), f"seed {seed}: {history.told}"
        assert wrong(history.world) == []
        assert [each for each in check(home) if not each.ok] == []


def _is_billed_late(each: adjusting.Adjustment) -> bool:
    """True where an adjustment of late usage is on an invoice."""
    return each.reason_code == "late_usage" and each.state not in {adjusting.PENDING, adjusting.WAITING, adjusting.RETRACTED}


@pytest.mark.parametrize("seed", TWINS)
def test_an_undone_run_leaves_nothing_behind(tmp_path: Path, seed: int) -> None:
    """Of two homes to which the same happens, one has a wrong run of any date, all or some, perhaps a run after it, and both are undone."""
    chance = random.Random(f"wrong run {seed}")
    with Disorder(tmp_path / "home", random.Random(f"twins {seed}")) as history:
        history.live()
        world = history.world
        copying.copy(world.home, tmp_path / "twin", None)
        fork = history.state()
        wrong_runs = []
        for dates in ((*DATES, dt.date(2026, 4, 15), dt.date(2027, 6, 1)), (None, DATES[-1])):
            only = chance.choice((None, None, frozenset({chance.choice(ACCOUNTS)})))
            date = chance.choice(dates)
            if date is not None:
                wrong_runs.append(cycle.run(world.home, date, world.begun(date), order=Order(accounts=only)).run_id)
            told = [history.happen() for _ in range(2)]
        for run_id in reversed(wrong_runs):
            history.undo(run_id)
        made = [_billed_then(world.home, world.begun(COMING[-1]))]
        history.go_back(fork)
        with Home.open(tmp_path / "twin") as twin, contextlib.closing(world.home):
            world.home = twin
            for _ in range(2):
                again = [history.happen() for _ in range(2)]
            made.append(_billed_then(twin, world.begun(COMING[-1])))
        assert told == again
        for one, other in zip(*made, strict=True):
            assert one[:2] == other[:2], f"seed {seed}: {history.told}"
            assert one[2] >= other[2], "what was void is computed again, and that may leave something of more periods"
        assert len(made[0]) == len(made[1]) == 3


def _billed_then(home: Home, now_us: int) -> list[tuple[Any, list[Any], set[Any]]]:
    """What runs of the dates to come bill: whom they put aside, their lines, and what they leave of allowances."""
    found = []
    line, invoice, left = tables.invoice_lines, tables.invoices.c, tables.carried_allowances
    names = [each.name for each in line.c if each.name not in {"invoice_key", "corrects_invoice_key"}]
    for place, date in enumerate(COMING):
        report = cycle.run(home, date, now_us + place)
        with home.connect() as connection:
            query = sa.select(*(line.c[name] for name in names)).join_from(line, tables.invoices, invoice.invoice_key == line.c.invoice_key)
            lines = connection.execute(query.where(invoice.run_id == report.run_id).order_by(invoice.account_key, line.c.line_no)).all()
            kept = connection.execute(sa.select(*list(left.c)[1:]).where(left.c.run_id == report.run_id)).all()
        found.append(((report.put_aside, report.quarantined), [tuple(row) for row in lines], set(map(tuple, kept))))
    return found

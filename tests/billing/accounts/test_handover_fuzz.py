"""Lives of handovers at random, beside a model of days: commands and imports in any order, between bills.

Plan basic is 10.00 a month for all. The model knows of each subscription its days alone; what it owes for a month is its share of these. It
says as well which handovers can be taken back.
"""

from __future__ import annotations

import calendar
import collections
import dataclasses
import datetime as dt
import itertools
import random
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing import accounts, controls
from billing.accounts import agreements, lifecycle
from billing.accounts.exporting import export_files
from billing.accounts.handovers import taking_back
from billing.accounts.numbers import owners_of
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.store import tables
from rating.errors import ProblemsError, UserError
from tests.billing.accounts.test_handed_over import import_rows
from tests.billing.runs.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
SEEDS = 24
FIRST, LAST = dt.date(2025, 10, 2), dt.date(2026, 1, 25)
BILLS = [dt.date(2025, 11, 1), dt.date(2025, 12, 1), dt.date(2026, 1, 1), dt.date(2026, 2, 1)]
OWNERS = ("anna", "bert", "carl")


@dataclasses.dataclass
class Sub:
    """The days of a subscription, and the one before it, with the end that this had before it was handed over."""

    account: str
    start: dt.date
    end: dt.date | None = None
    before: str = ""
    end_before: dt.date | None = None
    never: bool = False
    billed: bool = False

    def days(self, start: dt.date, end: dt.date) -> int:
        """Its days in a span."""
        last = end if self.end is None else min(self.end, end)
        return 0 if self.never else max((last - max(self.start, start)).days, 0)


class Life:
    """A home and its model. Each act asks the home first; the model follows where that did not refuse."""

    def __init__(self, world: World, folder: Path, seed: int) -> None:
        self.world, self.folder, self.random = world, folder, random.Random(seed)
        self.subs: dict[str, Sub] = {}
        self.closed: dict[str, dt.date] = {}
        self.done: collections.Counter[str] = collections.Counter()
        for name in OWNERS:
            world.account(name)

    def _asked(self) -> Asked:
        return Asked(Operator("ann", 1001), self.world.tick())

    def _day(self) -> dt.date:
        return FIRST + dt.timedelta(days=self.random.randrange((LAST - FIRST).days))

    def _day_of(self, name: str) -> dt.date:
        """A day, often one of the first weeks of a subscription, or the one on which it ends."""
        sub = self.subs[name]
        some = (sub.start + dt.timedelta(days=self.random.randrange(1, 60)), sub.end or self._day(), self._day())
        return min(self.random.choice(some), LAST)

    def act(self) -> None:
        """Do one thing, and note that it was done; nothing where the home refuses it."""
        acts = (
            self._activate,
            self._import_pair,
            *[self._hand_over] * 4,
            *[self._end] * 2,
            self._revive,
            *[self._undo] * 3,
            self._close,
            self._import_end,
        )
        chosen = self.random.choice(acts if self.subs else (self._activate, self._import_pair))
        name = chosen.__name__.removeprefix("_")
        try:
            chosen()
        except (UserError, ProblemsError):
            self.done[f"refused {name}"] += 1
        else:
            self.done[name] += 1

    def _activate(self) -> None:
        name, account, day = self._fresh(), self.random.choice(OWNERS), self._day()
        number = f"86138{len(self.subs):08}"
        lifecycle.activate(self.world.home, self._asked(), lifecycle.Activation(name, account, "shop/basic", day, (number,)))
        self.subs[name] = Sub(account, day)

    def _import_pair(self) -> None:
        """A handover of the system before: two subscriptions, and nothing but columns that say so."""
        (one, two), (first, second) = (self._fresh(), self._fresh(1)), self.random.sample(OWNERS, 2)
        start, day = sorted((self._day(), self._day()))
        row = {"plan": "shop/basic", "from_date": start.isoformat(), "to_date": day.isoformat()}
        rows = [{"subscription_id": one, "account_id": first, **row}]
        rows += [
            {"subscription_id": two, "account_id": second, "plan": "shop/basic", "from_date": day.isoformat(), "transferred_from": one}
        ]
        import_rows(self.world, self.folder / f"{one}.json", subscriptions=rows)
        self.subs[one] = Sub(first, start, day)
        self.subs[two] = Sub(second, day, before=one)

    def _hand_over(self) -> None:
        name, new, account = self._some(), self._fresh(), self.random.choice(OWNERS)
        day = self._day_of(name)
        lifecycle.transfer(self.world.home, self._asked(), name, account, day, new)
        old = self.subs[name]
        assert self._next_of(name) is None, "handed over twice"
        self.subs[new] = Sub(account, day, old.end, name, old.end)
        old.end = day

    def _end(self) -> None:
        name = self._some()
        day = self._day_of(name)
        lifecycle.end(self.world.home, self._asked(), name, day, "moves")
        self._ended(name, day)

    def _import_end(self) -> None:
        name = self._some()
        day = self._day_of(name)
        row: dict[str, object] = {"subscription_id": name, "kind": "end", "from_date": day.isoformat(), "detail": {"reason": "moves"}}
        import_rows(self.world, self.folder / "end.json", subscription_facts=[row])
        self._ended(name, day)

    def _ended(self, name: str, day: dt.date) -> None:
        given = self._next_of(name)
        assert given is None or self.subs[given].start == day, "an end beside a handover"
        assert not self.subs[name].never
        self.subs[name].end = day

    def _revive(self) -> None:
        name = self._some()
        lifecycle.revive(self.world.home, self._asked(), name, "stays")
        assert self._next_of(name) is None or self.subs[name].end is None, "an owner before who goes on"
        self.subs[name].end = None

    def _undo(self) -> None:
        """Take a handover back. The model says whether that is possible; where it is, a refusal fails the test."""
        name = self.random.choice([each for each, sub in self.subs.items() if sub.before] or [""])
        if not name:
            return
        sub = self.subs[name]
        old = self.subs[sub.before]
        closed = self.closed.get(old.account)
        goes_on = closed is not None and (sub.end_before is None or sub.end_before > closed)
        possible = sub.never or (self._next_of(name) is None and not sub.billed and not goes_on)
        if not possible:
            with pytest.raises(UserError) as refused:
                taking_back.untransfer(self.world.home, self._asked(), name, "a mistake")
            raise refused.value
        try:
            taking_back.untransfer(self.world.home, self._asked(), name, "a mistake")
        except UserError as error:
            raise AssertionError(name) from error
        if not sub.never:
            old.end, sub.never = sub.end_before, True
            self.done["taken back"] += 1

    def _close(self) -> None:
        account, day = self.random.choice(OWNERS), self._day()
        if day < dt.date(2025, 12, 1):
            return  # a life without customers is a short one
        agreements.close(self.world.home, self._asked(), account, day, "moves")
        self.closed[account] = day
        for name, sub in self.subs.items():
            if sub.account == account and not sub.never and (sub.end is None or sub.end > day):
                self._ended(name, day)

    def _some(self) -> str:
        return self.random.choice(list(self.subs))

    def _fresh(self, more: int = 0) -> str:
        return f"S{len(self.subs) + more}"

    def _next_of(self, name: str) -> str | None:
        return next((each for each, sub in self.subs.items() if sub.before == name and not sub.never), None)

    def bill(self, on: dt.date) -> None:
        """Run the cycle."""
        self.world.bill(on.isoformat())
        for sub in self.subs.values():
            sub.billed |= sub.days(FIRST.replace(day=1), on) > 0

    def owed(self) -> dict[tuple[str, str], int]:
        """The amounts that each subscription owes for each month, in micro-units: 10.00 by its days, rounded half up to cents."""
        found = {}
        for start in (dt.date(2025, 10, 1), *BILLS[:-1]):
            length = calendar.monthrange(start.year, start.month)[1]
            for name, sub in self.subs.items():
                days = sub.days(start, start + dt.timedelta(days=length))
                if days:
                    found[name, start.isoformat()[:7]] = (2 * 1000 * days + length) // (2 * length) * 10_000
        return found

    def billed(self) -> dict[tuple[str, str], int]:
        """The same amounts as all documents have them."""
        line, row = tables.invoice_lines.c, tables.subscriptions.c
        query = sa.select(row.subscription_id, line.period_from, line.amount_micros, line.account_key)
        query = query.join_from(tables.invoice_lines, tables.subscriptions, row.subscription_key == line.subscription_key)
        found: collections.Counter[tuple[str, str]] = collections.Counter()
        with self.world.home.connect() as connection:
            for name, start, micros, _ in connection.execute(query.where(line.kind == "recurring")):
                found[name, start[:7]] += micros
        return {key: micros for key, micros in found.items() if micros}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "elsewhere")
    yield made
    made.home.close()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_life(world: World, elsewhere: World, tmp_path: Path, seed: int) -> None:
    life = Life(world, tmp_path, seed)
    for on in BILLS:
        for _ in range(12):
            life.act()
        life.bill(on)
    assert life.billed() == life.owed(), life.done
    assert [each.name for each in controls.books(world.home) if not each.ok] == []
    with world.home.connect() as connection:
        for number in {each for (each,) in connection.execute(sa.select(tables.guiding_facts.c.served_id))}:
            spans = owners_of(connection, number)
            assert all(end is not None and end <= later[0] for (_, end, _), later in itertools.pairwise(spans)), number
    export_files(world.home, tmp_path / "one", "json")
    accounts.import_files(elsewhere.home, tmp_path / "one" / "accounts.json", elsewhere.tick())
    export_files(elsewhere.home, tmp_path / "two", "json")
    assert (tmp_path / "two" / "accounts.json").read_bytes() == (tmp_path / "one" / "accounts.json").read_bytes()


def test_lives_have_all_of_it(world: World, tmp_path: Path) -> None:
    """No act is always refused, or never."""
    life = Life(world, tmp_path, 7)
    for _ in range(250):
        life.act()
    acts = ("activate", "import_pair", "hand_over", "end", "revive", "undo", "close", "import_end")
    assert life.done["taken back"] > 5
    assert {each for each in acts if not life.done[each]} == set()
    assert {each for each in acts if not life.done[f"refused {each}"]} <= {"activate", "import_pair", "close"}

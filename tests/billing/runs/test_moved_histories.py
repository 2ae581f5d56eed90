"""One call of ten minutes in October (1.00, Anna's) through histories in which it is told otherwise later: it is on one bill in the end.

A line is a day and an act; `runs D E` are those of the first of all months from D to E. Where nothing is said runs open one period before
the newest. The last column is what usage comes to on all bills of Anna and of Bert, in cents; nothing is listed as too late.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import TYPE_CHECKING, Final

import msgspec
import pytest

from billing import catalogue, invoicing
from billing.accounts import agreements, kinds, numbers
from billing.accounts.picture import account_keys, load
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.controls.billed_once import billed_once_book
from billing.controls.late import late_books
from billing.documents import undoing, voiding
from billing.late_decisions import WRITTEN_OFF
from billing.persons import Who
from billing.rerate import jobs
from billing.rerate.request import request
from billing.runs import cycle, quarantine
from billing.runs.settlement import bounds
from billing.runs.start import Order
from billing.runs.usage import changed_events
from billing.store.voids import voided
from billing.suspense import resolving
from billing.suspense.deciding import Deciding
from rating.errors import ProblemsError, UserError
from tests.billing.runs.world import START_US, Call, World, shop
from tests.billing.second_person import let_one_give_back, set_by_two
from tests.billing.suspense.world import asking, listed
from tests.billing.too_late.late_world import ANA, BEN, CENT, NUMBERS, decide, open_records, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

HISTORIES: Final = {
    "another number of hers has moved before": ("""
        2025-10-01 hold bert 2026-03-10
        2025-10-02 give 8613800000007 anna-1 2025-10-01
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2025-11
        2025-11-10 move 8613800000007 bert-1 2025-11-05
                   runs 2025-12 2026-03
        2026-03-20 move anna bert-1 2025-10-10
                   runs 2026-04 2026-05
        """, (100, 0)),
    "the account that had it is for tests, so no bill has it": ("""
        2025-10-01 test anna 2025-10-01
        2025-10-01 hold bert 2026-02-15
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2026-02
        2026-02-20 move anna bert-1 2025-10-10
                   runs 2026-03 2026-04
        """, (0, 100)),
    "another version of a record of an account for tests is kept": ("""
        2025-10-01 test anna 2025-10-01
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2026-02
        2026-02-20 call bert 2026-02-19 20
        2026-02-21 keep 20
                   runs 2026-03 2026-04
        """, (0, 200)),
    "the account that had it is closed and billed; runs open three periods": ("""
        2025-10-01 open 3
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2025-11
        2025-11-10 close anna 2025-11-20
                   runs 2025-12 2025-12
        2025-12-10 call bert 2025-12-05 20
        2025-12-11 keep 20
        2026-01-01 run bert
                   runs 2026-01 2026-07
        """, (0, 200)),
    "a void had opened the period when it moved, and the new bill is void later": ("""
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2026-02
        2026-02-09 void anna
        2026-02-09 void bert
        2026-02-10 move anna bert-1 2025-10-10
                   runs 2026-03 2026-03
        2026-03-11 void bert
                   runs 2026-04 2026-06
        """, (0, 100)),
    "a void has opened the period, and the run after it is of the new owner alone": ("""
        2025-10-01 hold bert 2026-02-15
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2026-02
        2026-02-19 void anna
        2026-02-20 move anna bert-1 2025-10-10
        2026-03-01 run bert
                   runs 2026-03 2026-06
        """, (0, 100)),
    "its number is nobody's by now, and a hold makes the run look back": ("""
        2025-10-01 hold bert 2026-03-10
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2026-03
        2026-03-20 take anna 2025-10-10
                   runs 2026-04 2026-06
        """, (100, 0)),
    "the first run of the new owner is made late; runs open three periods": ("""
        2025-10-01 open 3
        2025-10-12 give 8613800000007 anna-1 2025-10-12
        2025-10-21 call 8613800000007 2025-10-20 10
        2025-11-01 run anna
        2025-12-01 run anna
        2026-01-01 run anna
        2026-02-01 run anna
        2026-03-01 run anna
        2026-03-20 move 8613800000007 bert-1 2025-10-15
        2026-03-21 run bert 2025-11-01
                   runs 2026-04 2026-05
        """, (100, 0)),
    "its run is missed until the period is closed; runs open three periods": ("""
        2025-10-01 open 3
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2026-01
        2026-01-20 move anna bert-1 2025-10-10
        2026-02-01 run bert
                   runs 2026-03 2026-06
        """, (100, 0)),
    "its bills are held until the period is closed; runs open three periods": ("""
        2025-10-01 open 3
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2026-01
        2026-01-20 move anna bert-1 2025-10-10
        2026-02-01 run bert
        2026-02-02 hold anna 2026-06-10
                   runs 2026-03 2026-08
        """, (100, 0)),
    "its run comes later, and takes it off; runs open three periods": ("""
        2025-10-01 open 3
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2025-11
        2025-11-20 move anna bert-1 2025-10-10
        2025-12-01 run bert
        2025-12-10 run anna 2025-12-01
                   runs 2026-01 2026-03
        """, (0, 100)),
    "it moves on while it waits; runs open three periods": ("""
        2025-10-01 open 3
        2025-10-12 give 8613800000007 anna-1 2025-10-12
        2025-10-21 call 8613800000007 2025-10-20 10
                   runs 2025-11 2025-11
        2025-11-20 move 8613800000007 bert-1 2025-10-15
        2025-12-01 run bert
        2025-12-02 back 8613800000007 2025-10-16
                   runs 2026-01 2026-03
        """, (100, 0)),
    "the run that took it off is undone for that account alone, which is refused": ("""
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2025-11
        2025-11-10 move anna bert-1 2025-10-10
                   runs 2025-12 2025-12
        2025-12-05 undo 2 anna
                   runs 2026-01 2026-03
        """, (0, 100)),
    "the run that took it off is undone": ("""
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2025-11
        2025-11-10 move anna bert-1 2025-10-10
                   runs 2025-12 2025-12
        2025-12-05 undo 2 anna,bert
        2025-12-06 hold anna 2026-01-20
                   runs 2026-01 2026-03
        """, (100, 0)),
    "the invoice that took it off cannot be void": ("""
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2025-11
        2025-11-10 move anna bert-1 2025-10-10
                   runs 2025-12 2025-12
        2025-12-05 void anna 1
        2025-12-06 hold anna never
                   runs 2026-01 2026-03
        """, (0, 100)),
    "it was billed again by a reissue, and a later invoice with the month is void": ("""
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2025-11
        2025-11-03 void anna 0
        2025-11-04 reissue anna 0
        2025-11-10 other 2025-10-22 30
                   runs 2025-12 2025-12
        2025-12-05 void anna 2
        2025-12-06 move anna bert-1 2025-10-10
        2025-12-07 run bert 2025-12-01
        2025-12-08 hold anna never
                   runs 2026-01 2026-02
        """, (100, 300)),
    "the invoice that put it back is void, and it moves on": ("""
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2025-11
        2025-11-10 move anna bert-1 2025-10-10
        2025-11-11 run anna,bert 2025-11-01
        2025-11-12 back anna 2025-10-11
        2025-11-13 run anna,bert 2025-11-01
        2025-11-14 void anna 2
        2025-11-15 move anna bert-1 2025-10-12
        2025-11-16 hold anna never
                   runs 2025-12 2026-02
        """, (0, 100)),
    "the account that had it is for tests later on": ("""
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2025-11
        2025-11-10 test anna 2025-12-01
        2025-11-11 move anna bert-1 2025-10-10
                   runs 2025-12 2026-03
        """, (0, 100)),
    "the account that had it is for tests, told after the period was closed": ("""
        2025-10-02 hold bert 2026-02-15
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2026-02
        2026-02-03 test anna 2025-10-01
        2026-02-20 move anna bert-1 2025-10-10
                   runs 2026-03 2026-04
        """, (100, 0)),
    "the account that had it closes before the period; runs open three periods": ("""
        2025-10-01 open 3
        2025-11-21 call anna 2025-11-20 10
                   runs 2025-11 2025-12
        2025-12-04 move anna bert-1 2025-11-10
        2025-12-05 close anna 2025-11-01
                   runs 2026-01 2026-04
        """, (0, 100)),
    "its bills were held without an end, and go on": ("""
        2025-10-01 open 3
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2025-11
        2025-11-10 hold anna never
        2025-11-11 move anna bert-1 2025-10-10
                   runs 2025-12 2025-12
        2025-12-10 goon anna
                   runs 2026-01 2026-03
        """, (0, 100)),
}  # fmt: skip


class History:
    """Acts of a home with Anna and Bert."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder / "home")
        self.voided = set[str]()
        let_one_give_back(self.world.home)
        self.open("2025-10-01", "1")
        for name in ("anna", "bert"):
            self.world.account(name)
            self.world.subscription(f"{name}-1", name, "shop/plus", NUMBERS[name])

    def tell(self, line: str) -> None:
        """One line."""
        first, *words = line.split()
        if first == "runs":
            self.runs(*words)
            return
        act, *more = words
        self.world.catch_up()
        self.world.begun(dt.date.fromisoformat(first))
        getattr(self, act)(first, *more)

    def all(self, acts: str) -> None:
        """Several lines."""
        for line in acts.strip().splitlines():
            self.tell(line)

    def runs(self, first: str, last: str) -> None:
        """Runs of all accounts, of the first of each month."""
        months = (f"{year}-{month:02}" for year in (2025, 2026) for month in range(1, 13))
        for month in months:
            if first <= month <= last:
                self.world.bill(f"{month}-01")
                self.require_once()

    def run(self, day: str, account: str, bill_date: str = "") -> None:
        """A run of one account alone."""
        order = Order(accounts=frozenset(account.split(",")))
        cycle.run(self.world.home, dt.date.fromisoformat(bill_date or day), self.world.tick(), order=order)
        self.require_once()

    def require_once(self) -> None:
        """No event is on two bills, at any time, and none on no bill that no run computes."""
        with self.world.home.connect() as connection:
            seq = self.world.home.head_seq(connection)
            found = [billed_once_book(self.world.home, connection, seq), *late_books(self.world.home, connection, seq)]
        assert [(each.name, each.terms) for each in found if not each.ok] == []

    def open(self, _day: str, periods: str) -> None:
        """The number of periods before the newest that runs open."""
        set_by_two(self.world.home, "reopen_periods_max", periods, self.world.tick)

    def call(self, _day: str, whose: str, on: str, minutes: str) -> None:
        """The call, or another version of it."""
        self.world.take(Call(NUMBERS.get(whose, whose), f"{on}T10:00:00", int(minutes) * 60, key="x"))

    def keep(self, _day: str, minutes: str) -> None:
        """Of its versions the one with so many minutes counts."""
        waiting = next(each for each in listed(self.world).rows if each.reason == "conflicting")
        found = resolving.versions(self.world.home, asking(self.world).seq, int(waiting.id))
        durations_s = (found.rows["duration_us"].to_numpy() // 1_000_000).tolist()
        name = found.names[durations_s.index(int(minutes) * 60)]
        resolving.resolve(self.world.home, found, name, Deciding(Operator(*ANA), self.world.tick(), "so"), {})

    def move(self, day: str, whose: str, subscription: str, from_day: str) -> None:
        """A number is another subscription's from a day on."""
        self.take(day, whose, from_day)
        self.give(day, whose, subscription, from_day)

    def take(self, _day: str, whose: str, from_day: str) -> None:
        """A number of Anna's belongs to no subscription from a day on."""
        numbers.take(self.world.home, self.asked(), NUMBERS.get(whose, whose), "anna-1", dt.date.fromisoformat(from_day))

    def give(self, _day: str, whose: str, subscription: str, from_day: str) -> None:
        """A number is a subscription's from a day on."""
        numbers.give(self.world.home, self.asked(), NUMBERS.get(whose, whose), subscription, dt.date.fromisoformat(from_day), 0)

    def hold(self, _day: str, account: str, to: str) -> None:
        """Bills of an account are held until a day."""
        span = dt.date(2025, 10, 30), None if to == "never" else dt.date.fromisoformat(to)
        agreements.agree(self.world.home, self.asked(), account, "hold", *span, kinds.HoldFact("disputed"))

    def goon(self, _day: str, account: str) -> None:
        """Its hold is taken back."""
        with self.world.home.connect() as connection:
            keys = list(account_keys(connection, [account]).values())
            (held,) = [fact for fact in load(connection, keys).customers[keys[0]].facts if fact.kind == "hold"]
        agreements.retract(self.world.home, self.asked(), account, held.fact_id, "mistake", of_subscription=False)

    def undo(self, _day: str, run_id: str, accounts: str) -> None:
        """Undo a run for accounts, by two people; or what refuses it."""
        for by in (ANA, BEN):
            with contextlib.suppress(ProblemsError):
                undoing.undo(self.world.home, int(run_id), "wrong", Who(*by, self.world.tick()), accounts=frozenset(accounts.split(",")))
        for account in accounts.split(","):
            with self.world.home.connect() as connection:
                gone = connection.execute(voided()).scalars().all()
            self.voided |= {
                number for number in self.world.numbers(account) if self.world.key("invoices", "invoice_key", "number", number) in gone
            }
        self.require_once()

    def back(self, day: str, number: str, from_day: str) -> None:
        """A number that was given to Bert is Anna's all the same."""
        numbers.take(self.world.home, self.asked(), NUMBERS.get(number, number), "bert-1", dt.date.fromisoformat(from_day))
        self.give(day, number, "anna-1", from_day)

    def test(self, _day: str, account: str, from_day: str) -> None:
        """An account is for tests from a day on."""
        category = kinds.CategoryFact("test")
        agreements.agree(self.world.home, self.asked(), account, "category", dt.date.fromisoformat(from_day), None, category)

    def close(self, _day: str, account: str, on: str) -> None:
        """An account is closed on a day."""
        agreements.close(self.world.home, self.asked(), account, dt.date.fromisoformat(on), "leaves")

    def void(self, _day: str, account: str, place: str = "") -> None:
        """Its first invoice that is not void, or one of them all; or what refuses it."""
        every = self.world.numbers(account)
        number = every[int(place)] if place else next(each for each in every if each not in self.voided)
        with contextlib.suppress(UserError):
            voiding.void(self.world.home, number, "wrong", Who(*ANA, self.world.tick()))
            self.voided.add(number)
        self.require_once()

    def reissue(self, _day: str, account: str, place: str) -> None:
        """A void invoice is billed again."""
        voiding.reissue(self.world.home, self.world.numbers(account)[int(place)], Who(*ANA, self.world.tick()))
        self.require_once()

    def other(self, _day: str, on: str, minutes: str) -> None:
        """Another call of Anna's number."""
        self.world.take(Call(NUMBERS["anna"], f"{on}T10:00:00", int(minutes) * 60, key="y"))

    def billed_cents(self, account: str) -> int:
        """The sum that documents which are not void have billed an account for usage."""
        valid = [number for number in self.world.numbers(account) if number not in self.voided]
        lines = [line for number in valid for line in invoicing.get_invoice(self.world.home, number).lines]
        return sum(line.amount_micros for line in lines if line.kind == "usage") // CENT

    def asked(self) -> Asked:
        """The person and the instant of an act."""
        return Asked(Operator(*ANA), self.world.tick())


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    made = History(tmp_path)
    yield made
    made.world.home.close()


@pytest.mark.parametrize("name", HISTORIES)
def test_it_is_on_one_bill(history: History, name: str) -> None:
    acts, (anna, bert) = HISTORIES[name]
    for line in acts.strip().splitlines():
        history.tell(line)
    assert (history.billed_cents("anna"), history.billed_cents("bert")) == (anna, bert)
    assert (open_records(history.world), wrong(history.world)) == ([], set())


def test_an_account_follows_the_one_whose_bill_has_its_usage_into_quarantine(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    for line in ("2025-10-21 call anna 2025-10-20 10", "runs 2025-11 2025-11", "2025-11-10 move anna bert-1 2025-10-10"):
        history.tell(line)
    anna = history.world.key("accounts", "account_key", "account_id", "anna")
    with monkeypatch.context() as patch:
        patch.setattr(bounds, "broken", lambda *_: {anna: "her bill is wrong"})
        history.tell("runs 2025-12 2025-12")
    why = "it has usage that is on a bill of account anna, which is put aside"
    assert {each.account_id: each.reason for each in quarantine.parked(history.world.home)} == {"anna": "her bill is wrong", "bert": why}
    history.tell("runs 2026-01 2026-02")
    assert (history.billed_cents("anna"), history.billed_cents("bert")) == (100, 0)  # October is closed to both by then


def test_usage_of_an_account_in_quarantine_until_it_is_closed_is_listed(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    for line in ("2025-10-21 call anna 2025-10-20 10", "runs 2025-11 2025-11", "2025-11-10 move anna bert-1 2025-10-10"):
        history.tell(line)
    bert = history.world.key("accounts", "account_key", "account_id", "bert")
    with monkeypatch.context() as patch:
        patch.setattr(bounds, "broken", lambda *_: {bert: "his bill is wrong"})
        history.tell("runs 2025-12 2026-01")
    history.tell("runs 2026-02 2026-03")
    assert (history.billed_cents("anna"), history.billed_cents("bert")) == (0, 0)
    assert (open_records(history.world), wrong(history.world)) == (["x"], set())


def test_a_re_rating_leaves_a_bill_with_moved_usage_alone(history: History) -> None:
    """The bill of October is final as Anna's number moves: a re-rating would take the call off it, and bill it to nobody."""
    lines = ("2025-10-21 call anna 2025-10-20 10", "runs 2025-11 2026-02", "2026-02-03 move anna bert-1 2025-10-10", "runs 2026-03 2026-03")
    for line in lines:
        history.tell(line)
    catalogue.publish(history.world.home, shop(2, START_US, corrects=1), history.world.tick())
    job = jobs.plan(history.world.home, request("shop/plus", 2, "2025-10", None), Who(*ANA, history.world.tick()))
    assert (job.figures.moved, job.figures.net_micros) == (("anna",), {})


def test_an_undo_is_refused_where_a_person_decided_on_what_the_run_took_off(history: History) -> None:
    world = history.world
    history.tell("2025-10-01 open 3")
    history.tell("runs 2025-11 2025-11")
    history.tell("2025-12-10 call anna 2025-11-05 10")
    history.tell("runs 2025-12 2026-01")
    strict = tuple(msgspec.structs.replace(each, late_usage_days_max=20) for each in shop().plans)
    catalogue.publish(world.home, msgspec.structs.replace(shop(2, START_US, corrects=1), plans=strict), world.tick())
    history.tell("runs 2026-02 2026-02")
    assert open_records(world) == ["x"]
    decide(world, WRITTEN_OFF, "x")
    with pytest.raises(ProblemsError) as caught:
        undoing.undo(world.home, 4, "wrong", Who(*ANA, world.tick()), accounts=frozenset({"anna"}))
    assert [each.message for each in caught.value.problems] == ["usage that run 4 took off its bill is in decision 1 on late usage"]


def test_a_later_bill_is_void_though_an_earlier_one_took_usage_off(history: History) -> None:
    """The bill of November took the call off. That of December corrects October as well, and took nothing off."""
    history.tell("2025-10-01 open 3")
    for line in (
        "2025-10-21 call anna 2025-10-20 10",
        "runs 2025-11 2025-11",
        "2025-11-10 move anna bert-1 2025-10-10",
        "runs 2025-12 2025-12",
    ):
        history.tell(line)
    history.tell("2025-12-10 other 2025-10-05 4")
    history.tell("runs 2026-01 2026-01")
    assert (history.billed_cents("anna"), history.billed_cents("bert")) == (40, 100)
    history.tell("2026-01-05 void anna 2")
    assert (len(history.voided), history.billed_cents("anna"), history.billed_cents("bert")) == (1, 0, 100)
    history.tell("2026-01-06 void anna 1")
    assert len(history.voided) == 1  # that one would bring the call back


def test_an_event_on_two_bills_is_found_by_its_book(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changed_events, "find", lambda *_, **_options: changed_events.Elsewhere(set(), {}))
    monkeypatch.setattr(history, "require_once", lambda: None)
    for line in HISTORIES["its run is missed until the period is closed; runs open three periods"][0].strip().splitlines():
        history.tell(line)
    with history.world.home.connect() as connection:
        found = billed_once_book(history.world.home, connection, history.world.home.head_seq(connection))
    (named,) = found.terms
    assert (found.left, found.right, named[32:]) == (1, 0, " is on 2 bills, of anna, bert")

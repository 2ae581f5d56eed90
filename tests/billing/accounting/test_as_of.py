"""Ageing as of any date: item by item in small stories, and equal to the balance of the receivable in random histories."""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING, Final

import pytest

from billing.accounting import ageing, balances, write_off
from billing.ledger.closed_months import Who
from rating.errors import UserError
from tests.billing.payments.desk import UNIT, Desk, day, units

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
SEEDS: Final = (1, 2, 3)
STEPS: Final = 120
KINDS_MIN: Final = 8  # of eleven acts


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "home")
    yield made
    made.home.close()


def aged(desk: Desk, on: str) -> str:
    """Items as of the end of a day, such as `R-1@02-15=10.00`; credit below zero."""
    with desk.home.connect() as connection:
        found = ageing.items(connection, day(on))
    return " ".join(f"{item.number}@{item.due_on:%m-%d}={item.open_micros / UNIT:.2f}" for item in found)


def test_a_payment_that_is_recorded_later_counts_from_its_own_day(desk: Desk) -> None:
    desk.invoice("R-1", 10)
    desk.pay("p1", 4, on="02-16")
    assert aged(desk, "02-15") == "R-1@02-15=10.00"
    assert aged(desk, "02-16") == "R-1@02-15=6.00"


def test_what_is_paid_too_much_is_credit_of_its_own_row(desk: Desk) -> None:
    desk.invoice("R-1", 10)
    desk.pay("p1", 12.5, on="02-16")
    assert aged(desk, "02-16") == "p1@02-16=-2.50"
    desk.back("f1", "refund", "p1", 2.5, on="02-20")
    assert aged(desk, "02-19") == "p1@02-16=-2.50"
    assert not aged(desk, "02-20")


def test_a_credit_note_that_was_paid_out_is_gone(desk: Desk) -> None:
    desk.invoice("C-1", -7, "02-01")
    desk.back("f1", "refund", None, 7, on="02-20", number="C-1")
    assert aged(desk, "02-19") == "C-1@02-01=-7.00"
    assert not aged(desk, "02-20")


def test_a_released_deposit_counts_from_its_release(desk: Desk) -> None:
    desk.invoice("R-1", 10)
    desk.deposit("d1", 30)
    desk.move("a1", "d1", "applied", 4, on="02-20")
    assert aged(desk, "02-19") == "R-1@02-15=10.00"
    assert aged(desk, "02-20") == "R-1@02-15=6.00"


def test_a_payment_that_bounced_makes_room_on_the_day_it_bounced(desk: Desk) -> None:
    desk.invoice("R-1", 10)
    desk.pay("p1", 10, on="02-05")
    desk.pay("p2", 10, on="02-06")
    desk.back("b1", "reversal", "p1", on="02-12")
    assert aged(desk, "02-05") == ""
    assert aged(desk, "02-11") == "p2@02-06=-10.00"
    assert aged(desk, "02-12") == ""


def test_a_void_invoice_counts_until_it_was_void(desk: Desk) -> None:
    desk.invoice("R-1", 10)
    desk.pay("p1", 4, on="02-10")
    desk.void("R-1", on="02-20")
    assert aged(desk, "02-19") == "R-1@02-15=6.00"
    assert aged(desk, "02-20") == "p1@02-10=-4.00"


def test_the_parts_of_a_plan_take_the_place_of_the_due_date_from_the_agreement_on(desk: Desk) -> None:
    desk.invoice("R-1", 10)
    desk.agree("i1", "02-20", parts="03-01=4 04-01=6")
    desk.pay("p1", 5, on="03-05")
    assert aged(desk, "02-19") == "R-1@02-15=10.00"
    assert aged(desk, "02-20") == "R-1@03-01=4.00 R-1@04-01=6.00"
    assert aged(desk, "03-05") == "R-1@04-01=5.00"  # 4.00 of the first part, 1.00 of the second
    with desk.home.connect() as connection:
        (row,) = ageing.aged(ageing.items(connection, day("03-31")), day("03-31"))
    assert row.buckets == (5 * UNIT, 0, 0, 0, 0), "not due before 1 April"


def test_an_invoice_that_is_not_posted_yet_does_not_count(desk: Desk) -> None:
    desk.invoice("R-1", 10, posted=False)
    desk.pay("p1", 4, on="02-10")
    assert aged(desk, "02-28") == "p1@02-10=-4.00", "the ledger has the payment alone"
    desk.post("R-1")
    assert aged(desk, "02-28") == "R-1@02-15=6.00"


class History:
    """Acts of one account in any order, each dated as it likes."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk, self.random, self.made = desk, random.Random(seed), 0
        self.numbers: list[str] = []
        self.issued: dict[str, str] = {}
        self.payments: list[str] = []
        self.deposits: list[str] = []
        self.done: set[str] = set()

    def step(self) -> None:
        """One act; refused ones leave no trace."""
        acts = {self._invoice: 9, self._note: 2, self._pay: 5, self._back: 4, self._payout: 2, self._deposit: 3, self._release: 4,
                self._void: 1, self._agree: 2, self._write_off: 5, self._undo: 5}  # fmt: skip
        (act,) = self.random.choices(list(acts), list(acts.values()))
        try:
            act()
        except UserError:
            return
        self.done.add(act.__name__)

    def _name(self, kind: str) -> str:
        self.made += 1
        return f"{kind}{self.made:03d}"

    def _day(self) -> str:
        return (dt.date(2026, 2, 1) + dt.timedelta(self.random.randint(0, 60))).strftime("%m-%d")

    def _amount(self) -> float:
        return self.random.randint(1, 4000) / 100

    def _invoice(self) -> None:
        number, issued = self._name("R"), self._day()
        self.desk.invoice(number, self._amount(), max(issued, self._day()), issued=issued)
        self.numbers.append(number)
        self.issued[number] = issued

    def _note(self) -> None:
        number, issued, about = self._name("C"), self._day(), self.random.choice([None, *self.numbers])
        self.desk.invoice(number, -self._amount(), issued, about=about, issued=issued)
        self.numbers.append(number)
        self.issued[number] = issued

    def _pay(self) -> None:
        self.payments.append(self._name("p"))
        self.desk.pay(self.payments[-1], self._amount(), on=self._day())

    def _back(self) -> None:
        kind = self.random.choice(("refund", "reversal", "chargeback", "chargeback_won"))
        amount = self.random.choice((None, self._amount()))
        self.desk.back(self._name("b"), kind, self.random.choice(self.payments or ["p"]), amount, on=self._day())

    def _payout(self) -> None:
        number = self.random.choice([number for number in self.numbers if number.startswith("C")] or ["C"])
        self.desk.back(self._name("b"), "refund", None, self.random.choice((None, self._amount())), on=self._day(), number=number)

    def _deposit(self) -> None:
        self.deposits.append(self._name("d"))
        self.desk.deposit(self.deposits[-1], self._amount(), on=self._day())

    def _release(self) -> None:
        kind = self.random.choice(("applied", "applied", "refunded"))
        amount = self.random.choice((None, self._amount()))
        self.desk.move(self._name("a"), self.random.choice(self.deposits or ["d"]), kind, amount, on=self._day())

    def _void(self) -> None:
        if self.numbers:
            number = self.random.choice(self.numbers)
            self.desk.void(number, on=max(self.issued[number], self._day()))
            self.numbers.remove(number)

    def _agree(self) -> None:
        self.desk.agree(self._name("i"), self._day(), equal=self.random.randint(1, 4), first="04-05")

    def _write_off(self) -> None:
        number, amount = self.random.choice(self.numbers or ["R"]), self.random.choice((None, units(self._amount())))
        who = Who("ana", 1, self.desk.act.now_us)
        write_off.write_off(self.desk.home, number, day(self._day()), "gone", who, amount_micros=amount, limit_micros=10**12)

    def _undo(self) -> None:
        who = Who("ana", 1, self.desk.act.now_us)
        write_off.undo(self.desk.home, self.random.choice(self.numbers or ["R"]), day(self._day()), "came back", who)


@pytest.mark.parametrize("seed", SEEDS)
def test_ageing_of_a_history_is_the_balance_of_the_receivable_on_any_day(desk: Desk, seed: int) -> None:
    history = History(desk, seed)
    for _ in range(STEPS):
        history.step()
    with desk.home.connect() as connection:
        for offset in range(0, 66, 3):
            on = dt.date(2026, 1, 31) + dt.timedelta(offset)
            found = sum(item.open_micros for item in ageing.items(connection, on))
            assert found == balances.balance_of(connection, "receivable:anna", "", "CNY", on), (seed, on)
    assert len(history.done) >= KINDS_MIN, f"seed {seed} did only {sorted(history.done)}"

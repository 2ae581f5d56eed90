"""Random lives of money: documents, payments, what goes back, deposits, plans and voids in any order, refused ones among them.

After every few steps: what is stored equals what is worked out anew, receivables are open items less credit, nothing settles more than its
amount, no invoice is settled beyond its total, and whatever was refused left no trace.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

import pytest
import sqlalchemy as sa

from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.billing.payments.desk import Desk

pytestmark = pytest.mark.slow
SEEDS: Final = (1, 2, 3)
STEPS: Final = 72
KINDS_MIN: Final = 12  # of acts that were done


class Life:
    """One account and what happens to it."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.random = random.Random(seed)
        self.made = 0
        self.numbers: list[str] = []
        self.waiting: list[str] = []
        self.payments: list[str] = []
        self.deposits: list[str] = []
        self.plans: list[str] = []
        self.acts: list[tuple[int, Callable[[], None]]] = [
            (6, self._invoice), (2, self._credit_note), (1, self._number), (2, self._post), (9, self._pay), (2, self._cash),
            (4, self._refund), (3, self._reverse), (3, self._chargeback), (2, self._win), (2, self._payout), (2, self._take),
            (3, self._move), (2, self._void), (2, self._agree), (1, self._end), (1, self._order),
        ]  # fmt: skip

    def step(self) -> str:
        """Do something; what it was."""
        act = self.random.choices([act for _, act in self.acts], [weight for weight, _ in self.acts])[0]
        act()
        return act.__name__

    def _name(self, kind: str) -> str:
        self.made += 1
        return f"{kind}{self.made:03d}"

    def _amount(self, most: int = 4000) -> float:
        return self.random.choice((1, self.random.randint(1, most), most)) / 100

    def _day(self, month: int = 2) -> str:
        return f"{self.random.randint(month, 12):02d}-{self.random.randint(1, 28):02d}"

    def _invoice(self, *, posted: bool = True) -> None:
        number = self._name("R")
        self.desk.invoice(number, self._amount(), self._day(), posted=posted)
        self.numbers.append(number)

    def _number(self) -> None:
        if not self.waiting:
            self._invoice(posted=False)
            self.waiting.append(self.numbers[-1])

    def _post(self) -> None:
        if self.waiting:
            self.desk.post(self.waiting.pop())

    def _credit_note(self) -> None:
        about = self.random.choice(self.numbers) if self.numbers and self.random.random() < 0.7 else None
        number = self._name("C")
        self.desk.invoice(number, -self._amount(), self._day(), about=about)
        self.numbers.append(number)

    def _pay(self) -> None:
        named = self.random.sample(self.numbers, min(len(self.numbers), self.random.choice((0, 0, 1, 3))))
        payment_id = self._name("p")
        self.desk.pay(payment_id, self._amount(), numbers=tuple(named))
        self.payments.append(payment_id)

    def _cash(self) -> None:
        payment_id = self._name("p")
        self.desk.cash(payment_id, self._amount(), self.random.choice(("front", "back")))
        self.payments.append(payment_id)

    def _refund(self) -> None:
        amount = self.random.choice((None, self._amount(1500)))
        self.desk.back(self._name("f"), "refund", self._payment(), amount, reopens=self.random.random() < 0.5)

    def _reverse(self) -> None:
        self.desk.back(self._name("b"), "reversal", self._payment(), fee=self.random.choice((0, 3)))

    def _chargeback(self) -> None:
        self.desk.back(self._name("c"), "chargeback", self._payment(), self.random.choice((None, self._amount(1500))))

    def _win(self) -> None:
        self.desk.back(self._name("w"), "chargeback_won", self._payment(), self.random.choice((None, None, self._amount(500))))

    def _payout(self) -> None:
        credits_ = [number for number in self.numbers if number.startswith("C")] or ["C000"]
        self.desk.back(self._name("f"), "refund", None, self.random.choice((None, self._amount(500))), number=self.random.choice(credits_))

    def _take(self) -> None:
        deposit_id = self._name("d")
        self.desk.deposit(deposit_id, self._amount())
        self.deposits.append(deposit_id)

    def _move(self) -> None:
        deposit_id = self.random.choice(self.deposits or ["d000"])
        kind = self.random.choice(("applied", "applied", "refunded"))
        self.desk.move(self._name("a"), deposit_id, kind, self.random.choice((None, self._amount(1500))))

    def _void(self) -> None:
        posted = [number for number in self.numbers if number not in self.waiting]
        if posted:
            number = self.random.choice(posted)
            self.desk.void(number)
            self.numbers.remove(number)

    def _agree(self) -> None:
        plan_id = self._name("i")
        self.desk.agree(plan_id, "02-20", equal=self.random.randint(1, 4), first=self._day(3))
        self.plans.append(plan_id)

    def _end(self) -> None:
        self.desk.end(self.random.choice(self.plans or ["i000"]))

    def _order(self) -> None:
        self.desk.set("allocation_order", self.random.choice(("oldest", "instruction, oldest", "nonsense")))

    def _payment(self) -> str:
        return self.random.choice(self.payments or ["p000"])


def bounds(desk: Desk) -> list[str]:
    """Invoices that are settled beyond their total or below zero, and payments that do not add up. Empty is good."""
    payment, settlement, event, credit = tables.payments.c, tables.settlements.c, tables.payment_events.c, tables.credits_left.c
    wrong = []
    with desk.home.connect() as connection:
        total = {row.invoice_key: row.total_micros for row in connection.execute(sa.select(tables.invoices))}
        sums = sa.select(settlement.invoice_key, sa.func.sum(settlement.amount_micros)).group_by(settlement.invoice_key)
        wrong += [f"invoice {key}" for key, amount in connection.execute(sums) if not 0 <= amount <= max(total[key], 0)]
        spent = sa.select(settlement.credit_id, sa.func.sum(settlement.amount_micros)).where(settlement.credit_kind == "payment")
        settled = {credit_id: int(amount) for credit_id, amount in connection.execute(spent.group_by(settlement.credit_id))}
        left = {
            row.credit_id: row.left_micros
            for row in connection.execute(sa.select(tables.credits_left).where(credit.credit_kind == "payment"))
        }
        signed = sa.case((event.kind == "chargeback_won", -event.amount_micros), else_=event.amount_micros)
        gone = {
            key: int(amount)
            for key, amount in connection.execute(sa.select(event.payment_id, sa.func.sum(signed)).group_by(event.payment_id))
        }
        for payment_id, amount in connection.execute(sa.select(payment.payment_id, payment.amount_micros)):
            if settled.get(payment_id, 0) + left.get(payment_id, 0) + gone.get(payment_id, 0) != amount:
                wrong.append(f"payment {payment_id}")
    return wrong


@pytest.mark.parametrize("seed", SEEDS)  # the name of a failed test tells its seed
def test_any_order(desk: Desk, seed: int) -> None:
    life = Life(desk, seed)
    done: list[str] = []
    refused = 0
    for place in range(STEPS):
        before = desk.rows()
        remedy = "none was needed"
        try:
            done.append(life.step())
        except UserError as error:
            refused += 1
            remedy = error.remedy
        assert remedy
        if remedy != "none was needed":
            assert desk.rows() == before, "what was refused left a trace"
        if place % 6 == 5:
            assert (done[-6:], desk.wrong(), bounds(desk)) == (done[-6:], [], [])
    assert len(set(done)) >= KINDS_MIN, "too little happened"
    assert refused


def test_the_harness_can_fail(desk: Desk) -> None:
    """A settlement moved from one payment to another breaks both."""
    desk.invoice("R-1", 10)
    desk.pay("p1", 4)
    desk.pay("p2", 4)
    assert bounds(desk) == []
    with desk.home.begin() as connection:
        connection.exec_driver_sql("UPDATE settlements SET credit_id = 'p2'")
    assert bounds(desk) == ["payment p1", "payment p2"]

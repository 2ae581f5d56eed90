"""Documents in any order: whatever is billed, credited and voided, what counts as billed in the end is what is due."""

from __future__ import annotations

import contextlib
import datetime as dt
import random

import numpy as np
import pytest
import sqlalchemy as sa

from billing.charges.charge_keys import Kind
from billing.documents import voiding
from billing.documents.due import due_of
from billing.documents.explaining import explain
from billing.documents.finding import find
from billing.invoicing import billed_lines
from billing.store import tables
from rating.errors import UserError
from tests.billing.documents import derived_periods
from tests.billing.documents.clerk import CENT, cents, credit, who, wrong
from tests.billing.runs.world import Call, World, instant_us

MONTHS = ("2025-11-01", "2025-12-01", "2026-01-01")
ACTS = ("call", "call", "credit", "credit", "void", "reissue", "bill")


class Clerk:
    """Does things to the documents of one account at random; what is refused changes nothing."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.today = MONTHS[0]
        self.calls = self.done = 0

    def act(self) -> None:
        """One act. Many are refused: a document that is paid, void, corrected, or has nothing left to credit."""
        with contextlib.suppress(UserError):
            getattr(self, self.random.choice(ACTS))()
            self.done += 1

    def call(self) -> None:
        """A call that may come late."""
        self.calls += 1
        day = self.random.randint(1, 28)
        at = f"{self.random.choice(('2025-10', '2025-11'))}-{day:02}T{self.random.randint(0, 23):02}:00:00"
        number = self.random.choice((8613900000001, 8690000000001))
        self.world.take(Call("1001", at, self.random.randint(1, 1200), number, key=f"call {self.calls}"))

    def credit(self) -> None:
        """A credit note of either effect."""
        line = self.random.choice((None, 1, 2, 3, 4))
        amount = None if line is None or self.random.random() < 0.3 else self.random.randint(1, 1500)
        credit(self.world, self._any(), line, amount, self.random.choice(("outside", "advance")), on=self.today)

    def void(self) -> None:
        """Any document is voided."""
        voiding.void(self.world.home, self._any(), "by chance", who(self.world), on=dt.date.fromisoformat(self.today))

    def reissue(self) -> None:
        """A void invoice is billed anew."""
        voiding.reissue(self.world.home, self._any(), who(self.world))

    def bill(self) -> None:
        """The run of the day is made again."""
        self.world.bill(self.today)

    def _any(self) -> str:
        return self.random.choice(self.world.numbers())


@pytest.mark.parametrize("seed", range(6))
def test_any_order_ends_with_what_is_due(world: World, seed: int) -> None:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", "1001")
    clerk = Clerk(world, seed)
    for clerk.today in MONTHS:
        world.bill(clerk.today)
        world.now_us = max(world.now_us, instant_us(f"{clerk.today}T12:00:00"))
        for _ in range(9):
            clerk.act()
    report = world.bill(MONTHS[-1])
    assert clerk.done > 5, seed
    assert (wrong(world), world.bill(MONTHS[-1]).invoices) == ([], 0)
    assert derived_periods.differing(world.home) == []

    due = due_of(world.home, find_last(world, report.run_id))
    with world.home.connect() as connection:
        billed = billed_lines(connection, dt.date(2025, 1, 1))
        outside = _outside(connection)
    charged, taxed = (int(billed["amount_micros"][billed["kind"] == Kind.TAX].sum()), int(due.taxes["amount_micros"].sum()))
    assert charged == taxed, seed
    assert int(np.sum(billed["amount_micros"][billed["kind"] != Kind.TAX])) == int(due.net_micros.sum()), seed
    assert cents(world) * CENT == int(due.net_micros.sum()) + taxed + outside, seed
    for number in world.numbers():
        assert explain(world.home, number).lines


def find_last(world: World, run_id: int):  # noqa: ANN201 -- a document that stands for the last run
    """The newest invoice as if the last run had made it, so that what is due is asked as of now."""
    with world.home.connect() as connection:
        document = find(connection, next(each for each in reversed(world.numbers()) if each.startswith("R-")))
        run = tables.bill_runs.c
        seq = connection.execute(sa.select(run.pinned_seq).where(run.run_id == run_id)).scalar_one()
    return document._replace(run_id=run_id, bill_date=MONTHS[-1], pinned_seq=seq)


def _outside(connection: sa.Connection) -> int:
    """What goodwill that stands comes to, below zero."""
    line, invoice, event = tables.invoice_lines.c, tables.invoices.c, tables.invoice_events.c
    void = sa.select(event.invoice_key).where(event.kind == "voided")
    query = sa.select(sa.func.coalesce(sa.func.sum(line.amount_micros), 0)).join_from(tables.invoice_lines, tables.invoices)
    return int(connection.execute(query.where(line.effect == "outside", invoice.invoice_key.not_in(void))).scalar_one())

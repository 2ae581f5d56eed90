"""Payments and the invoices of real runs: once, oldest first, partial, and too much kept for the next invoice."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import allocations, dunning, invoicing, payments
from billing.controls import books
from billing.payments import giving_back, instalments, recording
from billing.payments.giving_back import CHARGEBACK, WON
from tests.billing.runs.world import Call

if TYPE_CHECKING:
    from tests.billing.runs.world import World

UNIT = 1_000_000


@pytest.fixture
def billed(world: World) -> World:
    """Two invoices of 10.60: for October, due 15 November, and for November, due 15 December."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.bill("2025-11-01")
    world.bill("2025-12-01")
    return world


def pay(world: World, payment_id: str, units: float, *, account: str = "anna", reference: str = "bank") -> payments.Recorded:
    return payments.record(world.home, payment_id, account, int(units * 100) * 10_000, dt.date(2025, 12, 3), reference, world.tick())


def back(world: World, reference: str, kind: str) -> None:
    told = giving_back.Back(reference, kind, dt.date(2025, 12, 10), "p1")
    giving_back.give_back(world.home, told, payments.Act(recording.NOBODY, world.tick()))


def open_micros(world: World) -> list[tuple[str, int]]:
    with world.home.connect() as connection:
        return [(item.number, item.open_micros) for item in allocations.open_items(connection)]


def balanced(world: World) -> bool:
    return [book.name for book in books(world.home) if not book.ok] == []


def test_a_part_settles_part_of_the_oldest(billed: World) -> None:
    assert pay(billed, "p1", 4).allocated == [("R-0000000001", 4 * UNIT)]
    assert open_micros(billed) == [("R-0000000001", 6_600_000), ("R-0000000002", 10_600_000)]
    assert balanced(billed)


def test_too_much_waits_for_the_next_invoice(billed: World) -> None:
    done = pay(billed, "p1", 25)
    assert done.allocated == [("R-0000000001", 10_600_000), ("R-0000000002", 10_600_000)]
    assert done.credit_micros == 3_800_000
    billed.bill("2026-01-01")
    assert open_micros(billed) == [("R-0000000003", 6_800_000)]
    assert [each.credit_micros for each in payments.list_payments(billed.home)] == [0]
    assert balanced(billed)


def test_the_same_payment_again_changes_nothing(billed: World) -> None:
    first = pay(billed, "p1", 4)
    assert pay(billed, "p1", 4) == first._replace(existed=True)
    assert len(payments.list_payments(billed.home)) == 1
    assert balanced(billed)


def test_payments_before_any_invoice(world: World) -> None:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    assert pay(world, "p1", 20).credit_micros == 20 * UNIT
    world.bill("2025-11-01")
    assert open_micros(world) == []
    assert balanced(world)


def test_an_invoice_with_a_negative_total_settles_the_next_one(world: World) -> None:
    """The premium call of October turns out to be in conflict: November's invoice is a credit, which December's uses up in part."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.take(Call("1001", "2025-10-05T10:00:00", 600, 8690000000001, key="x"))
    world.bill("2025-11-01")
    assert pay(world, "p1", 31.85).credit_micros == 0  # (10.00 + 20.05) x 1.06
    world.take(Call("1001", "2025-10-05T10:00:00", 900, 8690000000001, key="x"))
    world.bill("2025-12-01")
    assert open_micros(world) == [("R-0000000002", -10_650_000)]  # 10.60 for November, 21.25 back
    world.bill("2026-01-01")
    assert open_micros(world) == [("R-0000000002", -50_000)]
    world.bill("2026-02-01")
    assert open_micros(world) == [("R-0000000004", 10_550_000)]
    assert [(each.number, each.open_micros) for each in invoicing.list_invoices(world.home)][1:] == [
        ("R-0000000002", 0), ("R-0000000003", 0), ("R-0000000004", 10_550_000),
    ]  # fmt: skip
    assert balanced(world)
    world.execute("UPDATE settlements SET amount_micros = amount_micros - 10000 WHERE credit_kind = 'invoice' AND invoice_key = 3")
    assert "allocations: stored = computed again" in [book.name for book in books(world.home) if not book.ok]


def test_a_credit_invoice_settles_what_is_open_already(world: World) -> None:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.take(Call("1001", "2025-10-05T10:00:00", 600, 8690000000001, key="x"))
    world.bill("2025-11-01")
    world.take(Call("1001", "2025-10-05T10:00:00", 900, 8690000000001, key="x"))
    world.bill("2025-12-01")
    assert open_micros(world) == [("R-0000000001", 21_200_000)]  # 31.85 - 10.65
    assert balanced(world)


def test_a_payment_that_bounces_brings_the_reminder_back(billed: World) -> None:
    """What is open again is past due since its own due date, and winning the money again clears it."""
    dunning.run(billed.home, dt.date(2025, 11, 20), billed.begun(dt.date(2025, 11, 20)))
    pay(billed, "p1", 21.20)

    def level(date: str) -> tuple[int, str | None]:
        history = dunning.history(billed.home, "anna", dt.date.fromisoformat(date))
        return history.level, history.oldest_due_on

    assert level("2025-12-20") == (0, None)
    back(billed, "c1", CHARGEBACK)
    assert level("2025-12-20") == (2, "2025-11-15")
    back(billed, "w1", WON)
    assert level("2025-12-20") == (0, None)
    assert balanced(billed)


def test_reminders_go_by_the_parts_of_a_plan(billed: World) -> None:
    wanted = instalments.PlanRequest("i1", "anna", dt.date(2025, 12, 10), equal=2, first_on=dt.date(2026, 1, 10))
    instalments.agree(billed.home, wanted, payments.Act(recording.NOBODY, billed.tick()))
    state = [dunning.history(billed.home, "anna", dt.date(2026, 1, day)) for day in (10, 13)]
    assert [(each.level, each.oldest_due_on, each.overdue_micros) for each in state] == [(0, None, 0), (1, "2026-01-10", 10_600_000)]
    instalments.end(billed.home, "i1", dt.date(2025, 12, 20), "", payments.Act(recording.NOBODY, billed.tick()))
    assert dunning.history(billed.home, "anna", dt.date(2025, 12, 20)).oldest_due_on == "2025-11-15"
    assert balanced(billed)

"""Payments: once, oldest first, partial, and too much kept for the next invoice."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import allocations, invoicing, payments
from billing.allocations import Allocation, Credit, OpenItem
from billing.controls import books
from rating.errors import UserError
from tests.billing.runs.world import Call

if TYPE_CHECKING:
    from tests.billing.runs.world import World

UNIT = 1_000_000

# credits in order; items as number@due=open; then allocations as credit>number=amount
ALLOCATIONS = """
p=48          | 1@10-01=59                      | p>1=48
p=50          | 2@10-05=40 1@10-01=30           | p>1=30 p>2=20
p=50          | 2@10-01=40 1@10-01=30           | p>1=30 p>2=20
p=10 q=25     | 1@10-01=30 2@10-02=30           | p>1=10 q>1=20 q>2=5
p=100         | 1@10-01=30                      | p>1=30
p=10          | 1@10-01=-5 2@10-02=4            | p>2=4
p=10          |                                 |
"""


@pytest.mark.parametrize("row", ALLOCATIONS.strip().splitlines())
def test_allocate(row: str) -> None:
    credit_text, item_text, expected = (part.split() for part in row.split("|"))
    credits_ = [Credit(1, name, int(left)) for name, left in (text.split("=") for text in credit_text)]
    items = []
    for text in item_text:
        number, due, left = text.replace("@", "=").split("=")
        items.append(OpenItem(1, int(number), number, dt.date.fromisoformat(f"2025-{due}"), int(left)))
    wanted = [Allocation(a, int(b), int(c)) for a, b, c in (text.replace(">", "=").split("=") for text in expected)]
    assert allocations.allocate(credits_, items) == wanted


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


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"units": 5}, "payment p1 exists with amount 4.00, not 5.00"),
        ({"reference": "x"}, "payment p1 exists with reference 'bank', not 'x'"),
        ({"account": "ben"}, "payment p1 exists with account_id 'anna', not 'ben'"),
    ],
)
def test_the_same_id_with_other_data_is_an_error(billed: World, change: dict[str, object], text: str) -> None:
    billed.account("ben")
    pay(billed, "p1", 4)
    with pytest.raises(UserError) as caught:
        pay(billed, "p1", **{"units": 4, **change})  # type: ignore[arg-type]  # a table of keyword arguments
    assert caught.value.message == text


@pytest.mark.parametrize(
    ("units", "account", "text"), [(0, "anna", "not above zero"), (-1, "anna", "not above zero"), (1, "eve", "no account has the id eve")]
)
def test_refused(billed: World, units: int, account: str, text: str) -> None:
    with pytest.raises(UserError, match=text):
        pay(billed, "p1", units, account=account)
    assert payments.list_payments(billed.home) == []


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
    assert world.changed("UPDATE set_offs SET amount_micros = amount_micros - 10000 WHERE invoice_key = 3")
    assert [book.name for book in books(world.home) if not book.ok] == ["allocations: stored = worked out anew"]


def test_a_credit_invoice_settles_what_is_open_already(world: World) -> None:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.take(Call("1001", "2025-10-05T10:00:00", 600, 8690000000001, key="x"))
    world.bill("2025-11-01")
    world.take(Call("1001", "2025-10-05T10:00:00", 900, 8690000000001, key="x"))
    world.bill("2025-12-01")
    assert open_micros(world) == [("R-0000000001", 21_200_000)]  # 31.85 - 10.65
    assert balanced(world)

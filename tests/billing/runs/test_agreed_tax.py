"""Tax classes that stand for others, and classes that a catalogue does not have any more."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from billing import catalogue, invoicing
from billing.documents import explaining
from billing.store import tables
from rating.model import Catalogue, Plan, RecurringFee, TaxClass, TaxRate, TaxShare
from tests.billing.documents.clerk import CENT, wrong
from tests.billing.runs.world import START_US, World, instant_us, shop

FIRST, SECOND = "R-0000000001", "R-0000000002"
STANDARD, REDUCED, SPECIAL = (
    TaxClass(name, code, (TaxRate(dt.date(2020, 1, 1), percent * 10_000),))
    for name, code, percent in (("standard", 1, 6), ("reduced", 2, 9), ("special", 5, 3))
)
SHARES = (TaxShare("standard", 600_000, 400), TaxShare("reduced", 400_000, 407))


def sells(identity: str, *classes: TaxClass, version: int = 1, begins_us: int = START_US, **fee: object) -> Catalogue:
    """A catalogue with a plan `p` that costs 25.00 a month."""
    monthly = RecurringFee(200, "Fee", 200, 400, classes[0].name, 25_000_000)
    plan = Plan("p", shop().plans[0].rules, {"en": "P"}, recurring=(msgspec.structs.replace(monthly, **fee),))
    prices = tuple(msgspec.structs.replace(each, tax_class=classes[0].name) for each in shop().prices)
    return shop(version, begins_us + version, identity=identity, plans=(plan,), tax_classes=classes, prices=prices)


def told(world: World, account_id: str, detail: str) -> None:
    """Learn a fact about the tax of an account."""
    key = world.key("accounts", "account_key", "account_id", account_id)
    values = {"kind": "tax", "from_date": "2025-10-02", "to_date": None, "detail": detail, "by_name": "clerk", "by_uid": 1}
    world._add(tables.account_facts, account_key=key, **values)  # noqa: SLF001 -- as the world adds its own facts


def lines(world: World, number: str) -> list[tuple[str, int, int, int]]:
    """Text, revenue code, tax class and cents of each line. Each is explained, which adds it up again."""
    explaining.explain(world.home, number)
    return [
        (each.text, each.revenue_code, each.tax_class, each.amount_micros // CENT)
        for each in invoicing.get_invoice(world.home, number).lines
    ]


@pytest.fixture
def two(world: World) -> World:
    """Anna and Ben have the plan of one catalogue; another one has a class that it lacks."""
    catalogue.publish(world.home, sells("phone", STANDARD, REDUCED, shares=SHARES), world.tick())
    catalogue.publish(world.home, sells("other", STANDARD, SPECIAL), world.tick())
    for name in ("anna", "ben"):
        world.account(name)
        world.subscription(f"{name}-1", name, "phone/p", name)
    return world


def test_the_parts_of_a_bundle_keep_their_revenue_codes(two: World) -> None:
    """25.00, of which 15.00 is revenue 400 and 10.00 revenue 407; for Ben all of it is taxed at 6 percent."""
    told(two, "ben", '{"classes":{"reduced":"standard"}}')
    two.bill("2025-11-01")
    assert lines(two, FIRST) == [
        ("Fee", 400, 1, 1500),
        ("Fee", 407, 2, 1000),
        ("Tax standard 6 %", 0, 1, 90),
        ("Tax reduced 9 %", 0, 2, 90),
    ]
    assert lines(two, SECOND) == [("Fee", 400, 1, 1500), ("Fee", 407, 1, 1000), ("Tax standard 6 %", 0, 1, 150)]
    assert wrong(two) == []


def test_a_class_that_the_catalogue_of_a_line_lacks_stands_for_nothing(two: World) -> None:
    told(two, "ben", '{"classes":{"standard":"special"}}')
    two.bill("2025-11-01")
    assert [each[1:] for each in lines(two, SECOND)] == [each[1:] for each in lines(two, FIRST)]


def test_a_class_that_a_new_version_lacks_is_taxed_as_before(world: World) -> None:
    """From 10 November on the fee is of another class. October is billed at 9 percent; nothing of that goes back."""
    catalogue.publish(world.home, sells("phone", REDUCED, STANDARD), world.tick())
    world.account("anna")
    world.subscription("anna-1", "anna", "phone/p", "1001")
    world.bill("2025-11-01")
    newer = sells("phone", STANDARD, version=2, begins_us=instant_us("2025-11-10T00:00:00"))
    catalogue.publish(world.home, newer, world.tick())
    world.bill("2025-12-01")
    assert lines(world, FIRST) == [("Fee", 400, 2, 2500), ("Tax reduced 9 %", 0, 2, 225)]
    assert lines(world, SECOND) == [("Fee", 400, 2, 2500), ("Tax reduced 9 %", 0, 2, 225)]  # the version as the period begins

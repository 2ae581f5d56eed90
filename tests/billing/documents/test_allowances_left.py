"""Allowances that are left in the middle of a period. Basic has 20 free minutes a month, which are 1,200,000 ms."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue
from billing.documents.allowances_left import Left, allowances_left
from billing.documents.enquiry import enquire
from rating.errors import NotFoundError
from rating.model import QuantityUnit
from tests.billing.runs.world import START_US, Call, World, instant_us, shop

if TYPE_CHECKING:
    from billing.store.home import Home

pytestmark = pytest.mark.slow
MINUTE_MS = 60_000
NOON = "2025-10-15T12:00:00"


def left(world: World, now: str = NOON, account: str = "anna") -> list[tuple[str, int, int, str]]:
    """Subscription, minutes granted, minutes left, end."""
    found = allowances_left(world.home, account, instant_us(now))
    assert {each.unit for each in found} <= {QuantityUnit.MILLISECOND}
    return [(each.subscription_id, each.granted // MINUTE_MS, each.left // MINUTE_MS, each.expires_on) for each in found]


@pytest.fixture
def anna(world: World) -> World:
    """Two subscriptions, of which one is used."""
    world.account("anna")
    for place in (1, 2):
        world.subscription(f"anna-{place}", "anna", "shop/basic", f"100{place}")
    world.take(Call("1001", "2025-10-05T10:00:00", 8 * 60))
    return world


def test_a_part_is_used(anna: World) -> None:
    assert left(anna) == [("anna-1", 20, 12, "2025-11-01"), ("anna-2", 20, 20, "2025-11-01")]
    found = allowances_left(anna.home, "anna", instant_us(NOON))
    assert found[0] == Left("anna-1", "free minutes", 1_200_000, 720_000, int(QuantityUnit.MILLISECOND), "2025-11-01")


def test_it_is_that_of_the_whole_period_though_fees_go_by_its_days(anna: World) -> None:
    """On 15 October the fee of 10.00 is owed for 15 of 31 days; the free minutes are those of the month."""
    sums = enquire(anna.home, "anna", None, instant_us(NOON)).net_micros
    assert sums == {"CNY": 2 * 4_840_000}, "10.00 x 15 / 31 = 4.84 each"
    assert left(anna, "2025-10-01T00:00:00")[1] == ("anna-2", 20, 20, "2025-11-01")


def test_all_is_used_and_a_new_period_begins(anna: World) -> None:
    anna.take(Call("1001", "2025-10-06T10:00:00", 30 * 60))
    assert left(anna) == [("anna-1", 20, 0, "2025-11-01"), ("anna-2", 20, 20, "2025-11-01")]
    assert left(anna, "2025-11-02T10:00:00") == [("anna-1", 20, 20, "2025-12-01"), ("anna-2", 20, 20, "2025-12-01")]
    anna.bill("2025-11-01")
    anna.take(Call("1002", "2025-11-02T09:00:00", 60))
    assert left(anna, "2025-11-02T10:00:00") == [("anna-1", 20, 20, "2025-12-01"), ("anna-2", 20, 19, "2025-12-01")]


def test_a_plan_without_allowances_and_an_account_that_is_not_there(world: World) -> None:
    world.account("bert")
    world.subscription("bert-1", "bert", "shop/plus", "2001")
    assert left(world, account="bert") == []
    with pytest.raises(NotFoundError):
        allowances_left(world.home, "nobody", 0)


def published(home: Home, **changes: object) -> None:
    base = shop(2, START_US + 1)
    plan = base.plans[0]
    allowance = msgspec.structs.replace(plan.allowances[0], **changes)
    catalogue.publish(
        home, msgspec.structs.replace(base, plans=(msgspec.structs.replace(plan, allowances=(allowance,)), *base.plans[1:])), START_US + 9
    )


def test_what_the_month_before_left_is_drawn_first(world: World) -> None:
    """12 minutes of October are left for November; 5 are used then."""
    published(world.home, rollover_periods=1)
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.take(Call("1001", "2025-10-05T10:00:00", 8 * 60), Call("1001", "2025-11-02T10:00:00", 5 * 60))
    wanted = [("anna-1", 12, 7, "2025-12-01"), ("anna-1", 20, 20, "2026-01-01")]
    assert left(world, "2025-11-03T10:00:00") == wanted
    world.bill("2025-11-01")
    assert left(world, "2025-11-03T10:00:00") == wanted


def test_shared_minutes_are_those_of_all_members(world: World) -> None:
    """Two times 20 minutes; 8 and 3 are used."""
    published(world.home, shared=True)
    world.account("anna")
    for place in (1, 2):
        world.subscription(f"anna-{place}", "anna", "shop/basic", f"100{place}")
    world.take(Call("1001", "2025-10-05T10:00:00", 8 * 60), Call("1002", "2025-10-06T10:00:00", 3 * 60))
    assert left(world) == [("", 40, 29, "2025-11-01")]


def test_the_answer_bills_nothing(anna: World) -> None:
    before = enquire(anna.home, "anna", None, instant_us(NOON))
    left(anna)
    assert enquire(anna.home, "anna", None, instant_us(NOON)) == before
    assert anna.bill("2025-11-01").invoices == 1
    assert dt.date.fromisoformat(anna.lines(anna.numbers()[0])[0][1]) == dt.date(2025, 10, 1)

"""Interim bills: what reaches a threshold in mid-cycle is billed at once, each threshold once, and the cycle bills the rest."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from billing import catalogue, closed_months
from billing.controls import books
from billing.documents import interim
from rating.model import BillThreshold, CapWindow, LimitAction, Service, SpendLimit
from tests.billing.runs.world import START_US, Call, World, shop

PREMIUM_NUMBER = 8690000000001


@pytest.fixture
def heavy(world: World) -> World:
    """Anna on plus (no free minutes, 3.00 in advance), with thresholds at 50.00 and 100.00 of unbilled usage."""
    basic, plus = shop().plans
    limits = (BillThreshold(1, "fifty", 50_000_000), BillThreshold(2, "hundred", 100_000_000))
    plans = (basic, msgspec.structs.replace(plus, bill_thresholds=limits))
    catalogue.publish(world.home, shop(2, START_US + 1, plans=plans), world.tick())
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", "1001")
    return world


def bill(world: World, date: str) -> tuple[int, list[str]]:
    """How many interim bills, and which thresholds."""
    who = closed_months.Who("ada", 1001, world.tick())
    done = interim.run(world.home, dt.date.fromisoformat(date), who)
    return done.invoices, [each.threshold for each in done.reached]


def balanced(world: World) -> bool:
    return [book.name for book in books(world.home) if not book.ok] == []


def test_a_month_with_two_thresholds(heavy: World) -> None:
    """A minute costs 0.10. What is billed in mid-cycle is usage alone; fees come with the cycle, and all taxes add up to 6 % of all."""
    heavy.take(Call("1001", "2025-10-03T10:00:00", 490 * 60))
    assert bill(heavy, "2025-10-05") == (0, []), "49.00 is below the first threshold"
    heavy.take(Call("1001", "2025-10-06T10:00:00", 10 * 60))
    assert interim.preview(heavy.home, dt.date(2025, 10, 7)).invoices == 1
    assert heavy.numbers() == [], "a preview stores nothing"
    assert bill(heavy, "2025-10-07") == (1, ["fifty"]), "50.00 reaches it"
    assert bill(heavy, "2025-10-07") == (0, []), "each once"
    assert heavy.lines("R-0000000001") == [
        ("National calls", "2025-10-01", "2025-11-01", 2, 5000), ("Tax standard 6 %", "2025-10-01", "2025-11-01", 0, 300),
    ]  # fmt: skip
    heavy.take(Call("1001", "2025-10-10T10:00:00", 700 * 60))
    assert bill(heavy, "2025-10-11") == (0, []), "70.00 more: the first has acted, and the second counts what is unbilled"
    heavy.take(Call("1001", "2025-10-12T10:00:00", 301 * 60))
    assert bill(heavy, "2025-10-13") == (1, ["hundred"])
    heavy.take(Call("1001", "2025-10-20T10:00:00", 60))
    heavy.bill("2025-11-01")
    assert [(text, cents) for text, _, _, _, cents in heavy.lines("R-0000000003")] == [
        ("Plus", 3000), ("Line rent", 300), ("National calls", 10), ("Line rent", 300),
        ("Tax standard 6 %", 198), ("Tax standard 6 %", 18),
    ]  # fmt: skip
    october = [line for number in heavy.numbers() for line in heavy.lines(number) if line[1] == "2025-10-01"]
    taxes = [cents for text, *_, cents in october if text.startswith("Tax")]
    assert taxes == [300, 601, 198], "6 % of 3000 + 300 + 15020 is 1099.2; what was billed in mid-cycle is subtracted"
    assert balanced(heavy)


def test_spend_limits_are_told_once_a_window(world: World) -> None:
    """20.00 of premium calls a day (2.005 a minute), and 100.00 of all calls a period: who reaches one is told once in its window."""
    basic, plus = shop().plans
    limits = (
        SpendLimit(1, "premium a day", 20_000_000, CapWindow.DAY, LimitAction.NOTIFY, (Service.VOICE,), ("premium",)),
        SpendLimit(2, "calls a period", 100_000_000, CapWindow.PERIOD, LimitAction.BAR, (Service.VOICE,), ("national", "premium")),
    )
    catalogue.publish(world.home, shop(2, START_US + 1, plans=(basic, msgspec.structs.replace(plus, spend_limits=limits))), world.tick())
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", "1001")
    world.take(
        Call("1001", "2025-10-03T23:00:00", 9 * 60, PREMIUM_NUMBER),  # 18.045
        Call("1001", "2025-10-04T00:10:00", 5 * 60, PREMIUM_NUMBER),  # 10.025, on the next day
        Call("1001", "2025-10-05T10:00:00", 10 * 60, PREMIUM_NUMBER),  # 20.05
    )
    assert told(world, "2025-10-06") == [("premium a day", 20_050_000, "2025-10-05", "notify")]
    assert told(world, "2025-10-06") == []
    world.take(Call("1001", "2025-10-07T10:00:00", 600 * 60))  # 60.00: 108.12 in all
    assert told(world, "2025-10-08") == [("calls a period", 108_120_000, "2025-10-01", "bar")]
    assert told(world, "2025-10-08") == []
    assert (world.numbers(), balanced(world)) == ([], True)


def told(world: World, date: str) -> list[tuple[str, int, str, str]]:
    who = closed_months.Who("ada", 1001, world.tick())
    done = interim.run(world.home, dt.date.fromisoformat(date), who)
    return [(each.limit, each.spent_micros, each.window_from, each.action) for each in done.limits]

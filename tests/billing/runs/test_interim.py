"""Interim bills: what reaches a threshold in mid-cycle is billed at once, each threshold once, and the cycle bills the rest."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from billing import catalogue, closed_months
from billing.controls import books
from billing.documents import interim
from rating.model import BillThreshold
from tests.billing.runs.world import START_US, Call, World, shop


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

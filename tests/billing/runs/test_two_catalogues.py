"""A payer with plans of two catalogues that use one number for two things: each is taxed as its own catalogue says.

A call costs 0.10 a minute and a month 31.00 in both; `net` is without tax, `gross` holds 6 percent. October has 31 days.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import catalogue, invoicing
from billing.documents import explaining
from rating.errors import UserError
from rating.model import FeeTiming, Plan, RecurringFee, Service, TaxClass, TaxRate, UsageRule
from tests.billing.documents.clerk import CENT, cents, credit, wrong
from tests.billing.runs.world import START_US, Call, World, shop

if TYPE_CHECKING:
    from rating.model import Catalogue

FIRST, SECOND, NUMBER = "R-0000000001", "R-0000000002", "13800000001"


def sells(identity: str, *, version: int = 1, percent: int = 6, inclusive: bool = False, revenue_code: int = 5000) -> Catalogue:
    """A catalogue with a plan `p`."""
    fee = RecurringFee(200, f"{identity} fee", 200, revenue_code, "standard", 31_000_000, FeeTiming.ARREARS)
    plan = Plan("p", (UsageRule(Service.VOICE, "national", "National calls"),), {"en": "P"}, recurring=(fee,))
    tax = TaxClass("standard", 1, (TaxRate(dt.date(2020, 1, 1), percent * 10_000),))
    more = {"plans": (plan,), "tax_classes": (tax,), "tax_inclusive": inclusive}
    return shop(version, START_US + version, identity=identity, **more)


def begin(world: World, *catalogues: Catalogue, then: str = "gross/p") -> None:
    """Anna has plan net/p until 10 October, then another one, and calls ten minutes on each."""
    for each in catalogues:
        catalogue.publish(world.home, each, world.tick())
    world.account("anna")
    world.subscription("anna-1", "anna", "net/p", NUMBER)
    world.plan("anna-1", then, "2025-10-11")
    world.take(*(Call(NUMBER, f"2025-10-{day}T10:00:00", 600) for day in ("05", "15")))


def lines(world: World, number: str) -> list[tuple[str, int, int]]:
    """Text, revenue code and cents of each line. Each is explained, which adds it up again."""
    explaining.explain(world.home, number)
    return [(line.text, line.revenue_code, line.amount_micros // CENT) for line in invoicing.get_invoice(world.home, number).lines]


def test_prices_with_tax_and_without(world: World) -> None:
    """10.00 + 1.00 and 0.66 of tax; 21.00 + 1.00 that hold it: net 22.00 / 1.06 = 20.75 (19.81 + 0.94), tax 1.25."""
    begin(world, sells("net"), sells("gross", inclusive=True))
    world.bill("2025-11-01")
    assert lines(world, FIRST) == [
        ("gross fee", 5000, 1000 + 1981),
        ("National calls", 4010, 100 + 94),
        ("Tax standard 6 %", 0, 66 + 125),
    ]
    assert (cents(world), wrong(world)) == (1100 + 66 + 2200, [])


def test_late_usage_of_either_is_the_difference(world: World) -> None:
    """Ten minutes more of `net` and of `gross`: 1.06 and 1.00."""
    begin(world, sells("net"), sells("gross", inclusive=True))
    world.bill("2025-11-01")
    world.end("anna-1", "2025-11-01")
    world.take(*(Call(NUMBER, f"2025-10-{day}T12:00:00", 600) for day in ("05", "15")))
    world.bill("2025-12-01")
    assert invoicing.get_invoice(world.home, SECOND).summary.total_micros == (106 + 100) * CENT
    assert (cents(world), wrong(world)) == (1200 + 72 + 2300, [])
    lines(world, SECOND)
    world.bill("2026-01-01")
    assert world.numbers() == [FIRST, SECOND]


def test_revenue_codes_stay_apart(world: World) -> None:
    begin(world, sells("net"), sells("gross", inclusive=True, revenue_code=5001))
    world.bill("2025-11-01")
    assert lines(world, FIRST)[:2] == [("net fee", 5000, 1000), ("gross fee", 5001, 1981)]


def test_two_rates_of_one_code(world: World) -> None:
    """The rate of `other` becomes 9 percent while that of `net` is 6: 11.00 x 6 % + 22.00 x 9 % = 0.66 + 1.98."""
    begin(world, sells("net"), sells("other"), sells("other", version=2, percent=9), then="other/p")
    world.bill("2025-11-01")
    assert [cents for _, _, cents in lines(world, FIRST)] == [3100, 200, 264]
    assert wrong(world) == []


def test_of_two_rates_in_a_line_no_part_is_credited(world: World) -> None:
    begin(world, sells("net"), sells("other"), sells("other", version=2, percent=9), then="other/p")
    world.bill("2025-11-01")
    with pytest.raises(UserError, match=f"line 3 of {FIRST} is tax at several rates"):
        credit(world, FIRST, 1, None)
    with pytest.raises(UserError, match=f"line 3 of {FIRST} is tax at several rates"):
        credit(world, FIRST, 2, 1)
    note = credit(world, FIRST, None, None)
    assert (note.net_micros, note.tax_micros, cents(world), wrong(world)) == (-3300 * CENT, -264 * CENT, 0, [])


def test_of_one_rate_it_is(world: World) -> None:
    """Catalogues that would tax it otherwise do not matter to an invoice that has nothing of them: 6 % of 5.00."""
    begin(world, sells("net"), sells("other"), sells("other", version=2, percent=9), then="net/p")
    world.bill("2025-11-01")
    assert credit(world, FIRST, 1, 500).tax_micros == -30 * CENT

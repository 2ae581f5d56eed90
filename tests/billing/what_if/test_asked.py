"""Tariffs that ask for more than number and quantity: origin, on-net, roaming, direction, content, short codes, whose clock.

The rows and what each costs are those of `tests/billing/runs/test_circumstances.py`, where a bill run and the twin agree on them.
"""

from __future__ import annotations

import collections
import itertools
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import msgspec

from billing import catalogue
from billing.what_if import Month, Move, what_if
from tests.billing.runs.test_circumstances import ABROAD_ALONE, NEVER, open_shop
from tests.billing.runs.test_circumstances import ROWS as ALL_ROWS

if TYPE_CHECKING:
    from billing.what_if import WhatIf
    from rating.model import Catalogue
    from tests.billing.runs.world import World

CENT = 10_000
ROWS = [(call, charge) for call, charge in ALL_ROWS if call.served != ABROAD_ALONE]  # whose plan no draft here has
BILLED = [charge for _, charge in ROWS if charge != NEVER]
TOTAL = sum(charge for charge in BILLED if charge is not None) * CENT
PLANS = {"a1": "asks", "b1": "asks", "a3": "plus"}


def ask(world: World, draft: Catalogue, **options: Any) -> WhatIf:  # noqa: ANN401 -- options of what_if
    return what_if(world.home, draft, Month(2025, 10), clock_s=itertools.count().__next__, **options)


def customers(world: World, **plans: str) -> None:
    """Those of the rows, on given plans, and their usage."""
    world.account("anna", opened_on="2025-10-01")
    world.account("ben", opened_on="2025-10-01", timezone="Europe/Berlin")
    for place, (name, plan) in enumerate(plans.items(), start=1):
        world.subscription(name, "ben" if name == "b1" else "anna", f"shop/{plan}", f"861390000000{place}")
    world.own("4930123456", "a1")
    world.take(*(call for call, _ in ROWS))


def test_the_same_tariff_is_the_same(world: World) -> None:
    catalogue.publish(world.home, open_shop(), world.tick())
    customers(world, **PLANS)
    report = ask(world, msgspec.structs.replace(open_shop(), version=3))
    _check(report, "now")
    _check(report, "then")
    assert report.left_out == {"not_billable": len(ROWS) - len(BILLED)}
    assert report.events == len(BILLED)


def test_a_draft_asks_what_nobody_asked_before(world: World) -> None:
    """Customers move from a plan that asks nothing to one that does: their month is what the rows cost."""
    customers(world, a1="basic", b1="basic", a3="plus")
    report = ask(world, open_shop(), moves=[Move("shop/basic", "shop/asks", Fraction(1))])
    _check(report, "then")
    (part,) = report.currencies
    assert sum(row.now_micros for row in part.revenue) != TOTAL


def test_a_draft_that_asks_no_more(world: World) -> None:
    """And back: what was asked is not asked any more."""
    catalogue.publish(world.home, open_shop(), world.tick())
    customers(world, **PLANS)
    base = open_shop()
    plain = msgspec.structs.replace(base.plans[0], name="asks")
    report = ask(world, msgspec.structs.replace(base, version=3, plans=(*base.plans[:2], plain)))
    _check(report, "now")
    (part,) = report.currencies
    then = {(row.service, row.zone) for row in part.revenue if row.then_events}
    assert then == {("voice", "national")}
    assert {each.service for each in report.lost} == {"voice", "sms", "data", "content"}


def _check(report: WhatIf, side: str) -> None:
    (part,) = report.currencies
    assert sum(getattr(row, f"{side}_micros") for row in part.revenue) == TOTAL
    refused = collections.Counter({each.status: getattr(each, f"{side}_events") for each in report.unpriced})
    assert sum(refused.values()) == BILLED.count(None)
    assert sum(getattr(row, f"{side}_events") for row in part.revenue) == len(BILLED) - BILLED.count(None)

"""Re-rating where a version corrects a rate of tax, 6 % to 9 % from the beginning, and perhaps nothing else.

Plan plus costs 30.00 and 3.00 a month, a minute of it 0.10; plan basic 10.00. Amounts are cents of October.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue
from billing.accounts.kinds import PayerFact
from billing.rerate import jobs
from billing.rerate.request import request
from rating.model import TaxClass, TaxRate
from tests.billing.rerate.test_rerate import who
from tests.billing.rerate.test_rerate_scope import CENT, balanced, customer, told
from tests.billing.runs.world import NATIONAL, START_US, instant_us, price_of, shop

if TYPE_CHECKING:
    from tests.billing.runs.world import World

CLOSED = ("2025-11-01", "2026-04-01")  # October is closed to the cycle


def publish(world: World, version: int, *, standard: int = 6, special: int = 6, micros: int = 100_000) -> None:
    """A version that corrects the one before it. The fee of plan basic is of the tax class `special`."""
    basic, plus = shop().plans
    basic = msgspec.structs.replace(basic, recurring=tuple(msgspec.structs.replace(fee, tax_class="special") for fee in basic.recurring))
    rates = (("standard", 1, standard), ("special", 2, special))
    classes = tuple(TaxClass(name, code, (TaxRate(dt.date(2020, 1, 1), percent * 10_000),)) for name, code, percent in rates)
    prices = tuple(price_of(NATIONAL, "National calls", 10, micros) if each.price_id == NATIONAL else each for each in shop().prices)
    new = shop(version, START_US, plans=(basic, plus), tax_classes=classes, prices=prices, corrects=version - 1)
    catalogue.publish(world.home, new, world.tick())


def found(world: World, *accounts: str, plan: str = "shop/plus") -> dict[str, tuple[int, int]]:
    """Net and tax of each account that a document would be made for."""
    figures = jobs.preview(world.home, request(plan, 3, "2025-10", accounts or None))
    return {each.account_id: (each.net_micros // CENT, each.tax_micros // CENT) for each in figures.largest}


def opened(world: World) -> None:
    """Account a uses 10 minutes of plus, b none; c has basic, and d both plans without usage."""
    publish(world, 2)
    customer(world, "a", 10)
    customer(world, "b", 0)
    customer(world, "c", 0, "basic")
    customer(world, "d", 0)
    world.subscription("sd2", "d", "shop/basic", "number d2")


# percents of the two classes, micros a minute; plan of the job; net and tax of each account; why
RATES = [
    (9, 6, 100_000, "shop/plus", {"a": (0, 102), "b": (0, 99), "d": (0, 99)}, "9 % of 34.00: 3.06 for 2.04; of 33.00: 2.97 for 1.98"),
    (9, 6, 100_000, "shop/basic", {}, "basic has no charge of this class"),
    (6, 9, 100_000, "shop/plus", {}, "plus has no charge of this class"),
    (6, 9, 100_000, "shop/basic", {"c": (0, 30), "d": (0, 30)}, "9 % of 10.00: 0.90 for 0.60"),
    (9, 6, 50_000, "shop/plus", {"a": (-50, 98), "b": (0, 99), "d": (0, 99)}, "9 % of 33.50: 3.02 for 2.04"),
    (0, 6, 100_000, "shop/plus", {"a": (0, -204), "b": (0, -198), "d": (0, -198)}, "free of tax"),
]


@pytest.mark.parametrize(("standard", "special", "micros", "plan", "expected", "why"), RATES)
def test_a_corrected_rate_is_in_the_job_of_the_plan_that_it_taxes(  # noqa: PLR0913, PLR0917 -- columns
    world: World, standard: int, special: int, micros: int, plan: str, expected: dict[str, tuple[int, int]], why: str
) -> None:
    opened(world)
    for date in CLOSED:
        world.bill(date)
    publish(world, 3, standard=standard, special=special, micros=micros)
    assert found(world, plan=plan) == expected, why
    world.now_us = instant_us("2026-04-05T12:00:00")
    job = jobs.plan(world.home, request(plan, 3, "2025-10"), who(world))
    jobs.decide(world.home, job.job_id, jobs.APPROVED, "", who(world, uid=2))
    jobs.apply(world.home, job.job_id, dt.date(2026, 4, 5), who(world))
    assert found(world, plan=plan) == {}, "a repeat finds nothing"
    assert balanced(world)


def test_tax_on_two_plans_in_one_class_is_one_amount(world: World) -> None:
    """Account e has 40 minutes of basic, 20 of them free: 2.00 in the class of plus, of which it pays 33.00. 9 % of both is 3.15."""
    opened(world)
    customer(world, "e", 40, "basic")
    world.subscription("se2", "e", "shop/plus", "number e2")
    for date in CLOSED:
        world.bill(date)
    publish(world, 3, standard=9)
    assert found(world, "e") == found(world, "e", plan="shop/basic") == {"e": (0, 105)}, "2.10 was billed"


# who is named; a pays for b. Of both 67.00 are taxed: 6.03 for 4.02
@pytest.mark.parametrize(("named", "expected"), [((), {"a": (0, 201)}), (("a", "b"), {"a": (0, 201)}), (("b",), {}), (("a",), {})])
def test_tax_on_charges_of_who_is_not_named_stays_with_the_cycle(
    world: World, named: tuple[str, ...], expected: dict[str, tuple[int, int]]
) -> None:
    publish(world, 2)
    customer(world, "a", 10)
    customer(world, "b", 0)
    told(world, "b", "payer", PayerFact("a"))
    world.bill("2025-11-01")
    publish(world, 3, standard=9)
    assert found(world, *named) == expected

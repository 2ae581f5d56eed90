"""A re-rating and volume tiers of a whole account, whose parts are at who pays them: each part goes with the account that it is of.

From ten minutes of October on a minute costs 0.08 in place of 0.10. The correction makes that 0.05, or takes the tier away. Account a has
two subscriptions of plan plus, of 100 and 50 minutes, account c one of 20; b, of plan basic, uses nothing.
Amounts are cents, net of tax: 150 minutes are 4.50 less.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue, invoicing
from billing.accounts.kinds import DiscountFact, PayerFact
from billing.ledger.closed_months import Who
from billing.rerate import jobs
from billing.rerate.request import request
from billing.store import tables
from rating.model import VolumeScope, VolumeStep, VolumeTier
from tests.billing.rerate.test_rerate_scope import CENT, balanced, by_account, call, customer, told
from tests.billing.runs.world import MINUTE_MS, START_US, instant_us, shop

if TYPE_CHECKING:
    from billing.rerate.figures import Figures
    from tests.billing.runs.world import World

    Agreed = tuple[str, PayerFact | DiscountFact]

OF_A, OF_SA2, OF_C = ("a", PayerFact("b")), ("sa2", PayerFact("b")), ("c", PayerFact("b"))
TIER_OF_A, LOYAL = ("a", PayerFact("b", ("volume",))), ("a", DiscountFact("loyal", percent_ppm=100_000))


def publish(world: World, version: int, micros: int | None) -> None:
    """A version that corrects the one before it. `micros` a minute, from ten minutes on; None: there is no tier."""
    steps = (VolumeStep(0, 100_000, MINUTE_MS), VolumeStep(10 * MINUTE_MS, micros or 0, MINUTE_MS))
    tier = VolumeTier(940, "volume", 30, 3000, "standard", ("National calls",), steps, VolumeScope.ACCOUNT)
    basic, plus = shop().plans
    plus = msgspec.structs.replace(plus, volume_tiers=(tier,) if micros is not None else ())
    catalogue.publish(world.home, shop(version, START_US, plans=(basic, plus), corrects=version - 1), world.tick())


def opened(world: World, *agreed: Agreed) -> None:
    """Everything as it was before October was billed."""
    publish(world, 2, 80_000)
    customer(world, "a", 100)
    world.subscription("sa2", "a", "shop/plus", "number a2")
    call(world, "a2", "2025-10-06", 50)
    customer(world, "b", 0, "basic")
    customer(world, "c", 20)
    for subject, detail in agreed:
        kind = "discount" if isinstance(detail, DiscountFact) else "payer"
        if subject == "sa2":
            key = world.key("subscriptions", "subscription_key", "subscription_id", subject)
            fact = {"kind": kind, "from_date": "2025-10-01", "to_date": None, "detail": msgspec.json.encode(detail).decode()}
            world._add(tables.subscription_facts, subscription_key=key, **fact, by_name="", by_uid=0)  # noqa: SLF001 -- a fact
        else:
            told(world, subject, kind, detail)


def found(world: World, *accounts: str) -> Figures:
    return jobs.preview(world.home, request("shop/plus", 3, "2025-10", accounts or None))


# what is agreed, which accounts are named, what each payer's difference is
PARTS: list[tuple[tuple[Agreed, ...], tuple[str, ...], dict[str, int]]] = [
    ((), (), {"a": -450, "c": -60}),
    ((OF_A,), (), {"b": -450, "c": -60}),
    ((OF_SA2,), (), {"a": -300, "b": -150, "c": -60}),
    ((TIER_OF_A,), (), {"b": -450, "c": -60}),
    ((OF_A, LOYAL), (), {"b": -405, "c": -60}),  # 10 % off
    ((OF_A,), ("a",), {"b": -450}),
    ((OF_SA2,), ("a",), {"a": -300, "b": -150}),
    ((OF_A,), ("c",), {"c": -60}),
    ((OF_A,), ("b",), {}),
    ((OF_A, OF_C), (), {"b": -510}),
    ((OF_A, OF_C), ("a", "c"), {"b": -510}),
    ((OF_A, OF_C), ("a",), {}),  # one line of both stays whole
]


@pytest.mark.parametrize(("agreed", "named", "expected"), PARTS)
def test_each_part_goes_with_the_account_that_it_is_of(
    world: World, agreed: tuple[Agreed, ...], named: tuple[str, ...], expected: dict[str, int]
) -> None:
    opened(world, *agreed)
    world.bill("2025-11-01")
    publish(world, 3, 50_000)
    assert by_account(found(world, *named)) == expected


@pytest.mark.parametrize(
    ("agreed", "named", "expected"),
    [
        ((), (), {"a": 300, "c": 40}),  # 150 and 20 minutes, 0.02 more for each
        ((OF_A,), (), {"b": 300, "c": 40}),
        ((TIER_OF_A,), ("a",), {"b": 300}),
        ((OF_A, OF_C), (), {"b": 340}),
        ((OF_A, OF_C), ("c",), {}),
    ],
)
def test_of_a_tier_that_is_gone(world: World, agreed: tuple[Agreed, ...], named: tuple[str, ...], expected: dict[str, int]) -> None:
    opened(world, *agreed)
    world.bill("2025-11-01")
    publish(world, 3, None)
    assert by_account(found(world, *named)) == expected


def test_a_job_about_a_closed_month_leaves_nothing(world: World) -> None:
    """In April the cycle does not open October any more."""
    opened(world, OF_A)
    for date in ("2025-11-01", "2026-04-01"):
        world.bill(date)
    before = set(world.numbers())
    publish(world, 3, 50_000)
    world.now_us = instant_us("2026-04-05T12:00:00")
    job = jobs.plan(world.home, request("shop/plus", 3, "2025-10", None), Who("ana", 1, world.tick()))
    jobs.decide(world.home, job.job_id, jobs.APPROVED, "", Who("ben", 2, world.tick()))
    jobs.apply(world.home, job.job_id, dt.date(2026, 4, 5), Who("ana", 1, world.tick()))
    nets = {each.account_id: each.net_micros // CENT for each in invoicing.list_invoices(world.home) if each.number not in before}
    assert nets == {"b": -450, "c": -60}
    assert found(world).net_micros == {}
    assert balanced(world)

"""The end of a month, and a re-rating of a later date: what it bills or credits is of its own month, in any order.

One customer with bill day 15 and plan `plus` calls for 100 minutes on 5 October, at 0.10: 10.00. A re-rating is dated 2 December.
Amounts are cents.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import catalogue
from billing.accounting import check
from billing.accounts.kinds import PayerFact
from billing.rerate import jobs
from billing.rerate.request import request
from tests.billing.accounting.test_month_end import CALLS, FEES, at_us, clerk, close, held, unbilled_cents
from tests.billing.documents.clerk import tell, void
from tests.billing.runs.world import NATIONAL, START_US, Call, price_of, shop

if TYPE_CHECKING:
    from tests.billing.runs.world import World


@pytest.fixture
def called(world: World) -> World:
    """It is 5 January."""
    world.account("a", bill_day=15)
    world.subscription("s", "a", "shop/plus", "8613800000001")
    world.take(Call("8613800000001", "2025-10-05T10:00", 100 * 60))
    world.now_us = at_us("2026-01-05T00:00")
    return world


def price(world: World, version: int, micros: int) -> None:
    """A version that charges a minute with so much from the beginning on."""
    prices = tuple(price_of(NATIONAL, "National calls", 10, micros) if each.price_id == NATIONAL else each for each in shop().prices)
    catalogue.publish(world.home, shop(version, START_US, prices=prices, corrects=version - 1), world.tick())


def rerate(world: World) -> None:
    """October at 0.05 a minute, dated 2 December."""
    price(world, 2, 50_000)
    job = jobs.plan(world.home, request("shop/plus", 2, "2025-10"), clerk(world))
    jobs.decide(world.home, job.job_id, jobs.APPROVED, "", clerk(world, uid=2))
    jobs.apply(world.home, job.job_id, dt.date(2025, 12, 2), clerk(world))


def act(world: World, what: str) -> None:
    if what == "rerate":
        rerate(world)
    elif what.startswith("price"):
        price(world, 3, int(what.removeprefix("price 0.")) * 10_000)
    elif what == "void":
        void(world, "R-0000000001", "2025-11-20")
    else:
        world.bill(f"2025-{what.removeprefix('run ')}")


# calls unbilled at the end of November
ORDERS = (
    ("rerate, price 0.10, run 11-15", -500, "10.00 and 5.00 are billed for 10.00, and 5.00 are credited in December"),
    ("rerate, price 0.08, run 11-15", -500, "10.00 and 3.00 for 8.00"),
    ("rerate, run 11-15", 0, "the run takes nothing back: the credit is revenue of December"),
    ("run 11-15, rerate", 0, "so it is where the run came first"),
    ("run 11-15, rerate, price 0.10, run 12-15", 0, "a run of December is no bill of November"),
    ("rerate, price 0.10, run 11-15, run 12-15", -500, "whatever is billed in December"),
    ("run 11-15, void, rerate", 500, "what was void in November is billed anew in December"),
    ("run 11-15, void, rerate, run 11-15", 500, "so that the same run once more finds nothing to bill"),
    ("run 11-15, void, rerate, run 11-30", 500, "and nor does a later one"),
)


@pytest.mark.parametrize(("acts", "expected", "why"), ORDERS, ids=[each[0] for each in ORDERS])
def test_what_a_re_rating_billed_is_of_its_own_month_in_any_order(called: World, acts: str, expected: int, why: str) -> None:
    called.bill("2025-10-15")
    for what in acts.split(", "):
        act(called, what)
    assert unbilled_cents(called, "2025-11").get(CALLS, 0) == expected, why
    assert unbilled_cents(called, "2025-12").get(CALLS, 0) == 0, "by then everything is billed"


def test_revenue_of_each_month_is_what_the_calls_were_worth_then(called: World) -> None:
    """The price was mistaken, the re-rating too: at no month's end is more than 10.00 earned, though 15.00 stand billed in November."""
    called.bill("2025-10-15")
    for what in ("rerate", "price 0.10", "run 11-15"):
        act(called, what)
    for month in ("2025-10", "2025-11", "2025-12"):
        assert close(called, month).closed
    assert [held(called, "revenue:4010", day) for day in ("2025-10-31", "2025-11-30", "2025-12-31")] == [-1000] * 3
    assert [held(called, "unbilled:4010", day) for day in ("2025-10-31", "2025-11-30", "2025-12-31")] == [0, -500, 0]
    assert [each.first_difference for each in check.check(called.home) if not each.ok] == []


def test_what_a_payer_has_of_another_s_calls_is_found_too(called: World) -> None:
    """Somebody else pays: the documents are the payer's, the calls another account's."""
    called.account("boss", bill_day=15)
    tell(called, "a", "payer", PayerFact("boss"), "2025-10-01")
    called.bill("2025-10-15")
    for what in ("rerate", "price 0.10", "run 11-15"):
        act(called, what)
    assert [unbilled_cents(called, month).get(CALLS, 0) for month in ("2025-11", "2025-12")] == [-500, 0]


def test_what_stands_billed_twice_is_found_where_a_run_of_the_next_month_lies_between(world: World) -> None:
    """10.00 a month. Both bills are void as of 1 December, October is billed again: by the end of November 20.00 stand billed for 20.00."""
    world.account("e")
    world.subscription("s", "e", "shop/basic", "8613800000001")
    world.now_us = at_us("2026-01-05T00:00")
    for date in ("2025-11-01", "2025-12-01"):
        world.bill(date)
    for number in ("R-0000000001", "R-0000000002"):
        void(world, number, "2025-12-01")
    world.bill("2025-11-01")
    assert unbilled_cents(world, "2025-11").get(FEES, 0) == 0
    assert unbilled_cents(world, "2025-12") == {FEES: 2000}, "November and December"

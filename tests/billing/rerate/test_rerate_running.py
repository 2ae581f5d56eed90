"""A re-rating whose months reach into the running period, of which bills hold fees in advance and usage that was billed in mid-cycle.

A minute of October or November costs 0.10, then 0.05; line rent is 3.00 in advance, then 2.00. Of October 100 minutes are billed on
1 November, of November 600 minutes on 5 November, since they reached a bill threshold of 50.00. Tax is 6 %. Amounts below are cents.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue, invoicing
from billing.documents import interim
from billing.rerate import jobs
from billing.rerate.request import request
from rating.model import BillThreshold
from tests.billing.rerate.test_rerate import who
from tests.billing.rerate.test_rerate_scope import CENT, balanced
from tests.billing.runs.world import LINE_RENT, NATIONAL, START_US, Call, instant_us, price_of, shop

if TYPE_CHECKING:
    from tests.billing.runs.world import World

BOTH = "2025-10..2025-11"


def publish(world: World, version: int, minute_micros: int = 100_000, rent_micros: int = 3_000_000) -> None:
    basic, plus = shop().plans
    fees = tuple(msgspec.structs.replace(fee, amount_micros=rent_micros) if fee.price_id == LINE_RENT else fee for fee in plus.recurring)
    plus = msgspec.structs.replace(plus, recurring=fees, bill_thresholds=(BillThreshold(1, "fifty", 50_000_000),))
    prices = tuple(price_of(NATIONAL, "National calls", 10, minute_micros) if e.price_id == NATIONAL else e for e in shop().prices)
    catalogue.publish(world.home, shop(version, START_US, plans=(basic, plus), prices=prices, corrects=version - 1), world.tick())


def opened(world: World, november_minutes: int) -> None:
    publish(world, 2)
    world.account("anna")
    world.subscription("s1", "anna", "shop/plus", "1001")
    world.take(Call("1001", "2025-10-05T10:00", 100 * 60))
    world.bill("2025-11-01")
    if november_minutes:
        world.take(Call("1001", "2025-11-03T10:00", november_minutes * 60))
    world.begun(dt.date(2025, 11, 5))
    assert interim.run(world.home, dt.date(2025, 11, 5), who(world)).invoices == (november_minutes > 0)
    world.now_us = instant_us("2025-11-10T12:00:00")


def cents(world: World, months: str, version: int = 3) -> tuple[int, int]:
    """What a job would come to: net and tax."""
    found = jobs.preview(world.home, request("shop/plus", version, months))
    return found.net_micros.get("CNY", 0) // CENT, found.tax_micros.get("CNY", 0) // CENT


def paid(world: World) -> tuple[int, int]:
    """Net and tax of all documents."""
    found = invoicing.list_invoices(world.home)
    return sum(each.net_micros for each in found) // CENT, sum(each.tax_micros for each in found) // CENT


# minutes of November in mid-cycle; price of a minute, line rent; months; net and tax of the job; why
JOBS = [
    (600, 100_000, 3_000_000, BOTH, (0, 0), "nothing was corrected"),
    (600, 50_000, 3_000_000, "2025-10", (-500, -30), "100 minutes"),
    (600, 50_000, 3_000_000, BOTH, (-500, -30), "100 minutes; no run has billed November"),
    (600, 50_000, 3_000_000, "2025-11", (0, 0), "no run has billed November"),
    (600, 100_000, 2_000_000, "2025-10", (-100, -6), "line rent of October"),
    (600, 100_000, 2_000_000, BOTH, (-200, -12), "line rent of October, and of November in advance"),
    (600, 100_000, 2_000_000, "2025-11", (0, 0), "no run has billed any period of the months"),
    (600, 50_000, 2_000_000, BOTH, (-700, -42), "100 minutes, and line rent twice"),
    (0, 50_000, 2_000_000, BOTH, (-700, -42), "the same without mid-cycle usage"),
]


@pytest.mark.parametrize(("minutes", "minute_micros", "rent_micros", "months", "expected", "why"), JOBS)
def test_of_the_running_period_only_fees_in_advance(  # noqa: PLR0913, PLR0917 -- columns
    world: World, minutes: int, minute_micros: int, rent_micros: int, months: str, expected: tuple[int, int], why: str
) -> None:
    opened(world, minutes)
    publish(world, 3, minute_micros, rent_micros)
    assert cents(world, months) == expected, why
    job = jobs.plan(world.home, request("shop/plus", 3, months), who(world))
    jobs.decide(world.home, job.job_id, jobs.APPROVED, "", who(world, uid=2))
    jobs.apply(world.home, job.job_id, dt.date(2025, 11, 10), who(world))
    assert cents(world, months) == (0, 0), "a repeat finds nothing"
    world.bill("2025-12-01")
    october = 3000 + rent_micros // CENT + 100 * minute_micros // CENT
    november = 3000 + rent_micros // CENT + minutes * minute_micros // CENT
    december = rent_micros // CENT
    taxes = sum((net * 6 + 50) // 100 for net in (october, november, december))
    assert paid(world) == (october + november + december, taxes), "what is due in the end, whatever the job billed of it"
    assert balanced(world)

"""Interim bills and re-ratings in words: what they charged or gave back is worked out again from what they knew, records included.

A national call costs 0.10 a minute, plan plus 30.00 a month and 3.00 in advance, tax is 6 %.
"""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from billing import catalogue
from billing.documents import explaining, interim
from billing.documents.usage_list import usage_list
from billing.rerate import jobs
from billing.rerate.request import request
from rating.model import BillThreshold, InvoiceDiscount, VolumeStep, VolumeTier
from server.cli.app import main
from tests.billing.documents.clerk import ANA, BEN, CENT, who, wrong
from tests.billing.runs.world import MINUTE_MS, NATIONAL, START_US, Call, World, instant_us, price_of, shop


def publish(world: World, version: int, **plus: object) -> None:
    """A version of the shop that corrects the one before it from the beginning, with changes to plan plus."""
    basic, old = shop().plans
    catalogue.publish(
        world.home, shop(version, START_US, corrects=version - 1, plans=(basic, msgspec.structs.replace(old, **plus))), world.tick()
    )


def told(world: World, number: str) -> list[tuple[str, ...]]:
    """What is said of each line; that Chinese says as much is looked at as well."""
    found, chinese = (explaining.explain(world.home, number, language=language) for language in ("en", "zh"))
    assert [len(line.sentences) for line in found.lines] == [len(line.sentences) for line in chinese.lines]
    return [line.sentences for line in found.lines]


def used(world: World, number: str) -> list[tuple[int, int, int]]:
    """Of each usage line the records, what they come to, and what was billed of them so far, in cents."""
    return [(each.records, each.charge_micros // CENT, each.exact_micros // CENT) for each in usage_list(world.home, number).lines]


def threshold(world: World, date: str) -> None:
    """An interim bill."""
    assert interim.run(world.home, dt.date.fromisoformat(date), who(world, on=dt.date.fromisoformat(date))).invoices == 1


def rerate(world: World, date: str = "2025-12-05") -> None:
    """Rate October again by the second version, approved and applied."""
    world.now_us = max(world.now_us, instant_us(f"{date}T12:00:00"))
    job = jobs.plan(world.home, request("shop/plus", 2, "2025-10"), who(world, ANA))
    jobs.decide(world.home, job.job_id, jobs.APPROVED, "", who(world, BEN))
    jobs.apply(world.home, job.job_id, dt.date.fromisoformat(date), who(world, ANA))


def dearer(world: World) -> None:
    """The fee of plan plus is 33.00 from the beginning."""
    fee, rent = shop().plans[1].recurring
    publish(world, 2, recurring=(msgspec.structs.replace(fee, amount_micros=33_000_000), rent))


def cheaper(world: World) -> None:
    """National calls at half the price."""
    prices = tuple(price_of(NATIONAL, "National calls", 10, 50_000) if each.price_id == NATIONAL else each for each in shop().prices)
    catalogue.publish(world.home, shop(2, START_US, prices=prices, corrects=1), world.tick())


def test_interim_bills(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    publish(world, 2, bill_thresholds=(BillThreshold(1, "fifty", 50_000_000), BillThreshold(2, "hundred", 100_000_000)))
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", "1001")
    world.take(Call("1001", "2025-10-03T10:00:00", 500 * 60))
    threshold(world, "2025-10-07")
    world.take(Call("1001", "2025-10-12T10:00:00", 1001 * 60))
    threshold(world, "2025-10-13")
    world.bill("2025-11-01")
    first, second, third = world.numbers()
    assert told(world, first) == [
        ("records: 1, 500:00, 0:00 of it free; their charges are 50.00, rounded 50.00",),
        ("6 % of 50.00 = 3.00",),
    ]
    assert told(world, second) == [
        (
            "records: 2, 1,501:00, 0:00 of it free; their charges are 150.10, rounded 150.10",
            f"{first} has 50.00 of it",
            "due 150.10, billed before 50.00: now 100.10",
        ),
        ("6 % of 150.10 = 9.01", f"{first} has 3.00 of it", "due 9.01, billed before 3.00: now 6.01"),
    ]
    assert told(world, third)[-2][-1] == "due 10.99, billed before 9.01: now 1.98"  # 6 % of 183.10
    assert [used(world, number) for number in (first, second, third)] == [[(1, 5000, 5000)], [(2, 15010, 15010)], []]
    assert main(["invoice", "explain", second, "1", "--home", str(world.home.path)]) == 0
    assert capsys.readouterr().out.endswith("  due 150.10, billed before 50.00: now 100.10\n"), (
        "no events: charges of an interim bill are not kept"
    )


def test_an_interim_bill_of_a_plan_with_tiers_and_discounts(world: World) -> None:
    """150 minutes cost 0.08 each from 100 on: 12.00. The tenth off waits for the cycle."""
    steps = (VolumeStep(0, 100_000, MINUTE_MS), VolumeStep(100 * MINUTE_MS, 80_000, MINUTE_MS))
    tier = VolumeTier(300, "volume", 30, 3000, "standard", ("National calls",), steps)
    off = InvoiceDiscount(500, "ten percent", 50, 5000, 100_000)
    publish(world, 2, volume_tiers=(tier,), invoice_discounts=(off,), bill_thresholds=(BillThreshold(1, "ten", 10_000_000),))
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", "1001")
    world.take(Call("1001", "2025-10-03T10:00:00", 150 * 60))
    threshold(world, "2025-10-07")
    world.take(Call("1001", "2025-10-13T10:00:00", 10 * 60))
    world.bill("2025-11-01")
    first, second = world.numbers()
    assert told(world, first)[1:] == [
        ("150:00 in the period reach the tier from 100:00: 12.00, less what the records were charged, 15.00 = -3.00",),
        ("6 % of 12.00 = 0.72",),
    ]
    assert "10 % off 45.80 = 4.58" in [line[0] for line in told(world, second)]  # 30.00, 3.00 and 160 x 0.08


@pytest.fixture
def anna(world: World) -> World:
    """Anna, with 20 minutes in October."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", "1001")
    world.take(Call("1001", "2025-10-05T10:00", 20 * 60))
    return world


def test_a_rerating_that_charges(anna: World) -> None:
    anna.bill("2025-11-01")
    anna.bill("2025-12-01")
    dearer(anna)
    rerate(anna)
    number = anna.numbers()[-1]
    assert told(anna, number) == [
        (
            "Plus, correction for 2025-10-01 to 2025-10-31, 2025-10-01 to 2025-10-31: 33.00 x 31/31 days = 33.00",
            "R-0000000001 has 30.00 of it",
            "due 33.00, billed before 30.00: now 3.00",
        ),
        ("6 % of 38.00 = 2.28", "R-0000000001 has 2.10 of it", "due 2.28, billed before 2.10: now 0.18"),
    ]
    assert explaining.explain(anna.home, number).foot == ("Net 3.00 + tax 0.18 = 3.18 CNY",)
    assert used(anna, number) == []
    assert wrong(anna) == []


def test_a_rerating_that_gives_back(anna: World) -> None:
    """Half of 2.00; what is called late in October is left to the cycle."""
    anna.bill("2025-11-01")
    anna.take(Call("1001", "2025-10-09T10:00", 60))
    cheaper(anna)
    rerate(anna)
    note = "C-0000000001"
    assert told(anna, note) == [
        (
            "records: 1, 20:00, 0:00 of it free; their charges are 1.00, rounded 1.00",
            "R-0000000001 has 2.00 of it",
            "due 1.00, billed before 2.00: now -1.00",
        ),
        ("6 % of 34.00 = 2.04", "R-0000000001 has 2.10 of it", "due 2.04, billed before 2.10: now -0.06"),
    ]
    assert explaining.explain(anna.home, note).head[0].startswith(f"Credit note {note}, account anna")
    assert used(anna, note) == [(1, 100, 100)]
    anna.bill("2025-12-01")
    late = ("R-0000000001 has 2.00 of it", f"{note} has -1.00 of it", "due 1.05, billed before 1.00: now 0.05")
    assert late in [line[1:] for line in told(anna, "R-0000000002")]


def test_a_rerating_beside_a_plan_that_it_is_not_about(anna: World) -> None:
    """Both subscriptions pay half for their calls; of the one that was asked for 1.00 is given back, with the tax of that alone."""
    anna.subscription("anna-2", "anna", "shop/basic", "1002")
    anna.take(Call("1002", "2025-10-05T10:00", 40 * 60))
    anna.bill("2025-11-01")
    cheaper(anna)
    rerate(anna)
    assert [line[-1] for line in told(anna, "C-0000000001")] == ["due 1.00, billed before 2.00: now -1.00", "6 % of -1.00 = -0.06"]


def test_a_rerating_beyond_the_open_periods(anna: World) -> None:
    """October is five months back when its fee is corrected, and three can be reopened by the cycle."""
    for month in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"):
        anna.bill(month)
    dearer(anna)
    rerate(anna, "2026-04-05")
    assert told(anna, anna.numbers()[-1])[0][-1] == "due 33.00, billed before 30.00: now 3.00"

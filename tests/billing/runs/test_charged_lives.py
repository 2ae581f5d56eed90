"""Lives of an account with everything that a bill can charge, run by run: late usage, pauses, a commitment, discounts, credits by hand.

Plan all: 15.00 a month in advance, calls at 0.10 a minute (from the 16th minute of a month on 0.08 for all of them), 10 % off calls,
31.00 committed to usage and fees, 5.00 for each of three months that is left at an early end. Amounts in cents.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue, invoicing
from billing.controls import books
from billing.documents import explaining
from billing.runs.settlement.thresholds import Acted, reached
from billing.runs.settlement.unbilled import unbilled
from billing.store import tables
from rating.model import (
    BillThreshold,
    Commitment,
    CommitmentCounts,
    FeeOccasion,
    FeeTiming,
    InvoiceDiscount,
    OneOffFee,
    Plan,
    RecurringFee,
    Service,
    ServiceTerms,
    UsageRule,
    VolumeStep,
    VolumeTier,
)
from tests.billing.runs.world import MINUTE_MS, Call, World, instant_us, shop

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

UNIT = 1_000_000
NUMBER = "13800000001"
RULES = (UsageRule(Service.VOICE, "national", "National calls"),)
STEPS = (VolumeStep(0, 100_000, MINUTE_MS), VolumeStep(16 * MINUTE_MS, 80_000, MINUTE_MS))
ALL = Plan(
    "all",
    RULES,
    {"en": "All"},
    recurring=(RecurringFee(300, "Monthly", 300, 5000, "standard", 15 * UNIT, FeeTiming.ADVANCE),),
    one_offs=(OneOffFee(301, "Early end", 301, 5001, "standard", 5 * UNIT, FeeOccasion.EARLY_END, per_remaining_month=True),),
    terms=ServiceTerms(minimum_months=3),
    volume_tiers=(VolumeTier(302, "Calls by volume", 10, 4010, "standard", ("National calls",), STEPS),),
    invoice_discounts=(InvoiceDiscount(303, "Loyal", 303, 5003, 100_000, kinds=("usage", "volume")),),
    commitments=(Commitment(304, "Least", 304, 5004, "standard", 31 * UNIT, CommitmentCounts.USAGE_AND_FEES),),
)


def begin(world: World, **changes: object) -> None:
    """One account with plan all since 1 October."""
    catalogue.publish(world.home, msgspec.structs.replace(shop(identity="rich", plans=(ALL,)), **changes), world.tick())
    world.account("A1")
    world.subscription("S1", "A1", "rich/all", NUMBER)


def calls(*days: str) -> list[Call]:
    return [Call(NUMBER, f"{each}:00", 60) for each in days]


def minutes(month: int, count: int) -> list[Call]:
    """So many calls of a minute each in a month of 2025, one a day."""
    return calls(*(f"2025-{month:02}-{day:02}T12:00" for day in range(1, count + 1)))


def bill(world: World, date: str) -> list[tuple[str, str, int]]:
    """Run the cycle: text, first day of the period and cents of every line that it makes. Its books balance."""
    before = set(world.numbers())
    world.bill(date)
    made = [number for number in world.numbers() if number not in before]
    assert [book for book in books(world.home) if not book.ok] == []
    return [(text, begins[5:], cents) for number in made for text, begins, _, _, cents in world.lines(number)]


def billed(world: World) -> dict[str, int]:
    """All that was ever billed, in cents, by kind of line."""
    found: dict[str, int] = {}
    for number in world.numbers():
        for line in invoicing.get_invoice(world.home, number).lines:
            found[line.kind] = found.get(line.kind, 0) + line.amount_micros // 10_000
    return {kind: cents for kind, cents in found.items() if cents}


def fact(world: World, kind: str, start: str, end: str | None = None) -> None:
    """Learn a fact about the subscription."""
    key = world.key("subscriptions", "subscription_key", "subscription_id", "S1")
    world._add(  # noqa: SLF001 -- as the world adds its own facts
        tables.subscription_facts, subscription_key=key, kind=kind, from_date=start, to_date=end, detail="{}", by_name="clerk", by_uid=1
    )


def dict_of(lines: list[tuple[str, str, int]], begins: str) -> dict[str, int]:
    """Lines of one period by what they are called, without the words of a correction."""
    found: dict[str, int] = {}
    for text, period, cents in lines:
        if period == begins:
            name = text.partition(", correction")[0]
            found[name] = found.get(name, 0) + cents
    return {name: cents for name, cents in found.items() if cents}


def test_late_usage_may_lower_the_bill(world: World) -> None:
    """Fifteen minutes of October are billed at 0.10; the sixteenth comes late and makes all sixteen cost 0.08."""
    begin(world)
    world.take(*minutes(10, 15))
    assert bill(world, "2025-11-01") == [
        ("Monthly", "10-01", 1500),
        ("National calls", "10-01", 150),
        ("Least", "10-01", 1465),  # 31.00 - 15.00 - 1.35
        ("Loyal", "10-01", -15),
        ("Monthly", "11-01", 1500),
        ("Tax standard 6 %", "10-01", 186),
        ("Tax standard 6 %", "11-01", 90),
    ]
    world.take(*calls("2025-10-20T20:00"))
    second = dict_of(bill(world, "2025-12-01"), "10-01")
    assert second == {"National calls": 10, "Calls by volume": -32, "Loyal": 2, "Least": 20}
    assert billed(world)["usage"] + billed(world)["volume"] == 16 * 8


def test_a_pause_that_is_learned_late_is_credited_once(world: World) -> None:
    """Ten of October's 31 days paused: 15.00 x 10/31 = 4.84 less, and the commitment of 31.00 is 21.00."""
    begin(world)
    bill(world, "2025-11-01")
    fact(world, "pause", "2025-10-11", "2025-10-21")
    assert dict_of(bill(world, "2025-12-01"), "10-01") == {"Monthly": -484, "Least": -516, "Tax standard 6 %": -60}
    assert dict_of(bill(world, "2025-12-01"), "10-01") == {}
    assert dict_of(bill(world, "2026-01-01"), "10-01") == {}


def test_a_commitment_whose_amount_changes_is_prorated_by_its_parts(world: World) -> None:
    """31.00 until 10 October, none for ten days, and 62.00 (of version 2) from 21 October on: 31.00 x 10/31 + 62.00 x 11/31."""
    least = Commitment(304, "Least", 304, 5004, "standard", 31 * UNIT, CommitmentCounts.USAGE_AND_FEES)
    plan, none = Plan("all", RULES, {"en": "All"}, commitments=(least,)), Plan("none", RULES, {"en": "None"})
    begin(world, plans=(plan, none))
    dearer = msgspec.structs.replace(plan, commitments=(msgspec.structs.replace(least, amount_micros=62 * UNIT),))
    newer = shop(2, instant_us("2025-10-15T00:00:00"), identity="rich", plans=(dearer, none))
    catalogue.publish(world.home, newer, world.tick())
    world.plan("S1", "rich/none", "2025-10-11")
    world.plan("S1", "rich/all", "2025-10-21")
    assert bill(world, "2025-11-01") == [("Least", "10-01", 1000 + 2200), ("Tax standard 6 %", "10-01", 192)]
    said = explaining.explain(world.home, world.numbers()[0]).lines[0].sentences
    assert said == ("31.00 x 10/31 days + 62.00 x 11/31 days = 32.00 is the agreed minimum; what counts of it is 0.00; missing 32.00",)


def test_an_early_end_and_its_undoing(world: World) -> None:
    """The last day is 15 November: two months of three are not over. Then the end is taken back."""
    begin(world)
    bill(world, "2025-11-01")
    fact(world, "end", "2025-11-16")
    # 7.50 of the fee in advance go back. 15.50 are committed; 7.50 and the fee of 10.00 count: nothing is missing.
    assert dict_of(bill(world, "2025-12-01"), "11-01") == {"Monthly": -750, "Early end": 1000, "Tax standard 6 %": 15}
    fact(world, "no_end", "2025-11-16")
    assert dict_of(bill(world, "2026-01-01"), "11-01") == {"Monthly": 750, "Early end": -1000, "Least": 1600, "Tax standard 6 %": 81}


def test_prices_with_tax_stand_fast(world: World) -> None:
    """Everything of a bill, tax included, is what the prices say."""
    begin(world, tax_inclusive=True, plans=(msgspec.structs.replace(ALL, commitments=(), invoice_discounts=()),))
    world.take(*minutes(10, 20))
    bill(world, "2025-11-01")
    assert sum(billed(world).values()) == 1500 + 1500 + 160  # fee of October and November, 20 x 0.08


def test_a_credit_by_hand_is_billed_once(world: World) -> None:
    begin(world)
    bill(world, "2025-11-01")
    key = world.key("accounts", "account_key", "account_id", "A1")
    values = {"subscription_key": 0, "on_date": "2025-10-20", "catalogue": "shop", "tax_class": "standard", "charge_code": 90}
    more = {"revenue_code": 5090, "amount_micros": -3 * UNIT, "reason_code": "goodwill", "text": "Sorry", "by_name": "clerk", "by_uid": 1}
    alone = {"approved_by": "clerk", "approved_uid": 1, "at_us": world.tick()}
    world._add(tables.adjustments, reference="r1", account_key=key, **values, **more, **alone)  # noqa: SLF001 -- as above
    assert dict_of(bill(world, "2025-12-01"), "10-01") == {"Sorry": -300, "Tax standard 6 %": -18}
    assert dict_of(bill(world, "2026-01-01"), "10-01") == {}


def test_a_head_office_pays_from_a_bill_date_on(world: World) -> None:
    """A2 pays for A1 from 1 November: October's lines stay where they were, the fee in advance for November is A2's."""
    begin(world)
    world.account("A2")
    key = world.key("accounts", "account_key", "account_id", "A1")
    values = {"kind": "payer", "from_date": "2025-11-01", "to_date": None, "detail": '{"payer":"A2"}', "by_name": "clerk", "by_uid": 1}
    world._add(tables.account_facts, account_key=key, **values)  # noqa: SLF001 -- as above
    bill(world, "2025-11-01")
    bill(world, "2025-12-01")
    assert [(text, begins[5:], cents) for text, begins, _, _, cents in world.lines(world.numbers("A1")[0])] == [
        ("Monthly", "10-01", 1500),
        ("Least", "10-01", 1600),
        ("Tax standard 6 %", "10-01", 186),
    ]
    of_payer = [(text, begins[5:], cents) for number in world.numbers("A2") for text, begins, _, _, cents in world.lines(number)]
    assert dict_of(of_payer, "11-01") == {"Monthly": 1500, "Least": 1600, "Tax standard 6 %": 186}
    assert dict_of(of_payer, "10-01") == {}
    assert len(world.numbers("A1")) == 1


def test_unbilled_usage_of_the_running_month_reaches_a_threshold(world: World) -> None:
    """1.00 of calls: the tenth minute of November reaches it, whatever October was. What has acted acts no more."""
    begin(world, plans=(msgspec.structs.replace(ALL, bill_thresholds=(BillThreshold(1, "one", UNIT),)),))
    world.take(*minutes(10, 14), *minutes(11, 9))
    bill(world, "2025-11-01")

    def acting(day: int, *acted: Acted) -> list[tuple[int, int]]:
        through = dt.date(2025, 11, day)
        found = unbilled(world.home, through)
        return [(each.threshold.threshold_id, each.unbilled_micros) for each in reached(found.lines, found.contracts, through, acted)]

    assert acting(20) == []
    world.take(*calls("2025-11-20T12:00"))
    assert acting(20) == []  # the 20th does not count yet
    assert acting(21) == [(1, UNIT)]
    key = world.key("subscriptions", "subscription_key", "subscription_id", "S1")
    assert acting(21, Acted(key, dt.date(2025, 11, 1), 1)) == []


def test_the_bills_of_a_life_add_up_to_one(tmp_path: Path) -> None:
    """The same life, billed month by month with everything learned late, and billed once at its end."""
    monthly, once = World(tmp_path / "monthly"), World(tmp_path / "once")
    for world, dates in ((monthly, ("2025-11-01", "2025-12-01", "2026-01-01")), (once, ())):
        begin(world)
        world.take(*minutes(10, 12))
        for step, date in enumerate(dates or ("", "", "")):
            if date:
                bill(world, date)
            if step == 0:
                world.take(*calls(*(f"2025-10-{day:02}T15:00" for day in range(1, 9))))
                fact(world, "pause", "2025-10-05", "2025-10-09")
            if step == 1:
                world.take(*minutes(11, 18))
                fact(world, "pause", "2025-11-20", "2025-11-25")
        bill(world, "2026-02-01")
    assert billed(monthly) == billed(once)
    assert len(monthly.numbers()) > len(once.numbers())
    for world in (monthly, once):
        world.home.close()

"""Diaries of what a plan remembers from call to call: shared and rolled-over allowances, changes of plan, credit, passes, caps, counters.

A national call costs 0.10 a minute, begun minutes count whole. Amounts in cents (fen).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from billing import catalogue
from billing.controls import books
from billing.runs import cycle
from billing.store import tables
from billing.verification.explain_line import explain_line
from billing.verification.rerate_sample import rerate
from rating.model import (
    ANY_ZONE,
    Allowance,
    AtPlanChange,
    CapWindow,
    ChargeCap,
    Counting,
    DayPass,
    Discount,
    Plan,
    QuantityUnit,
    Rate,
    Service,
    Step,
    UsageRule,
)
from tests.billing.runs.world import MINUTE_MS, START_US, Call, World, instant_us, price_of, shop

if TYPE_CHECKING:
    from rating.model import Catalogue

FREE = Allowance(1, "free minutes", (Service.VOICE,), QuantityUnit.MILLISECOND, 31 * MINUTE_MS, ("national",))
CREDIT = Allowance(2, "credit", (Service.VOICE, Service.DATA), QuantityUnit.MICRO, 1_000_000, (ANY_ZONE,), prorate=False)
PASS = DayPass(3, "night pass", 500_000, (Service.VOICE,), ("national",), QuantityUnit.MILLISECOND, 60 * MINUTE_MS, priority=1)
CAP = ChargeCap(1, "ceiling", 2_000_000, CapWindow.PERIOD, (Service.VOICE,), (ANY_ZONE,))
LOYAL = Discount(1, "loyal", 250_000, (Service.VOICE,), (ANY_ZONE,))
TIERS = msgspec.structs.replace(
    price_of(102, "Data tiers", 12, 0),
    unit=QuantityUnit.BYTE,
    counting=Counting.GRADUATED,
    counter_id=1,
    rates=(Rate("any", (Step(0, 1_000_000, 1_000_000, 1000), Step(2_000_000, 100_000, 1_000_000, 1000)), 1000),),
)
VOICE = (UsageRule(Service.VOICE, "national", "National calls"), UsageRule(Service.VOICE, "premium", "Premium calls"))


def selling(*plans: Plan, **changes: object) -> Catalogue:
    """Version 2 of the shop, with these plans, and prices for data."""
    base = shop()
    return shop(2, START_US + 1, plans=(*base.plans, *plans), prices=(*base.prices, TIERS), **changes)


def a_plan(name: str, *allowances: Allowance, rules: tuple[UsageRule, ...] = VOICE, **terms: object) -> Plan:
    return Plan(name, rules, {"en": name}, allowances, **terms)  # type: ignore[arg-type]  # terms are checked by the model's users


def publish(world: World, *plans: Plan) -> None:
    catalogue.publish(world.home, selling(*plans), world.tick())


def subscribe(world: World, account: str, plan: str, *numbers: str) -> None:
    """An account with a subscription for each number."""
    world.account(account)
    for number in numbers:
        world.subscription(f"s{number}", account, f"shop/{plan}", number)


def usage_cents(world: World, number: str) -> list[int]:
    """Amounts of the usage lines of an invoice, in cents."""
    with world.home.connect() as connection:
        line, invoice = tables.invoice_lines, tables.invoices
        query = sa.select(line.c.amount_micros).join_from(line, invoice).where(invoice.c.number == number, line.c.kind == "usage")
        return [amount // 10_000 for amount in connection.execute(query.order_by(line.c.line_no)).scalars()]


def confirmed(world: World) -> bool:
    """Every book balances, and the twin says the same of every event of the last run."""
    return [book for book in books(world.home) if not book.ok] == [] and rerate(world.home, None, 10**6, 1).disagreements == 0


def minutes(number: str, at: str, count: int) -> Call:
    return Call(number, at, count * 60)


def test_a_shared_allowance_is_the_sum_of_what_its_members_grant(world: World) -> None:
    """Three lines of 31 minutes; the third never calls. 70 minutes on one line are free, then 23 are left for the other."""
    publish(world, a_plan("family", msgspec.structs.replace(FREE, shared=True)))
    subscribe(world, "anna", "family", "1001", "1002", "1003")
    world.take(minutes("1001", "2025-10-05T10:00:00", 70), minutes("1002", "2025-10-06T10:00:00", 30))
    world.bill("2025-11-01")
    assert usage_cents(world, "R-0000000001") == [0, 70]  # 93 minutes in all: 7 are paid, by the line that came last
    assert confirmed(world)
    line = next(number for number in (1, 2) if explain_line(world.home, "R-0000000001", number).exact_micros)
    assert explain_line(world.home, "R-0000000001", line).outcomes[0].taken[0].before == 23 * MINUTE_MS


ROLLS = msgspec.structs.replace(FREE, prorate=False, rollover_periods=1, rollover_max=20 * MINUTE_MS)


def test_what_is_left_serves_the_next_period_and_expires_first(world: World) -> None:
    """31 minutes a month; at most 20 go on, for one month.

    October uses 5: 20 go on. November uses 40: the 20 first, then 20 of its own; 11 go on. December uses 45: 11 and 31 free, 3 paid.
    """
    publish(world, a_plan("saver", ROLLS))
    subscribe(world, "anna", "saver", "1001")
    world.take(
        minutes("1001", "2025-10-05T10:00:00", 5),
        minutes("1001", "2025-11-05T10:00:00", 40),
        minutes("1001", "2025-12-05T10:00:00", 45),
    )
    invoiced = []
    for date in ("2025-11-01", "2025-12-01", "2026-01-01"):
        world.bill(date)
        assert confirmed(world)
        invoiced.append(usage_cents(world, world.numbers()[-1]) if world.numbers() else [])
    assert invoiced == [[], [], [30]]
    explained = explain_line(world.home, "R-0000000001", 1).outcomes
    assert [(taken.before // MINUTE_MS, taken.taken // MINUTE_MS) for taken in explained[0].taken] == [(11, 11), (31, 31)]


def test_an_unused_period_rolls_over_whole_and_for_as_long_as_it_may(world: World) -> None:
    """No call in October or November. Two months' grants wait for December: 31 of October, 31 of November, 31 of its own."""
    publish(world, a_plan("saver", msgspec.structs.replace(ROLLS, rollover_periods=2, rollover_max=None)))
    subscribe(world, "anna", "saver", "1001")
    world.take(minutes("1001", "2025-12-05T10:00:00", 100), minutes("1001", "2026-01-05T10:00:00", 32))
    for date in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"):
        world.bill(date)
        assert confirmed(world)
    assert [usage_cents(world, number) for number in world.numbers()] == [[70], [10]]  # 7 of 100; of January nothing was left over


def test_late_usage_takes_what_had_rolled_over_and_the_next_period_is_corrected(world: World) -> None:
    publish(world, a_plan("saver", ROLLS))
    subscribe(world, "anna", "saver", "1001")
    world.take(minutes("1001", "2025-11-05T10:00:00", 51))  # 20 and 31: free
    world.bill("2025-11-01")
    world.bill("2025-12-01")
    world.take(minutes("1001", "2025-10-05T10:00:00", 25))  # 6 of October are left: 14 of the 51 minutes are to be paid after all
    world.bill("2026-01-01")
    assert [usage_cents(world, number) for number in world.numbers()] == [[0, 140]]
    assert confirmed(world)


def test_the_oldest_open_period_begins_with_what_a_closed_one_left(world: World) -> None:
    """Seven runs later October is closed, and what it left is what its last run stored: late usage of it changes nothing."""
    publish(world, a_plan("saver", msgspec.structs.replace(ROLLS, rollover_periods=5, rollover_max=None)))
    subscribe(world, "anna", "saver", "1001")
    for date in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"):
        world.bill(date)
    world.take(minutes("1001", "2025-10-05T10:00:00", 30))  # October is closed from the next run on
    world.bill("2026-03-01")
    world.take(minutes("1001", "2026-03-05T10:00:00", 6 * 31 + 1))
    world.bill("2026-04-01")
    assert [usage_cents(world, number) for number in world.numbers()] == [[10]]  # October to February rolled over, and March itself
    assert confirmed(world)
    with world.home.connect() as connection:
        carried = tables.carried_allowances.c
        ends = connection.execute(sa.select(carried.period_end).where(carried.run_id == 6).distinct().order_by(carried.period_end))
        assert list(ends.scalars()) == ["2026-04-01"]  # nothing touched the months before, and the run begins where the last one ended


def test_nothing_left_is_not_mistaken_for_what_an_earlier_run_had_left(world: World) -> None:
    """A change of plan in October is learned after its bill: the 20 minutes that the first run had left for November are gone for good."""
    publish(world, a_plan("saver", ROLLS))
    subscribe(world, "anna", "saver", "1001")
    world.bill("2025-11-01")
    world.plan("s1001", "shop/plus", "2025-10-20")
    world.plan("s1001", "shop/saver", "2025-11-01")
    world.take(minutes("1001", "2025-11-05T10:00:00", 51))
    for date in ("2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01"):  # October is closed in the last one
        world.bill(date)
        assert confirmed(world)
    assert [usage_cents(world, number) for number in world.numbers() if usage_cents(world, number)] == [[200]]


@pytest.mark.parametrize(("change", "paid"), [(AtPlanChange.CARRY, 0), (AtPlanChange.PRORATE, 20), (AtPlanChange.RESET, 20)])
def test_what_is_left_follows_to_another_plan_where_it_is_carried(world: World, change: AtPlanChange, paid: int) -> None:
    """The plan changes as the month does: 20 minutes of October are carried to the new plan's 31, or lapse."""
    old = msgspec.structs.replace(ROLLS, at_plan_change=change)
    publish(world, a_plan("old", old), a_plan("new", ROLLS))
    subscribe(world, "anna", "old", "1001")
    world.plan("s1001", "shop/new", "2025-11-01")
    world.take(minutes("1001", "2025-11-05T10:00:00", 51))
    for date in ("2025-11-01", "2025-12-01"):
        world.bill(date)
        assert confirmed(world)
    assert [usage_cents(world, number) for number in world.numbers()] == ([[paid * 10]] if paid else [])


def test_a_run_that_is_made_again_stores_and_bills_the_same(world: World) -> None:
    publish(world, a_plan("saver", ROLLS), a_plan("family", msgspec.structs.replace(FREE, shared=True, rollover_periods=1)))
    subscribe(world, "anna", "saver", "1001")
    subscribe(world, "ben", "family", "1002", "1003")
    world.take(minutes("1001", "2025-10-05T10:00:00", 5), minutes("1002", "2025-11-07T10:00:00", 140))
    world.bill("2025-12-01")
    assert usage_cents(world, "R-0000000001") == [160]  # October leaves 2 x 31, and November has as much: 124 of the 140 are free
    with world.home.connect() as connection:
        stored = connection.execute(sa.select(tables.carried_allowances)).all()
    drafts = cycle.preview(world.home, dt.date(2025, 12, 1), world.begun(dt.date(2025, 12, 1))).drafts
    assert drafts == ()
    for run_id, everything in ((2, False), (3, True)):  # nothing has changed; and all of it computed again
        cycle.run(world.home, dt.date(2025, 12, 1), world.begun(dt.date(2025, 12, 1)), order=cycle.Order(everything=everything))
        with world.home.connect() as connection:
            again = connection.execute(sa.select(tables.carried_allowances).where(tables.carried_allowances.c.run_id == run_id)).all()
        assert sorted(row[1:] for row in again) == (sorted(row[1:] for row in stored) if everything else [])
    assert confirmed(world)


# What the plan that is left says -> minutes billed of 60 on 20 October, after 5 free ones on the old plan and the change on the 11th
CHANGES = [
    (AtPlanChange.PRORATE, 60 - 42),  # 2 x 21 days
    (AtPlanChange.CARRY, 60 - 26),  # 31 of the old plan less 5
    (AtPlanChange.RESET, 60 - 62),  # the new plan's whole 62: more than is used
]


@pytest.mark.parametrize(("change", "paid"), CHANGES)
def test_a_change_of_plan(world: World, change: AtPlanChange, paid: int) -> None:
    double = msgspec.structs.replace(FREE, quantity=2 * FREE.quantity)
    publish(world, a_plan("small", msgspec.structs.replace(FREE, at_plan_change=change)), a_plan("large", double))
    subscribe(world, "anna", "small", "1001")
    world.plan("s1001", "shop/large", "2025-10-11")
    world.take(minutes("1001", "2025-10-05T10:00:00", 5), minutes("1001", "2025-10-20T10:00:00", 60))
    world.bill("2025-11-01")
    assert usage_cents(world, "R-0000000001") == [10 * max(paid, 0)] if world.numbers() else paid < 0
    assert confirmed(world)


def test_what_plans_remember_by_one_id_goes_on_after_a_change_of_plan(world: World) -> None:
    """A ceiling of 2.00 and tiers of data, in both plans: 1.50 and 1.5 MB on the old one leave 0.50, and 0.5 MB at the first step."""
    rules = (*VOICE, UsageRule(Service.DATA, ANY_ZONE, "Data tiers"))
    raised = msgspec.structs.replace(CAP, amount_micros=3_000_000)
    publish(world, a_plan("small", rules=rules, caps=(CAP,)), a_plan("large", rules=rules, caps=(raised,)))
    subscribe(world, "anna", "small", "1001")
    world.plan("s1001", "shop/large", "2025-10-11")
    world.plan("s1001", "shop/small", "2025-10-21")
    data = Call("1001", "2025-10-05T10:00:00", 0, service=Service.DATA, volume_bytes=1_500_000)
    world.take(
        *(minutes("1001", f"2025-10-{day}T12:00:00", 15) for day in ("05", "15", "25")),
        data,
        data._replace(at="2025-10-15T10:00:00", volume_bytes=1_000_000),
    )
    world.bill("2025-11-01")
    assert usage_cents(world, "R-0000000001") == [
        150 + 150 + 0,
        150 + 50 + 5,
    ]  # the large plan's ceiling is 3.00; the small one's is passed
    assert confirmed(world)


def test_discount_credit_pass_and_cap_are_told_apart_from_the_charge(world: World) -> None:
    """A pass of 0.50 a day makes an hour free. A quarter off the rest; 1.00 of credit; then a ceiling of 2.00 in the month.

    70 minutes on the 5th: 10 paid at 0.10 less a quarter, 0.75 + 0.50 pass = 1.25, less 1.00 credit: 0.25.
    100 minutes on the 6th: 40 at 0.075 = 3.00 + 0.50: 3.50, of which the ceiling lets 1.75 pass.
    """
    publish(world, a_plan("all", CREDIT, day_passes=(PASS,), caps=(CAP,), discounts=(LOYAL,)))
    subscribe(world, "anna", "all", "1001")
    world.take(
        minutes("1001", "2025-10-05T10:00:00", 70), minutes("1001", "2025-10-06T10:00:00", 100), minutes("1001", "2025-10-06T20:00:00", 1)
    )
    world.bill("2025-11-01")
    assert usage_cents(world, "R-0000000001") == [200]
    file = next(world.home.charges_folder.glob("run=1/*.parquet"))
    columns = ["start_us", "gross_micros", "discount_micros", "charge_micros", "free_qty"]
    rows = sorted(pq.read_table(file, columns=columns, partitioning=None).to_pylist(), key=lambda row: row["start_us"])
    assert [[int(row[name] * 100) for name in columns[1:4]] for row in rows] == [[150, 125, 25], [450, 275, 175], [10, 10, 0]]
    assert [row["free_qty"] // MINUTE_MS for row in rows] == [60, 60, 0]
    assert confirmed(world)


def test_tiers_are_counted_over_the_period_and_begin_anew(world: World) -> None:
    """1.00 a megabyte, 0.10 from the third on: over all events of a month."""
    publish(world, a_plan("data", rules=(*VOICE, UsageRule(Service.DATA, ANY_ZONE, "Data tiers"))))
    subscribe(world, "anna", "data", "1001")
    data = [
        Call("1001", at, 0, service=Service.DATA, volume_bytes=volume)
        for at, volume in (("2025-10-05T10:00:00", 1_500_000), ("2025-10-06T10:00:00", 1_500_000), ("2025-11-06T10:00:00", 1_500_000))
    ]
    world.take(*data)
    world.bill("2025-12-01")
    assert usage_cents(world, "R-0000000001") == [150 + 50 + 10, 150]
    assert confirmed(world)


def test_several_allowances_of_one_service_are_drawn_in_order_of_priority(world: World) -> None:
    first = msgspec.structs.replace(FREE, allowance_id=9, name="any minutes", zones=(ANY_ZONE,), quantity=5 * MINUTE_MS, prorate=False)
    publish(world, a_plan("two", msgspec.structs.replace(FREE, priority=2), msgspec.structs.replace(first, priority=1)))
    subscribe(world, "anna", "two", "1001")
    world.take(minutes("1001", "2025-10-05T10:00:00", 10))
    world.bill("2025-11-01")
    assert world.numbers() == []
    assert confirmed(world)


def test_an_allowance_that_a_version_brings_within_the_month_is_granted_for_its_days(world: World) -> None:
    plan = a_plan("grows")
    publish(world, plan)
    later = msgspec.structs.replace(plan, allowances=(FREE,))
    base = selling(later)
    catalogue.publish(
        world.home, msgspec.structs.replace(base, version=3, effective_from_us=instant_us("2025-10-11T12:00:00")), world.tick()
    )
    subscribe(world, "anna", "grows", "1001")
    world.take(minutes("1001", "2025-10-05T10:00:00", 2), minutes("1001", "2025-10-20T10:00:00", 25))
    world.bill("2025-11-01")
    assert usage_cents(world, "R-0000000001") == [20 + 40]  # 21 days: 21 minutes
    assert confirmed(world)


def a_random_plan(random: np.random.Generator, name: str, *, rolls: bool) -> Plan:
    """Up to four allowances (the last one money, the third one shared), and what else a plan may have."""

    def allowance(allowance_id: int) -> Allowance:
        money = allowance_id == 4
        return Allowance(
            allowance_id,
            f"allowance {allowance_id}",
            (Service.VOICE,),
            QuantityUnit.MICRO if money else QuantityUnit.MILLISECOND,
            int(random.integers(1, 40)) * (10_000 if money else MINUTE_MS),
            (ANY_ZONE,) if random.integers(2) else ("national",),
            prorate=bool(random.integers(2)),
            priority=int(random.integers(3)),
            shared=allowance_id == 3,
            rollover_periods=int(random.integers(4)) if rolls else 0,
            rollover_max=None if random.integers(2) else 15 * MINUTE_MS,
            at_plan_change=list(AtPlanChange)[random.integers(3)],
        )

    return a_plan(
        name,
        *(allowance(number) for number in range(1, 5) if random.integers(3)),
        day_passes=(msgspec.structs.replace(PASS, pass_id=8),) if random.integers(2) else (),
        caps=(CAP,) if random.integers(2) else (),
        discounts=(LOYAL,) if random.integers(2) else (),
    )


def random_calls(random: np.random.Generator, months: tuple[int, ...], count: int) -> list[Call]:
    """Calls of the nine numbers of `test_the_twin_confirms`, at any minute of some months."""

    def at() -> str:
        return f"2025-{random.choice(months)}-{random.integers(1, 29):02d}T{random.integers(24):02d}:{random.integers(60):02d}:00"

    numbers = (8613900000001, 8690000000001)
    return [
        Call(f"{1000 + random.integers(9)}", at(), int(random.integers(1, 2400)), numbers[random.integers(2)], key=f"{months} {call}")
        for call in range(count)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_the_twin_confirms_whatever_plans_are_changed_to(world: World, seed: int) -> None:
    """Random allowances, changes of plan (many at the edge of a period), members and calls, billed month by month, some of it late."""
    random = np.random.default_rng(seed)
    names = [f"p{number}" for number in range(5)]
    publish(world, *(a_random_plan(random, name, rolls=seed > 0) for name in names))
    bill_days = random.integers(1, 29, 4).tolist()
    for account, bill_day in enumerate(bill_days):
        world.account(f"a{account}", bill_day=bill_day)
    for place in range(9):
        world.subscription(f"s{place}", f"a{place % 4}", f"shop/{random.choice(names)}", f"{1000 + place}")
        for _ in range(random.integers(4)):
            day = bill_days[place % 4] if random.integers(2) else random.integers(2, 28)
            world.plan(f"s{place}", f"shop/{random.choice(names)}", f"2025-{random.integers(10, 13)}-{day:02d}")
    world.take(*random_calls(random, (10, 11, 12), 150))
    for date in ("2025-11-15", "2025-12-15"):
        world.bill(date, threads=2)
        assert confirmed(world)
        world.take(*random_calls(random, (10, 11), 10))
    world.bill("2026-01-31")
    assert confirmed(world)


def test_the_first_run_of_an_imported_account_begins_with_what_it_had_left(world: World) -> None:
    """31 minutes of October and 9 that were left when the account came: 41 minutes, one is paid."""
    catalogue.publish(world.home, selling(a_plan("saver", ROLLS)), world.tick())
    world.account("a1", opened_on="2025-10-01")
    world.subscription("sa1", "a1", "shop/saver", "1001", from_date="2025-10-01")
    row = {"run_id": 0, "identity": "shop", "allowance_id": FREE.allowance_id, "plan": "shop/saver", "quantity": 9 * MINUTE_MS}
    keys = {
        "account_key": world.key("accounts", "account_key", "account_id", "a1"),
        "subscription_key": world.key("subscriptions", "subscription_key", "subscription_id", "sa1"),
    }
    with world.home.begin() as connection:
        connection.execute(tables.carried_allowances.insert().values(**row, **keys, period_end="2025-10-01", serves_to="2025-11-01"))
    world.take(minutes("1001", "2025-10-05T10:00:00", 41))
    world.bill("2025-11-01")
    assert [line for line in world.lines("R-0000000001") if line[3]] == [("National calls", "2025-10-01", "2025-11-01", 1, 10)]

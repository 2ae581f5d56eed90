"""Shared allowances of pools, and usage that arrives late.

A national call costs 0.10 a minute, begun minutes count whole. Amounts in cents (fen).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest
import sqlalchemy as sa

from billing import catalogue
from billing.accounts.kinds import ClosedFact, DiscountFact, PayerFact, PoolFact
from billing.charges.charge_keys import Kind
from billing.controls import books
from billing.documents import voiding
from billing.intake.taking import Intake
from billing.ledger.closed_months import Who
from billing.rerate import jobs
from billing.rerate.request import request
from billing.runs import cycle, reports, states
from billing.runs.settlement.unbilled import unbilled
from billing.runs.start import Order
from billing.runs.states import By
from billing.runs.usage import carried_allowances, pools, rating_passes
from billing.runs.usage.shard_groups import price_in_groups
from billing.store import tables
from billing.verification.rerate_sample import rerate
from mediation.decoded import Decoded
from rating.dates import day_number
from rating.model import AtPlanChange, LateUsage, Service, UsageRule
from tests.billing.runs.test_groups import Priceable
from tests.billing.runs.test_promises import FREE, ROLLS, VOICE, a_plan, confirmed, minutes, selling, usage_cents
from tests.billing.runs.world import NATIONAL, Call, World, instant_us, price_of, usage_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from billing.runs.selection.scope import Scope
    from rating.model import Allowance, Catalogue, Plan

pytestmark = pytest.mark.slow
NOVEMBER = dt.date(2025, 11, 1)
DECEMBER = dt.date(2025, 12, 1)
JANUARY = dt.date(2026, 1, 1)
SHARED = msgspec.structs.replace(FREE, shared=True)


def opened(world: World, plan: Plan, *accounts: str, since: Mapping[str, str] | None = None) -> None:
    """Accounts with a subscription each, `since` a day or 1 October; the number of account `a1` is 1001, of `a2` 1002 and so on."""
    catalogue.publish(world.home, selling(plan), world.tick())
    for account in accounts:
        day = (since or {}).get(account, "2025-10-01")
        world.account(account, opened_on=day)
        world.subscription(f"s{account}", account, f"shop/{plan.name}", f"100{account[1:]}", from_date=day)


def pool(world: World, account: str, root: str, from_date: str) -> None:
    agreed(world, account, "pool", from_date, PoolFact(root))


def agreed(world: World, account: str, kind: str, from_date: str, detail: msgspec.Struct) -> None:
    with world.home.begin() as connection:
        seq = world.home.next_commit_seq(connection, "fact", world.tick())
        key = world.key("accounts", "account_key", "account_id", account)
        fact = {"account_key": key, "kind": kind, "from_date": from_date, "detail": msgspec.json.encode(detail).decode()}
        connection.execute(tables.account_facts.insert().values(**fact, commit_seq=seq))


def arrive(world: World, at: str, *calls: Call) -> None:
    """Take calls in at a local time."""
    usage = usage_table(calls)
    batch = Decoded(usage=usage, rejects=[], rows=usage.num_rows, file_sha256=b"\0" * 32, size_bytes=0)
    Intake(world.home).take_batch("switch", batch, instant_us(at))


def cents(world: World, bill_date: dt.date, group_rows: int = 10**9) -> dict[tuple[str, str], int]:
    """What usage comes to, in cents, by account and first day of the period."""
    asked = Priceable.of(world, bill_date)
    sums = price_in_groups(world.home, asked.seq, asked.guide, asked.contracts, asked.scope, group_rows=group_rows)
    known = asked.contracts.facts
    name = {int(key): known.accounts[index].account_id for index, key in enumerate(known.account_keys)}
    found: dict[tuple[str, str], int] = {}
    for line in sums.lines:
        key = (name[int(line["account_key"])], str(dt.date(1970, 1, 1) + dt.timedelta(days=int(line["period_from"]))))
        found[key] = found.get(key, 0) + int(line["amount_micros"]) // 10_000
    return found


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ((), {"a1": 290, "a2": 0, "a3": 0}),
        (("a2",), {"a1": 90, "a2": 0, "a3": 0}),  # 62 minutes for 70, of which 10 are a2's: a1 was first
        (("a2", "a3"), {"a1": 0, "a2": 0, "a3": 0}),
    ],
    ids=["alone", "with one other", "with two others"],
)
def test_a_pool_has_its_shared_allowances_together(world: World, members: tuple[str, ...], expected: dict[str, int]) -> None:
    """31 minutes each; a1 talks for 60 minutes, a2 for 11, a3 for 12."""
    opened(world, a_plan("family", SHARED), "a1", "a2", "a3")
    for member in members:
        pool(world, member, "a1", "2025-10-01")
    world.take(
        minutes("1002", "2025-10-02T10:00:00", 11), minutes("1001", "2025-10-05T10:00:00", 60), minutes("1003", "2025-10-06T10:00:00", 12)
    )
    found = {account: amount for (account, _), amount in cents(world, NOVEMBER).items()}
    assert found == cents_by_account(cents(world, NOVEMBER, group_rows=1))
    assert found == expected


def cents_by_account(found: dict[tuple[str, str], int]) -> dict[str, int]:
    return {account: amount for (account, _), amount in found.items()}


ONCE = msgspec.structs.replace(FREE, shared=True, granted_once=True, at_plan_change=AtPlanChange.CARRY)


@pytest.mark.parametrize("order", [("a1", "a2"), ("a2", "a1")])
def test_what_is_granted_once_is_granted_once_to_a_pool(world: World, order: tuple[str, str]) -> None:
    """31 minutes for both, whichever day a2 joins. a1 talks for 20, a2 for 12: the last minute is paid. Alone each has its own."""
    opened(world, a_plan("family", ONCE), *order, since={"a2": "2025-10-16"})
    world.take(minutes("1001", "2025-10-05T10:00:00", 20), minutes("1002", "2025-10-20T10:00:00", 12))
    assert cents(world, NOVEMBER, group_rows=1) == {("a1", "2025-10-01"): 0, ("a2", "2025-10-16"): 0}
    pool(world, "a2", "a1", "2025-10-16")
    assert cents(world, NOVEMBER, group_rows=1) == cents(world, NOVEMBER) == {("a1", "2025-10-01"): 0, ("a2", "2025-10-16"): 10}
    world.bill("2025-11-01")
    sample = rerate(world.home, None, 10**6, 1)
    assert (sample.events, sample.disagreements) == (2, 0)


def test_members_of_different_plans_and_days_have_one_grant(world: World) -> None:
    """October: 31 minutes for the ten days from the 6th to the 15th, 10 minutes. Both talk for six: two are paid. The twin agrees."""
    catalogue.publish(world.home, selling(a_plan("adult", ONCE), a_plan("junior", ONCE)), world.tick())
    world.account("a1")
    world.subscription("s1", "a1", "shop/adult", "1001", from_date="2025-10-06", to_date="2025-10-13")
    world.subscription("s2", "a1", "shop/junior", "1002", from_date="2025-10-09", to_date="2025-10-16")
    world.take(minutes("1001", "2025-10-07T10:00:00", 6), minutes("1002", "2025-10-14T10:00:00", 6))
    assert cents(world, NOVEMBER) == {("a1", "2025-10-01"): 20}
    world.bill("2025-11-01")
    sample = rerate(world.home, None, 10**6, 1)
    assert (sample.events, sample.disagreements) == (2, 0)
    line = world.lines(world.numbers()[0])[-2]
    assert line[4] == 20


def test_a_pool_begins_with_the_period_in_which_it_holds(world: World) -> None:
    """In October each has 31 minutes alone, in November 62 together."""
    opened(world, a_plan("family", SHARED), "a1", "a2")
    pool(world, "a2", "a1", "2025-11-01")
    world.take(
        minutes("1001", "2025-10-05T10:00:00", 41), minutes("1001", "2025-11-05T10:00:00", 41), minutes("1002", "2025-11-06T10:00:00", 21)
    )
    assert cents(world, DECEMBER, group_rows=1) == {("a1", "2025-10-01"): 100, ("a1", "2025-11-01"): 0, ("a2", "2025-11-01"): 0}


def test_what_a_pool_has_left_it_has_together(world: World) -> None:
    """Two savers leave 40 minutes of October to November (20 at most a member's grant); November has 62 more: 103 are one too many."""
    opened(world, a_plan("clan", msgspec.structs.replace(ROLLS, shared=True, rollover_max=None)), "a1", "a2")
    pool(world, "a2", "a1", "2025-10-01")
    world.take(minutes("1001", "2025-10-05T10:00:00", 22), minutes("1002", "2025-11-05T10:00:00", 103))
    assert cents(world, DECEMBER, group_rows=1) == {("a1", "2025-10-01"): 0, ("a2", "2025-11-01"): 10}


TOGETHER = msgspec.structs.replace(ROLLS, shared=True, rollover_max=None)


@pytest.mark.parametrize("order", [("a1", "a2"), ("a2", "a1")])
def test_an_account_that_is_opened_within_a_period_shares_from_its_first_day_on(world: World, order: tuple[str, str]) -> None:
    """31 minutes of a1 and 16 of a2, for 16 of 31 days: 47 together. a1 talks for 20, a2 for 28: the last minute is paid."""
    opened(world, a_plan("family", SHARED), *order, since={"a2": "2025-10-16"})
    pool(world, "a2", "a1", "2025-10-16")
    world.take(minutes("1001", "2025-10-05T10:00:00", 20), minutes("1002", "2025-10-20T10:00:00", 28))
    assert cents(world, NOVEMBER, group_rows=1) == {("a1", "2025-10-01"): 0, ("a2", "2025-10-16"): 10}


@pytest.mark.parametrize("order", [("a1", "a2"), ("a2", "a1")])
def test_an_account_that_is_opened_within_a_period_has_part_in_what_its_pool_has_left(world: World, order: tuple[str, str]) -> None:
    """October leaves 31 minutes of a1 to November, which has 31 of each: 93 together, of which 94 are used. It leaves nothing.

    In December 62 are free. Of an account outside of the pool October leaves 31 to November, in which 63 are used: one is paid.
    """
    opened(world, a_plan("clan", TOGETHER), *order, "a3", since={"a2": "2025-11-16"})
    pool(world, "a2", "a1", "2025-11-16")
    world.take(
        minutes("1001", "2025-11-05T10:00:00", 40), minutes("1002", "2025-11-20T10:00:00", 54), minutes("1003", "2025-11-20T10:00:00", 63)
    )
    world.take(minutes("1002", "2025-12-20T10:00:00", 63))
    invoices = []
    for date in ("2025-11-01", "2025-12-01", "2026-01-01"):
        assert world.bill(date).quarantined == {}
        assert confirmed(world)
        invoices.append(sorted(usage_cents(world, number) for number in world.numbers()))
    assert invoices == [[], [[10], [10]], [[10], [10], [10]]]


def test_a_unit_with_two_amounts_of_one_leftover_is_put_aside_and_the_rest_is_billed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if periods of a pool that begin on two days were two cycles: each leaves something of October."""
    monkeypatch.setattr(pools, "cycle_days", lambda scope: scope.period_from)
    monkeypatch.setattr(rating_passes, "cycle_days", lambda scope: scope.period_from)
    opened(world, a_plan("clan", TOGETHER), "a1", "a2", "a3", since={"a2": "2025-10-16"})
    pool(world, "a2", "a1", "2025-10-16")
    world.take(minutes("1003", "2025-10-05T10:00:00", 32))
    clashing = carried_allowances.CLASHING
    assert world.bill("2025-11-01").quarantined == {"a1": clashing, "a2": f"with account a1 of its unit: {clashing}"}
    assert [usage_cents(world, number) for number in world.numbers()] == [[10]]
    monkeypatch.undo()
    world.take(minutes("1002", "2025-11-20T10:00:00", 62 + 62 + 1))
    assert world.bill("2025-12-01").quarantined == {}
    assert [usage_cents(world, number) for number in world.numbers("a2")] == [[10]]


@pytest.mark.parametrize("order", [("a1", "a2"), ("a2", "a1")])
def test_what_a_pool_has_left_outlives_an_account_that_is_closed(world: World, order: tuple[str, str]) -> None:
    """October leaves 62 minutes for two periods; in November a2 is closed, and 62 more are left: 155 with the 31 of December."""
    opened(world, a_plan("clan", msgspec.structs.replace(TOGETHER, rollover_periods=2)), *order)
    pool(world, "a2", "a1", "2025-10-01")
    world.end("sa2", "2025-11-15")
    agreed(world, "a2", "closed", "2025-11-15", ClosedFact())
    world.take(minutes("1001", "2025-12-05T10:00:00", 156))
    assert cents(world, JANUARY, group_rows=1) == {("a1", "2025-12-01"): 10}


LATE = [
    # late_after_days, arrives at, cents of October and November for 41 minutes of 31 October, when November has 21 of its own
    (0, "2025-10-31T23:30:00", {"2025-10-01": 100, "2025-11-01": 0}),
    (0, "2025-11-01T02:00:00", {"2025-11-01": 310}),  # 62 minutes on the 31 of November
    (2, "2025-11-02T23:00:00", {"2025-10-01": 100, "2025-11-01": 0}),
    (2, "2025-11-03T01:00:00", {"2025-11-01": 310}),
]


@pytest.mark.parametrize(("after", "at", "expected"), LATE)
def test_late_usage_is_billed_in_the_period_it_arrives_in(world: World, after: int, at: str, expected: dict[str, int]) -> None:
    plan = a_plan("prompt", FREE, late_usage=LateUsage.ARRIVAL_PERIOD, late_after_days=after)
    opened(world, plan, "a1")
    arrive(world, at, minutes("1001", "2025-10-31T20:00:00", 41))
    arrive(world, "2025-11-20T10:00:00", minutes("1001", "2025-11-20T09:00:00", 21))
    assert {period: amount for (_, period), amount in cents(world, DECEMBER).items()} == expected
    if list(expected) == ["2025-11-01"]:
        assert cents(world, NOVEMBER) == {}, "a run for October leaves it to the next one"


@pytest.mark.parametrize("allowance", [FREE, SHARED, ROLLS, TOGETHER], ids=["own", "shared", "rolls over", "shared and rolls over"])
def test_the_twin_confirms_late_usage_and_pools(world: World, allowance: Allowance) -> None:
    """Calls of October that come in other months are billed in those, in March when October is closed; a2 joins the pool of a1."""
    opened(world, a_plan("prompt", allowance, late_usage=LateUsage.ARRIVAL_PERIOD), "a1", "a2", "a3")
    pool(world, "a2", "a1", "2025-11-01")
    for month in ("2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03"):
        calls = [minutes(f"100{1 + day % 3}", f"2025-10-{day:02d}T{month[-2:]}:00:00", 20) for day in range(1, 10)]
        own = [minutes(f"100{1 + day % 3}", f"{month}-{day + 10}T09:00:00", 9) for day in range(1, 10)]
        if month not in {"2025-12", "2026-01"}:
            arrive(world, f"{month}-21T10:00:00", *calls, *own)
        world.bill(f"{dt.date.fromisoformat(f'{month}-01') + dt.timedelta(31):%Y-%m-01}")
        assert confirmed(world)
    assert reports.run_report(world.home, 6).left_out["from_before"] == -9


def test_usage_that_arrived_late_is_found_when_only_its_later_period_is_computed(world: World) -> None:
    """October is billed; what arrives on 20 November from October is read though it began before all that is computed."""
    opened(world, a_plan("prompt", FREE, late_usage=LateUsage.ARRIVAL_PERIOD), "a1")
    arrive(world, "2025-10-05T11:00:00", minutes("1001", "2025-10-05T10:00:00", 31))
    with world.home.begin() as connection:
        seq = world.home.next_commit_seq(connection, "run", instant_us("2025-11-01T10:00:00"))
        run = {"bill_date": "2025-11-01", "pinned_seq": seq, "state": "posted", "started_us": 0, "commit_seq": seq, "kind": "cycle"}
        connection.execute(tables.bill_runs.insert().values(**run))
    arrive(world, "2025-11-20T10:00:00", minutes("1001", "2025-10-07T10:00:00", 41))
    whole = Priceable.of(world, DECEMBER)
    only_november = whole._replace(scope=since(whole, NOVEMBER))
    found = price_in_groups(world.home, only_november.seq, only_november.guide, only_november.contracts, only_november.scope, group_rows=1)
    assert [(int(line["events"]), int(line["amount_micros"])) for line in found.lines] == [(1, 1_000_000)]
    assert found.left_out["from_before"] == -1, "one more row is priced than began in the window"
    assert found.left_out["too_late"] == 0


def bill_ahead(world: World, date: dt.date, now_us: int) -> None:
    """Bill a date that has not begun: for a reason, and approved by another person."""
    begun = cycle.run(world.home, date, now_us, order=Order(By("ada", 1001), ahead="the year's close"))
    assert begun.state == states.COMPUTED
    states.decide(world.home, begun.run_id, states.APPROVED, By("ben", 1002), "", now_us)
    assert cycle.run(world.home, date, now_us, order=Order(By("ada", 1001))).state == states.POSTED
    world.now_us = now_us


BILLED_BEFORE_IT_ENDED = [
    # the bill of April is made, the call arrives, in Shanghai; where the account's clock stands
    ("2026-04-20T12:00:00", "2026-04-25T10:00:00", "Asia/Shanghai"),
    ("2026-05-01T00:10:00", "2026-05-01T01:00:00", "Europe/Lisbon"),  # 18:00 of 30 April there
]


@pytest.mark.parametrize(("billed_at", "arrives_at", "zone"), BILLED_BEFORE_IT_ENDED)
def test_usage_of_a_closed_period_is_billed_though_the_one_it_arrives_in_was_billed_before(
    world: World, billed_at: str, arrives_at: str, zone: str
) -> None:
    """20 minutes of 10 October at 0.10, when nothing before January is open. Then it is told to have been 21: neither counts."""
    catalogue.publish(world.home, selling(a_plan("prompt", late_usage=LateUsage.ARRIVAL_PERIOD)), world.tick())
    world.account("a1", timezone=zone)
    world.subscription("sa1", "a1", "shop/prompt", "1001")
    for date in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"):
        world.bill(date)
    bill_ahead(world, dt.date(2026, 5, 1), instant_us(billed_at))
    call = minutes("1001", "2025-10-10T10:00:00", 20)
    arrive(world, arrives_at, call)
    world.bill("2026-06-01")
    assert usage_by_account(world) == {"a1": 200}
    arrive(world, "2026-06-10T10:00:00", call._replace(seconds=21 * 60))
    world.bill("2026-07-01")
    assert usage_by_account(world) == {}
    assert [book for book in books(world.home) if not book.ok] == []


def test_a_call_of_a_closed_period_costs_what_its_number_makes_of_it_in_the_period_it_arrived_in(world: World) -> None:
    """20 minutes of 10 October at 0.10 arrive in April; that the number was one of ours, at 2.005 a minute, is told in June."""
    rules = (UsageRule(Service.VOICE, "national", "Premium calls", on_net=True), *VOICE)
    opened(world, a_plan("prompt", rules=rules, late_usage=LateUsage.ARRIVAL_PERIOD), "a1", "a2")
    for date in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"):
        world.bill(date)
    arrive(world, "2026-04-25T10:00:00", minutes("1001", "2025-10-10T10:00:00", 20))
    world.bill("2026-05-01")
    assert usage_by_account(world) == {"a1": 200}
    world.own("8613900000001", "sa2")
    world.bill("2026-06-01")
    assert usage_by_account(world) == {"a1": 4010}


@pytest.mark.parametrize("again", [(), ("a2",)], ids=["nobody else", "a2"])
def test_usage_that_came_before_the_bill_of_its_period_is_billed_by_the_next_whoever_is_computed_again(
    world: World, again: tuple[str, ...]
) -> None:
    """20 minutes of 10 October come on 2 November, before the bill of October is made: they are November's, at 0.10."""
    opened(world, a_plan("prompt", late_usage=LateUsage.ARRIVAL_PERIOD), "a1", "a2")
    arrive(world, "2025-11-02T10:00:00", minutes("1001", "2025-10-10T10:00:00", 20))
    world.bill("2025-11-01")
    for account in again:
        agreed(world, account, "discount", "2025-10-05", DiscountFact("loyal", percent_ppm=100_000))
    world.bill("2025-12-01")
    assert usage_by_account(world) == {"a1": 200}
    assert confirmed(world)


def since(asked: Priceable, first: dt.date) -> Scope:
    """The scope of a run that computes nothing before a day."""
    from billing.runs.contracts import facts  # noqa: PLC0415 -- beside its only use
    from billing.runs.selection import scope  # noqa: PLC0415 -- beside its only use

    known = asked.contracts.facts
    with asked.world.home.connect() as connection:
        covered = scope.covered_through(connection, known)
    touched = day_number(first) + known.account_keys * 0
    return scope.decide(known, covered, DECEMBER, facts.Midnights(), touched=touched)


@pytest.mark.parametrize(("arrives", "events"), [("2025-10-15T09:59:00", 1), ("2025-10-15T10:01:00", 0)])
def test_usage_older_than_its_plan_takes_is_left_out(world: World, arrives: str, events: int) -> None:
    """Ten days at most."""
    opened(world, a_plan("strict", FREE, late_usage_days_max=10), "a1")
    arrive(world, arrives, minutes("1001", "2025-10-05T10:00:00", 41))
    asked = Priceable.of(world, NOVEMBER)
    sums = price_in_groups(world.home, asked.seq, asked.guide, asked.contracts, asked.scope)
    assert (sums.rows, sums.left_out["too_late"]) == (events, 1 - events)


def nothing(_: World) -> None:
    """Only late usage."""


def a_dearer_version(world: World) -> None:
    """0.12 a minute from the beginning, in place of the version that is sold."""
    told = waiving(corrects=2, version=3)
    prices = (price_of(NATIONAL, "National calls", 10, 120_000), *told.prices[1:])
    catalogue.publish(world.home, msgspec.structs.replace(told, prices=prices), world.tick())


def another_plan(world: World) -> None:
    world.plan("sa1", "shop/waiver2", "2025-10-01")


def another_price(world: World) -> None:
    """Not a plan that waives: what came late is billed with the rest, and nothing is free."""
    world.plan("sa1", "shop/plus", "2025-10-01")


def another_payer(world: World) -> None:
    agreed(world, "a1", "payer", "2025-10-01", PayerFact("a2"))


def void(world: World) -> None:
    voiding.void(world.home, "R-0000000001", "wrong", Who("ana", 1, world.tick()), on=NOVEMBER)


def an_end_that_is_undone(world: World) -> None:
    world.end("sa1", "2025-10-01")
    world.bill("2025-12-01")
    with world.home.begin() as connection:
        seq = world.home.next_commit_seq(connection, "fact", world.tick())
        key = world.key("subscriptions", "subscription_key", "subscription_id", "sa1")
        fact = {"subscription_key": key, "kind": "no_end", "from_date": "2025-10-01", "detail": "{}", "by_name": "ana", "by_uid": 1}
        connection.execute(tables.subscription_facts.insert().values(**fact, commit_seq=seq))


# what happens when October is billed, and 20 minutes of 4 October have come since -> cents of usage in all, by account
WAIVED = [
    (nothing, {"a1": 100}),
    (a_dearer_version, {"a1": 120}),
    (another_plan, {"a1": 100}),
    (another_price, {"a1": 410 + 200}),
    (another_payer, {"a2": 100}),
    (void, {"a1": 100}),
    (an_end_that_is_undone, {"a1": 100}),
]


@pytest.mark.parametrize(("happens", "expected"), WAIVED, ids=[each.__name__ for each, _ in WAIVED])
def test_usage_that_came_in_time_stays_billed_on_a_plan_that_waives_what_comes_late(
    world: World, happens: Callable[[World], None], expected: dict[str, int]
) -> None:
    """In time: 41 minutes of 5 October, 31 of them free, whatever came since of the day before."""
    catalogue.publish(world.home, waiving(), world.tick())
    for account in ("a1", "a2"):
        world.account(account)
    world.subscription("sa1", "a1", "shop/waiver", "1001")
    world.take(minutes("1001", "2025-10-05T10:00:00", 41))
    world.bill("2025-11-01")
    world.take(minutes("1001", "2025-10-04T10:00:00", 20))
    happens(world)
    report = world.bill("2025-12-01")
    assert report.left_out["waived"] == int(happens is not another_price)
    world.bill("2026-01-01")
    assert usage_by_account(world) == expected
    assert [book for book in books(world.home) if not book.ok] == []


def test_what_was_waived_stays_so_when_its_month_is_rated_again(world: World) -> None:
    """41 minutes of October came in time, 20 after its bill; then a minute costs 0.12: of the 10 that are not free, 0.02 more each."""
    catalogue.publish(world.home, waiving(), world.tick())
    world.account("a1")
    world.subscription("sa1", "a1", "shop/waiver", "1001")
    world.take(minutes("1001", "2025-10-05T10:00:00", 41))
    world.bill("2025-11-01")
    world.take(minutes("1001", "2025-10-04T10:00:00", 20))
    world.bill("2025-12-01")
    a_dearer_version(world)
    assert jobs.preview(world.home, request("shop/waiver", 3, "2025-10", None)).net_micros == {"CNY": 200_000}


def waiving(version: int = 2, corrects: int | None = None) -> Catalogue:
    """The shop with two plans that waive late usage and grant 31 minutes."""
    return msgspec.structs.replace(
        selling(*(a_plan(name, FREE, late_usage=LateUsage.WAIVE) for name in ("waiver", "waiver2"))), version=version, corrects=corrects
    )


def usage_by_account(world: World) -> dict[str, int]:
    """What invoices that are not void have for usage, in cents; without accounts for which that is nothing."""
    line, invoice, account, event = tables.invoice_lines, tables.invoices, tables.accounts, tables.invoice_events
    void = sa.select(event.c.invoice_key).where(event.c.kind == "voided")
    query = sa.select(account.c.account_id, sa.cast(sa.func.sum(line.c.amount_micros), tables.INT64)).join_from(line, invoice)
    query = query.join(account, account.c.account_key == invoice.c.account_key).where(
        line.c.kind == "usage", invoice.c.invoice_key.not_in(void)
    )
    with world.home.connect() as connection:
        found = connection.execute(query.group_by(account.c.account_id)).all()
    return {account_id: micros // 10_000 for account_id, micros in found if micros}


def test_usage_that_is_waived_draws_on_nothing(world: World) -> None:
    """October leaves 20 minutes to November, whatever comes of October when it is billed: 51 are free then."""
    opened(world, a_plan("waiver", ROLLS, late_usage=LateUsage.WAIVE), "a1")
    world.bill("2025-11-01")
    world.take(minutes("1001", "2025-10-05T10:00:00", 25), minutes("1001", "2025-11-05T10:00:00", 52))
    for date, waived in (("2025-11-01", 1), ("2025-12-01", 0)):  # first the run is made again for its date; then October is not looked at
        assert world.bill(date).left_out["waived"] == waived
        assert confirmed(world)
    assert usage_by_account(world) == {"a1": 10}


def test_the_end_of_a_month_knows_what_was_left_by_then(world: World) -> None:
    """Of 31 minutes October leaves 10, so that of 45 in November 4 are paid. Five of October come late, told in December."""
    opened(world, a_plan("saver", ROLLS), "a1")
    world.take(minutes("1001", "2025-10-05T10:00:00", 21), Call("1001", "2025-10-07T10:00:00", 60, 8690000000001))
    world.bill("2025-11-01")
    world.take(minutes("1001", "2025-11-05T10:00:00", 45), minutes("1001", "2025-10-06T10:00:00", 5))
    assert unbilled_usage(world, DECEMBER) == [40]
    world.now_us = instant_us("2025-12-03T12:00:00")
    voiding.void(world.home, "R-0000000001", "wrong address", Who("ana", 1001, world.tick()), on=dt.date(2025, 12, 3))
    voiding.reissue(world.home, "R-0000000001", Who("ana", 1001, world.tick()))
    assert unbilled_usage(world, DECEMBER) == [40]
    assert unbilled_usage(world, JANUARY) == [90], "5 are left of October by then"


def unbilled_usage(world: World, after: dt.date) -> list[int]:
    """What usage is on no invoice at the end of the month before a day, in cents."""
    found = unbilled(world.home, after, at_month_end=True).lines
    return [int(line["amount_micros"]) // 10_000 for line in found[found["kind"] == Kind.USAGE]]

"""Shared allowances of pools, usage that arrives late, and what an imported account has left of its allowances.

A national call costs 0.10 a minute, begun minutes count whole. Amounts in cents (fen).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue
from billing.accounts.kinds import PoolFact
from billing.intake.taking import Intake
from billing.runs.groups import price_in_groups
from billing.store import tables
from mediation.decode import Decoded
from rating.model import LateUsage
from tests.billing.runs.test_groups import Priceable
from tests.billing.runs.test_promises import FREE, ROLLS, a_plan, minutes, selling
from tests.billing.runs.world import MINUTE_MS, Call, World, instant_us, usage_table

if TYPE_CHECKING:
    from rating.model import Plan

pytestmark = pytest.mark.slow
NOVEMBER = dt.date(2025, 11, 1)
DECEMBER = dt.date(2025, 12, 1)
SHARED = msgspec.structs.replace(FREE, shared=True)


def opened(world: World, plan: Plan, *accounts: str) -> None:
    """Accounts with a subscription each; the number of account `a1` is 1001, of `a2` 1002 and so on."""
    catalogue.publish(world.home, selling(plan), world.tick())
    for account in accounts:
        world.account(account)
        world.subscription(f"s{account}", account, f"shop/{plan.name}", f"100{account[1:]}")


def pool(world: World, account: str, root: str, from_date: str) -> None:
    with world.home.begin() as connection:
        seq = world.home.next_commit_seq(connection, "fact", world.tick())
        key = world.key("accounts", "account_key", "account_id", account)
        fact = {"account_key": key, "kind": "pool", "from_date": from_date, "detail": msgspec.json.encode(PoolFact(root)).decode()}
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


def test_usage_that_arrived_late_is_found_when_only_its_later_period_is_computed(world: World) -> None:
    """October is billed; what arrives on 20 November from October is read though it began before all that is computed."""
    opened(world, a_plan("prompt", FREE, late_usage=LateUsage.ARRIVAL_PERIOD), "a1")
    arrive(world, "2025-10-05T11:00:00", minutes("1001", "2025-10-05T10:00:00", 31))
    with world.home.begin() as connection:
        seq = world.home.next_commit_seq(connection, "run", instant_us("2025-11-01T10:00:00"))
        run = {"bill_date": "2025-11-01", "pinned_seq": seq, "state": "posted", "started_us": 0, "commit_seq": seq}
        connection.execute(tables.bill_runs.insert().values(**run))
    arrive(world, "2025-11-20T10:00:00", minutes("1001", "2025-10-07T10:00:00", 41))
    whole = Priceable.of(world, DECEMBER)
    only_november = whole._replace(scope=_since(whole, NOVEMBER))
    found = price_in_groups(world.home, only_november.seq, only_november.guide, only_november.contracts, only_november.scope, group_rows=1)
    assert [(int(line["events"]), int(line["amount_micros"])) for line in found.lines] == [(1, 1_000_000)]
    assert found.left_out["from_before"] == -1, "one more row is priced than began in the window"
    assert found.left_out["too_late"] == 0


def _since(asked: Priceable, first: dt.date):  # noqa: ANN202 -- a scope
    from billing.runs import facts, scope  # noqa: PLC0415 -- beside its only use

    known = asked.contracts.facts
    with asked.world.home.connect() as connection:
        covered = scope.covered_through(connection, known)
    touched = facts.day_number(first) + known.account_keys * 0
    return scope.decide(known, covered, DECEMBER, facts.Midnights(), touched=touched)


@pytest.mark.parametrize(("arrives", "events"), [("2025-10-15T09:59:00", 1), ("2025-10-15T10:01:00", 0)])
def test_usage_older_than_its_plan_takes_is_left_out(world: World, arrives: str, events: int) -> None:
    """Ten days at most."""
    opened(world, a_plan("strict", FREE, late_usage_days_max=10), "a1")
    arrive(world, arrives, minutes("1001", "2025-10-05T10:00:00", 41))
    asked = Priceable.of(world, NOVEMBER)
    sums = price_in_groups(world.home, asked.seq, asked.guide, asked.contracts, asked.scope)
    assert (sums.rows, sums.left_out["too_late"]) == (events, 1 - events)


def test_the_first_run_of_an_imported_account_begins_with_what_it_had_left(world: World) -> None:
    """31 minutes of October and 9 that were left when the account came: 41 minutes, one is paid."""
    opened(world, a_plan("saver", ROLLS), "a1")
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

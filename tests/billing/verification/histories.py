"""Histories of a small operator in which one fact, one scope or one carried allowance decides: the run at the end of each is verified.

A minute costs 0.10. Plan basic has 20 free minutes, plus has none, saver has 31. At most 20 of saver's roll over.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from billing import catalogue
from billing.accounts.kinds import BillDayFact, ClosedFact, EndFact, PoolFact
from billing.documents import undoing
from billing.ledger.closed_months import Who
from billing.runs import start
from billing.store import tables
from tests.billing.documents.clerk import void
from tests.billing.rerate import test_rerate_rollover as rerated
from tests.billing.runs.test_promises import FREE, ROLLS, a_plan, minutes, selling

if TYPE_CHECKING:
    from tests.billing.runs.world import World

OCTOBER_THE_10TH = "2025-10-10T10:00:00"


def one(world: World, plan: str = "plus", number: str = "1001", account: str = "a") -> None:
    """An account with one subscription."""
    world.account(account)
    world.subscription(f"s{number}", account, f"shop/{plan}", number)


def fact(world: World, about: str, kind: str, from_date: str, detail: msgspec.Struct | dict[str, Any], **more: object) -> int:
    """A fact about an account, or about the subscription of a number; its id."""
    of_account = not about.isdecimal()
    table, owner = (tables.account_facts, "accounts") if of_account else (tables.subscription_facts, "subscriptions")
    key = "account_key" if of_account else "subscription_key"
    name = ("account_id", about) if of_account else ("subscription_id", f"s{about}")
    values = {key: world.key(owner, key, *name), "kind": kind, "from_date": from_date, "detail": msgspec.json.encode(detail).decode()}
    with world.home.begin() as connection:
        seq = world.home.next_commit_seq(connection, "fact", world.tick())
        by = {"by_name": "clerk", "by_uid": 1, "commit_seq": seq}
        made = connection.execute(table.insert().values(**values, **by, **more)).inserted_primary_key
    assert made is not None
    return int(made[0])


def retract(world: World, about: str, fact_id: int, from_date: str) -> None:
    fact(world, about, "retraction", from_date, {"reason": "wrong"}, retracts=fact_id)


def an_end(world: World) -> None:
    """The 20th is the first day without service, and the number is used on it."""
    one(world)
    world.end("s1001", "2025-10-20")
    world.take(minutes("1001", "2025-10-20T10:00:00", 5))
    world.bill("2025-11-01")


def a_retracted_end(world: World) -> None:
    one(world)
    retract(world, "1001", fact(world, "1001", "end", "2025-10-05", EndFact()), "2025-10-05")
    world.take(minutes("1001", OCTOBER_THE_10TH, 5))
    world.bill("2025-11-01")


def a_retracted_pool(world: World) -> None:
    """Each has 31 minutes alone: of 60 of the one 29 are paid."""
    catalogue.publish(world.home, selling(a_plan("family", msgspec.structs.replace(FREE, shared=True))), world.tick())
    one(world, "family", "1001", "a")
    one(world, "family", "1002", "b")
    retract(world, "b", fact(world, "b", "pool", "2025-10-01", PoolFact("a")), "2025-10-01")
    world.take(minutes("1001", OCTOBER_THE_10TH, 60))
    world.bill("2025-11-01")


def a_pool_that_ended(world: World) -> None:
    """In November each has 31 minutes alone."""
    catalogue.publish(world.home, selling(a_plan("family", msgspec.structs.replace(FREE, shared=True))), world.tick())
    one(world, "family", "1001", "a")
    one(world, "family", "1002", "b")
    fact(world, "b", "pool", "2025-10-01", PoolFact("a"), to_date="2025-11-01")
    world.take(minutes("1001", "2025-11-10T10:00:00", 60))
    world.bill("2025-12-01")


def another_bill_day(world: World) -> None:
    one(world)
    fact(world, "a", "bill_day", "2025-11-01", BillDayFact(15))
    world.take(minutes("1001", "2025-11-20T10:00:00", 5))
    world.bill("2025-12-15")


def a_closing(world: World) -> None:
    """October ends with the 19th."""
    one(world)
    fact(world, "a", "closed", "2025-10-20", ClosedFact())
    world.take(minutes("1001", OCTOBER_THE_10TH, 5))
    world.bill("2025-11-01")


def a_call_after_midnight(world: World) -> None:
    """In Shanghai it is November, and in Greenwich October."""
    one(world)
    world.take(minutes("1001", "2025-11-01T00:30:00", 5))
    world.bill("2025-12-01")


def another_plan(world: World) -> None:
    one(world, "basic")
    world.plan("s1001", "shop/plus", "2025-10-10")
    world.take(minutes("1001", OCTOBER_THE_10TH, 5))
    world.bill("2025-11-01")


def a_plan_told_twice(world: World) -> None:
    """Two plans of one date: the one learned last holds."""
    one(world, "basic")
    world.plan("s1001", "shop/basic", "2025-10-05")
    world.plan("s1001", "shop/plus", "2025-10-05")
    world.take(minutes("1001", OCTOBER_THE_10TH, 5))
    world.bill("2025-11-01")


def a_plan_learned_since(world: World) -> None:
    """The run had begun, and pinned its commit, when another plan became known."""
    one(world, "basic")
    world.take(minutes("1001", OCTOBER_THE_10TH, 5))
    day = dt.date(2025, 11, 1)
    start.begin(world.home, day, world.begun(day), start.Order())
    world.plan("s1001", "shop/plus", "2025-10-01")
    world.bill("2025-11-01")


def two_months_at_once(world: World) -> None:
    """October leaves 20 of its 31 minutes to November, which a run computes together with December."""
    _saver(world)
    world.bill("2025-11-01")
    world.take(minutes("1001", "2025-11-10T10:00:00", 45))
    world.bill("2026-01-01")


def october_made_again(world: World) -> None:
    """First October leaves 20 minutes, then, since a call came late, 15: of 60 in November 14 are paid."""
    _october_twice(world)
    world.take(minutes("1001", "2025-11-10T10:00:00", 60))
    world.bill("2025-12-01")


def october_undone(world: World) -> None:
    """The run by which October left 15 is undone, and October is not opened again: it left 20."""
    _october_twice(world)
    for person in (("ana", 1001), ("ben", 1002)):
        world.catch_up()
        undoing.undo(world.home, 2, "wrong file", Who(*person, world.tick()))
    _reopen_nothing(world)
    world.take(minutes("1001", "2025-11-10T10:00:00", 60))
    world.bill("2025-12-01")


def a_void_rerating(world: World) -> None:
    """A re-rating left more minutes to December, until its document was void."""
    rerated.publish(world, 2, 20)
    rerated.customer(world, "a", "basic")
    rerated.billed_and_corrected(world)
    (note,) = rerated.apply(world, rerated.ALL)
    void(world, note, "2026-03-03")
    world.bill(rerated.NEXT)


def _saver(world: World) -> None:
    catalogue.publish(world.home, selling(a_plan("saver", ROLLS)), world.tick())
    one(world, "saver")
    world.take(minutes("1001", OCTOBER_THE_10TH, 11))


def _october_twice(world: World) -> None:
    _saver(world)
    world.bill("2025-11-01")
    world.take(minutes("1001", "2025-10-11T10:00:00", 5))
    world.bill("2025-11-01")


def _reopen_nothing(world: World) -> None:
    with world.home.begin() as connection:
        seq = world.home.next_commit_seq(connection, "setting", world.tick())
        by = {"by_name": "ana", "by_uid": 1001, "at_us": world.now_us, "commit_seq": seq}
        connection.execute(sa.insert(tables.billing_settings).values(name="reopen_periods_max", value="0", **by))

"""A re-rating and allowances that roll over: what its months leave is what the next run, and later jobs, begin with.

Plan basic has 20 free minutes a month, plan plus as many, and both roll over six months; the correction makes that 40 of each from the
beginning. A minute costs 0.10. Amounts are cents, net of tax.

    month      used   free of 20   paid   free of 40              left
    October      20           20      0           40                20
    November     20           20      0           40                40
    December     40           20    200           40                40
    January      40           20    200           40                40
    February     80           20    600    40 and 40                 0
    March        40                                40                 0
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest
import sqlalchemy as sa

from billing import catalogue
from billing.accounts.kinds import PayerFact, PoolFact
from billing.charges.charge_keys import Kind
from billing.documents.explaining import explain
from billing.ledger.closed_months import Who
from billing.rerate import jobs
from billing.rerate.request import request
from billing.runs.settlement.unbilled import unbilled
from billing.store import tables
from rating.model import Allowance, QuantityUnit, Service
from tests.billing.documents.clerk import void
from tests.billing.rerate.test_rerate_scope import CENT, by_account, told
from tests.billing.runs.test_promises import confirmed
from tests.billing.runs.world import MINUTE_MS, START_US, Call, instant_us, shop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
MONTHS = {"2025-10": 20, "2025-11": 20, "2025-12": 40, "2026-01": 40, "2026-02": 80, "2026-03": 40}
NEXT = "2026-04-01"  # December is the oldest month that this run computes
ALL = "2025-10..2026-02"


def publish(world: World, version: int, minutes: int, *, shared: bool = False) -> None:
    """A version that holds from the beginning on, with so many free minutes in both plans."""
    free = (_free(number, minutes, shared=shared) for number in (1, 2))
    plans = tuple(msgspec.structs.replace(plan, allowances=(each,)) for plan, each in zip(shop().plans, free, strict=True))
    corrects = {"corrects": version - 1} if version > 2 else {}
    catalogue.publish(world.home, shop(version, START_US + 1, plans=plans, **corrects), world.tick())


def _free(number: int, minutes: int, *, shared: bool) -> Allowance:
    named = (number, "free minutes", (Service.VOICE,), QuantityUnit.MILLISECOND, minutes * MINUTE_MS, ("national",))
    return Allowance(*named, prorate=False, rollover_periods=6, shared=shared)


def customer(world: World, account: str, *plans: str, months: Mapping[str, int] = MONTHS) -> None:
    """An account with a subscription to each plan, all of which are used alike."""
    world.account(account)
    for plan in plans:
        number = f"{account} {plan}"
        world.subscription(number, account, f"shop/{plan}", number)
        world.take(*(Call(number, f"{month}-05T10:00", used * 60) for month, used in months.items()))


def billed_and_corrected(world: World, minutes: int = 40, *, shared: bool = False) -> None:
    for date in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01"):
        world.bill(date)
    publish(world, 3, minutes, shared=shared)


def apply(world: World, months: str, *accounts: str, on: str = "2026-03-02") -> list[str]:
    """The numbers of the documents of a job about plan basic."""
    world.now_us = max(world.now_us, instant_us(f"{on}T12:00:00"))
    before = set(world.numbers())
    job = jobs.plan(world.home, request("shop/basic", 3, months, accounts or None), Who("ana", 1, world.tick()))
    jobs.decide(world.home, job.job_id, jobs.APPROVED, "", Who("ben", 2, world.tick()))
    jobs.apply(world.home, job.job_id, dt.date.fromisoformat(on), Who("ana", 1, world.tick()))
    return sorted(set(world.numbers()) - before)


def would_be(world: World, months: str) -> dict[str, int]:
    return by_account(jobs.preview(world.home, request("shop/basic", 3, months)))


def paid(world: World, subscription: str) -> dict[str, int]:
    """What is billed of calls of each month, but for months of which nothing is."""
    line, event, owner = tables.invoice_lines.c, tables.invoice_events.c, tables.subscriptions.c
    key = sa.select(owner.subscription_key).where(owner.subscription_id == subscription).scalar_subquery()
    amount = sa.cast(sa.func.sum(line.amount_micros), tables.INT64)
    query = sa.select(line.period_from, amount).where(line.kind == "usage", line.subscription_key == key)
    query = query.where(line.invoice_key.not_in(sa.select(event.invoice_key).where(event.kind == "voided")))
    with world.home.connect() as connection:
        found = connection.execute(query.group_by(line.period_from).order_by(line.period_from)).all()
    return {day[:7]: micros // CENT for day, micros in found if micros}


def test_the_next_run_and_a_narrower_job_begin_with_what_a_job_left(world: World) -> None:
    """All that was paid for calls is credited, and stays so: February uses its own 40, and 40 of October and November."""
    publish(world, 2, 20)
    customer(world, "a", "basic")
    billed_and_corrected(world)
    assert would_be(world, ALL) == {"a": -1000}
    (note,) = apply(world, ALL)
    assert would_be(world, "2026-02") == {}
    world.bill(NEXT)
    assert paid(world, "a basic") == {}
    assert would_be(world, "2025-10..2026-03") == {}
    assert [explain(world.home, note).lines[0].sentences[-1], confirmed(world)] == ["due 0.00, billed before 2.00: now -2.00", True]


# what the jobs are about, what is paid after the next run, why
LEFT: list[tuple[tuple[str, ...], dict[str, int], str]] = [
    ((), {"2026-02": 400}, "the run knows of nothing that was left before December: of 80 minutes 40 are paid"),
    (("2025-10..2025-11",), {}, "no difference there and no document, but 40 minutes are left to December and the months after it"),
    (("2025-11",), {"2026-02": 200}, "November alone leaves 20: of 80 minutes 20 are paid"),
    (("2025-10",), {"2026-02": 400}, "left to November, which nobody corrects: it left nothing to December"),
    (("2025-10", "2025-11"), {}, "the second job begins with the 20 that October has left: it leaves 40"),
    (("2025-10..2025-12", "2026-02"), {}, "no job about January: it is the cycle's, and leaves what it got"),
]


@pytest.mark.parametrize(("months", "expected", "why"), LEFT, ids=[why for _, _, why in LEFT])
def test_what_the_months_of_a_job_leave_counts_for_what_comes_after_them(
    world: World, months: tuple[str, ...], expected: dict[str, int], why: str
) -> None:
    publish(world, 2, 20)
    customer(world, "a", "basic")
    billed_and_corrected(world)
    for each in months:
        apply(world, each)
    world.bill(NEXT)
    assert paid(world, "a basic") == expected, why
    assert confirmed(world)


def test_what_a_job_left_counts_until_its_document_is_void(world: World) -> None:
    """Then the next run knows what it would know without the job: of 80 minutes of February 40 are paid. Another job brings it back."""
    publish(world, 2, 20)
    for account in ("a", "b"):
        customer(world, account, "basic")
    billed_and_corrected(world)
    note, _ = apply(world, ALL)
    void(world, note, "2026-03-03")
    assert would_be(world, ALL) == {"a": -1000}
    assert would_be(world, "2026-02") == {"a": -200}, "of 80 minutes 40 are free, and 20 were"
    world.bill(NEXT)
    assert [paid(world, "a basic"), paid(world, "b basic"), confirmed(world)] == [{"2026-02": 400}, {}, True]
    assert would_be(world, ALL) == {"a": -400}
    apply(world, ALL, on="2026-04-02")
    assert [paid(world, "a basic"), would_be(world, "2026-02")] == [{}, {}]
    world.bill("2026-05-01")
    assert [paid(world, "a basic"), confirmed(world)] == [{}, True]


def test_a_void_takes_back_what_later_jobs_worked_out_on_top(world: World) -> None:
    """The job about October leaves 10 minutes, that about November passes them on: without them December pays for 60 - 40."""
    publish(world, 2, 20)
    customer(world, "a", "basic", months=MONTHS | {"2025-10": 30, "2025-11": 40, "2025-12": 60, "2026-01": 20, "2026-02": 20})
    billed_and_corrected(world)
    (note,) = apply(world, "2025-10")
    apply(world, "2025-11")
    void(world, note, "2026-03-03")
    world.bill(NEXT)
    assert [paid(world, "a basic"), confirmed(world)] == [{"2025-10": 100, "2025-12": 200}, True]


# the months of jobs in their order, what is paid after the next run, why
ORDERS: list[tuple[str, dict[str, int], str]] = [
    ("2025-10 2025-11", {}, "40 - 30 are left of October, 40 + 10 - 20 of November: 70 are free in December"),
    ("2025-11 2025-10", {"2025-12": 100}, "November left 20, since nobody had corrected October: 60 are free"),
    ("2025-11 2025-10 2025-11", {}, "once more November leaves 30"),
    ("2025-10 2025-11 void", {"2025-10": 100, "2025-12": 300}, "nothing that the jobs left counts: 40 are free"),
    ("2025-10 2025-11 void 2025-10", {"2025-12": 300}, "nor does what November passed on"),
    ("2025-10 2025-11 void 2025-10 2025-11", {}, "until a job about it leaves it again"),
    ("2025-10 2025-11 void 2025-11", {"2025-10": 100, "2025-12": 100}, "20 of its own are left of November"),
]


@pytest.mark.parametrize(("acts", "expected", "why"), ORDERS, ids=[acts for acts, _, _ in ORDERS])
def test_a_job_whose_months_leave_something_else_by_now_is_another_one(world: World, acts: str, expected: dict[str, int], why: str) -> None:
    """The note of October is void. No bill of November differs: the job about it is a run without documents."""
    publish(world, 2, 20)
    customer(world, "a", "basic", months={"2025-10": 30, "2025-11": 20, "2025-12": 70})
    billed_and_corrected(world)
    note = ""
    for act in acts.split():
        if act == "void":
            void(world, note, "2026-03-02")
        else:
            note = next(iter(apply(world, act)), note)
    last = acts.rpartition(" ")[2]
    if last == "2025-11":
        again = jobs.plan(world.home, request("shop/basic", 3, last), Who("ana", 1, world.tick()))
        assert (again.existed, again.state) == (True, jobs.APPLIED), "nothing has changed since"
    world.bill(NEXT)
    assert [paid(world, "a basic"), confirmed(world)] == [expected, True], why


def test_a_job_without_documents_is_planned_anew_once_its_month_leaves_something_else(world: World) -> None:
    """November leaves 20 of 40 minutes to December; 30 once the job about October has left it 10 more. No bill of November differs."""
    publish(world, 2, 20)
    customer(world, "a", "basic", months={"2025-10": 30, "2025-11": 20})
    for date in ("2025-11-01", "2025-12-01"):
        world.bill(date)
    publish(world, 3, 40)
    november = request("shop/basic", 3, "2025-11")
    first = jobs.plan(world.home, november, Who("ana", 1, world.tick())).job_id
    assert apply(world, "2025-11", on="2025-12-02") == []
    assert jobs.plan(world.home, november, Who("ana", 1, world.tick())).job_id == first
    apply(world, "2025-10", on="2025-12-02")
    again = jobs.plan(world.home, november, Who("ana", 1, world.tick()))
    assert (again.existed, again.job_id > first) == (False, True)


def test_a_void_is_of_the_rating_unit_as_it_was(world: World) -> None:
    """Who pays for another later on has a void document of his own: what the job left to the other stays."""
    publish(world, 2, 20)
    for account in ("a", "b"):
        customer(world, account, "basic")
    billed_and_corrected(world)
    note, _ = apply(world, ALL)
    void(world, note, "2026-03-03")
    told(world, "b", "payer", PayerFact("a"), "2026-04-01")
    world.bill(NEXT)
    assert [paid(world, "a basic"), paid(world, "b basic"), confirmed(world)] == [{"2026-02": 400}, {}, True]


def test_an_allowance_that_the_correction_shares_no_more_is_there_once(world: World) -> None:
    """October leaves 20 minutes, which every month passes on to February: 90 - 40 are paid, whoever has them."""
    publish(world, 2, 20, shared=True)
    customer(world, "a", "basic", months=MONTHS | {"2025-10": 0, "2025-12": 20, "2026-01": 20, "2026-02": 90, "2026-03": 20})
    billed_and_corrected(world, 20)
    apply(world, ALL)
    assert would_be(world, "2026-02") == {}
    world.bill(NEXT)
    assert [paid(world, "a basic"), confirmed(world)] == [{"2026-02": 500}, True]


def test_a_job_says_nothing_of_other_plans_of_its_accounts(world: World) -> None:
    """The same version gives plan plus 40 minutes as well; of its October and November, which are closed, nothing is left to December."""
    publish(world, 2, 20)
    customer(world, "a", "basic", "plus")
    billed_and_corrected(world)
    apply(world, ALL)
    world.bill(NEXT)
    assert [paid(world, "a basic"), paid(world, "a plus"), confirmed(world)] == [{}, {"2026-02": 400}, True]


# accounts that the job names, whether its document is void, what is paid
POOLED: list[tuple[tuple[str, ...], bool, dict[str, int]]] = [
    ((), False, {}),
    (("a2",), False, {}),
    ((), True, {"2026-02": 400}),
]


@pytest.mark.parametrize(("accounts", "is_void", "expected"), POOLED)
def test_what_a_pool_left_is_its_root_s(world: World, accounts: tuple[str, ...], *, is_void: bool, expected: dict[str, int]) -> None:
    """Two members have 10 minutes each, then 20. Only a2 calls and pays; what is left is kept at a1, the root."""
    publish(world, 2, 10, shared=True)
    customer(world, "a1", "basic", months={})
    customer(world, "a2", "basic")
    told(world, "a2", "pool", PoolFact("a1"))
    billed_and_corrected(world, 20, shared=True)
    (note,) = apply(world, ALL, *accounts)
    if is_void:
        void(world, note, "2026-03-03")
    world.bill(NEXT)
    assert [paid(world, "a2 basic"), confirmed(world)] == [expected, True]


def test_what_is_known_of_a_job_is_known_of_what_it_left(world: World) -> None:
    """40 minutes are left to March, in which 80 are used: not before the day of the job, and for the run whatever is void after it."""
    publish(world, 2, 20)
    customer(world, "a", "basic", months=MONTHS | {"2026-02": 40, "2026-03": 80})
    billed_and_corrected(world)
    (note,) = apply(world, ALL, on="2026-03-10")
    assert [_owed(world, day) for day in ("2026-03-10", "2026-03-11")] == [400, 0], "the job is dated the tenth"
    world.bill(NEXT)
    number = world.numbers("a")[-1]
    void(world, note, "2026-04-02")
    (said,) = [line.sentences[-1] for line in explain(world.home, number).lines if line.kind == "usage"]
    assert said == "records: 1, 80:00, 80:00 of it free; their charges are 0.00, rounded 0.00"
    assert [paid(world, "a basic"), confirmed(world)] == [{"2025-12": 200, "2026-01": 200, "2026-02": 200}, True]


def _owed(world: World, through: str) -> int:
    """Calls of the running period, at the end of the day before."""
    lines = unbilled(world.home, dt.date.fromisoformat(through), at_month_end=True).lines
    return int(lines["amount_micros"][lines["kind"] == Kind.USAGE].sum()) // CENT

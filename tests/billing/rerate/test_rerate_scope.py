"""Whose charges a re-rating computes, and as which run knew them: the last one in which the account took part, of all accounts or of some.

The shop's second version halves national calls of October (0.10 to 0.05 a minute) and corrects the first from the beginning.
Amounts below are cents, net of tax.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue, controls, invoicing
from billing.accounts import entities
from billing.accounts.kinds import ClosedFact, DiscountFact, HoldFact, PayerFact, PoolFact
from billing.documents.explaining import explain
from billing.ledger.closed_months import Who
from billing.rerate import jobs
from billing.rerate.request import request
from billing.runs import cycle
from billing.runs.start import Order
from billing.store import tables
from tests.billing.documents.clerk import void
from tests.billing.runs.test_entities import NORTH, add
from tests.billing.runs.world import NATIONAL, START_US, Call, instant_us, price_of, shop

if TYPE_CHECKING:
    from billing.rerate.figures import Figures
    from tests.billing.runs.world import World

CENT = 10_000


def customer(world: World, account: str, minutes: int, plan: str = "plus", *, bill_day: int = 1) -> None:
    """An account with a subscription that is called for so many minutes on 5 October."""
    world.account(account, bill_day=bill_day)
    world.subscription(f"s{account}", account, f"shop/{plan}", f"number {account}")
    call(world, account, "2025-10-05", minutes)


def call(world: World, account: str, day: str, minutes: int) -> None:
    world.take(Call(f"number {account}", f"{day}T10:00", minutes * 60))


def told(  # noqa: PLR0913, PLR0917 -- columns of account_facts
    world: World, account: str, kind: str, detail: msgspec.Struct, from_date: str = "2025-10-01", to_date: str | None = None
) -> None:
    """A fact about an account."""
    key = world.key("accounts", "account_key", "account_id", account)
    text = msgspec.json.encode(detail).decode()
    with world.home.begin() as connection:
        seq = world.home.next_commit_seq(connection, "fact", world.tick())
        values = {"account_key": key, "kind": kind, "from_date": from_date, "to_date": to_date, "detail": text, "by_name": "", "by_uid": 0}
        connection.execute(tables.account_facts.insert().values(**values, commit_seq=seq))


def belongs(world: World, account: str, entity: str) -> None:
    row = tables.accounts
    with world.home.begin() as connection:
        connection.execute(row.update().where(row.c.account_id == account).values(legal_entity=entity))


def bill_only(world: World, account: str, *dates: str) -> None:
    for date in dates:
        day = dt.date.fromisoformat(date)
        cycle.run(world.home, day, world.begun(day), order=Order(accounts=frozenset({account})))


def correct(world: World) -> None:
    prices = tuple(price_of(NATIONAL, "National calls", 10, 50_000) if each.price_id == NATIONAL else each for each in shop().prices)
    catalogue.publish(world.home, shop(2, START_US, prices=prices, corrects=1), world.tick())


def found(world: World, *accounts: str, months: str = "2025-10") -> Figures:
    return jobs.preview(world.home, request("shop/plus", 2, months, accounts or None))


def by_account(figures: Figures) -> dict[str, int]:
    """The difference of each account that a document would be made for."""
    return {each.account_id: each.net_micros // CENT for each in figures.largest}


def apply(world: World, on: str, *accounts: str) -> str:
    """The number of the one document of a job about October."""
    (number,) = apply_all(world, on, *accounts)
    return number


def apply_all(world: World, on: str, *accounts: str) -> set[str]:
    """The numbers of the documents of a job about October."""
    world.now_us = max(world.now_us, instant_us(f"{on}T12:00:00"))
    before = set(world.numbers())
    job = jobs.plan(world.home, request("shop/plus", 2, "2025-10", accounts or None), Who("ana", 1, world.tick()))
    jobs.decide(world.home, job.job_id, jobs.APPROVED, "", Who("ben", 2, world.tick()))
    jobs.apply(world.home, job.job_id, dt.date.fromisoformat(on), Who("ana", 1, world.tick()))
    return set(world.numbers()) - before


def billed_calls(world: World, account: str) -> int:
    """What all documents have billed an account of calls of October."""
    documents = [invoicing.get_invoice(world.home, each) for each in world.numbers(account)]
    return sum(
        line.amount_micros // CENT
        for each in documents
        for line in each.lines
        if line.kind == "usage" and line.period_from.startswith("2025-10")
    )


def balanced(world: World) -> bool:
    return all(each.ok for each in controls.books(world.home))


# later bill dates of a's restricted runs; with the last ones October is closed to the cycle
@pytest.mark.parametrize("dates", [("2025-12-01",), ("2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01")])
def test_what_a_restricted_run_billed_stays_billed(world: World, dates: tuple[str, ...]) -> None:
    """A late call of 100 minutes is billed to a alone: of 110 minutes each costs 0.05 less, of b's 10 as well."""
    customer(world, "a", 10)
    customer(world, "b", 10)
    world.bill("2025-11-01")
    call(world, "a", "2025-10-06", 100)
    call(world, "a", "2025-11-05", 20)
    bill_only(world, "a", *dates)
    call(world, "a", "2025-10-07", 40)  # the cycle's, or nobody's
    correct(world)
    assert by_account(found(world)) == {"a": -550, "b": -50}
    november = found(world, months="2025-11")
    assert (by_account(november), november.left_alone) == ({"a": -100}, ()), "20 minutes; nobody has billed b's November"
    note = apply(world, "2026-04-05", "a")
    said = explain(world.home, note).lines[0].sentences
    assert said[-1] == "due 5.50, billed before 11.00: now -5.50"
    world.bill(dates[-1])
    assert billed_calls(world, "a") == (750 if len(dates) == 1 else 550), "150 minutes at 0.05, where October is open"
    assert balanced(world)


def test_the_run_of_another_bill_day_says_nothing_of_an_account(world: World) -> None:
    """Account a has bill day 1, b 15. What comes late of a before b's run is the cycle's, and of b before its own run is in the job."""
    customer(world, "a", 10)
    customer(world, "b", 10, bill_day=15)
    world.bill("2025-10-15")
    world.bill("2025-11-01")
    call(world, "a", "2025-10-06", 100)
    call(world, "b", "2025-10-06", 200)
    world.bill("2025-11-15")
    correct(world)
    figures = found(world)
    # a 10 minutes, b 210, 0.05 less for each
    assert (by_account(figures), figures.accounts, figures.left_alone) == ({"a": -50, "b": -1050}, 2, ())
    note = apply(world, "2025-11-20", "a")
    assert explain(world.home, note).lines[0].sentences[-1] == "due 0.50, billed before 1.00: now -0.50"
    world.bill("2025-12-01")
    assert billed_calls(world, "a") == 550, "110 minutes at 0.05"
    assert balanced(world)


@pytest.mark.parametrize("sold", ["CNY", "USD"])  # currency of another catalogue
def test_accounts_of_two_runs_keep_their_currency(world: World, sold: str) -> None:
    """An account in AED is opened between the runs. Halved are 1.00 for a's 10 minutes and 2.00 for b's 20."""
    catalogue.publish(world.home, msgspec.structs.replace(shop(), identity="us", currency=sold), world.tick())
    customer(world, "a", 10)
    customer(world, "b", 10)
    world.bill("2025-11-01")
    world.account("z", currency="AED")
    call(world, "b", "2025-10-06", 10)
    bill_only(world, "b", "2025-11-01")
    correct(world)
    figures = found(world)
    assert (by_account(figures), figures.net_micros) == ({"a": -50, "b": -100}, {"CNY": -150 * CENT})
    notes = [invoicing.get_invoice(world.home, each).summary for each in apply_all(world, "2025-11-05")]
    assert {each.account_id: (each.net_micros // CENT, each.currency) for each in notes} == {"a": (-50, "CNY"), "b": (-100, "CNY")}
    assert balanced(world)


# of a, which is of no entity: minutes (without any there is no difference), and what all get
@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(0, {"b": "NC-0000000001"}), (10, {"a": "C-0000000001", "b": "NC-0000000001"})],
)
def test_accounts_of_two_runs_keep_their_legal_entity(world: World, minutes: int, expected: dict[str, str]) -> None:
    """Account b is of `north`; one of `east` is opened between the runs."""
    for entity in (NORTH, entities.Entity("east", "East Ltd", "E", "EC")):
        add(world, entity)
    customer(world, "a", minutes)
    customer(world, "b", 10)
    belongs(world, "b", "north")
    world.bill("2025-11-01")
    world.account("z")
    belongs(world, "z", "east")
    call(world, "b", "2025-10-06", 10)
    bill_only(world, "b", "2025-11-01")
    correct(world)
    made = apply_all(world, "2025-11-05")
    assert {invoicing.get_invoice(world.home, each).summary.account_id: each for each in made} == expected
    assert balanced(world)


def test_documents_of_accounts_of_two_bill_days_are_due_alike(world: World) -> None:
    """Account a was billed on 1 November, b on 15 November; both have 14 days to pay."""
    customer(world, "a", 10)
    customer(world, "b", 10, bill_day=15)
    for date in ("2025-10-15", "2025-11-01", "2025-11-15"):
        world.bill(date)
    correct(world)
    made = [invoicing.get_invoice(world.home, each).summary for each in apply_all(world, "2025-11-20")]
    assert {(each.account_id, each.issued_on, each.due_on) for each in made} == {
        ("a", "2025-11-20", "2025-12-04"),
        ("b", "2025-11-20", "2025-12-04"),
    }


def test_accounts_whose_last_bill_is_void_are_left_alone(world: World) -> None:
    """Though a run of another bill day was posted since: a's bill of 1 November is void until it is made anew."""
    customer(world, "a", 10)
    customer(world, "b", 10, bill_day=15)
    world.bill("2025-10-15")
    world.bill("2025-11-01")
    world.bill("2025-11-15")
    (number,) = world.numbers("a")
    void(world, number, "2025-11-16")
    correct(world)
    figures = found(world)
    assert (by_account(figures), figures.left_alone) == ({"b": -50}, ("a",))
    bill_only(world, "a", "2025-11-15")
    figures = found(world)
    assert (by_account(figures), figures.left_alone) == ({"b": -50}, ()), "a was billed at the new price"


def test_a_void_bill_leaves_the_whole_unit_alone(world: World) -> None:
    """Account a pays for b, so that what is void is b's as well."""
    customer(world, "a", 10)
    customer(world, "b", 20)
    customer(world, "c", 30)
    told(world, "b", "payer", PayerFact("a"))
    world.bill("2025-11-01")
    (number,) = world.numbers("a")
    void(world, number, "2025-11-03")
    correct(world)
    figures = found(world)
    assert (by_account(figures), figures.left_alone) == ({"c": -150}, ("a", "b"))


def test_who_parted_from_a_held_account_is_rated_again(world: World) -> None:
    """Account b was in a's pool in October, closed then, and is held since April, in which a has used 10 minutes."""
    customer(world, "a", 10)
    customer(world, "b", 20)
    call(world, "a", "2026-04-05", 10)
    told(world, "b", "pool", PoolFact("a"), to_date="2025-11-01")
    told(world, "b", "closed", ClosedFact(), "2025-11-01")
    told(world, "b", "hold", HoldFact(), "2026-04-15")
    for date in ("2025-11-01", "2026-05-01"):
        world.bill(date)
    correct(world)
    assert by_account(found(world, "a", months="2026-04")) == {"a": -50}


def test_accounts_that_no_run_has_billed_are_left_alone(world: World) -> None:
    customer(world, "a", 10)
    world.bill("2025-11-01")
    customer(world, "b", 10)
    bill_only(world, "a", "2025-12-01")
    correct(world)
    figures = found(world)
    assert (by_account(figures), figures.left_alone) == ({"a": -50}, ("b",))


# a and b are of one rating unit, 10 and 20 minutes; who is named, and by who pays the difference, how many accounts are counted
UNITS = [
    (PoolFact("a"), ("b",), {"b": -100}, 1),
    (PoolFact("a"), ("a",), {"a": -50}, 1),
    (PoolFact("a"), ("a", "b"), {"a": -50, "b": -100}, 2),
    (PoolFact("a"), (), {"a": -50, "b": -100}, 2),
    (PayerFact("a"), ("b",), {"a": -100}, 2),  # b, and who pays for it
    (PayerFact("a"), ("a",), {"a": -50}, 1),
    (PayerFact("a"), (), {"a": -150}, 2),
]


@pytest.mark.parametrize(("detail", "named", "expected", "accounts"), UNITS)
def test_of_a_rating_unit_only_who_is_named(
    world: World, detail: PoolFact | PayerFact, named: tuple[str, ...], expected: dict[str, int], accounts: int
) -> None:
    customer(world, "a", 10)
    customer(world, "b", 20)
    told(world, "b", "pool" if isinstance(detail, PoolFact) else "payer", detail)
    world.bill("2025-11-01")
    correct(world)
    figures = found(world, *named)
    assert (by_account(figures), figures.accounts, figures.left_alone) == (expected, accounts, ())
    if len(expected) == 1:
        apply(world, "2025-11-05", *named)
        assert found(world, *named).net_micros == {}
    world.bill("2025-11-01")
    assert billed_calls(world, "a") + billed_calls(world, "b") == 150, "30 minutes at 0.05: the run bills the rest"
    assert balanced(world)


def test_the_discount_of_a_member_without_the_plan_is_no_part_of_it(world: World) -> None:
    """In a's pool c has plan basic, 20 of 40 minutes free. Both have 10 % off: 0.45 less for a's 10 minutes, and nothing of c."""
    customer(world, "a", 10)
    customer(world, "c", 40, "basic")
    told(world, "c", "pool", PoolFact("a"))
    for account in ("a", "c"):
        told(world, account, "discount", DiscountFact("loyal", percent_ppm=100_000))
    world.bill("2025-11-01")
    correct(world)
    figures = found(world)
    assert (by_account(figures), figures.accounts) == ({"a": -45}, 1)


# whether a, who pays for b and has 10 % off as b has, is called for 10 minutes itself; who is named; what a pays
DISCOUNTS = [
    (False, ("b",), -90),  # 20 minutes: 1.00 less, and 0.10 less off
    (True, (), -135),
    (True, ("a", "b"), -135),
    (True, ("b",), -100),  # what is off both stays with the cycle
]


@pytest.mark.parametrize(("is_called", "named", "expected"), DISCOUNTS)
def test_a_discount_at_who_pays_for_another(world: World, is_called: bool, named: tuple[str, ...], expected: int) -> None:  # noqa: FBT001 -- a column
    customer(world, "a", 10 if is_called else 0)
    customer(world, "b", 20)
    told(world, "b", "payer", PayerFact("a"))
    for account in ("a", "b"):
        told(world, account, "discount", DiscountFact("loyal", percent_ppm=100_000))
    world.bill("2025-11-01")
    correct(world)
    assert by_account(found(world, *named)) == {"a": expected}
    apply(world, "2025-11-05", *named)
    world.bill("2025-11-01")
    nets = [each.net_micros // CENT for each in invoicing.list_invoices(world.home)]
    # 36.00 each and half of the calls, 0.05 a minute, less 10 %; b's are a's
    assert sum(nets) == (7200 + 100 + (50 if is_called else 0)) * 9 // 10
    assert balanced(world)

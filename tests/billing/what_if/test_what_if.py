"""Moves, --plan, other currencies, what loses its price, and what is refused."""

from __future__ import annotations

import datetime as dt
import itertools
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
import sqlalchemy as sa

from billing import catalogue
from billing.accounts import facts
from billing.accounts.kinds import DiscountFact
from billing.catalogue import Operator
from billing.intake.taking import Intake
from billing.store import tables
from billing.what_if import Month, Move, comparing, migration, month, what_if
from rating.errors import UserError
from rating.model import AddOn, FeeOccasion, FeeTiming, OneOffFee, RecurringFee
from tariffs.builders.add_ons import combined
from tests.billing.runs.world import Call, World, shop
from tests.billing.what_if.operator_month import dearer, plain, tariff

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.what_if import WhatIf
    from rating.model import Catalogue

OCTOBER = Month(2025, 10)


def ask(world: World, draft: Catalogue, **options: Any) -> WhatIf:  # noqa: ANN401 -- options of what_if
    return what_if(world.home, draft, OCTOBER, clock_s=itertools.count().__next__, **options)


def small(world: World) -> World:
    """Four customers: three on basic (10.00 a month, 20 minutes free), one on plus (33.00), with a call of 30 and of 10 minutes each."""
    for index, plan in enumerate(("basic", "basic", "basic", "plus")):
        world.account(f"A{index}", opened_on="2025-10-01", bill_day=15)
        world.subscription(f"S{index}", f"A{index}", f"shop/{plan}", f"86138{index}")
        world.take(Call(f"86138{index}", "2025-10-05T10:00", 1800), Call(f"86138{index}", "2025-10-06T10:00", 600, number=869012))
    return world


def cheaper_plus() -> Catalogue:
    """Plus for 5.00 and 3.00, and with no premium calls."""
    base = shop(version=2)
    basic, plus = base.plans
    fees = (msgspec.structs.replace(plus.recurring[0], amount_micros=5_000_000), plus.recurring[1])
    rules = (plus.rules[0], msgspec.structs.replace(plus.rules[1], price=None))
    return msgspec.structs.replace(base, plans=(basic, msgspec.structs.replace(plus, recurring=fees, rules=rules)))


def test_a_small_month_in_the_head(world: World) -> None:
    report = ask(small(world), cheaper_plus())
    (part,) = report.currencies
    rows = {(each.plan, each.zone): each for each in part.revenue}
    basic = rows["shop/basic", "national"]
    assert (basic.service, basic.now_events, basic.now_micros, basic.then_micros) == ("voice", 3, 3_000_000, 3_000_000)
    lost = rows["shop/plus", "premium"]
    assert (lost.now_events, lost.now_micros, lost.then_events, lost.then_micros) == (1, 20_050_000, 0, 0)
    fees = {(each.plan, each.name): (each.now_count, each.now_micros, each.then_count, each.then_micros) for each in part.fees}
    assert fees["shop/plus", "Plus"] == (1, 30_000_000, 1, 5_000_000)
    assert fees["shop/basic", "Basic"] == (3, 30_000_000, 3, 30_000_000)
    assert (part.payers.customers, part.payers.less, part.payers.less_micros, part.payers.same) == (4, 1, -45_050_000, 3)
    assert part.payers.deciles == (-45_050_000, -45_050_000, -45_050_000, *(0,) * 8)
    (affected,) = part.most_affected
    assert (affected.account_id, affected.plans_now, affected.now_micros, affected.then_micros) == (
        "A3",
        ("shop/plus",),
        56_050_000,
        11_000_000,
    )
    assert [(each.status, each.now_events, each.then_events) for each in report.unpriced] == [("NOT_SOLD", 0, 1)]
    assert [tuple(msgspec.structs.astuple(each)) for each in report.lost] == [("shop/plus", "voice", "premium", 1)]
    assert [each.name for each in report.stages] == [
        "read facts", "prepare tariffs", "read usage", "find owners", "rate now", "add up now", "rate then", "add up then", "compare",
    ]  # fmt: skip


def test_only_one_plan_is_counted(world: World) -> None:
    report = ask(small(world), cheaper_plus(), only_plan="shop/basic")
    (part,) = report.currencies
    assert {each.plan for each in part.revenue} | {each.plan for each in part.fees} == {"shop/basic"}
    assert (part.payers.customers, part.payers.same, report.lost, report.unpriced) == (3, 3, (), ())
    with pytest.raises(UserError, match='no subscription has plan "shop/gold" in 2025-10'):
        ask(world, cheaper_plus(), only_plan="shop/gold")


def test_a_share_moves_to_another_plan(world: World) -> None:
    moves = [Move("shop/basic", "shop/plus", Fraction(1, 3))]
    report = ask(small(world), shop(version=2), moves=moves)
    (part,) = report.currencies
    assert [(each.old, each.new, each.subscriptions) for each in report.moved] == [("shop/basic", "shop/plus", 1)]
    # whoever moves pays 23.00 more in fees, and 2.00 more for the minutes that basic gives free
    assert (part.then_micros - part.now_micros, part.payers.more, part.payers.more_micros) == (25_000_000, 1, 25_000_000)
    (affected,) = part.most_affected
    assert (affected.plans_now, affected.plans_then) == (("shop/basic",), ("shop/plus",))
    again = ask(world, shop(version=2), moves=moves)
    assert again.currencies == report.currencies


def test_one_who_had_two_plans_leaves_both(world: World) -> None:
    """Each move takes all who had its plan in the month; the second one leaves the first as it is."""
    small(world)
    world.plan("S0", "shop/plus", "2025-10-20")
    base = shop(version=2)
    draft = msgspec.structs.replace(
        base, plans=(*base.plans, *(msgspec.structs.replace(base.plans[1], name=name, recurring=()) for name in ("p", "q")))
    )
    moves = [Move("shop/basic", "shop/p", Fraction(1)), Move("shop/plus", "shop/q", Fraction(1))]
    (part,) = (report := ask(world, draft, moves=moves)).currencies
    assert [each.subscriptions for each in report.moved] == [3, 2]
    assert {each.plan for each in part.revenue if each.then_events} == {"shop/p", "shop/q"}
    assert not any(each.then_count for each in part.fees)


def test_add_ons_move_with_their_plan(world: World) -> None:
    """One who bought an add-on within the month has it on the new plan too, and no change of plan is charged."""
    base = shop(version=2, effective_from_us=world.now_us + 1)
    fee = OneOffFee(301, "Change", 301, 5000, "standard", 9_000_000, FeeOccasion.PLAN_CHANGE)
    basic, plus = (msgspec.structs.replace(each, one_offs=(fee,)) for each in base.plans)
    talk = AddOn("talk", {"en": "Talk"}, recurring=(RecurringFee(304, "Talk", 304, 5000, "standard", 5_000_000, FeeTiming.ARREARS),))
    draft = msgspec.structs.replace(base, plans=(basic, plus, combined(basic, [talk]), combined(plus, [talk])), add_ons=(talk,))
    catalogue.publish(world.home, draft, world.tick())
    small(world)
    world.plan("S0", "shop/basic+talk", "2025-10-20")
    (part,) = ask(world, msgspec.structs.replace(draft, version=3), moves=[Move("shop/basic", "shop/plus", Fraction(1))]).currencies
    assert {(each.plan, each.name): (each.now_count, each.then_count) for each in part.fees} == {
        ("shop/basic", "Basic"): (2, 0),
        ("shop/basic+talk", "Basic"): (1, 0),
        ("shop/basic+talk", "Talk"): (1, 0),
        ("shop/plus", "Line rent"): (1, 3),
        ("shop/plus", "Plus"): (1, 3),
        ("shop/plus+talk", "Line rent"): (0, 1),
        ("shop/plus+talk", "Plus"): (0, 1),
        ("shop/plus+talk", "Talk"): (0, 1),
    }
    assert {each.plan for each in part.revenue if each.then_events} == {"shop/plus"}


@pytest.mark.slow
@pytest.mark.parametrize("made", [tariff, plain])
def test_all_who_move_are_priced_as_if_they_had_been_there(a_month: Callable[..., World], made: Callable[..., Catalogue]) -> None:
    """A whole plan moved is that plan gone; nobody moved is nothing changed."""
    world = a_month(made())
    all_move = ask(world, made(version=2), moves=[Move("shop/plus", "shop/roamer", Fraction(1))])
    (part,) = all_move.currencies
    assert not any(each.then_events for each in part.revenue if each.plan == "shop/plus")
    assert {each.plan for each in part.fees if each.then_count} == {"shop/basic", "shop/family"}
    nobody = ask(world, made(version=2), moves=[Move("shop/plus", "shop/roamer", Fraction(0))])
    assert nobody.currencies[0].now_micros == nobody.currencies[0].then_micros == part.now_micros


def test_currencies_are_never_added(world: World) -> None:
    small(world)
    euro = msgspec.structs.replace(shop(), identity="euro", currency="EUR")
    catalogue.publish(world.home, euro, world.tick())
    world.account("E", opened_on="2025-10-01", currency="EUR")
    world.subscription("E", "E", "euro/plus", "491")
    world.account("F", opened_on="2025-10-01")  # pays in CNY, and has a plan in EUR
    world.subscription("F", "F", "euro/plus", "492")
    world.take(Call("491", "2025-10-05T10:00", 60), Call("492", "2025-10-05T10:00", 60))
    report = ask(world, cheaper_plus())
    yuan, euros = report.currencies
    assert (yuan.currency, euros.currency) == ("CNY", "EUR")
    assert euros.now_micros == euros.then_micros == 2 * 33_100_000
    assert (euros.payers.customers, euros.payers.foreign) == (1, 0)
    assert (yuan.payers.customers, yuan.payers.foreign) == (4, 1)
    with pytest.raises(UserError, match=r"shop@2 is in USD, and shop@1 in CNY"):
        ask(world, msgspec.structs.replace(cheaper_plus(), currency="USD"))


def test_events_of_nobody_and_of_other_months(world: World) -> None:
    small(world)
    world.account("L", opened_on="2025-11-01")
    world.subscription("L", "L", "shop/plus", "8677", from_date="2025-10-01")
    world.take(Call("999", "2025-10-07T10:00", 60), Call("8677", "2025-10-07T10:00", 60), Call("861380", "2025-11-01T00:00", 60))
    report = ask(world, shop(version=2))
    assert (report.events, report.left_out) == (9, {"other_run": 1})
    assert [(each.plan, each.status, each.now_events) for each in report.unpriced] == [("", "UNKNOWN_SUBSCRIPTION", 1)]


def test_what_begins_in_the_next_month_on_its_own_clock_is_not_left_out_of_this_one(world: World) -> None:
    """A customer in Berlin makes the window end seven hours later: two o'clock of 1 November in Shanghai lies in it, and in no October."""
    small(world)
    world.account("B", timezone="Europe/Berlin")
    world.subscription("B", "B", "shop/plus", "8688")
    world.take(Call("861380", "2025-11-01T02:00", 60), Call("861380", "2025-09-30T23:00", 60), Call("8688", "2025-11-01T02:00", 60))
    report = ask(world, shop(version=2))
    assert (report.events, report.left_out) == (9, {})


def test_an_empty_home_has_an_empty_answer(world: World) -> None:
    report = ask(world, shop(version=2))
    assert (report.events, report.currencies, report.unpriced, report.lost) == (0, (), (), ())


def test_a_month_before_any_account_has_an_empty_answer(world: World) -> None:
    """Accounts begin in October, and a discount is agreed with one of them. In September nobody pays a fee that it could be off."""
    small(world)
    with world.home.begin() as connection:
        seq = world.home.next_commit_seq(connection, "accounts", world.tick())
        key = connection.execute(sa.select(tables.accounts.c.account_key).where(tables.accounts.c.account_id == "A0")).scalar_one()
        off, october = DiscountFact("loyal", percent_ppm=100_000), dt.date(2025, 10, 1)
        facts.add(connection, tables.account_facts, key, "discount", october, None, off, by=Operator("ann", 4711), commit_seq=seq)
    report = what_if(world.home, cheaper_plus(), Month(2025, 9), clock_s=itertools.count().__next__)
    assert (report.events, report.usage, report.currencies, report.unpriced, report.lost) == (0, 0, (), (), ())
    assert ask(world, cheaper_plus()).events == 8, "October has the calls of all four"


def test_a_draft_of_a_new_catalogue_gets_customers_by_moves(world: World) -> None:
    fresh = msgspec.structs.replace(shop(), identity="fresh")
    report = ask(small(world), fresh, moves=[Move("shop/plus", "fresh/plus", Fraction(1))])
    (part,) = report.currencies
    assert part.now_micros == part.then_micros
    assert {each.plan for each in part.fees if each.then_count} == {"shop/basic", "fresh/plus"}


@pytest.mark.slow
def test_journal_and_sealed_files_on_one_thread_or_two(a_month: Callable[..., World]) -> None:
    """The same answer whether usage lies in the journal or is sealed, for one thread or two."""
    world = a_month(plain())
    first = ask(world, dearer(received=False), threads=1)
    Intake(world.home).seal(world.tick())
    second = ask(world, dearer(received=False), threads=2, seq=first.commit_seq)
    assert (first.currencies, first.unpriced, first.lost, first.left_out) == (
        second.currencies,
        second.unpriced,
        second.lost,
        second.left_out,
    )


MOVES = [
    ("smart-s:smart-m=20%", Move("mobile/smart-s", "mobile/smart-m", Fraction(1, 5))),
    ("a/x:b/y=12.5%", Move("a/x", "b/y", Fraction(1, 8))),
    ("x:y=100%", Move("mobile/x", "mobile/y", Fraction(1))),
    ("x:y=0%", Move("mobile/x", "mobile/y", Fraction(0))),
    ("x:y=100.1%", "moves more than all"),
    ("x:y=20", "is not a move"),
    ("x=20%", "is not a move"),
    ("x:y:z=20%", "is not a move"),
    ("x:y=-1%", "is not a move"),
    ("", "is not a move"),
]


@pytest.mark.parametrize(("text", "meant"), MOVES)
def test_moves_as_text(text: str, meant: Move | str) -> None:
    if isinstance(meant, Move):
        assert migration.parse(text, "mobile") == meant
    else:
        with pytest.raises(UserError, match=meant):
            migration.parse(text, "mobile")


@pytest.mark.parametrize(
    ("moves", "message"),
    [
        ([Move("x", "b", Fraction(1))], 'no subscription has plan "x"'),
        ([Move("a", "x", Fraction(1))], 'there is no plan "x"'),
        ([Move("a", "b", Fraction(2, 3)), Move("a", "c", Fraction(1, 2))], "more than all together"),
    ],
)
def test_moves_that_do_not_fit(moves: list[Move], message: str) -> None:
    with pytest.raises(UserError, match=message):
        migration.check(moves, {"a"}, {"a", "b", "c"})


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "2026-00", "1999-01", "2070-01", "October", "2026-10-01", ""])
def test_what_is_no_month(text: str) -> None:
    with pytest.raises(UserError, match="is not a month"):
        month.parse(text)


def test_a_month_ends_with_the_next() -> None:
    assert (str(month.parse("2026-12").first), str(month.parse("2026-12").after), str(month.parse("2026-12"))) == (
        "2026-12-01", "2027-01-01", "2026-12",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "deciles"),
    [
        ([], ()),
        ([7], (7,) * 11),
        (list(range(1, 11)), (1, *range(1, 11))),
        (list(range(1, 101)), (1, *range(10, 101, 10))),
        ([3, 1, 2], (1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3)),
    ],
)
def test_deciles(values: list[int], deciles: tuple[int, ...]) -> None:
    assert comparing.deciles(np.array(values, np.int64)) == deciles


def test_nothing_is_stored(world: World) -> None:
    small(world)
    before = {path: path.read_bytes() for path in sorted(world.home.path.rglob("*")) if path.is_file() and path.suffix != ".db-shm"}
    ask(world, cheaper_plus(), moves=[Move("shop/basic", "shop/plus", Fraction(1, 2))])
    after = {path: path.read_bytes() for path in sorted(world.home.path.rglob("*")) if path.is_file() and path.suffix != ".db-shm"}
    assert before == after

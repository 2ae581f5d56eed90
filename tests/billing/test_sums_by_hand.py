"""Credits by hand, write-offs and opening credits in parts: ten parts of a sum need a second person where the sum does."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import agreeing
from billing.accounting import write_off
from billing.documents import adjusting, openings
from billing.persons import Who
from billing.store import settings, tables
from rating.errors import UserError
from tests.billing.documents.clerk import ANA, BEN, CENT, customer, totals, who
from tests.billing.second_person import set_by_two

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
NOVEMBER = dt.date(2025, 11, 1)
DAY_US = 86_400_000_000
PEOPLE = {"ana": ANA, "ben": BEN}

# who enters how many units by hand of which account, and whether the last one waits; the limit is 100.00
ENTERED = [
    ("ana anna -100", False),
    ("ana anna -101", True),
    ("ana anna -40, ana anna -60", False),
    ("ana anna -40, ana anna -61", True),
    ("ana anna -40, ana carl -61", True),  # the same person, for two accounts
    ("ana anna -40, ben anna -61", True),  # the same account, by two persons
    ("ana anna -40, ben carl -61", False),
    ("ana anna -40, ana anna 61", False),  # a charge takes nothing from a credit, and adds nothing to it
    ("ana anna 40, ana anna 61", True),
    ("ana anna -40, 31 days, ana anna -61", False),
    ("ana anna -40, 29 days, ana anna -61", True),
    ("ana anna -500 agreed, ana anna -100", False),  # what another person approved is not in the sum
]


@pytest.mark.parametrize(("told", "waits"), ENTERED)
def test_adjustments(world: World, told: str, waits: bool) -> None:  # noqa: FBT001 -- a column of the table
    customer(world)
    world.account("carl")
    state = ""
    for place, act in enumerate(told.split(", ")):
        if act.endswith("days"):
            world.now_us += int(act.split()[0]) * DAY_US
            continue
        person, account, units, *agreed = act.split()
        state = _enter(world, f"A-{place}", account, int(units), PEOPLE[person])
        if agreed:
            assert _enter(world, f"A-{place}", account, int(units), BEN if person == "ana" else ANA) == adjusting.WAITING
    assert state == (adjusting.PENDING if waits else adjusting.WAITING)


def test_the_part_that_waits_is_not_billed_until_another_person_approves_it(world: World) -> None:
    customer(world)
    _enter(world, "A-1", "anna", -6, ANA)
    set_by_two(world.home, "adjustment_limit_micros", str(10 * 100 * CENT), world.tick)
    assert _enter(world, "A-2", "anna", -5, ANA) == adjusting.PENDING
    world.bill("2025-11-01")
    first = totals(world, "anna")
    assert _enter(world, "A-2", "anna", -5, BEN) == adjusting.WAITING
    world.bill("2025-12-01")
    assert totals(world, "anna")[0] == first[0]
    assert sum(each.reference == "A-2" and each.state.startswith("R-") for each in adjusting.list_all(world.home)) == 1


def _enter(world: World, reference: str, account: str, units: int, by: tuple[str, int]) -> str:
    wanted = adjusting.AdjustmentRequest(reference, account, dt.date(2025, 10, 10), units * 100 * CENT, "goodwill", "", "shop", "standard")
    return adjusting.add(world.home, wanted, who(world, by)).state


def test_write_offs_in_parts(world: World) -> None:
    customer(world)
    set_by_two(world.home, "write_off_limit_micros", str(500 * CENT), world.tick)
    world.bill("2025-11-01")
    assert [_write_off(world, "first", 300, ANA), _write_off(world, "second", 200, ANA), _write_off(world, "third", 1, ANA)] == [
        False,
        False,
        True,
    ]
    assert _write_off(world, "fourth", 1, BEN), "the sum of the account counts for every person"
    assert not _write_off(world, "third", 1, BEN), "another person agrees by giving the same command"
    write_off.undo(world.home, "R-0000000001", dt.date(2025, 11, 2), "paid", who(world, ANA), reference="first")
    assert not _write_off(world, "fifth", 300, ANA), "what is undone is not in the sum"
    world.now_us += 31 * DAY_US
    assert not _write_off(world, "sixth", 100, ANA)


def _write_off(world: World, reference: str, cents: int, by: tuple[str, int]) -> bool:
    with world.home.connect() as connection:
        limit = settings.integer(connection, "write_off_limit_micros")
    named = {"amount_micros": cents * CENT, "limit_micros": limit, "reference": reference}
    return write_off.write_off(world.home, "R-0000000001", dt.date(2025, 11, 2), "gone", who(world, by), **named).waits  # type: ignore[arg-type] -- fields by their names


def test_opening_credits_wait_for_another_person(world: World) -> None:
    customer(world)
    world.account("carl")
    set_by_two(world.home, "give_back_limit_micros", str(10_000 * CENT), world.tick)
    for place, (account, cents) in enumerate((("anna", -9_000), ("anna", 70_000), ("carl", -2_000))):
        _import(world, account, f"OLD-{place}", cents)
    tried = openings.open_items(world.home, who(world, on=NOVEMBER), NOVEMBER, dry_run=True)
    assert (tried.documents, tried.needs_second, tried.proposal) == (3, True, 0)
    asked = openings.open_items(world.home, who(world, on=NOVEMBER), NOVEMBER)
    assert (asked.run_id, asked.needs_second, asked.proposal > 0) == (0, True, True)
    assert world.numbers("anna") == []
    again = openings.open_items(world.home, who(world, on=NOVEMBER), NOVEMBER)
    assert again.proposal == asked.proposal, "what waits is asked for once"
    _import(world, "carl", "OLD-9", -100)
    with pytest.raises(UserError, match="the opening items that wait have changed: 4 now, 3 when they were proposed"):
        _agree(world, asked.proposal)
    with world.home.begin() as connection:
        connection.execute(tables.opening_items.delete().where(tables.opening_items.c.reference == "OLD-9"))
    assert _agree(world, asked.proposal).result.documents == 3
    _import(world, "carl", "OLD-10", -10_000)
    alone = openings.open_items(world.home, who(world, on=NOVEMBER), NOVEMBER)
    assert (alone.documents, alone.needs_second) == (1, False), "what two people made is not in the sum of one"
    _import(world, "carl", "OLD-11", -1)
    assert openings.open_items(world.home, who(world, on=NOVEMBER), NOVEMBER).needs_second


def test_opening_credits_of_an_account_are_added_up_whoever_makes_them(world: World) -> None:
    customer(world)
    world.account("carl")
    set_by_two(world.home, "give_back_limit_micros", str(10_000 * CENT), world.tick)
    waits = []
    for place, (account, cents, person) in enumerate((("anna", -6_000, ANA), ("carl", -6_000, BEN), ("anna", -4_001, BEN))):
        _import(world, account, f"OLD-{place}", cents)
        waits.append(openings.open_items(world.home, who(world, person, on=NOVEMBER), NOVEMBER).needs_second)
    assert waits == [False, False, True]


def _agree(world: World, proposal: int) -> agreeing.Agreed:
    return agreeing.agree(world.home, proposal, "looked at", Who(*BEN, world.tick()))


def _import(world: World, account: str, reference: str, cents: int) -> None:
    with world.home.begin() as connection:
        key = connection.execute(tables.accounts.select().where(tables.accounts.c.account_id == account)).one().account_key
        seq = world.home.next_commit_seq(connection, "accounts", world.tick())
        values = {"account_key": key, "reference": reference, "issued_on": "2025-09-01", "due_on": "2025-09-15"}
        connection.execute(tables.opening_items.insert().values(**values, amount_micros=cents * CENT, commit_seq=seq))

"""Facts as columns: rows made on demand say what the columns say, equal contracts share a pattern, retracted facts are gone."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from billing.charges.proration import Span
from billing.runs.contracts import facts, price_list
from billing.runs.contracts.agreements import NOBODY, Relation
from billing.runs.contracts.contracts import Contracts
from billing.store import tables
from rating.dates import day_of
from tests.billing.runs.world import World, instant_us

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import sqlalchemy as sa

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "home")
    with made.home:
        yield made


def tell(world: World, table: sa.Table, key: int, kind: str, from_date: str, **detail: Any) -> int:  # noqa: ANN401 -- fields of any kind
    """Write a fact as it lies in the store, and give its id. `to` and `retracts` are columns of their own."""
    name = "account_key" if table is tables.account_facts else "subscription_key"
    to_date, retracts = detail.pop("to", None), detail.pop("retracts", None)
    text = msgspec.json.encode(detail).decode()
    values = {name: key, "kind": kind, "from_date": from_date, "to_date": to_date, "detail": text, "retracts": retracts}
    world._add(table, **values, by_name="clerk", by_uid=1)  # noqa: SLF001 -- as the world adds rows itself
    with world.home.connect() as connection:
        return max(connection.execute(table.select()).scalars())


def loaded(world: World) -> facts.Facts:
    with world.home.connect() as connection:
        return facts.load(connection, world.home.head_seq(connection))


def keys(world: World, *account_ids: str) -> list[int]:
    return [world.key("accounts", "account_key", "account_id", each) for each in account_ids]


def test_accounts_stand_in_the_order_of_their_ids_and_rows_agree_with_columns(world: World) -> None:
    for name, zone in (("zoe", "Asia/Shanghai"), ("Änne", "Europe/Berlin"), ("anna", "Asia/Tokyo")):
        world.account(name, timezone=zone, bill_day=7, billed_through="2025-11-07" if name == "zoe" else None)
    found = loaded(world)
    assert [each.account_id for each in found.accounts] == ["anna", "zoe", "Änne"]
    assert [found.accounts[index] for index in range(3)] == list(found.accounts)
    assert [found.zones[place] for place in found.account_zone] == [each.timezone for each in found.accounts]
    assert [day_of(int(day)) for day in found.account_first_day] == [each.billed_from for each in found.accounts]
    assert [str(each.billed_from) for each in found.accounts] == ["2025-10-01", "2025-11-07", "2025-10-01"]
    assert found.account_keys.tolist() == [each.account_key for each in found.accounts]
    assert {each.all_bill_days for each in found.accounts} == {((dt.date.min, 7),)}


def test_equal_subscriptions_share_a_pattern_and_the_plan_learned_last_holds(world: World) -> None:
    world.account("anna")
    for number in range(5):
        world.subscription(f"s{number}", "anna", "shop/basic", f"8613800000{number:03}", from_date="2025-10-05")
    world.plan("s1", "shop/plus", "2025-11-01")
    world.plan("s2", "shop/gold", "2025-11-01")
    world.plan("s2", "shop/plus", "2025-11-01")
    world.end("s3", "2025-12-01")
    found = loaded(world)
    first, second, third, fourth, fifth = found.subscription_pattern.tolist()
    assert first == fifth
    assert second == third
    assert len({first, second, fourth}) == 3
    assert [each.plans for each in found.subscriptions][2] == ((dt.date(2025, 10, 5), "shop/basic"), (dt.date(2025, 11, 1), "shop/plus"))
    assert found.subscriptions[3].active == Span(dt.date(2025, 10, 5), dt.date(2025, 12, 1))
    assert [found.subscriptions[index] for index in range(5)] == list(found.subscriptions)


def test_what_was_told_after_a_commit_is_not_known_as_of_it(world: World) -> None:
    """A run that is resumed works with what was known when it began."""
    world.account("anna")
    world.subscription("s0", "anna", "shop/basic", "1001")
    with world.home.connect() as connection:
        seq = world.home.head_seq(connection)
        before = facts.load(connection, seq)
    world.account("ben")
    world.subscription("s1", "anna", "shop/basic", "1002")
    world.plan("s0", "shop/plus", "2025-11-01")
    world.end("s0", "2025-12-01")
    with world.home.connect() as connection:
        again = facts.load(connection, seq)
    assert list(again.accounts) == list(before.accounts)
    assert list(again.subscriptions) == list(before.subscriptions)
    assert [each.plans for each in again.subscriptions] == [((dt.date(2025, 10, 1), "shop/basic"),)]
    assert len(loaded(world).subscriptions[0].plans) == len(loaded(world).accounts) == 2


def test_facts_of_a_subscription_are_in_its_pattern_alone(world: World) -> None:
    world.account("anna")
    for number in range(3):
        world.subscription(f"s{number}", "anna", "shop/basic", f"8613800000{number:03}")
    s0, s1 = (world.key("subscriptions", "subscription_key", "subscription_id", name) for name in ("s0", "s1"))
    table = tables.subscription_facts
    tell(world, table, s0, "pause", "2025-10-10", to="2025-10-20")
    tell(world, table, s0, "pause", "2025-10-15", to="2025-10-25")
    gone = tell(world, table, s0, "outage", "2025-11-01", to="2025-11-02")
    tell(world, table, s0, "retraction", "2025-11-01", retracts=gone)
    tell(world, table, s1, "end", "2025-11-10", transferred=True)
    found = loaded(world)
    paused, ended, plain = (found.patterns[each] for each in found.subscription_pattern.tolist())
    assert paused.pauses == (Span(dt.date(2025, 10, 10), dt.date(2025, 10, 25)),), "they meet: no day counts twice"
    assert paused.outages == ()
    assert (ended.transferred_out, ended.active.end) == (True, dt.date(2025, 11, 10))
    assert (plain.pauses, plain.transferred_out, plain.active.end) == ((), False, None)


# kinds of facts in the order in which they are learned, and the end that holds
ENDS = """
end:2025-11-10                                    2025-11-10
end:2025-11-10 end:2025-11-05                     2025-11-05
end:2025-11-10 no_end:2025-11-12                  -
no_end:2025-11-12 end:2025-11-10                  2025-11-10
end:2025-11-10 no_end:2025-11-12 end:2025-12-01   2025-12-01
"""


@pytest.mark.parametrize("row", [line.split() for line in ENDS.strip().splitlines()], ids=" ".join)
def test_of_ends_and_their_undoing_the_one_learned_last_holds(world: World, row: list[str]) -> None:
    world.account("anna")
    world.subscription("s", "anna", "shop/basic", "8613800000001", to_date="2026-03-01")
    key = world.key("subscriptions", "subscription_key", "subscription_id", "s")
    for each in row[:-1]:
        tell(world, tables.subscription_facts, key, *each.split(":"))
    end = loaded(world).subscriptions[0].active.end
    assert ("-" if end is None else str(end)) == row[-1]


def test_what_is_agreed_with_an_account_is_on_its_row_and_in_its_columns(world: World) -> None:
    for name in ("anna", "bela", "carl"):
        world.account(name)
    anna, bela, carl = keys(world, "anna", "bela", "carl")
    table = tables.account_facts
    tell(world, table, anna, "bill_day", "2025-12-01", bill_day=15)
    tell(world, table, anna, "terms", "2025-11-01", payment_days=30, language="zh")
    tell(world, table, anna, "category", "2025-11-01", category="staff")
    tell(world, table, bela, "closed", "2026-01-15")
    tell(world, table, bela, "hold", "2025-11-01", to="2025-12-01")
    tell(world, table, bela, "tax", "2025-11-01", exempt=["*"])
    wrong = tell(world, table, carl, "closed", "2025-12-01")
    tell(world, table, carl, "retraction", "2025-12-01", retracts=wrong)
    found = loaded(world)
    first, second, third = found.accounts
    assert first.bill_days == ((dt.date.min, 1), (dt.date(2025, 12, 1), 15))
    assert found.bill_days[found.account_bill_days[0]] == first.bill_days
    assert (first.bill_day, first.category) == (15, "staff")
    terms = found.bill_terms(dt.date(2025, 11, 1))
    assert terms.payment_days.tolist() == [30, 14, 14]
    assert found.bill_terms(dt.date(2025, 10, 31)).payment_days.tolist() == [14, 14, 14]
    assert [found.categories[place] for place in found.account_category] == ["staff", "normal", "normal"]
    assert [terms.languages[place] for place in terms.language] == ["zh", "en", "en"]
    assert (second.closed_on, second.holds) == (dt.date(2026, 1, 15), (Span(dt.date(2025, 11, 1), dt.date(2025, 12, 1)),))
    assert second.exempt[0][1].exempt == ("*",)
    assert (third.closed_on, third.holds, third.exempt) == (None, (), ())


def test_a_rating_unit_is_everybody_who_ever_paid_for_each_other(world: World) -> None:
    for name in ("anna", "bela", "carl", "dora", "emil"):
        world.account(name)
    world.subscription("dora-1", "dora", "shop/basic", "8613800000001")
    anna, bela, carl, dora, emil = keys(world, "anna", "bela", "carl", "dora", "emil")
    table = tables.account_facts
    tell(world, table, anna, "payer", "2025-11-01", payer="carl")
    tell(world, table, anna, "payer", "2025-12-01", payer="")
    tell(world, table, bela, "pool", "2025-11-01", root="carl")
    key = world.key("subscriptions", "subscription_key", "subscription_id", "dora-1")
    tell(world, tables.subscription_facts, key, "payer", "2025-11-01", payer="bela", kinds=["usage"])
    found = loaded(world)
    assert found.account_keys[found.account_unit].tolist() == [carl, carl, carl, carl, emil]
    assert [each.unit_key for each in found.accounts] == [carl, carl, carl, carl, emil]
    assert [relation.other for relation in found.agreed.payers[0]] == [2, NOBODY]
    assert found.agreed.subscription_payers[key][0].kinds == ("usage",)
    assert dora not in found.account_keys[found.account_unit]


def test_a_relation_holds_up_to_the_day_that_ends_it(world: World) -> None:
    for name in ("anna", "bela"):
        world.account(name)
    (anna,) = keys(world, "anna")
    for kind, named in (("payer", "payer"), ("sponsor", "sponsor"), ("pool", "root")):
        tell(world, tables.account_facts, anna, kind, "2025-11-01", to="2025-12-01", **{named: "bela"})
    november = (Relation(Span(dt.date(2025, 11, 1), dt.date(2025, 12, 1)), 1),)
    found = loaded(world).agreed
    assert (found.payers, found.sponsors, found.pools) == ({0: november}, {0: november}, {0: november})


def test_other_plans_for_some_leave_the_others_as_they_are(world: World) -> None:
    world.account("anna")
    world.account("bela")
    for number, owner in enumerate(("anna", "bela", "anna")):
        world.subscription(f"s{number}", owner, "shop/basic", f"8613800000{number:03}")
    before = loaded(world)
    plus = ((dt.date(2025, 10, 1), "shop/plus"),)
    after = before.with_plans({2: plus})
    assert [each.plans for each in after.subscriptions] == [before.subscriptions[0].plans, before.subscriptions[1].plans, plus]
    assert [each.plans for each in before.subscriptions][2] != plus
    alone = before.only_account(0)
    assert ([each.subscription_id for each in alone.subscriptions], [each.account for each in alone.subscriptions]) == (
        ["s0", "s2"],
        [0, 0],
    )
    some = before.only_subscriptions(before.subscription_keys[:2] * 0 + [2, 0])
    assert [each.subscription_id for each in some.subscriptions] == ["s2", "s0"]


def test_the_plan_at_an_instant_follows_the_clock_of_the_account(world: World) -> None:
    world.account("anna", timezone="Asia/Shanghai")
    world.account("nell", timezone="America/New_York")
    for owner in ("anna", "nell"):
        world.subscription(f"{owner}-1", owner, "shop/basic", "8613800000001")
        world.plan(f"{owner}-1", "shop/plus", "2025-11-01")
    found = loaded(world)
    contracts = Contracts(found, price_list.load(world.home, 10**9), facts.Midnights())
    assert found.subscription_pattern[0] == found.subscription_pattern[1]
    edge = instant_us("2025-11-01T00:00:00")
    holding = contracts.holding_at(found.subscription_keys * 0 + [0, 1], found.subscription_keys * 0 + edge)
    assert (holding - contracts.first_holding[:2]).tolist() == [1, 0], "it is still October in New York"
    assert contracts.plan_of(holding).tolist() == [contracts.price_list.tables.plan_index[name] for name in ("shop/plus", "shop/basic")]
    assert contracts.is_active(found.subscription_keys * 0 + [0, 1], found.subscription_keys * 0 + edge).all()

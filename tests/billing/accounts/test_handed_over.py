"""A subscription that another owner has: its end is the beginning of the new one, and stays.

Anna's S1 is bert's S2 from 10 October on. Plan basic is 10.00 a month: October has 31 days, of which anna pays 9 (2.90) and bert 22 (7.10).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import accounts, controls
from billing.accounts import agreements, kinds, lifecycle, lookup
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.store import tables
from rating.errors import ProblemsError, UserError
from tests.billing.accounts.operator_home import day

if TYPE_CHECKING:
    from pathlib import Path

    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow

HANDED_OVER = day("2025-10-10")
TAKE_BACK = "where the handover is a mistake: `ratewright accounts untransfer S2 --reason ...`"


@pytest.fixture
def shared(world: World) -> World:
    for name in ("anna", "bert"):
        world.account(name)
    lifecycle.activate(world.home, asked(world), lifecycle.Activation("S1", "anna", "shop/basic", day("2025-10-01"), ("8613800000001",)))
    lifecycle.transfer(world.home, asked(world), "S1", "bert", HANDED_OVER, "S2")
    world.begun(day("2025-10-12"))
    return world


def asked(world: World) -> Asked:
    return Asked(Operator("ann", 1001), world.tick())


def fees(world: World, account_id: str) -> list[tuple[str, int]]:
    """The fees of an account's bills: the period's first day, cents."""
    found = [line for number in world.numbers(account_id) for line in world.lines(number)]
    return [(line[1], line[-1]) for line in found if line[0].startswith("Basic")]


@pytest.mark.parametrize("on", ["2025-10-05", "2025-10-20", "2025-12-01"])
def test_it_is_not_ended_again(shared: World, on: str) -> None:
    """On a later day anna would pay beside bert, on an earlier one nobody for the days between."""
    with pytest.raises(UserError, match="S1 has another owner from 2025-10-10 on, as S2") as caught:
        lifecycle.end(shared.home, asked(shared), "S1", day(on), "moves")
    assert caught.value.remedy == f"end S2 or transfer it back; {TAKE_BACK}"
    assert lifecycle.end(shared.home, asked(shared), "S1", HANDED_OVER, "moves").said == ("S1 ends on 2025-10-10 already; nothing changed",)
    for date in ("2025-11-01", "2025-12-01"):
        shared.bill(date)
    assert fees(shared, "anna") == [("2025-10-01", 290)]
    assert fees(shared, "bert") == [("2025-10-01", 710), ("2025-11-01", 1000)]
    assert [each.name for each in controls.books(shared.home) if not each.ok] == []


def test_its_account_closes_on_the_day_of_the_new_owner_or_later(shared: World) -> None:
    with pytest.raises(UserError, match="S1 has another owner from 2025-10-10 on, as S2") as caught:
        agreements.close(shared.home, asked(shared), "anna", day("2025-10-08"), "moves")
    assert caught.value.remedy == f"close the account on 2025-10-10 or later; {TAKE_BACK}"
    assert agreements.close(shared.home, asked(shared), "anna", HANDED_OVER, "moves").said[0].startswith("anna is closed: 2025-10-10 is ")


def test_an_import_does_not_end_it_again(shared: World, tmp_path: Path) -> None:
    source = tmp_path / "accounts.json"
    fact = {"subscription_id": "S1", "kind": "end", "from_date": "2025-12-01", "detail": {"reason": "moves"}}
    source.write_bytes(msgspec.json.encode({"subscription_facts": [fact]}))
    with pytest.raises(ProblemsError) as caught:
        accounts.import_files(shared.home, source, shared.tick())
    (told,) = caught.value.problems
    assert told.message == "S1 has another owner from 2025-10-10 on, as S2, and ends on 2025-12-01"
    assert told.remedy == f"let it end on 2025-10-10, end S2, or {TAKE_BACK}"


@pytest.mark.parametrize("way", ["end", "retract"])
def test_a_wrong_end_of_before_is_put_right(shared: World, way: str) -> None:
    """An end of 1 December was recorded when that was not refused. It blocks nothing else; without it bert alone pays from the 10th on."""
    wrong = end_behind(shared, "2025-12-01")
    assert agreements.agree(shared.home, asked(shared), "anna", "terms", day("2026-01-01"), None, kinds.TermsFact(language="zh")).said
    with pytest.raises(UserError, match="S1 has another owner from 2025-10-10 on, as S2") as caught:
        lifecycle.revive(shared.home, asked(shared), "S1", "moves")
    assert caught.value.remedy == f"end S2 or transfer it back; end S1 on 2025-10-10; {TAKE_BACK}"
    shared.bill("2025-11-01")
    assert fees(shared, "anna") == [("2025-10-01", 1000)]
    if way == "end":
        said = lifecycle.end(shared.home, asked(shared), "S1", HANDED_OVER, "wrong").said
        assert said[0] == "S1 ends: 2025-10-10 is the first day without it, not on 2025-12-01"
    else:
        said = agreements.retract(shared.home, asked(shared), "anna", wrong, "wrong", of_subscription=True).said
        assert "S1 ends: 2025-10-10 is the first day without it" in said
    shared.bill("2025-12-01")
    assert fees(shared, "anna") == [("2025-10-01", 1000), ("2025-10-01", -710)]
    assert fees(shared, "bert") == [("2025-10-01", 710), ("2025-11-01", 1000)]


def end_behind(world: World, on: str) -> int:
    """Record an end of S1 behind the product's back; the number of the fact."""
    key = world.key("subscriptions", "subscription_key", "subscription_id", "S1")
    with world.home.begin() as connection:
        seq = world.home.next_commit_seq(connection, "fact", world.tick())
        told = {"kind": "end", "from_date": on, "detail": "{}", "by_name": "clerk", "by_uid": 1, "commit_seq": seq}
        key_of = connection.execute(tables.subscription_facts.insert().values(subscription_key=key, **told)).inserted_primary_key
    assert key_of is not None
    return int(key_of[0])


def test_no_fact_of_its_end_is_retracted(shared: World) -> None:
    """Without it anna would pay beside bert."""
    (fact,) = [each for each in lookup.show_account(shared.home, "anna").facts if each.kind == "end"]
    with pytest.raises(UserError, match="S1 has another owner from 2025-10-10 on, as S2"):
        agreements.retract(shared.home, asked(shared), "anna", fact.fact_id, "wrong", of_subscription=True)


def test_it_is_not_handed_over_again(shared: World) -> None:
    """On an earlier day anna's end would move away from the day on which bert begins."""
    shared.account("carl")
    with pytest.raises(UserError, match="S1 has another owner from 2025-10-10 on, as S2"):
        lifecycle.transfer(shared.home, asked(shared), "S1", "carl", day("2025-10-05"), "S3")


@pytest.mark.parametrize("way", ["end", "revive", "close", "retract", "transfer"])
def test_the_flag_of_an_end_alone_refuses_nothing(world: World, tmp_path: Path, way: str) -> None:
    """The new owner of S1 is a customer of another home: all that this one knows is an end that says so."""
    for name in ("anna", "bert"):
        world.account(name)
    row = {"subscription_id": "S1", "account_id": "anna", "plan": "shop/basic", "from_date": "2025-10-01"}
    end = {"subscription_id": "S1", "kind": "end", "from_date": "2025-10-20", "detail": {"transferred": True}}
    import_rows(world, tmp_path / "a.json", subscriptions=[row], subscription_facts=[end])
    (fact,) = lookup.show_account(world.home, "anna").facts
    match way:
        case "end":
            lifecycle.end(world.home, asked(world), "S1", HANDED_OVER, "moves")
        case "close":
            agreements.close(world.home, asked(world), "anna", HANDED_OVER, "moves")
        case "revive":
            lifecycle.revive(world.home, asked(world), "S1", "stays")
        case "retract":
            agreements.retract(world.home, asked(world), "anna", fact.fact_id, "wrong", of_subscription=True)
        case _:
            lifecycle.transfer(world.home, asked(world), "S1", "bert", HANDED_OVER, "S2")
    world.bill("2025-11-01")
    assert fees(world, "anna") == [("2025-10-01", 1000 if way in {"revive", "retract"} else 290)]
    assert fees(world, "bert") == ([("2025-10-01", 323)] if way == "transfer" else [])  # its end on the 20th went along: 10 of 31 days


@pytest.mark.parametrize(("first", "second"), [("2025-11-20", "2025-11-10"), ("2025-11-10", "2025-11-20")])
def test_a_second_closing_names_the_first_one(shared: World, first: str, second: str) -> None:
    agreements.close(shared.home, asked(shared), "anna", dt.date.fromisoformat(first), "moves")
    with pytest.raises(UserError, match=f"anna is closed on {first} already") as caught:
        agreements.close(shared.home, asked(shared), "anna", dt.date.fromisoformat(second), "moves")
    assert caught.value.remedy.startswith("retract fact ")


def test_a_handover_by_the_columns_of_an_import_is_one(world: World, tmp_path: Path) -> None:
    """The system before handed S1 over: no fact says so, the new subscription names it."""
    for name in ("anna", "bert"):
        world.account(name)
    common = {"plan": "shop/basic"}
    first = {"subscription_id": "S1", "account_id": "anna", "from_date": "2025-10-01", "to_date": "2025-10-10", **common}
    second = {"subscription_id": "S2", "account_id": "bert", "from_date": "2025-10-10", "transferred_from": "S1", **common}
    import_rows(world, tmp_path / "a.json", subscriptions=[first, second])
    with pytest.raises(UserError, match="S1 has another owner from 2025-10-10 on, as S2"):
        lifecycle.end(world.home, asked(world), "S1", day("2025-12-01"), "moves")
    with pytest.raises(UserError, match="S1 has another owner from 2025-10-10 on, as S2"):
        lifecycle.revive(world.home, asked(world), "S1", "moves")
    with pytest.raises(UserError, match="S1 has another owner from 2025-10-10 on, as S2"):
        agreements.close(world.home, asked(world), "anna", day("2025-10-08"), "moves")
    world.bill("2025-11-01")
    assert (fees(world, "anna"), fees(world, "bert")) == ([("2025-10-01", 290)], [("2025-10-01", 710)])


@pytest.mark.parametrize(("on", "refused"), [("2025-10-10", False), ("2025-10-20", True)])
def test_an_end_that_an_import_learns_later_is_that_day(world: World, tmp_path: Path, on: str, refused: bool) -> None:  # noqa: FBT001 -- a column of the table
    """Two files: the first links both, the second says when the first one ends. Until then both are billed."""
    for name in ("anna", "bert"):
        world.account(name)
    first = {"subscription_id": "S1", "account_id": "anna", "plan": "shop/basic", "from_date": "2025-10-01"}
    second = {"subscription_id": "S2", "account_id": "bert", "plan": "shop/basic", "from_date": "2025-10-10", "transferred_from": "S1"}
    import_rows(world, tmp_path / "a.json", subscriptions=[first, second])
    if refused:
        with pytest.raises(ProblemsError) as caught:
            import_rows(world, tmp_path / "b.json", subscriptions=[first | {"to_date": on}])
        assert caught.value.problems[0].message == f"S1 has another owner from 2025-10-10 on, as S2, and ends on {on}"
    else:
        import_rows(world, tmp_path / "b.json", subscriptions=[first | {"to_date": on}])
    world.bill("2025-11-01")
    assert fees(world, "anna") == [("2025-10-01", 1000 if refused else 290)]
    assert fees(world, "bert") == [("2025-10-01", 710)]


@pytest.mark.parametrize(("kind", "on"), [("end", "2025-10-05"), ("end", "2025-12-01"), ("no_end", "2025-10-10")])
def test_an_import_that_calls_an_end_a_handover_moves_none(shared: World, tmp_path: Path, kind: str, on: str) -> None:
    row = {"subscription_id": "S1", "kind": kind, "from_date": on, "detail": {"reason": "x", "transferred": True}}
    with pytest.raises(ProblemsError) as caught:
        import_rows(shared, tmp_path / "a.json", subscription_facts=[row])
    assert "S1 has another owner" in caught.value.problems[0].message
    shared.bill("2025-11-01")
    assert fees(shared, "anna") == [("2025-10-01", 290)]


def import_rows(world: World, source: Path, **rows: list[dict[str, object]]) -> None:
    """Import one document with these rows, and no accounts."""
    empty: dict[str, object] = {"accounts": [], "subscriptions": [], "numbers": []}
    source.write_bytes(msgspec.json.encode(empty | rows))
    accounts.import_files(world.home, source, world.tick())

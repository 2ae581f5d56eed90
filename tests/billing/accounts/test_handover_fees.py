"""A handover has no fee, however it was recorded: nor one for an early end, nor one for the end.

Plan basic is 10.00 a month for three months at least, 5.00 for each month that is left, and 2.00 for the end. S1 of anna ends on 29
October: three months are left, 15.00. October has 31 days: 28 are anna's (10.00 x 28/31 = 9.03), 3 are bert's (0.97).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import controls
from billing.accounts import agreements, lifecycle, lookup
from billing.accounts.handovers import taking_back
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents import voiding
from billing.persons import Who
from billing.runs.settlement import fees_due
from billing.store import tables
from rating.model import FeeOccasion, OneOffFee, ServiceTerms
from tests.billing.accounts.operator_home import day
from tests.billing.accounts.test_handed_over import import_rows
from tests.billing.runs.world import World, shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.charges.early_end import Contract
    from billing.runs.contracts.contract_profiles import Pattern

pytestmark = pytest.mark.slow
EARLY = OneOffFee(300, "early", 300, 5000, "standard", 5_000_000, FeeOccasion.EARLY_END, per_remaining_month=True)
LEAVING = OneOffFee(301, "leaving", 301, 5000, "standard", 2_000_000, FeeOccasion.END)
FIRST = {"subscription_id": "S1", "account_id": "anna", "plan": "shop/basic", "from_date": "2025-10-01"}
SECOND = {"subscription_id": "S2", "account_id": "bert", "plan": "shop/basic", "from_date": "2025-10-29", "transferred_from": "S1"}
BOOK = "fees, run 1 of 2025-11-01: fees due = fees billed"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    plain = shop()
    bound = msgspec.structs.replace(plain.plans[0], one_offs=(EARLY, LEAVING), terms=ServiceTerms(minimum_months=3))
    made = World(tmp_path / "home", catalogues=[msgspec.structs.replace(plain, plans=(bound, plain.plans[1]))])
    for name in ("anna", "bert"):
        made.account(name)
    yield made
    made.home.close()


def asked(world: World) -> Asked:
    return Asked(Operator("ann", 1001), world.tick())


def billed(world: World, account_id: str) -> list[tuple[str, int]]:
    """The fees on an account's bills, corrections among them: name, cents."""
    found = [line for number in world.numbers(account_id) for line in world.lines(number)]
    return [(line[0].split(",")[0], line[-1]) for line in found if line[0].startswith(("Basic", "early", "leaving"))]


def wrong(world: World) -> list[str]:
    return [each.name for each in controls.books(world.home) if not each.ok]


@pytest.mark.parametrize("flag", [{}, {"transferred": True}])
@pytest.mark.parametrize("way", ["columns", "fact"])
def test_the_owner_before_pays_for_no_end(world: World, tmp_path: Path, way: str, flag: dict[str, bool]) -> None:
    """The end is a column of the subscription, or a fact of the same file."""
    end = {"subscription_id": "S1", "kind": "end", "from_date": "2025-10-29", "detail": {"reason": "moved", **flag}}
    rows = [FIRST | {"to_date": "2025-10-29"}, SECOND] if way == "columns" else [FIRST, SECOND]
    import_rows(world, tmp_path / "a.json", subscriptions=rows, subscription_facts=[end] if way == "fact" else [])
    world.bill("2025-11-01")
    assert (billed(world, "anna"), billed(world, "bert")) == ([("Basic", 903)], [("Basic", 97)])
    assert wrong(world) == []


def test_an_end_on_the_day_of_the_handover_has_no_fee_either(world: World, tmp_path: Path) -> None:
    """The import links the two, and does not say that S1 ends: that is recorded afterwards, for that day alone."""
    import_rows(world, tmp_path / "a.json", subscriptions=[FIRST, SECOND])
    said = lifecycle.end(world.home, asked(world), "S1", day("2025-10-29"), "moved").said
    assert said[0] == "S1 ends: 2025-10-29 is the first day without it"
    assert not [each for each in said if "early" in each or "leaving" in each]
    world.bill("2025-11-01")
    assert (billed(world, "anna"), billed(world, "bert")) == ([("Basic", 903)], [("Basic", 97)])
    assert wrong(world) == []


def test_the_flag_alone_has_no_fee(world: World, tmp_path: Path) -> None:
    """The new owner is a customer of another home."""
    end = {"subscription_id": "S1", "kind": "end", "from_date": "2025-10-29", "detail": {"transferred": True}}
    import_rows(world, tmp_path / "a.json", subscriptions=[FIRST], subscription_facts=[end])
    world.bill("2025-11-01")
    assert billed(world, "anna") == [("Basic", 903)]
    assert wrong(world) == []


def test_a_handover_that_is_learned_later_gives_the_fees_back(world: World, tmp_path: Path) -> None:
    """Anna paid 15.00 and 2.00. In November it is told that bert has S1 since: she gets 17.00 back, he pays October and November."""
    lifecycle.activate(world.home, asked(world), lifecycle.Activation("S1", "anna", "shop/basic", day("2025-10-01")))
    lifecycle.end(world.home, asked(world), "S1", day("2025-10-29"), "moved")
    world.bill("2025-11-01")
    assert billed(world, "anna") == [("Basic", 903), ("early", 1500), ("leaving", 200)]
    import_rows(world, tmp_path / "a.json", subscriptions=[SECOND])
    world.bill("2025-12-01")
    assert billed(world, "anna")[3:] == [("early", -1500), ("leaving", -200)]
    assert billed(world, "bert") == [("Basic", 97), ("Basic", 1000)]
    assert wrong(world) == []


def test_a_link_that_is_taken_back_makes_the_fees_due_again(world: World, tmp_path: Path) -> None:
    """S1 had ended on 29 October before anybody said that bert has it since: that end holds again, with its fees, once his bill is void."""
    lifecycle.activate(world.home, asked(world), lifecycle.Activation("S1", "anna", "shop/basic", day("2025-10-01")))
    lifecycle.end(world.home, asked(world), "S1", day("2025-10-29"), "moved")
    import_rows(world, tmp_path / "a.json", subscriptions=[SECOND])
    world.bill("2025-11-01")
    assert (billed(world, "anna"), billed(world, "bert")) == ([("Basic", 903)], [("Basic", 97)])
    voiding.void(world.home, world.numbers("bert")[0], "not the same", Who("ann", 1001, world.tick()))
    said = taking_back.untransfer(world.home, asked(world), "S2", "not the same").said
    assert "S1 of anna ends on 2025-10-29, as before" in said
    world.bill("2025-12-01")
    assert billed(world, "anna")[1:] == [("early", 1500), ("leaving", 200)]
    assert billed(world, "bert") == [("Basic", 97)]  # the void one alone
    assert wrong(world) == []


def test_the_book_of_fees_finds_a_run_that_asks_for_the_flag_alone(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run bills 15.00 and 2.00 though bert has it: the book reads the link by itself."""
    import_rows(world, tmp_path / "a.json", subscriptions=[FIRST | {"to_date": "2025-10-29"}, SECOND])
    honest = fees_due.contract_of

    def flag_alone(pattern: Pattern) -> Contract:
        return honest(pattern)._replace(handed_over=False)

    monkeypatch.setattr(fees_due, "contract_of", flag_alone)
    world.bill("2025-11-01")
    assert ("early", 1500) in billed(world, "anna")
    assert BOOK in wrong(world)


MOVES_ON = {"subscription_id": "S1", "kind": "end", "from_date": "2025-10-29", "detail": {"reason": "moves on", "transferred": True}}


def hand_over_and_back(world: World, way: str) -> None:
    """Bert has S1 from 10 October on, as S2; with `back` that is taken back."""
    lifecycle.transfer(world.home, asked(world), "S1", "bert", day("2025-10-10"), "S2")
    if way == "back":
        taking_back.untransfer(world.home, asked(world), "S2", "a mistake")


@pytest.mark.parametrize("way", ["there", "back"])
def test_an_end_goes_along_with_what_it_says(world: World, tmp_path: Path, way: str) -> None:
    """S1 goes to a customer of another home on 29 October, whoever has it by then: no fee. 9 days are 2.90, 19 days 6.13, 28 days 9.03."""
    import_rows(world, tmp_path / "a.json", subscriptions=[FIRST], subscription_facts=[MOVES_ON])
    hand_over_and_back(world, way)
    world.bill("2025-11-01")
    there = ([("Basic", 290)], [("Basic", 613)])
    assert (billed(world, "anna"), billed(world, "bert")) == (there if way == "there" else ([("Basic", 903)], []))
    last = [each for each in lookup.show_account(world.home, "bert").facts if each.about == "S2"][-1]
    assert last.kind == "end"
    assert way == "back" or "moves on" in last.says
    assert wrong(world) == []


def test_an_end_that_is_recorded_again_says_what_it_said(world: World, tmp_path: Path) -> None:
    """S1 goes to another home on 29 October; later that is said to be bert's S2. The end was undone and told anew in between."""
    import_rows(world, tmp_path / "a.json", subscriptions=[FIRST], subscription_facts=[MOVES_ON])
    import_rows(world, tmp_path / "b.json", subscriptions=[SECOND])
    with world.home.begin() as connection:  # a home of before
        seq = world.home.next_commit_seq(connection, "fact", world.tick())
        told = {"subscription_key": 1, "from_date": "2025-10-29", "by_name": "ann", "by_uid": 1001, "commit_seq": seq}
        for kind in ("no_end", "end"):
            connection.execute(tables.subscription_facts.insert().values(kind=kind, detail="{}", **told))
    taking_back.untransfer(world.home, asked(world), "S2", "a mistake")
    world.bill("2025-11-01")
    assert billed(world, "anna") == [("Basic", 903)]
    assert wrong(world) == []


def test_an_end_that_was_retracted_since_does_not_come_back(world: World) -> None:
    """The end on 29 October never held: anna said so while bert had it. She has all of October, 10.00, and no fee."""
    lifecycle.activate(world.home, asked(world), lifecycle.Activation("S1", "anna", "shop/basic", day("2025-10-01")))
    lifecycle.end(world.home, asked(world), "S1", day("2025-10-29"), "moves")
    lifecycle.transfer(world.home, asked(world), "S1", "bert", day("2025-10-10"), "S2")
    (fact,) = [each for each in lookup.show_account(world.home, "anna").facts if each.from_date == "2025-10-29"]
    agreements.retract(world.home, asked(world), "anna", fact.fact_id, "never", of_subscription=True)
    assert "S1 of anna goes on: it has no end" in taking_back.untransfer(world.home, asked(world), "S2", "a mistake").said
    world.bill("2025-11-01")
    assert billed(world, "anna") == [("Basic", 1000)]
    assert wrong(world) == []


def test_the_end_before_a_retracted_one_comes_back(world: World) -> None:
    """The end on the 29th was moved there from the 20th, and that move never held: 19 days, 6.13, three months early, 15.00, and 2.00."""
    lifecycle.activate(world.home, asked(world), lifecycle.Activation("S1", "anna", "shop/basic", day("2025-10-01")))
    for on in ("2025-10-20", "2025-10-29"):
        lifecycle.end(world.home, asked(world), "S1", day(on), "moves")
    lifecycle.transfer(world.home, asked(world), "S1", "bert", day("2025-10-10"), "S2")
    (fact,) = [each for each in lookup.show_account(world.home, "anna").facts if each.from_date == "2025-10-29"]
    agreements.retract(world.home, asked(world), "anna", fact.fact_id, "never", of_subscription=True)
    assert "S1 of anna ends on 2025-10-20, as before" in taking_back.untransfer(world.home, asked(world), "S2", "a mistake").said
    world.bill("2025-11-01")
    assert billed(world, "anna") == [("Basic", 613), ("early", 1500), ("leaving", 200)]
    assert wrong(world) == []


def test_a_closing_on_the_day_of_a_handover_announces_no_fee(world: World, tmp_path: Path) -> None:
    """The import links the two, and does not say that S1 ends: the closing of its account does."""
    import_rows(world, tmp_path / "a.json", subscriptions=[FIRST, SECOND])
    said = agreements.close(world.home, asked(world), "anna", day("2025-10-29"), "moves").said
    assert said[0] == "S1 ends: 2025-10-29 is the first day without it"
    assert not [each for each in said if "early" in each or "leaving" in each]
    world.bill("2025-11-01")
    assert billed(world, "anna") == [("Basic", 903)]
    assert wrong(world) == []

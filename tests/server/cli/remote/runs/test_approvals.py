"""Commands of proposals, in a home and by a service: both print the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from billing import operators
from billing.operators import OperatorKind, Role
from tests.billing.second_person import set_by_two
from tests.server.grpc.bill_runs.test_operations import dearer

if TYPE_CHECKING:
    from tests.server.cli.remote.persons import Persons

pytestmark = pytest.mark.slow
SETTING = ("settings", "set", "adjustment_limit_micros", "500000000", "--reason", "phones")
VOID = ("invoice", "void", "R-0000000001", "--reason", "wrong plan")


@pytest.fixture
def strict(billed: Persons) -> Persons:
    """Nobody gives back more than 1.00 alone, in both homes."""
    for world in (billed.twin, billed.guarded.world):
        world.catch_up()
        set_by_two(world.home, "give_back_limit_micros", "1000000", world.tick)
    return billed


def test_list_agree_refuse(strict: Persons) -> None:
    """A void of 11.55, a looser limit, and a refund of a credit note wait."""
    assert strict("approvals", "list") == "nothing waits for a second person\n"
    strict.in_both_homes(*VOID)
    strict.in_both_homes(*SETTING)
    listed = strict("approvals", "list")
    assert "void R-0000000001" in listed
    assert "setting adjustment_limit_micros = 500000000" in listed
    told = json.loads(strict("approvals", "list", "--json"))
    assert [(each["kind"], each["amount_micros"], each["by_uid"]) for each in told] == [
        ("void", 11_550_000, told[0]["by_uid"]),
        ("setting", 0, told[0]["by_uid"]),
    ]
    assert "was made by boss, who cannot agree to it" in strict.behind("approvals", "agree", "1", status=1)
    with strict.acting("the-approver"):
        assert "void R-0000000001 11.55 CNY" in strict("approvals", "agree", "1", "--note", "seen")
        again = strict("approvals", "agree", "1", status=1)
        assert "proposal 1 was agreed by the-approver" in again
        assert "a refusal needs a word on why" in strict("approvals", "refuse", "2", "--note", " ", status=2)
        assert "refused by the-approver; nothing was done" in strict("approvals", "refuse", "2", "--note", "too much")
        assert "there is no proposal 9" in strict("approvals", "refuse", "9", "--note", "x", status=1)
    assert strict("approvals", "list") == "nothing waits for a second person\n"
    assert "agreed by the-approver: seen" in strict("approvals", "list", "--all")
    assert [each["state"] for each in json.loads(strict("approvals", "list", "--all", "--json"))] == ["agreed", "refused"]


def test_answers_in_json(strict: Persons) -> None:
    strict.in_both_homes(*VOID)
    strict.in_both_homes(*SETTING)
    with strict.acting("the-approver"):
        done = json.loads(strict("approvals", "agree", "1", "--json"))
        refused = json.loads(strict("approvals", "refuse", "2", "--note", "too much", "--json"))
    assert (done["approval"]["decided_by"], done["result"]["number"]) == ("the-approver", "R-0000000001")
    assert (refused["state"], refused["note"]) == ("refused", "too much")


def test_what_waits_without_a_number(strict: Persons) -> None:
    """A re-rating of 4.00 waits beside the proposals: another person gives its command."""
    for world in (strict.twin, strict.guarded.world):
        world.catch_up()
        dearer(world, 2, publish=True)
    strict.in_both_homes("bill", "rerate", "--plan", "shop/basic", "--version", "2", "--periods", "2025-10")
    strict.in_both_homes(*SETTING)
    listed = strict("approvals", "list")
    assert listed.splitlines()[-2:] == ["Without a number: another person gives the command below.", "ratewright bill rerate-approve 1"]
    told = json.loads(strict("approvals", "list", "--json"))
    assert [(each["approval_id"], each["kind"], each["amount_micros"]) for each in told] == [(1, "setting", 0), (None, "rerate", 4_000_000)]


def test_four_eyes_over_both_ways(strict: Persons) -> None:
    """Ana has an account of the system and a token. She agrees to nothing of hers, by neither way."""
    guarded = strict.guarded
    guarded.now_us += 1_000_000
    operators.add(guarded.home, "ana", OperatorKind.PERSON, guarded.who, uid=ANA_UID)
    operators.grant(guarded.home, "ana", Role.APPROVER, "agrees to others", guarded.who)
    guarded.issue("ana")
    with strict.acting("ana"):
        assert strict.current().uid == ANA_UID
        strict.behind(*SETTING)
        assert "was made by ana, who cannot agree to it" in strict.there("approvals", "agree", "1", status=1)
    with strict.acting("the-approver"):
        assert "asked for by ana: agreed to by the-approver, and done" in strict.there("approvals", "agree", "1")
    strict.behind("settings", "set", "write_off_limit_micros", "700000000", "--reason", "debts")
    with strict.acting("ana"):
        assert "asked for by boss: agreed to by ana, and done" in strict.there("approvals", "agree", "2")


ANA_UID = 4_000 + sum(b"ana")

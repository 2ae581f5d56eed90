"""Whose late usage is, is decided by the facts as of now; a proposal about another owner is not agreed to."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import agreeing, setting_changes
from billing.accounts import lifecycle
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.enquiries.usage import find
from billing.enquiries.usage_rows import Instants
from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.too_late.listing import listed
from billing.verification.explain_line import explain_record
from rating.errors import UserError
from tests.billing.too_late.late_world import ANA, BEN, CENT, NUMBERS, amounts, decide, late, who, wrong

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow


def moved(world: World) -> None:
    """Anna's subscription is bert's from 1 October 2025 on, as is told in March 2026."""
    world.catch_up()
    asked = Asked(Operator(*ANA), world.tick())
    lifecycle.transfer(world.home, asked, "anna-1", "bert", dt.date(2025, 10, 2), "anna-2")


def late_cents(world: World, account: str) -> list[int]:
    return [cents for number in world.numbers(account) for cents in late_cents_of(world, number)]


def late_cents_of(world: World, number: str) -> list[int]:
    return [cents for text, cents in amounts(world, number) if text.startswith("Late usage")]


@pytest.mark.parametrize("with_run", [False, True])
def test_the_owner_as_of_now_pays(world: World, *, with_run: bool) -> None:
    late(world)
    moved(world)
    if with_run:
        world.bill("2026-04-01")
    (each,) = [each.record for each in listed(world.home, world.now_us, "bert").records if each.record.record_id == "late-1"]
    assert (each.account_id, each.subscription_id) == ("bert", "anna-2")
    (group,) = decide(world, BILLED, "late-1").groups
    assert (group.account_id, group.subscription_id) == ("bert", "anna-2")
    world.bill("2026-05-01")
    assert (late_cents(world, "anna"), late_cents(world, "bert")) == ([], [30])
    assert wrong(world) == set()


def test_who_pays_is_named_beside_the_invoice_whoever_has_the_number_by_now(world: World) -> None:
    late(world)
    decide(world, BILLED, "late-1")
    world.bill("2026-04-01")
    moved(world)
    world.bill("2026-05-01")
    (paid,) = [number for number in world.numbers("anna") if late_cents_of(world, number)]
    (found,) = [each for each in find(world.home, NUMBERS["anna"], Instants()).records if each.record_id == "late-1"]
    assert (found.state, found.account_id, found.invoice) == ("late_billed", "anna", paid)
    (decided,) = [each.record for each in listed(world.home, world.now_us, decided=True).records]
    assert (decided.record_id, decided.account_id, decided.subscription_id) == ("late-1", "anna", "anna-1")
    (told,) = explain_record(world.home, "late-1").left_out
    assert (told.account_id, told.subscription_id) == ("anna", "anna-1")


@pytest.mark.parametrize("kind", [BILLED, WRITTEN_OFF])
def test_a_proposal_about_another_owner_is_not_agreed_to(world: World, kind: str) -> None:
    late(world)
    setting_changes.put(world.home, "late_usage_limit_micros", str(CENT), *ANA, who(world).now_us)
    proposal = decide(world, kind, "late-1").proposal
    moved(world)
    with pytest.raises(UserError, match=r"was about usage of anna anna-1 CNY.*, and it is of bert anna-2 CNY.* now") as refused:
        agreeing.agree(world.home, proposal, "seen", who(world, BEN))
    assert refused.value.remedy.startswith(f"have it refused, and ask again: ratewright approvals refuse {proposal}")
    agreeing.refuse(world.home, proposal, "it is of bert", who(world))
    asked = decide(world, kind, "late-1")
    assert agreeing.agree(world.home, asked.proposal, "seen", who(world, BEN)).result.groups[0].account_id == "bert"
    assert wrong(world) == set()

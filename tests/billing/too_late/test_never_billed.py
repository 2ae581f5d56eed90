"""An adjustment that no bill would have: a day too far ahead, a period that is closed first, an account that is for tests."""

# ruff: noqa: RUF001 - Chinese texts have Chinese punctuation

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import setting_changes
from billing.accounts import agreements
from billing.accounts.kinds import CategoryFact, TermsFact
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.controls import books
from billing.documents import adjusting
from billing.enquiries.account import standing
from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.left_out.words import sentences
from billing.too_late.listing import listed
from billing.verification.explain_line import explain_record
from rating.errors import UserError
from tests.billing.runs.test_pools_and_late import arrive
from tests.billing.runs.test_rating_units import tell
from tests.billing.runs.world import Call
from tests.billing.too_late.late_world import (
    ANA,
    BEN,
    NUMBERS,
    amounts,
    decide,
    late,
    open_records,
    take_back,
    usage_cents,
    who,
    wrong,
)
from tests.billing.too_late.test_deciding import found_as

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
BOOK = "late usage: decisions that bill = those that a bill has or will have"


@pytest.mark.parametrize("day", ["2026-04-01", "2030-01-01", "9999-12-31"])
def test_a_day_after_the_running_period_is_refused(world: World, day: str) -> None:
    late(world)
    with pytest.raises(UserError, match=f"{day} is after the running period of anna, which ends on 2026-03-31"):
        decide(world, BILLED, "late-1", on_date=dt.date.fromisoformat(day))
    decide(world, BILLED, "late-1", on_date=dt.date(2026, 3, 31))
    world.bill("2026-04-01")
    assert usage_cents(world, "anna") == 10
    assert [each.state for each in adjusting.list_all(world.home)] == [world.numbers("anna")[-1]]


def test_a_period_that_is_closed_before_a_run_bills_the_adjustment(world: World) -> None:
    """It is named in every place, the books do not balance, and taken back the record can be billed on another day."""
    late(world)
    (group,) = decide(world, BILLED, "late-1", on_date=dt.date(2026, 1, 5)).groups
    assert [each.state for each in adjusting.list_all(world.home)] == [adjusting.WAITING]
    assert wrong(world) == set()
    setting_changes.put(world.home, "reopen_periods_max", "0", *ANA, who(world).now_us)
    world.bill("2026-04-01")
    assert [each.state for each in adjusting.list_all(world.home)] == [adjusting.NEVER]
    assert wrong(world) == {BOOK}
    assert next(each.terms for each in books(world.home) if each.name == BOOK) == {"missing decision 1": 1}
    told = listed(world.home, world.now_us, decided=True).records[0].record
    assert told.decision is not None
    assert told.decision.never_billed
    assert "which no run bills, as its period is closed: `ratewright usage too-late take-back 1 --reason ...`" in sentences(told)[-1]
    assert "任何出账都不会收取" in sentences(told, "zh")[-1]
    never = f"adjustment {group.reference} was to bill it, and its period is closed: take decision 1 back"
    assert found_as(world, "late-1") == never
    take_back(world, 1)
    assert ("late-1" in open_records(world), wrong(world)) == (True, set())
    decide(world, BILLED, "late-1")
    world.bill("2026-05-01")
    assert [each.state for each in adjusting.list_all(world.home)] == [adjusting.RETRACTED, world.numbers("anna")[-1]]
    assert wrong(world) == set()


def for_tests(world: World, first: str) -> None:
    tell(world, "anna", "category", CategoryFact("test"), first)


def test_nothing_is_billed_by_decision_to_an_account_that_is_for_tests(world: World) -> None:
    """It is named, left alone among others, and billed on a day on which its account was a customer."""
    late(world)
    for_tests(world, "2026-03-01")
    for dry_run in (True, False):
        with pytest.raises(UserError, match="record late-1 cannot be billed: account anna is for tests in the period of 2026-03-01") as no:
            decide(world, BILLED, "late-1", dry_run=dry_run)
        assert no.value.remedy.startswith("write it off; give a day in a period in which it is none")
    done = decide(world, BILLED, month="2025-10")
    assert [each.records for each in done.groups] == [("late-5",)]
    assert {"late-1", "late-2"} < {each.record_id for each in done.left_alone}
    decide(world, BILLED, "late-1", on_date=dt.date(2026, 2, 5))
    decide(world, WRITTEN_OFF, "late-2")
    world.bill("2026-04-01")
    assert [amount for text, amount in amounts(world, world.numbers("anna")[-1]) if text.startswith("Late usage")] == [30]
    assert wrong(world) == set()


def test_an_adjustment_of_an_account_that_is_for_tests_is_refused_at_entry_and_at_approval(world: World) -> None:
    late(world)
    wanted = adjusting.AdjustmentRequest("A-1", "anna", dt.date(2026, 3, 5), 1_000_000_000, "goodwill", "", "shop", "standard")
    assert adjusting.add(world.home, wanted, who(world)).state == adjusting.PENDING
    for_tests(world, "2026-03-01")
    for reference, person in (("A-1", BEN), ("A-2", ANA)):
        with pytest.raises(adjusting.AccountForTestsError, match="anna is for tests in the period of 2026-03-05"):
            adjusting.add(world.home, wanted._replace(reference=reference), who(world, person))
    assert [each.reference for each in adjusting.list_all(world.home)] == ["A-1"]
    assert adjusting.add(world.home, wanted._replace(reference="A-3", on_date=dt.date(2026, 2, 5)), who(world)).state == adjusting.PENDING


def test_an_account_that_becomes_one_for_tests_after_the_decision(world: World) -> None:
    late(world)
    (group,) = decide(world, BILLED, "late-1").groups
    for_tests(world, "2026-03-01")
    for date in ("2026-04-01", "2026-05-01"):
        assert [each.state for each in adjusting.list_all(world.home)] == [adjusting.NEVER_FOR_TESTS]
        assert wrong(world) == {BOOK}
        world.bill(date)
    told = listed(world.home, world.now_us, decided=True).records[0].record
    assert told.decision is not None
    assert (told.decision.never_billed, told.decision.never_because) == (True, "test")
    assert "which no run bills, as its account is for tests: `ratewright usage too-late take-back 1 --reason ...`" in sentences(told)[-1]
    assert "其账户为测试账户，任何出账都不会收取" in sentences(told, "zh")[-1]
    assert found_as(world, "late-1") == f"adjustment {group.reference} was to bill it, and its account is for tests: take decision 1 back"
    take_back(world, 1)
    assert ("late-1" in open_records(world), wrong(world)) == (True, set())


def test_an_adjustment_that_was_billed_before_the_account_became_one_for_tests(world: World) -> None:
    """The run takes it back, as it takes back the fees of March."""
    late(world)
    decide(world, BILLED, "late-1")
    world.bill("2026-04-01")
    for_tests(world, "2026-03-01")
    assert [each.state for each in adjusting.list_all(world.home)] == [world.numbers("anna")[-1]]
    world.bill("2026-05-01")
    assert [amount for text, amount in amounts(world, world.numbers("anna")[-1]) if text.startswith("Late usage")] == [-30]
    assert [each.state for each in adjusting.list_all(world.home)] == [adjusting.NEVER_FOR_TESTS]
    take_back(world, 1)
    world.bill("2026-06-01")
    assert ("late-1" in open_records(world), wrong(world)) == (True, set())


def test_an_account_that_began_as_one_for_tests_is_billed_from_the_day_on_which_that_ends(world: World) -> None:
    """Its first period is cut: an adjustment of a later day of it is billed, one of an earlier day would not be."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", NUMBERS["anna"])
    for_tests(world, "2025-10-01")
    tell(world, "anna", "category", CategoryFact("normal"), "2025-10-15")
    world.begun(dt.date(2025, 10, 25))
    wanted = adjusting.AdjustmentRequest("A-1", "anna", dt.date(2025, 10, 20), 1_000_000, "goodwill", "by hand", "shop", "standard")
    assert adjusting.add(world.home, wanted, who(world)).state == adjusting.WAITING
    with pytest.raises(adjusting.AccountForTestsError):
        adjusting.add(world.home, wanted._replace(reference="A-2", on_date=dt.date(2025, 10, 10)), who(world))
    arrive(world, "2025-10-26T12:00:00", Call(NUMBERS["anna"], "2025-10-20T10:00:00", 600, key="x"))
    assert found_as(world, "x") == "not yet due"
    assert standing(world.home, "anna", world.now_us).next_bill_date == "2025-11-01"
    asked = Asked(Operator(*ANA), who(world).now_us)
    said = agreements.agree(world.home, asked, "anna", "terms", dt.date(2025, 10, 20), None, TermsFact(payment_days=30)).said
    assert said[-1] == "the bill of 2025-11-01 is the first to show it"
    world.bill("2025-11-01")
    assert [each.state for each in adjusting.list_all(world.home)] == world.numbers("anna")
    assert (usage_cents(world, "anna"), explain_record(world.home, "x").left_out, wrong(world)) == (100, (), set())

"""Usage of an account that is for tests in some periods: the reason of a record goes by its own period, as its bill does.

Anna is a customer in October, for tests in November and December, and a customer again from January on. A call of 10 minutes costs 1.00.
"""

# ruff: noqa: RUF001 - Chinese texts have Chinese punctuation

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from billing.accounts.kinds import CategoryFact
from billing.enquiries.void_bills import on_void
from billing.left_out.words import sentences
from billing.runs.selection.left_out import LeftOut
from billing.verification.explain_line import explain_record
from server.actions.enquiries.void_bill import void_in_words
from server.cli.app import main
from tests.billing.documents.clerk import retract, void
from tests.billing.runs.test_pools_and_late import arrive
from tests.billing.runs.test_rating_units import tell
from tests.billing.runs.world import Call, usage_table
from tests.billing.too_late.late_world import NUMBERS, open_records, usage_cents, wrong
from tests.billing.too_late.test_deciding import found_as

if TYPE_CHECKING:
    from tests.billing.runs.world import World

IN_OCTOBER, IN_NOVEMBER = (Call(NUMBERS["anna"], f"2025-{month}-05T10:00:00", 600, key="x") for month in (10, 11))
PRICED = "It is priced, and nothing of a test account is invoiced."
AHEAD = "A run prices it, and nothing of a test account is invoiced."


@pytest.fixture
def anna(world: World) -> World:
    for name in ("anna", "bert"):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/plus", NUMBERS[name])
    world.bill("2025-11-01")
    tell(world, "anna", "category", CategoryFact("test"), "2025-11-01")
    tell(world, "anna", "category", CategoryFact("normal"), "2026-01-01")
    return world


def told(world: World) -> list[tuple[LeftOut, str, str]]:
    """The reason of each explanation, its first sentence from the reason on, and its last one."""
    found = explain_record(world.home, "x").left_out
    return [(each.reason, sentences(each)[0].partition("): ")[2], sentences(each)[-1]) for each in found]


def test_late_usage_of_a_period_before_the_test_is_billed_while_the_account_is_for_tests(anna: World) -> None:
    arrive(anna, "2025-11-10T12:00:00", IN_OCTOBER)
    after_bill = "It came after the bill of its period. The next run of its account, that of 2025-12-01, corrects it."
    assert [(reason, last) for reason, _, last in told(anna)] == [(LeftOut.NOT_DUE, after_bill)]
    assert anna.bill("2025-12-01").put_aside == {"anna": "test: test account"}
    assert usage_cents(anna, "anna") == 100
    assert explain_record(anna.home, "x").left_out == ()
    assert found_as(anna, "x") == f"billed on {anna.numbers('anna')[-1]} line 1"
    for date in ("2026-01-01", "2026-02-01"):
        anna.bill(date)
    assert (explain_record(anna.home, "x").left_out, open_records(anna), wrong(anna)) == ((), [], set())


def test_usage_of_a_period_for_tests_is_never_promised_to_a_run(anna: World) -> None:
    arrive(anna, "2025-11-10T12:00:00", IN_NOVEMBER)
    assert told(anna) == [(LeftOut.TESTED, "its account is for tests, never bills", AHEAD)]
    (found,) = explain_record(anna.home, "x").left_out
    assert sentences(found, "zh")[-1] == "出账时将批价，但测试账户不开具账单。"
    assert found_as(anna, "x") == f"does not bill: its account is for tests ({AHEAD.removesuffix('.')})"
    anna.bill("2025-12-01")
    assert told(anna) == [(LeftOut.TESTED, "its account is for tests, never bills", PRICED)]
    assert found_as(anna, "x") == "does not bill: its account is for tests (test account)"


def test_usage_that_was_not_due_when_the_account_became_one_for_tests(world: World) -> None:
    """The run of November has seen the call; it was not due, and anna was a customer."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", NUMBERS["anna"])
    arrive(world, "2025-11-05T12:00:00", IN_NOVEMBER)
    world.bill("2025-11-01")
    assert told(world) == [(LeftOut.NOT_DUE, "its period was not due, for a later run", "A run of 2025-12-01 or later bills it.")]
    tell(world, "anna", "category", CategoryFact("test"), "2025-11-01")
    assert told(world) == [(LeftOut.TESTED, "its account is for tests, never bills", AHEAD)]


def test_late_usage_of_a_period_for_tests_when_the_account_is_a_customer_again(anna: World) -> None:
    for date in ("2025-12-01", "2026-01-01"):
        anna.bill(date)
    arrive(anna, "2026-01-10T12:00:00", IN_NOVEMBER)
    assert told(anna) == [(LeftOut.TESTED, "its account is for tests, never bills", AHEAD)]
    assert anna.bill("2026-02-01").put_aside == {}
    assert (usage_cents(anna, "anna"), wrong(anna)) == (0, set())
    assert told(anna) == [(LeftOut.TESTED, "its account is for tests, never bills", PRICED)]
    assert found_as(anna, "x") == "does not bill: its account is for tests (test account)"


def test_a_customer_that_was_billed_and_is_for_tests_since_then_has_it_back(world: World) -> None:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", NUMBERS["anna"])
    world.take(IN_OCTOBER)
    world.bill("2025-11-01")
    assert found_as(world, "x") == f"billed on {world.numbers('anna')[-1]} line 3"
    world.begun(dt.date(2025, 11, 20))
    tell(world, "anna", "category", CategoryFact("test"), "2025-10-01")
    world.bill("2025-12-01")
    assert (usage_cents(world, "anna"), wrong(world)) == (0, set())
    assert found_as(world, "x") == "does not bill: its account is for tests (test account)"
    assert told(world) == [(LeftOut.TESTED, "its account is for tests, never bills", PRICED)]


def test_no_run_bills_again_what_a_void_invoice_had_of_a_period_that_is_for_tests_by_now(world: World) -> None:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", NUMBERS["anna"])
    world.take(IN_OCTOBER)
    world.bill("2025-11-01")
    (number,) = world.numbers("anna")
    void(world, number, "2025-11-03")
    assert found_as(world, "x") == f"on {number}, which is void: a run of 2025-11-01 or later bills it"
    tell(world, "anna", "category", CategoryFact("test"), "2025-10-01")
    assert found_as(world, "x") == f"on {number}, which is void: its account is for tests, never bills"
    usage = usage_table((IN_OCTOBER,))
    starts = dict(zip(usage["event_key"].to_pylist(), usage["start_us"].cast(pa.int64()).to_pylist(), strict=True))
    (found,) = on_void(world.home, starts)
    assert void_in_words(found, "en")[-1] == AHEAD
    world.bill("2025-12-01")
    assert (found_as(world, "x"), wrong(world)) == ("does not bill: its account is for tests (test account)", set())


def test_usage_of_an_account_that_was_for_tests_by_mistake_did_not_come_after_the_bill(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", NUMBERS["anna"])
    tell(world, "anna", "category", CategoryFact("test"), "2025-10-01")
    world.take(IN_OCTOBER)
    world.bill("2025-11-01")
    retract(world, "anna", "category")
    short = "its account was for tests when its period was billed, and the run of 2025-12-01 bills it"
    assert found_as(world, "x") == short
    told = {}
    for language in ("en", "zh"):
        assert main(["bill", "explain", "x", "--language", language, "--home", str(world.home.path)]) == 0
        told[language] = capsys.readouterr().out.splitlines()[-4:]
    assert told["en"][0].endswith(f"(Asia/Shanghai): {short}")
    assert told["en"][1].startswith("Account anna, subscription anna-1.")
    assert told["en"][3] == (
        "Its account was for tests when its period was billed, and is a customer now. Its next run, that of 2025-12-01, bills it."
    )
    assert told["zh"][0].endswith("：所属账期出账时其账户为测试账户，2025-12-01 的出账将计费")
    assert told["zh"][3] == "所属账期出账时其账户为测试账户，现在不是。该账户的下一次出账（2025-12-01）将计费。"
    world.bill("2025-12-01")
    assert (usage_cents(world, "anna"), found_as(world, "x")) == (100, f"billed on {world.numbers('anna')[-1]} line 3")

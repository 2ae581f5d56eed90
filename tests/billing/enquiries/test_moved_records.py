"""Records that a run took off the bill of one account, and that no run has billed to the other one yet: whose they are.

One call of ten minutes in October, at 0.10 a minute, was Anna's and is billed. Her number is Bert's from 10 October on, told in November.
"""

# ruff: noqa: RUF001 - Chinese texts have Chinese punctuation
from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.documents import undoing
from billing.enquiries.usage import find
from billing.enquiries.usage_rows import Instants
from billing.left_out.words import sentences
from billing.persons import Who
from billing.runs import cycle
from billing.runs.start import Order
from billing.verification.explain_line import explain_record
from server.cli.usage.find import state_in_words
from tests.billing.runs.test_changed_events import move, two
from tests.billing.too_late.late_world import ANA, BEN, NUMBERS

if TYPE_CHECKING:
    from billing.enquiries.usage import Record
    from billing.left_out.telling import UnbilledRecord
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow


def moved(world: World) -> World:
    two(world)
    world.bill("2025-11-01")
    world.begun(dt.date(2025, 11, 10))
    move(world, "number", dt.date(2025, 10, 10))
    return world


def run_of(world: World, date: str, account: str) -> None:
    day = dt.date.fromisoformat(date)
    cycle.run(world.home, day, world.begun(day), order=Order(accounts=frozenset({account})))


def record(world: World) -> Record:
    (found,) = find(world.home, NUMBERS["anna"], Instants()).records
    return found


def explained(world: World) -> UnbilledRecord:
    (told,) = explain_record(world.home, "x").left_out
    return told


def test_after_an_undo_for_the_new_owner_alone_the_record_is_his_and_on_no_bill(world: World) -> None:
    moved(world)
    world.bill("2025-12-01")
    assert (record(world).account_id, record(world).state) == ("bert", "billed")
    world.begun(dt.date(2025, 12, 5))
    for person in (ANA, BEN):
        undoing.undo(world.home, 2, "wrong", Who(*person, world.tick()), accounts=frozenset({"bert"}))
    found, told = record(world), explained(world)
    assert (found.account_id, found.state, found.invoice, found.next_bill_date) == ("bert", "not_due", "", "2025-12-01")
    assert (told.account_id, told.run_id, told.bill_date) == ("bert", 0, "2025-12-01")
    assert state_in_words(found, "en") == "a run took it off an earlier bill, and the run of 2025-12-01 bills it"
    assert state_in_words(found, "zh") == "已从先前的账单冲回，2025-12-01 的出账将计费"
    assert (
        sentences(told)[-1]
        == "It was on an earlier bill, and a run took it off. The next run of its account, that of 2025-12-01, bills it."
    )
    assert sentences(told, "zh")[-1] == "该记录曾在先前的账单上，后由一次出账冲回。该账户的下一次出账（2025-12-01）将计费。"
    world.bill("2025-12-01")
    assert (record(world).account_id, record(world).state) == ("bert", "billed"), "that run bills it"


def test_a_run_of_other_accounts_is_not_named_as_the_one_that_left_it_out(world: World) -> None:
    """The run for Bert had it on Anna's bill; that for Anna takes it off, and has nothing of Bert."""
    moved(world)
    run_of(world, "2025-12-01", "bert")
    assert (record(world).account_id, record(world).state) == ("anna", "billed")
    run_of(world, "2025-12-01", "anna")
    found, told = record(world), explained(world)
    assert (found.account_id, found.state, found.next_bill_date) == ("bert", "not_due", "2026-01-01")
    text = " ".join(sentences(told))
    assert "run 3" not in text
    assert "2025-11-01 or later" not in text
    assert "The next run of its account, that of 2026-01-01, bills it." in text
    world.bill("2026-01-01")
    assert (record(world).account_id, record(world).state) == ("bert", "billed")


def test_a_record_that_came_for_an_account_that_the_run_was_not_for(world: World) -> None:
    """The next run of its account is named, and not the end of its own period: a run of that date passes the account by."""
    two(world)
    world.bill("2025-11-01")
    world.bill("2025-12-01")
    from tests.billing.runs.test_pools_and_late import arrive  # noqa: PLC0415 -- for this test alone
    from tests.billing.runs.world import Call  # noqa: PLC0415 -- as above

    arrive(world, "2025-12-10T12:00:00", Call(NUMBERS["bert"], "2025-10-21T10:00:00", 60, key="late"))
    run_of(world, "2026-01-01", "anna")
    (told,) = explain_record(world.home, "late").left_out
    text = " ".join(sentences(told))
    assert "The account was not among those of run 3; a run of 2026-01-01 or later that has it bills the record." in text
    assert "It was left out by run" not in text
    (found,) = find(world.home, NUMBERS["bert"], Instants()).records
    assert state_in_words(found, "en") == "left out: its account was not in the run; the run of 2026-01-01 or later bills it"
    assert state_in_words(found, "zh") == "未计入：账户不在本次出账范围内；2026-01-01 或之后的出账将计费"

"""An adjustment of a decision whose line another document takes back: its state in lists, and where its money is.

Anna has late-1 (0.30) billed on 1 April. Bert pays for her from 1 March on: the run of 1 May takes it back from her, and asks it of him.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import invoicing
from billing.accounts import agreements
from billing.accounts.kinds import PayerFact
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents import adjusting
from billing.late_decisions import BILLED
from billing.left_out.words import sentences
from billing.too_late.listing import listed
from rating.errors import UserError
from tests.billing.documents.clerk import credit, void
from tests.billing.runs.test_rating_units import tell
from tests.billing.too_late.late_world import ANA, CENT, decide, late, open_records, take_back, who, wrong
from tests.billing.too_late.test_deciding import found_as

if TYPE_CHECKING:
    from billing.left_out.decisions import DecisionTold
    from tests.billing.runs.world import World

TEXT = "Late usage: 1 record of 2025-10-05 10:00 (switch)"


@pytest.fixture
def billed(world: World) -> World:
    world.lived(_decided)
    return world


def _decided(world: World) -> None:
    late(world)
    decide(world, BILLED, "late-1")
    world.bill("2026-04-01")


@pytest.fixture
def moved(world: World) -> World:
    world.lived(_moved)
    return world


def _moved(world: World) -> None:
    _decided(world)
    tell(world, "anna", "payer", PayerFact("bert"), "2026-03-01")
    world.bill("2026-05-01")


def asked_of(world: World) -> dict[str, int]:
    """By account the sum that valid documents ask for the adjustment, in cents, where it is not zero."""
    found: dict[str, int] = {}
    for account in ("anna", "bert"):
        documents = [invoicing.get_invoice(world.home, number) for number in world.numbers(account)]
        lines = [line for each in documents if not each.summary.voided_on for line in each.lines if TEXT in line.text]
        found[account] = sum(line.amount_micros for line in lines) // CENT
    return {account: cents for account, cents in found.items() if cents}


def decision(world: World) -> DecisionTold:
    (found,) = listed(world.home, world.now_us, decided=True).records
    assert found.record.decision is not None
    return found.record.decision


def state(world: World) -> str:
    (found,) = adjusting.list_all(world.home)
    return found.state


def test_it_waits_for_a_run_where_the_invoice_of_the_new_payer_is_void(moved: World) -> None:
    new = moved.numbers("bert")[-1]
    assert (asked_of(moved), state(moved), decision(moved).invoice) == ({"bert": 30}, new, new)
    void(moved, new, "2026-05-02")
    assert (asked_of(moved), state(moved), decision(moved).invoice, wrong(moved)) == ({}, adjusting.WAITING, "", set())
    (found,) = listed(moved.home, moved.now_us, decided=True).records
    assert "which waits for a run" in sentences(found.record)[-1]
    assert "等待出账" in sentences(found.record, "zh")[-1]
    assert found_as(moved, "late-1") == f"billed by adjustment {decision(moved).reference}, which waits for a run"
    moved.bill("2026-06-01")
    assert (asked_of(moved), state(moved), wrong(moved)) == ({"bert": 30}, moved.numbers("bert")[-1], set())


def test_it_is_taken_back_where_the_invoice_of_the_new_payer_is_void(moved: World) -> None:
    void(moved, moved.numbers("bert")[-1], "2026-05-02")
    take_back(moved, 1)
    assert ("late-1" in open_records(moved), state(moved)) == (True, adjusting.RETRACTED)
    moved.bill("2026-06-01")
    assert (asked_of(moved), wrong(moved)) == ({}, set())


def test_the_first_payer_has_it_again_where_the_invoices_of_both_are_void(moved: World) -> None:
    void(moved, moved.numbers("bert")[-1], "2026-05-02")
    void(moved, moved.numbers("anna")[-1], "2026-05-02")
    assert (asked_of(moved), state(moved)) == ({"anna": 30}, moved.numbers("anna")[-2])
    with pytest.raises(UserError, match="and bert pays it now instead of anna") as no:
        take_back(moved, 1)
    assert no.value.remedy == "the next bill run moves it from anna to bert: give the command again after that run"
    moved.bill("2026-06-01")
    assert (asked_of(moved), state(moved), wrong(moved)) == ({"bert": 30}, moved.numbers("bert")[-1], set())


def test_what_a_run_is_to_move_is_not_credited_before(billed: World) -> None:
    """Credited for good on anna's invoice it would be given back to her twice, and asked of bert."""
    tell(billed, "anna", "payer", PayerFact("bert"), "2026-03-01")
    with pytest.raises(UserError, match="and bert pays it now instead of anna"):
        take_back(billed, 1)
    billed.bill("2026-05-01")
    with pytest.raises(UserError, match=f"of invoice {billed.numbers('bert')[-1]} has adjustment") as no:
        take_back(billed, 1)
    assert "--effect outside" in no.value.remedy


def test_a_credit_in_advance_leaves_it_to_the_next_run(billed: World) -> None:
    """The next run bills again what is credited in advance and goes on being due; taken back, nothing is due."""
    number = billed.numbers("anna")[-1]
    (line_no,) = [line.line_no for line in invoicing.get_invoice(billed.home, number).lines if TEXT in line.text]
    assert (state(billed), decision(billed).line_no) == (number, line_no)
    credit(billed, number, line_no, None, "advance", on="2026-04-02")
    assert (state(billed), decision(billed).invoice, asked_of(billed)) == (adjusting.WAITING, "", {})
    take_back(billed, 1)
    billed.bill("2026-05-01")
    assert (asked_of(billed), wrong(billed)) == ({}, set())


def test_an_account_does_not_close_before_what_a_void_invoice_had_of_it(billed: World) -> None:
    void(billed, billed.numbers("anna")[-1], "2026-04-02")
    assert state(billed) == adjusting.WAITING
    with pytest.raises(UserError, match="these adjustments wait for one: late-usage"):
        agreements.close(billed.home, Asked(Operator(*ANA), who(billed).now_us), "anna", dt.date(2026, 1, 1), "left")

"""Accounts that pay for each other are open from one day on: a backlog of one of them turns nothing back that another was billed.

Everybody has plan basic, 10.00 a month, with 6 % tax. Three periods before the latest stay open. Amounts in cents (fen).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.accounts.kinds import DiscountFact, HoldFact, PayerFact
from billing.documents import adjusting, voiding
from billing.invoicing import billed
from billing.runs import cycle
from tests.billing.documents.clerk import CENT, retract, tell, totals, void, who, wrong
from tests.billing.runs.world import instant_us

if TYPE_CHECKING:
    from tests.billing.runs.world import World

MONTHS = ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01")
MAY = "2026-05-01"
FEE, TAX = 1000, 60


@pytest.fixture
def anna(world: World) -> World:
    """Anna, who will pay for ben."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    return world


def add_ben(world: World) -> None:
    world.account("ben")
    world.subscription("ben-1", "ben", "shop/basic", "1002")


def test_a_member_that_was_held_for_long_does_not_touch_what_its_payer_was_billed(anna: World) -> None:
    """Ben's seven months come at once, at himself; anna has her discount of 10 % as before: 9.00 and 0.54 a month."""
    add_ben(anna)
    tell(anna, "anna", "discount", DiscountFact("ten", percent_ppm=100_000), "2025-10-01")
    tell(anna, "ben", "hold", HoldFact("dispute"), "2025-10-15", "2026-04-15")
    for month in MONTHS:
        anna.bill(month)
    tell(anna, "ben", "payer", PayerFact("anna"), MAY)
    anna.bill(MAY)
    assert totals(anna, "anna") == [954] * 7
    assert totals(anna, "ben") == [7 * (FEE + TAX)]
    assert wrong(anna) == []


def test_members_whose_bill_days_differ_are_billed_once(anna: World) -> None:
    """Ben, who pays for anna, has bill day 15: 14 of 30 days of September to October are 4.67 and 0.28."""
    anna.account("ben", bill_day=15)
    anna.subscription("ben-1", "ben", "shop/basic", "1002")
    tell(anna, "anna", "payer", PayerFact("ben"), "2025-10-01")
    for date in ("2025-10-15", "2025-11-01", "2025-11-15", "2025-12-01", "2025-12-15"):
        anna.bill(date)
    assert totals(anna, "ben") == [467 + 28, *[FEE + TAX] * 4]


def test_what_is_of_a_payer_alone_stays_billed_when_only_a_member_is_computed_again(anna: World) -> None:
    """Ben, who pays for anna, has bill day 15, no subscription, and 5.00 of the days before his first one: 0.30 of tax."""
    anna.account("ben", bill_day=15)
    tell(anna, "anna", "payer", PayerFact("ben"), "2025-10-01")
    anna.now_us = instant_us("2025-10-06T12:00:00")
    wanted = adjusting.AdjustmentRequest("A1", "ben", dt.date(2025, 10, 5), 500 * CENT, "goodwill", "", "shop", "standard")
    adjusting.add(anna.home, wanted, who(anna))
    for date in ("2025-10-15", "2025-11-01", "2025-11-15", "2025-12-01", "2025-12-15"):
        anna.bill(date)
    assert totals(anna, "ben") == [530, FEE + TAX, FEE + TAX]


def test_a_member_that_is_new_with_a_long_past_is_billed_to_its_payer_with_tax(anna: World) -> None:
    """Anna had 5.00 for October by hand: it stays hers, with its tax."""
    wanted = adjusting.AdjustmentRequest("r1", "anna", dt.date(2025, 10, 15), -500 * CENT, "goodwill", "", "shop", "standard")
    adjusting.add(anna.home, wanted, who(anna))
    for month in MONTHS:
        anna.bill(month)
    add_ben(anna)
    tell(anna, "ben", "payer", PayerFact("anna"), "2025-10-01")
    anna.bill(MAY)
    assert totals(anna, "anna") == [530, *[FEE + TAX] * 5, 8 * (FEE + TAX)]
    anna.bill("2026-06-01")
    assert totals(anna, "anna")[-1] == 2 * (FEE + TAX)
    assert wrong(anna) == []


@pytest.mark.parametrize("at_once", [True, False])
def test_a_void_invoice_of_long_ago_is_billed_again_with_the_lines_of_all_members(anna: World, *, at_once: bool) -> None:
    add_ben(anna)
    tell(anna, "ben", "payer", PayerFact("anna"), "2025-10-01")
    for month in MONTHS:
        anna.bill(month)
    void(anna, "R-0000000001", "2026-04-02")
    if at_once:
        voiding.reissue(anna.home, "R-0000000001", who(anna))
        assert totals(anna, "anna")[-1] == 2 * (FEE + TAX)
    anna.bill(MAY)
    assert totals(anna, "anna")[-1] == (2 if at_once else 4) * (FEE + TAX)
    assert wrong(anna) == []


@pytest.mark.parametrize("accounts_by_name_max", [0, billed.ACCOUNTS_BY_NAME_MAX])
def test_a_hold_leaves_alone_who_parted_long_ago(anna: World, monkeypatch: pytest.MonkeyPatch, accounts_by_name_max: int) -> None:
    """Anna pays for ben in October alone. She is held in May; he is billed, and what corrects his months corrects none of hers.

    Whether only what he was billed is read, or what everybody was.
    """
    monkeypatch.setattr(billed, "ACCOUNTS_BY_NAME_MAX", accounts_by_name_max)
    add_ben(anna)
    tell(anna, "ben", "payer", PayerFact("anna"), "2025-10-01", "2025-11-01")
    tell(anna, "anna", "discount", DiscountFact("ten", percent_ppm=100_000), "2025-10-01")
    for month in MONTHS:
        anna.bill(month)
    tell(anna, "anna", "hold", HoldFact("dispute"), "2026-04-10", "2026-05-10")
    tell(anna, "ben", "discount", DiscountFact("one", amount_micros=100 * CENT), "2026-03-01", "2026-04-01")
    report = anna.bill(MAY)
    assert report.put_aside == {"anna": "held: its bills are held on 2026-05-01"}
    assert totals(anna, "anna") == [954 + FEE + TAX, *[954] * 5]
    assert totals(anna, "ben") == [FEE + TAX] * 5 + [FEE + TAX - 106]
    anna.bill("2026-06-01")
    assert totals(anna, "anna")[-1] == 2 * 954
    assert totals(anna, "ben")[-1] == FEE + TAX
    assert wrong(anna) == []


def test_an_earlier_date_passes_by_whoever_is_billed_with_one_of_later_bills(anna: World) -> None:
    """Ben, new with a past, would be billed on 1 November: as anna's bill is then, not with her month that is billed since."""
    for month in MONTHS[:2]:
        anna.bill(month)
    add_ben(anna)
    tell(anna, "ben", "payer", PayerFact("anna"), "2025-10-01")
    report = anna.bill(MONTHS[0])
    why = "passed by: it, or an account that it is billed with, has a bill of 2025-12-01: a run of that date or a later one bills it"
    assert (report.invoices, report.put_aside) == (0, {"ben": why, "anna": why})
    anna.bill(MONTHS[1])
    assert totals(anna, "anna") == [FEE + TAX, FEE + TAX, 2 * (FEE + TAX)]
    assert wrong(anna) == []


@pytest.mark.parametrize("mistaken", ["2026-01-01", "2026-11-01"])
def test_a_void_bill_of_a_mistaken_date_is_in_nobody_s_way(anna: World, mistaken: str) -> None:
    """Ben, for whom anna pays, has no bill of his own that could be void."""
    add_ben(anna)
    tell(anna, "ben", "payer", PayerFact("anna"), "2025-10-01")
    anna.bill("2025-11-01")
    anna.bill(mistaken)
    void(anna, "R-0000000002", mistaken)
    for month in MONTHS[1:4]:
        anna.bill(month)
    first, _, *others = totals(anna, "anna")  # the second is void
    assert [first, *others] == [2 * (FEE + TAX)] * 4
    assert wrong(anna) == []


def test_who_parted_before_is_billed_whatever_the_other_has_been(anna: World) -> None:
    """Anna paid for ben in October alone. His bill of March waited for a hold, and hers of April is made by then."""
    add_ben(anna)
    tell(anna, "ben", "payer", PayerFact("anna"), "2025-10-01", "2025-11-01")
    tell(anna, "ben", "hold", HoldFact("dispute"), "2026-02-20")
    for month in MONTHS:
        anna.bill(month)
    retract(anna, "ben", "hold")
    anna.bill("2026-03-01")
    assert totals(anna, "ben") == [FEE + TAX] * 4
    assert totals(anna, "anna") == [2 * (FEE + TAX), *[FEE + TAX] * 5]
    assert wrong(anna) == []


def test_members_whose_bill_days_differ_wait_for_the_last_of_them(anna: World) -> None:
    """Ben has bill day 15. Anna's void bill of 1 November is made anew with his of the 15th, not by its own date once more.

    Once his is made, 1 November bills nobody of the two: nor does it count as having billed her.
    """
    anna.account("ben", bill_day=15)
    anna.subscription("ben-1", "ben", "shop/basic", "1002")
    tell(anna, "ben", "payer", PayerFact("anna"), "2025-10-01")
    for date in ("2025-10-15", "2025-11-01", "2025-11-15"):
        anna.bill(date)
    before = totals(anna, "anna")
    void(anna, "R-0000000002", "2025-11-16")
    assert anna.bill("2025-11-01").put_aside.keys() == {"anna", "ben"}
    anna.bill("2025-11-15")
    assert totals(anna, "anna") == [*before, before[1]]
    assert wrong(anna) == []


def test_a_void_bill_is_issued_anew_by_the_last_date_of_its_unit(anna: World) -> None:
    """Ben, for whom anna pays, was billed by himself up to December, before it was told that she had paid since October."""
    add_ben(anna)
    anna.bill("2025-11-01")
    cycle.run(anna.home, dt.date(2025, 12, 1), anna.begun(dt.date(2025, 12, 1)), order=cycle.Order(accounts=frozenset({"ben"})))
    void(anna, "R-0000000001", "2025-12-02")
    tell(anna, "ben", "payer", PayerFact("anna"), "2025-10-01")
    report = voiding.reissue(anna.home, "R-0000000001", who(anna))
    assert (report.bill_date, report.put_aside) == ("2025-12-01", {})
    assert totals(anna, "anna") == [FEE + TAX, 4 * (FEE + TAX)], "October and November of both"
    assert sum(totals(anna, "ben")) == 0
    assert wrong(anna) == []

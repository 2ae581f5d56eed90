"""Accounts for tests are rated and never invoiced, to nobody, as the category is on the first day of a line's period.

Plan basic is 10.00 a month in arrears, plus is 30.00 in arrears and 3.00 in advance; 6 % tax. Amounts in cents (fen).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.accounts.kinds import CategoryFact, DiscountFact, PayerFact
from billing.runs.settlement.unbilled import unbilled
from tests.billing.documents.clerk import wrong
from tests.billing.runs.test_rating_units import tell, totals
from tests.billing.runs.world import Call

if TYPE_CHECKING:
    from tests.billing.runs.world import World

FEE, TAX = 1000, 60


@pytest.fixture
def ben(world: World) -> World:
    """Ben on plan basic, who calls for 9.00 beyond his free minutes in October."""
    world.account("ben")
    world.subscription("ben-1", "ben", "shop/basic", "1002")
    world.take(Call("1002", "2025-10-05T10:00:00", 110 * 60))
    return world


def test_who_pays_for_a_test_account_pays_nothing(ben: World) -> None:
    """Anna pays for ben, and has 10 % off what she pays: 9.00 and 0.54 a month for her own fee."""
    ben.account("anna")
    ben.subscription("anna-1", "anna", "shop/basic", "1001")
    tell(ben, "anna", "discount", DiscountFact("ten", percent_ppm=100_000), "2025-10-01")
    tell(ben, "ben", "category", CategoryFact("test"), "2025-10-01")
    tell(ben, "ben", "payer", PayerFact("anna"), "2025-10-01")
    report = ben.bill("2025-11-01")
    assert (report.events, report.put_aside) == ({"RATED": 1}, {"ben": "test: test account"})
    ben.bill("2025-12-01")
    assert (totals(ben, "anna"), totals(ben, "ben"), wrong(ben)) == ([954, 954], [], [])


def test_a_test_in_between_is_never_billed(ben: World) -> None:
    ben.bill("2025-11-01")
    tell(ben, "ben", "category", CategoryFact("test"), "2025-11-01")
    ben.bill("2025-12-01")
    ben.bill("2026-01-01")
    tell(ben, "ben", "category", CategoryFact("normal"), "2026-01-01")
    ben.take(Call("1002", "2025-12-31T10:00:00", 600))
    ben.bill("2026-02-01")
    assert totals(ben, "ben") == [2014, FEE + TAX]  # 19.00 and 1.14 for October, then January alone
    assert wrong(ben) == []


def test_what_was_billed_ahead_is_turned_back_and_what_was_before_the_test_is_corrected(world: World) -> None:
    """October and November 3.00 each, October 30.00: 36.00. Then November is for tests, and 0.10 more were called in October."""
    world.account("ben")
    world.subscription("ben-1", "ben", "shop/plus", "1002")
    world.bill("2025-11-01")
    tell(world, "ben", "category", CategoryFact("test"), "2025-11-01")
    world.take(Call("1002", "2025-10-20T10:00:00", 60))
    world.bill("2025-12-01")
    assert totals(world, "ben") == [3816, 11 - 318]
    world.bill("2026-01-01")
    assert (totals(world, "ben"), wrong(world)) == ([3816, 11 - 318], [])


def test_nothing_of_a_test_account_is_unbilled(ben: World) -> None:
    assert [int(each) // 10_000 for each in unbilled(ben.home, dt.date(2025, 11, 1)).lines["amount_micros"]] == [FEE, 900]
    tell(ben, "ben", "category", CategoryFact("test"), "2025-10-01")
    assert unbilled(ben.home, dt.date(2025, 11, 1)).lines.size == 0


@pytest.mark.parametrize("since", ["2025-10-01", "2025-11-01"])
def test_what_a_test_account_would_pay_for_a_customer_is_the_customers(world: World, since: str) -> None:
    """As it was agreed before that was refused: anna, for tests from `since` on, pays for ben."""
    for number, account in (("1001", "anna"), ("1002", "ben")):
        world.account(account)
        world.subscription(f"{account}-1", account, "shop/basic", number)
    tell(world, "ben", "payer", PayerFact("anna"), "2025-10-01")
    tell(world, "anna", "category", CategoryFact("test"), since)
    world.bill("2025-11-01")
    world.bill("2025-12-01")
    by_anna = [2 * (FEE + TAX)] if since == "2025-11-01" else []  # October: her own and his
    assert (totals(world, "anna"), totals(world, "ben")) == (by_anna, [FEE + TAX] * (2 - len(by_anna)))
    assert wrong(world) == []

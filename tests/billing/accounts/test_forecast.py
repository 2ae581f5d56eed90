"""Which bill shows a change, as the command says it: of the account with the change, and no further back than bills go.

Plan basic is 10.00 a month in arrears. The latest run is that of 1 March 2026; that of 1 April computes December to March.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.accounts import agreements, kinds, lifecycle
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from tests.billing.accounts.operator_home import day
from tests.billing.runs.test_rating_units import tell, totals

if TYPE_CHECKING:
    from tests.billing.runs.world import World

MONTHS = ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01")
OPEN = "back-dated: the next bill, of 2026-04-01, corrects earlier periods from {} on by lines that name them"
CLOSED = "; the days before are no longer open: what they come to is left to `ratewright adjustment add`"


@pytest.fixture
def anna(world: World) -> World:
    """Anna, billed for five months."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    for month in MONTHS:
        world.bill(month)
    return world


def asked(world: World) -> Asked:
    return Asked(Operator("ann", 1001), world.tick())


@pytest.mark.parametrize(
    ("from_date", "said", "december"),
    [("2025-12-05", OPEN.format("2025-12-05"), 871 + 52), ("2025-10-01", OPEN.format("2025-12-01") + CLOSED, 1060)],
)
def test_what_is_told_of_a_day_that_was_billed(anna: World, from_date: str, said: str, december: int) -> None:
    """The new subscription is charged for December (27 of 31 days, or all) to March, and anna's own for March."""
    done = lifecycle.activate(anna.home, asked(anna), lifecycle.Activation("anna-2", "anna", "shop/basic", day(from_date)))
    assert done.said[-1] == said
    anna.bill("2026-04-01")
    assert totals(anna, "anna")[-1] == december + 4 * 1060


def test_a_new_owner_is_billed_for_all_of_it_and_the_old_one_corrected_as_far_as_bills_go(anna: World) -> None:
    anna.account("nora")
    done = lifecycle.transfer(anna.home, asked(anna), "anna-1", "nora", day("2025-11-16"), "nora-1")
    nora = "nora: back-dated: the next bill, of 2026-04-01, corrects earlier periods from 2025-11-16 on by lines that name them"
    assert done.said[-2:] == ("anna: " + OPEN.format("2025-12-01") + CLOSED, nora)
    anna.bill("2026-04-01")
    assert totals(anna, "anna")[-1] == -3 * 1060
    assert totals(anna, "nora") == [530 + 4 * 1060]  # 15 of 30 days of November


def test_a_member_with_a_backlog_keeps_its_unit_open(anna: World) -> None:
    anna.account("nora", opened_on="2025-11-01")
    tell(anna, "nora", "payer", kinds.PayerFact("anna"), "2025-11-01")
    wanted = lifecycle.Activation("anna-2", "anna", "shop/basic", day("2025-10-05"))
    assert lifecycle.activate(anna.home, asked(anna), wanted).said[-1] == OPEN.format("2025-11-01") + CLOSED


def test_a_new_bill_day_is_told_by_the_periods_that_it_makes(anna: World) -> None:
    said = agreements.change_bill_day(anna.home, asked(anna), "anna", 15, day("2026-03-01")).said
    assert said[-1] == "the bill of 2026-03-15 is the first to show it"


def test_a_category_is_told_as_it_is_from_then_on(anna: World) -> None:
    def becomes(category: str, from_date: str) -> str:
        fact = kinds.CategoryFact(category)
        return agreements.agree(anna.home, asked(anna), "anna", "category", day(from_date), None, fact).said[-1]

    assert becomes("test", "2026-03-01") == "anna is a test account: nothing of it is invoiced"
    assert becomes("normal", "2026-05-01") == "the bill of 2026-06-01 is the first to show it"
    assert becomes("test", "2026-06-15") == "the bill of 2026-07-01 is the first to show it"


def test_of_a_closed_account_the_last_periods_are_corrected_while_they_are_open(anna: World) -> None:
    agreements.close(anna.home, asked(anna), "anna", day("2025-12-16"), "moved")
    said = lifecycle.outage(anna.home, asked(anna), "anna-1", day("2025-11-20"), day("2025-12-05"), "storm", "").said[-1]
    assert said == "anna is closed; the next run corrects its last bill, from 2025-12-01 on" + CLOSED
    anna.bill("2026-04-01")
    said = lifecycle.outage(anna.home, asked(anna), "anna-1", day("2025-12-10"), day("2025-12-12"), "flood", "").said[-1]
    assert said.startswith("anna is closed, and no bill corrects it any more")

"""The standing of an account: its balance is that of the ledger and of its statement, whatever happened to it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import dunning, ledger
from billing.accounting import balances
from billing.accounts import agreements, kinds
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.enquiries.account import standing
from billing.payments.statement import statement
from rating.errors import UserError
from server.cli.accounts import looking
from tests.billing.payments.desk import Desk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.enquiries.account import Standing

pytestmark = pytest.mark.slow
UNIT = 1_000_000


@pytest.fixture
def desk(tmp_path: Path, both: str) -> Iterator[Desk]:
    """Anna owes 10.00 of 30.00 in CNY and left a deposit of 5.00."""
    assert both
    made = Desk(tmp_path / "home")
    made.invoice("R-1", 10)
    made.invoice("R-2", 20, "03-15")
    made.pay("p1", 20)
    made.deposit("d1", 5)
    yield made
    made.home.close()


def of(desk: Desk, account_id: str = "anna", *, on: str = "03-10") -> Standing:
    """The standing of an account at noon of a day, as its statement and the ledger say."""
    moment = dt.datetime.fromisoformat(f"2026-{on}T04:00:00+00:00")
    found = standing(desk.home, account_id, int(moment.timestamp()) * UNIT)
    with desk.home.connect() as connection:
        in_ledger = balances.trial_balance(connection, every_customer=True)
    receivable = sum(each.balance_micros for each in in_ledger if each.account == ledger.receivable(account_id))
    assert found.balance_micros == receivable == statement(desk.home, account_id).closing_micros
    assert found.balance_micros == found.open_micros - found.credit_micros
    assert found.deposits_held_micros == statement(desk.home, account_id).deposits_held_micros
    return found


def test_the_balance_is_that_of_the_ledger_and_of_the_statement(desk: Desk) -> None:
    found = of(desk)
    assert (found.balance_micros, found.open_micros, found.credit_micros) == (10 * UNIT, 10 * UNIT, 0)
    assert (found.deposits_held_micros, found.as_of, found.currency) == (5 * UNIT, "2026-03-10", "CNY")
    desk.pay("p2", 15)
    found = of(desk)
    assert (found.balance_micros, found.open_micros, found.credit_micros) == (-5 * UNIT, 0, 5 * UNIT)
    desk.invoice("C-1", -7, about="R-1")
    found = of(desk)
    assert (found.balance_micros, found.open_micros, found.credit_micros) == (-12 * UNIT, 0, 12 * UNIT)


def test_the_last_bills_come_first_and_the_others_are_counted(desk: Desk) -> None:
    for number in range(3, 9):
        desk.invoice(f"R-{number}", number, issued=f"03-0{number}")
    found = of(desk)
    assert [each.number for each in found.bills] == ["R-8", "R-7", "R-6", "R-5", "R-4"]
    assert (found.bills[0].total_micros, found.bills[0].open_micros) == (8 * UNIT, 8 * UNIT)
    assert found.documents == 8


def test_dunning_and_promises_are_of_today_on_the_clock_of_the_account(desk: Desk) -> None:
    found = of(desk, on="03-15")
    assert (found.overdue_micros, found.dunning_level, found.barred) == (0, 0, False)
    found = of(desk, on="04-20")
    assert (found.overdue_micros, found.oldest_due_on, found.dunning_policy) == (10 * UNIT, "2026-03-15", "standard")
    asked = (found.policy_level, found.policy_action)
    assert (found.dunning_level, found.dunning_action, found.dunning_taken_on) == (0, "", ""), "no run has taken a step"
    judged = dunning.history(desk.home, "anna", dt.date(2026, 4, 20))
    assert asked == (judged.level, judged.action) != (0, "")
    assert dict(looking._standing(found))["dunning"] == "clear; policy standard asks for level 1, remind, which no run has taken"  # noqa: SLF001 -- the row as it is printed
    dunning.run(desk.home, dt.date(2026, 4, 20), desk.now_us)
    found = of(desk, on="04-20")
    assert (found.dunning_level, found.dunning_action, found.dunning_taken_on) == (*asked, "2026-04-20")
    assert dict(looking._standing(found))["dunning"] == "level 1, remind, since 2026-04-20, by policy standard"  # noqa: SLF001 -- as above
    desk.promise("v1", 4, "04-18", "04-30")
    assert of(desk, on="04-29").promised_micros == 4 * UNIT
    assert of(desk, on="05-01").promised_micros == 0, "it is broken"


def test_the_next_bill_date_is_the_end_of_the_first_period_that_no_run_covered(desk: Desk) -> None:
    assert (of(desk).next_bill_date, of(desk).bills_held) == ("2026-03-01", False)
    asked = Asked(Operator("ana", 2001), desk.act.now_us)
    agreements.agree(desk.home, asked, "anna", "hold", dt.date(2026, 3, 1), dt.date(2026, 3, 2), kinds.HoldFact("dispute"))
    assert (of(desk).next_bill_date, of(desk).bills_held) == ("2026-03-01", True)
    agreements.agree(desk.home, asked, "anna", "category", dt.date(2026, 2, 1), None, kinds.CategoryFact("test"))
    assert of(desk).next_bill_date == "", "nothing of a test account is invoiced"


def test_an_account_that_is_not_there(desk: Desk) -> None:
    with pytest.raises(UserError, match="account anne is unknown") as refused:
        standing(desk.home, "anne", desk.now_us)
    assert refused.value.remedy == "did you mean anna?"

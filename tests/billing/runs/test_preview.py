"""What a dry run says: what the run would bill, whom it would put aside, and why it would refuse. Nothing is stored."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import invoicing, setting_changes
from billing.accounts.kinds import CategoryFact, HoldFact, PayerFact
from billing.documents import voiding
from billing.documents.showing.document import document
from billing.ledger import closed_months
from billing.runs import cycle, states
from billing.runs.cycle import Order, Preview
from billing.runs.lock import only_run
from rating.errors import UserError
from server.cli.app import main
from tests.billing.documents import clerk
from tests.billing.documents.clerk import tell
from tests.billing.runs.world import Call

if TYPE_CHECKING:
    from tests.billing.runs.world import World

NOVEMBER, DECEMBER = dt.date(2025, 11, 1), dt.date(2025, 12, 1)


@pytest.fixture
def four(world: World) -> World:
    """Four accounts on plan basic since October, 10.00 a month each; held has a hold on 1 November, tester is for testing."""
    for place, name in enumerate(("anna", "bert", "held", "tester")):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/basic", f"100{place}")
    tell(world, "held", "hold", HoldFact("dispute"), "2025-11-01", "2025-11-02")
    tell(world, "tester", "category", CategoryFact("test"), "2025-10-01")
    return world


def preview(world: World, date: dt.date = NOVEMBER, **order: object) -> Preview:
    return cycle.preview(world.home, date, world.begun(date), order=Order(**order))  # type: ignore[arg-type] # fields of an order


def run(world: World, date: dt.date = NOVEMBER, **order: object) -> cycle.RunReport:
    return cycle.run(world.home, date, world.begun(date), order=Order(**order))  # type: ignore[arg-type] # fields of an order


def billed(found: Preview) -> dict[str, int]:
    """Net of each account in whole units."""
    return {account: draft.net_micros // 1_000_000 for account, draft in zip(found.account_ids, found.drafts, strict=True)}


def test_who_would_be_put_aside_is_who_is(four: World) -> None:
    found = preview(four)
    assert billed(found) == {"anna": 10, "bert": 10}
    assert found.put_aside == {"held": "held: its bills are held on 2025-11-01", "tester": "test: test account"}
    assert (found.refused, found.findings, found.goes_on) == ("", {}, 0)
    assert run(four).put_aside == found.put_aside
    assert billed(preview(four, DECEMBER)) == {"anna": 10, "bert": 10, "held": 20}
    run(four, DECEMBER)
    four.account("dora")
    four.subscription("dora-1", "dora", "shop/basic", "1009")
    tell(four, "dora", "payer", PayerFact("anna"), "2025-10-01")
    late = preview(four)
    why = "it, or an account that it is billed with, has a bill of 2025-12-01: a run of that date or a later one bills it"
    assert late.put_aside["dora"] == f"passed by: {why}"
    assert run(four).put_aside == late.put_aside


def test_a_divided_fee_says_its_own_days_and_whose_it_is(four: World, capsys: pytest.CaptureFixture[str]) -> None:
    """As the invoice does that is made of it: Anna's first line changes its plan on the 11th, her second one joins on the 17th."""
    four.plan("anna-1", "shop/plus", "2025-10-11")
    four.subscription("anna-2", "anna", "shop/basic", "1010", from_date="2025-10-17")
    draft = preview(four, accounts=frozenset({"anna"})).drafts[0]
    spans = {
        (each.subscription_id, each.text, each.period_from[:7]): [(day.from_date, day.to_date) for day in each.days] for each in draft.lines
    }
    assert spans == {
        ("anna-1", "Basic", "2025-10"): [("2025-10-01", "2025-10-11")],
        ("anna-1", "Plus", "2025-10"): [("2025-10-11", "2025-11-01")],
        ("anna-1", "Line rent", "2025-10"): [("2025-10-11", "2025-11-01")],
        ("anna-1", "Line rent", "2025-11"): [],
        ("anna-2", "Basic", "2025-10"): [("2025-10-17", "2025-11-01")],
        ("", "Tax standard 6 %", "2025-10"): [],
        ("", "Tax standard 6 %", "2025-11"): [],
    }
    assert main(["bill", "preview", "--date", "2025-11-01", "--account", "anna", "--home", str(four.home.path)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Plus anna-1 2025-10-11 .. 2025-10-31 " in text
    assert "Basic anna-2 2025-10-17 .. 2025-10-31 4.84" in text
    run(four)
    billed = {
        (each.subscription_id, each.text, each.period_from[:7]): each for each in invoicing.get_invoice(four.home, "R-0000000001").lines
    }
    numbers = {each.line_no: each.days for each in document(four.home, "R-0000000001").more.lines}
    own = {key: [(day.from_date, day.to_date) for day in numbers.get(line.line_no, ())] for key, line in billed.items()}
    assert own == spans


def test_a_date_that_is_years_ahead(four: World) -> None:
    """The clock of the world says 2025."""
    with pytest.raises(UserError, match=r"the bill date 2035-01-01 is not between 2000-01-01 and 2028-12-31"):
        cycle.preview(four.home, dt.date(2035, 1, 1), four.tick(), order=Order())


def test_a_closed_month(four: World) -> None:
    closed_months.close(four.home, "", "2025-11", "done", closed_months.Who("ada", 1001, four.tick()))
    found = preview(four)
    assert billed(found) == {"anna": 10, "bert": 10}, "shown all the same"
    with pytest.raises(UserError) as caught:
        run(four)
    assert found.refused == f"{caught.value.message}; remedy: {caught.value.remedy}"
    assert found.refused.startswith("the books for 2025-11 are closed; remedy: ")
    assert preview(four, DECEMBER).refused == ""


def test_a_run_of_another_date_that_is_not_finished(four: World) -> None:
    run(four, trial=True)
    found = preview(four, DECEMBER)
    assert found.refused.startswith("the bill run of 2025-11-01 is not finished; remedy: finish it first")
    assert billed(found) == {"anna": 20, "bert": 20, "held": 20}
    of_bert = preview(four, NOVEMBER, accounts=frozenset({"bert"}))
    assert of_bert.refused.startswith("the bill run of 2025-11-01 that is not finished is for other accounts")


def test_nothing_to_resume(four: World) -> None:
    assert preview(four, resume=True).refused.startswith("no bill run of 2025-11-01 is unfinished")


def test_a_run_of_the_date_goes_on_as_it_began(four: World) -> None:
    """A call of 10.00 (120 minutes, 20 of them free, at 0.10) that comes after the list was computed belongs to the next run."""
    run(four, trial=True, accounts=frozenset({"anna"}))
    four.take(Call("1000", "2025-10-05T10:00:00", 120 * 60))
    found = preview(four)
    assert (found.goes_on, billed(found), found.refused) == (1, {"anna": 10}, "")
    assert run(four).net_micros == {"CNY": 10_000_000}
    assert (preview(four).goes_on, billed(preview(four))) == (0, {"anna": 10, "bert": 10})


def test_a_run_that_goes_on_is_refused_as_well(four: World) -> None:
    run(four, trial=True)
    setting_changes.put(four.home, "approval", "required", "ada", 1001, four.tick())
    assert (preview(four).refused, preview(four).waits) == ("", True), "it waits, and that is no refusal"
    assert preview(four, resume=True).refused.startswith("bill run 1 of 2025-11-01 waits for approval; remedy: look at it")
    states.decide(four.home, 1, states.APPROVED, states.By("ben", 1002), "", four.tick())
    assert (preview(four, resume=True).refused, preview(four).waits) == ("", False)
    closed_months.close(four.home, "", "2025-11", "done", closed_months.Who("ada", 1001, four.tick()))
    found = preview(four)
    assert (found.goes_on, billed(found)) == (1, {"anna": 10, "bert": 10})
    assert found.refused.startswith("the books for 2025-11 are closed; remedy: ")


def test_a_new_run_would_wait_for_approval(four: World) -> None:
    assert not preview(four).waits
    setting_changes.put(four.home, "approval", "required", "ada", 1001, four.tick())
    found = preview(four)
    assert (found.waits, found.refused, found.goes_on) == (True, "", 0)


def test_it_waits_for_nobody(four: World) -> None:
    with only_run(four.home, "something long", four.tick()):
        assert billed(preview(four)) == {"anna": 10, "bert": 10}


def test_what_a_reissue_would_bill(four: World) -> None:
    """It is dated today, 3 December, as the void is, and due 14 days after that."""
    run(four)
    with pytest.raises(UserError, match="R-0000000001 is not void"):
        voiding.preview_reissue(four.home, "R-0000000001", clerk.who(four))
    clerk.void(four, "R-0000000001", "2025-12-03")
    found = voiding.preview_reissue(four.home, "R-0000000001", clerk.who(four))
    (draft,) = found.drafts
    assert (found.account_ids, draft.net_micros, draft.issued_on) == (("anna",), 10_000_000, "2025-12-03")
    assert four.numbers() == ["R-0000000001", "R-0000000002"], "a preview stores nothing"
    voiding.reissue(four.home, "R-0000000001", clerk.who(four))
    made = invoicing.list_invoices(four.home, "anna")[-1]
    assert (made.number, made.due_on, made.net_micros) == ("R-0000000003", draft.due_on, draft.net_micros)

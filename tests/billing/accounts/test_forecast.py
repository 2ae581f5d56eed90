"""Which bill shows a change, as the command says it: of the account with the change, and no further back than bills go.

Plan basic is 10.00 a month in arrears. The latest run is that of 1 March 2026; that of 1 April computes December to March.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
import sqlalchemy as sa

from billing import catalogue, invoicing
from billing.accounts import agreements, kinds, lifecycle, lookup, numbers
from billing.accounts.facts import account_facts
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.store import tables
from rating.model import Commitment
from tests.billing.accounts.operator_home import day
from tests.billing.runs.test_rating_units import tell, totals
from tests.billing.runs.world import shop

if TYPE_CHECKING:
    from tests.billing.runs.world import World

MONTHS = ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01")
OPEN = "back-dated: the next bill, of 2026-04-01, corrects earlier periods from {} on by lines that name them"
CLOSED = "; the days before are no longer open: what they come to is left to `ratewright adjustment add`"


@pytest.fixture
def anna(world: World) -> World:
    """Anna, billed for five months."""
    world.lived(_billed)
    return world


def _billed(world: World) -> None:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    for month in MONTHS:
        world.bill(month)


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


PLUS_UNTIL = "the bill of 2026-04-01 {}; that of 2026-05-01 is the first to show shop/basic"


@pytest.mark.parametrize(
    ("on", "said", "line_rent"),
    [
        ("2026-04-01", PLUS_UNTIL.format("has no fees in advance of shop/plus any more"), []),
        ("2026-04-11", PLUS_UNTIL.format("has the fees in advance of shop/plus only for the days before 2026-04-11"), [1_000_000]),
    ],
)
def test_a_plan_in_arrears_is_first_shown_by_the_bill_of_its_period(anna: World, on: str, said: str, line_rent: list[int]) -> None:
    """From plus, with a line rent of 3.00 in advance, to basic: bills show what is told."""
    lifecycle.activate(anna.home, asked(anna), lifecycle.Activation("anna-2", "anna", "shop/plus", day("2026-03-01")))
    assert lifecycle.change_plan(anna.home, asked(anna), "anna-2", "shop/basic", day(on)).said[-1] == said
    april, may = anna.bill("2026-04-01"), anna.bill("2026-05-01")
    assert [amount for text, amount in fees_of(anna, april.run_id, "2026-04-01") if text == "Line rent"] == line_rent
    assert [text for text, _ in fees_of(anna, april.run_id, "2026-04-01") if text == "Basic"] == []
    assert "Basic" in [text for text, _ in fees_of(anna, may.run_id, "2026-04-01")]


def fees_of(world: World, run_id: int, period_from: str) -> list[tuple[str, int]]:
    """Recurring lines of anna-2 for days from a date on, in a run."""
    line, invoice, subscription = tables.invoice_lines.c, tables.invoices.c, tables.subscriptions.c
    query = sa.select(line.text, line.amount_micros).join_from(tables.invoice_lines, tables.invoices)
    query = query.join(tables.subscriptions, subscription.subscription_key == line.subscription_key)
    query = query.where(invoice.run_id == run_id, line.kind == "recurring", line.period_from >= period_from)
    with world.home.connect() as connection:
        return [tuple(row) for row in connection.execute(query.where(subscription.subscription_id == "anna-2"))]


def test_the_least_amount_of_a_plan_is_told_when_it_begins(anna: World) -> None:
    least = Commitment(400, "Least usage", 40, 4000, "standard", 40_000_000)
    base = shop(version=2, corrects=1)
    catalogue.publish(
        anna.home,
        msgspec.structs.replace(base, plans=(base.plans[0], msgspec.structs.replace(base.plans[1], commitments=(least,)))),
        anna.tick(),
    )
    said = lifecycle.change_plan(anna.home, asked(anna), "anna-1", "shop/plus", day("2026-04-01")).said
    assert "Least usage: at least 40.00 CNY of usage a period" in said


def test_a_category_is_told_as_it_is_from_then_on(anna: World) -> None:
    def becomes(category: str, from_date: str) -> str:
        fact = kinds.CategoryFact(category)
        return agreements.agree(anna.home, asked(anna), "anna", "category", day(from_date), None, fact).said[-1]

    turned_back = "anna is a test account: nothing of it is invoiced, and the next bill turns back what was billed of it"
    assert becomes("test", "2026-03-01") == turned_back
    assert becomes("normal", "2026-05-01") == "the bill of 2026-06-01 is the first to show it"
    until = "periods of anna that begin on {} or later are for tests: nothing of them is invoiced; what began before is"
    assert becomes("test", "2026-06-15") == until.format("2026-07-01")
    may, june, july = (anna.bill(each) for each in ("2026-06-01", "2026-07-01", "2026-08-01"))
    assert [each.invoices for each in (may, june, july)] == [1, 1, 0]


def test_of_a_closed_account_the_last_periods_are_corrected_while_they_are_open(anna: World) -> None:
    agreements.close(anna.home, asked(anna), "anna", day("2025-12-16"), "moved")
    said = lifecycle.outage(anna.home, asked(anna), "anna-1", day("2025-11-20"), day("2025-12-05"), "storm", "").said[-1]
    assert said == "anna is closed; the next run corrects its last bill, from 2025-12-01 on" + CLOSED
    anna.bill("2026-04-01")
    said = lifecycle.outage(anna.home, asked(anna), "anna-1", day("2025-12-10"), day("2025-12-12"), "flood", "").said[-1]
    assert said.startswith("anna is closed, and no bill corrects it any more")


NEXT = "the bill of 2026-04-01 is the first to show it, with the fees in advance"
AFTER = "the bill of 2026-05-01 is the first to show it"
OWN = "the bill of 2026-04-01 is the first to show it"  # terms hold on the date of a bill


@pytest.mark.parametrize(
    ("kind", "detail", "said"),
    [
        ("discount", kinds.DiscountFact("ten", 100_000, charge_code=900, revenue_code=900), NEXT),
        ("discount", kinds.DiscountFact("ten", 100_000, kinds=("usage",), charge_code=900, revenue_code=900), AFTER),
        ("discount", kinds.DiscountFact("ten", 100_000, charge_codes=(7,), charge_code=900, revenue_code=900), AFTER),
        ("tax", kinds.TaxFact(exempt=("*",)), NEXT),
        ("tax", kinds.TaxFact(exempt=("standard",)), NEXT),
        ("payer", kinds.PayerFact("anna"), NEXT),
        ("payer", kinds.PayerFact("anna", kinds=("usage",)), AFTER),
        ("category", kinds.CategoryFact("staff"), NEXT),
        ("terms", kinds.TermsFact(payment_days=30), OWN),
    ],
)
def test_what_is_agreed_with_fees_in_advance_is_on_the_bill_before(anna: World, kind: str, detail: msgspec.Struct, said: str) -> None:
    """Pia has a line rent of 3.00 in advance: April's is on the bill of 1 April, at 6 % tax, as far as nothing is agreed about it."""
    plus(anna)
    assert agreements.agree(anna.home, asked(anna), "pia", kind, day("2026-04-01"), None, detail).said[-1] == said
    anna.bill("2026-04-01")
    is_plain = aprils(anna, "pia") == [("Line rent", 3_000_000), ("Tax standard 6 %", 180_000)]
    assert is_plain == (said in {AFTER, OWN} or kind == "category"), "staff are told apart in reports, and billed alike"


@pytest.mark.parametrize(
    ("detail", "to_date", "said"),
    [
        (
            kinds.TermsFact(dunning_policy="standard"),
            None,
            "dunning runs of 2026-04-01 or later judge pia by policy standard; no bill shows it",
        ),
        (
            kinds.TermsFact(dunning_policy="standard", payment_days=30),
            "2026-07-01",
            f"dunning runs of 2026-04-01 to 2026-06-30 judge pia by policy standard; of the other terms: {OWN}",
        ),
    ],
)
def test_a_policy_of_dunning_is_on_no_bill(anna: World, detail: kinds.TermsFact, to_date: str | None, said: str) -> None:
    """1 July is the first day without the agreement: 30 June is the last date of a run that uses it. The next bill is that of 1 April."""
    plus(anna)
    until = to_date and day(to_date)
    assert agreements.agree(anna.home, asked(anna), "pia", "terms", day("2026-04-01"), until, detail).said[-1] == said
    with anna.home.connect() as connection:
        (fact,) = account_facts(connection, kinds=("terms",))
    gone = agreements.retract(anna.home, asked(anna), "pia", fact.fact_id, "mistyped", of_subscription=False).said[-1]
    assert gone.startswith("dunning runs of 2026-04-01 or later judge pia no longer by policy standard; ")


def test_tax_of_who_pays_is_on_the_fees_in_advance_of_others(anna: World) -> None:
    plus(anna)
    agreements.agree(anna.home, asked(anna), "pia", "payer", day("2026-04-01"), None, kinds.PayerFact("anna"))
    done = agreements.agree(anna.home, asked(anna), "anna", "tax", day("2026-04-01"), None, kinds.TaxFact(exempt=("*",)))
    assert done.said[-1] == NEXT
    anna.bill("2026-04-01")
    assert aprils(anna, "anna") == [("Line rent", 3_000_000)]


def test_a_test_account_from_a_bill_date_on_is_billed_for_what_began_before(anna: World) -> None:
    plus(anna)
    done = agreements.agree(anna.home, asked(anna), "pia", "category", day("2026-04-01"), None, kinds.CategoryFact("test"))
    assert (
        done.said[-1] == "periods of pia that begin on 2026-04-01 or later are for tests: nothing of them is invoiced; what began before is"
    )
    anna.bill("2026-04-01")
    assert (aprils(anna, "pia"), totals(anna, "pia")) == ([], [3498]), "March, and nothing of April"


def test_a_transfer_is_on_the_bill_before_for_both(anna: World) -> None:
    plus(anna)
    anna.account("nora")
    done = lifecycle.transfer(anna.home, asked(anna), "pia-1", "nora", day("2026-04-11"), "nora-1")
    assert done.said[-2:] == (f"pia: {NEXT}", f"nora: {NEXT}")
    anna.bill("2026-04-01")
    assert (aprils(anna, "pia")[0], aprils(anna, "nora")[0]) == (("Line rent", 1_000_000), ("Line rent", 2_000_000))


def test_a_discount_that_never_held_is_on_the_bill_that_would_have_had_it(anna: World) -> None:
    plus(anna)
    agreements.agree(anna.home, asked(anna), "pia", "discount", day("2026-04-01"), None, kinds.DiscountFact("ten", 100_000))
    with anna.home.connect() as connection:
        fact = int(connection.execute(sa.select(sa.func.max(tables.account_facts.c.fact_id))).scalar_one())
    assert agreements.retract(anna.home, asked(anna), "pia", fact, "by mistake", of_subscription=False).said[-1] == NEXT


def plus(world: World) -> None:
    """Pia, with plan plus since March."""
    world.account("pia", opened_on="2026-03-01")
    world.subscription("pia-1", "pia", "shop/plus", "1003", from_date="2026-03-01")


def aprils(world: World, account_id: str) -> list[tuple[str, int]]:
    """Lines of an account for April."""
    documents = [invoicing.get_invoice(world.home, each.number) for each in invoicing.list_invoices(world.home, account_id)]
    return [(line.text, line.amount_micros) for each in documents for line in each.lines if line.period_from == "2026-04-01"]


HELD = "bills of anna are held from 2026-03-15 to 2026-04-20 (a dispute)"


def held(world: World, to_date: str | None = "2026-04-21") -> World:
    tell(world, "anna", "hold", kinds.HoldFact("a dispute"), "2026-03-15", to_date)
    return world


def test_a_bill_that_a_hold_keeps_back_is_not_promised(anna: World) -> None:
    """The bill of 1 May is the next one, and opens January to March; that of 1 April would have opened December as well."""
    wanted = lifecycle.Activation("anna-2", "anna", "shop/basic", day("2025-12-05"))
    said = lifecycle.activate(held(anna).home, asked(anna), wanted).said[-1]
    assert said == (
        f"back-dated: the next bill, of 2026-05-01, corrects earlier periods from 2026-01-01 on by lines that name them; {HELD}" + CLOSED
    )
    anna.bill("2026-04-01")
    anna.bill("2026-05-01")
    assert totals(anna, "anna")[-1] == 2 * 1060 + 4 * 1060, "March and April of both, January and February of the new one"


def test_a_later_day_says_which_bill_is_the_first_after_the_hold(anna: World) -> None:
    wanted = lifecycle.Activation("anna-2", "anna", "shop/basic", day("2026-03-20"))
    said = lifecycle.activate(held(anna).home, asked(anna), wanted).said[-1]
    assert said == f"the first run of 2026-04-21 or later makes the first bill after the hold, and shows it; {HELD}"
    anna.bill("2026-04-01")
    assert len(totals(anna, "anna")) == len(MONTHS)
    anna.bill("2026-04-25")
    assert totals(anna, "anna")[len(MONTHS) :] == [1470], "10.00, 3.87 for 12 of 31 days, and 6 %"


# first day of the hold and the first one after it -> what is said of it
HOLDS = """
2026-04-01 | 2026-04-11 | the bill of 2026-04-01 is the first that it keeps back; the first run of 2026-04-11 or later makes it
2026-03-15 | 2026-05-02 | the bill of 2026-04-01 is the first that it keeps back; the first run of 2026-05-02 or later makes it
2026-04-15 | 2026-05-02 | the bill of 2026-05-01 is the first that it keeps back; the first run of 2026-05-02 or later makes it
2026-04-01 | -          | the bill of 2026-04-01 is the first that it keeps back; no run makes it until the hold has an end
2026-04-02 | 2026-05-01 | no bill of anna is due in it: it keeps back only one whose run is dated in it
2026-02-01 | 2026-03-10 | no bill of anna is due in it: it keeps back only one whose run is dated in it
"""


@pytest.mark.parametrize("row", HOLDS.strip().splitlines())
def test_a_hold_says_which_bill_it_keeps_back_and_which_run_makes_it(anna: World, row: str) -> None:
    from_date, to_date, said = (each.strip() for each in row.split(" | "))
    end = None if to_date == "-" else day(to_date)
    done = agreements.agree(anna.home, asked(anna), "anna", "hold", day(from_date), end, kinds.HoldFact("a dispute"))
    assert done.said[-1] == said


def test_the_first_run_after_a_hold_makes_the_bill_that_it_kept_back(anna: World) -> None:
    """Bert is billed on the 15th: that run bills anna, whose bill of 1 April was held to the 10th. Without the hold the next run does."""
    anna.account("bert", bill_day=15, opened_on="2026-03-15")
    agreements.agree(anna.home, asked(anna), "anna", "hold", day("2026-04-01"), day("2026-04-11"), kinds.HoldFact("a dispute"))
    anna.bill("2026-04-01")
    fact = lookup.show_account(anna.home, "anna").facts[-1]
    undone = agreements.retract(anna.home, asked(anna)._replace(dry_run=True), "anna", fact.fact_id, "paid", of_subscription=False)
    assert undone.said[-1] == "the next run that no hold keeps back bills what this one kept back"
    anna.bill("2026-04-15")
    assert totals(anna, "anna")[len(MONTHS) :] == [1060]


def test_a_hold_without_an_end_promises_no_date(anna: World) -> None:
    wanted = lifecycle.Activation("anna-2", "anna", "shop/basic", day("2026-02-05"))
    said = lifecycle.activate(held(anna, None).home, asked(anna), wanted).said[-1]
    assert said == (
        "back-dated: the first bill after the hold corrects what is open by then of the days from 2026-02-05 on; "
        "bills of anna are held from 2026-03-15 on, without an end (a dispute)"
    )


def test_a_number_that_moves_says_until_when_usage_stays_on_the_former_bills(anna: World) -> None:
    """Anna's next bill finds January closed where runs open one period before the latest; Nora's bills are not held."""
    anna.account("nora")
    anna.subscription("nora-1", "nora", "shop/basic", "1002")
    anna.bill("2026-03-01")
    held(anna)
    taken = numbers.take(anna.home, asked(anna), "1001", "anna-1", day("2025-12-05"))
    stays = "; the days before are no longer open: usage of them stays on the bill that has it"
    back = f"back-dated: the next bill, of 2026-05-01, corrects earlier periods from 2026-01-01 on by lines that name them; {HELD}"
    assert taken.said[-1] == back + stays
    given = numbers.give(anna.home, asked(anna), "1001", "nora-1", day("2025-12-05"), 0)
    assert (
        given.said[-1]
        == f"usage on bills of anna stays there until a run of that account takes it off: {back.removeprefix('back-dated: ')}{stays}"
    )
    assert given.said[-2] == OPEN.format("2025-12-05")


def test_usage_of_days_that_are_closed_to_the_new_owner_is_listed(anna: World) -> None:
    anna.account("nora")
    anna.subscription("nora-1", "nora", "shop/basic", "1002")
    anna.bill("2026-03-01")
    numbers.take(anna.home, asked(anna), "1001", "anna-1", day("2025-10-05"))
    given = numbers.give(anna.home, asked(anna), "1001", "nora-1", day("2025-10-05"), 0)
    listed = (
        "; the days before are no longer open: usage of them stays on the bill that has it, or is too late for one, and a run lists it "
        "(`ratewright usage too-late`)"
    )
    assert given.said[-2] == OPEN.format("2025-12-01") + listed


def test_an_account_in_quarantine_is_promised_no_bill(world: World) -> None:
    world.account("euro", currency="EUR")
    world.subscription("euro-1", "euro", "shop/basic", "1001")
    world.bill("2025-11-01")
    said = numbers.take(world.home, asked(world), "1001", "euro-1", day("2025-10-20")).said[-1]
    assert said.endswith("; euro is in quarantine since run 1, and has no bill until the cause is corrected (`ratewright bill quarantine`)")

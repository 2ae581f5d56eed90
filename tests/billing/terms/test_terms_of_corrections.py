"""Due dates and languages of documents that no cycle makes: of their own bill date; a credit note has the language of its invoice."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import catalogue, invoicing
from billing.accounts import agreements, kinds
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents import adjusting, finding, openings
from billing.late_decisions import BILLED
from tests.billing.documents.clerk import CENT, credit, customer, who
from tests.billing.documents.test_openings_and_adjustments import item
from tests.billing.rerate.test_rerate import apply, asked
from tests.billing.runs.world import NATIONAL, START_US, Call, instant_us, price_of, shop
from tests.billing.too_late.late_world import decide, late

if TYPE_CHECKING:
    from billing.invoicing.reading import Invoice
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
ZH = kinds.TermsFact(language="zh")


def agree(world: World, account_id: str, terms: kinds.TermsFact, from_date: str, to_date: str | None = None) -> None:
    until = None if to_date is None else dt.date.fromisoformat(to_date)
    by = Asked(Operator("ann", 1001), world.tick())
    agreements.agree(world.home, by, account_id, "terms", dt.date.fromisoformat(from_date), until, terms)


def language(world: World, number: str) -> str:
    """The language of a document, as its page and what acts on it have it."""
    found = invoicing.get_invoice(world.home, number).language
    with world.home.connect() as connection:
        assert finding.find(connection, number).language == found
    return found


def newest(world: World, account_id: str) -> Invoice:
    return max((invoicing.get_invoice(world.home, each) for each in world.numbers(account_id)), key=lambda each: each.summary.issued_on)


@pytest.mark.parametrize("price", [50_000, 200_000])
def test_a_rerating_has_the_terms_of_its_own_date(world: World, price: int) -> None:
    """Of 5 December: with a cheaper price a credit note, with a dearer one an invoice. The run that is computed again is of 1 December.

    a has 60 days, in Chinese, from 2 December on, recorded afterwards: 5 December + 60 days is 3 February. b had 30 days until the 3rd,
    and has 14 again: the 19th. c never had others.
    """
    for number, account in enumerate("abc"):
        world.account(account)
        world.subscription(f"s{account}", account, "shop/plus", f"861380000000{number}")
        world.take(Call(f"861380000000{number}", "2025-10-05T10:00", 600))
    agree(world, "b", kinds.TermsFact(payment_days=30, language="zh"), "2025-11-15", "2025-12-04")
    world.bill("2025-11-01")
    world.bill("2025-12-01")
    agree(world, "a", kinds.TermsFact(payment_days=60, language="zh"), "2025-12-02")
    world.now_us = instant_us("2025-12-05T12:00:00")
    prices = tuple(price_of(NATIONAL, "National calls", 10, price) if each.price_id == NATIONAL else each for each in shop().prices)
    catalogue.publish(world.home, shop(2, START_US, prices=prices, corrects=1), world.tick())
    apply(world, asked(), "2025-12-05")
    made = {account: newest(world, account) for account in "abc"}
    assert {each.summary.issued_on for each in made.values()} == {"2025-12-05"}
    assert {account: each.summary.due_on for account, each in made.items()} == {"a": "2026-02-03", "b": "2025-12-19", "c": "2025-12-19"}
    assert {account: language(world, each.summary.number) for account, each in made.items()} == {"a": "zh", "b": "en", "c": "en"}
    period = {"zh": "(更正 2025-10-01 至 2025-10-31)", "en": ", correction for 2025-10-01 to 2025-10-31"}
    for each in made.values():
        assert {line.text.endswith(period[each.language]) for line in each.lines if line.kind != "tax"} == {True}


def test_a_credit_note_has_the_language_of_its_invoice(world: World) -> None:
    """Chinese is agreed for the 2nd on; the invoice is of the 1st, the note of the 5th."""
    customer(world)
    world.bill("2025-11-01")
    agree(world, "anna", ZH, "2025-11-02")
    [number] = world.numbers("anna")
    credit(world, number, 1, 100)
    assert language(world, number) == "en"
    note = newest(world, "anna")
    assert note.summary.document_type == "credit_note"
    assert note.lines[0].text.startswith("Credit: ")
    assert language(world, note.summary.number) == "en"


@pytest.mark.parametrize(
    ("from_date", "to_date", "spoken"),
    [("2025-10-01", None, "zh"), ("2025-11-02", None, "en"), ("2025-10-01", "2025-11-01", "en"), ("2025-10-01", "2025-11-02", "zh")],
)
def test_an_opening_document_has_the_language_of_its_date(world: World, from_date: str, to_date: str | None, spoken: str) -> None:
    customer(world)
    agree(world, "anna", ZH, from_date, to_date)
    item(world, "OLD-7", 5000)
    on = dt.date(2025, 11, 1)
    openings.open_items(world.home, who(world, on=on), on)
    made = newest(world, "anna")
    assert made.lines[0].text == {"zh": "期初余额: OLD-7", "en": "Balance brought forward: OLD-7"}[spoken]
    assert language(world, made.summary.number) == spoken


@pytest.mark.parametrize(
    ("from_date", "to_date", "text"),
    [("2025-11-01", None, "优惠减免"), ("2025-10-01", "2025-11-01", "Goodwill"), ("2025-11-02", None, "Goodwill")],
)
def test_an_adjustment_has_the_language_of_the_bill_that_shows_it(world: World, from_date: str, to_date: str | None, text: str) -> None:
    """One of 20 October is on the bill of 1 November. The same again is the same, also when other terms are agreed since."""
    customer(world)
    agree(world, "anna", ZH, from_date, to_date)
    wanted = adjusting.AdjustmentRequest("A1", "anna", dt.date(2025, 10, 20), -100 * CENT, "goodwill", "", "shop", "standard", "")
    adjusting.add(world.home, wanted, who(world))
    agree(world, "anna", kinds.TermsFact(language="en" if text == "优惠减免" else "zh"), "2025-12-01")
    assert adjusting.add(world.home, wanted, who(world)).existed
    world.bill("2025-11-01")
    made = newest(world, "anna")
    assert [line.text for line in made.lines if line.kind == "adjustment"] == [text]
    assert made.language == ("zh" if text == "优惠减免" else "en")


def test_an_adjustment_of_a_billed_period_has_the_language_of_the_bill_to_come(world: World) -> None:
    """October is billed: one of 20 October is on the bill of 1 December."""
    customer(world)
    world.bill("2025-11-01")
    agree(world, "anna", ZH, "2025-12-01")
    wanted = adjusting.AdjustmentRequest("A1", "anna", dt.date(2025, 10, 20), -100 * CENT, "goodwill", "", "shop", "standard", "")
    adjusting.add(world.home, wanted, who(world))
    world.bill("2025-12-01")
    made = newest(world, "anna")
    texts = [line.text for line in made.lines if line.kind == "adjustment"]
    assert [each.startswith("优惠减免") for each in texts] == [True], texts
    assert made.language == "zh"


def add_goodwill(world: World, day: str) -> None:
    wanted = adjusting.AdjustmentRequest("A1", "anna", dt.date.fromisoformat(day), -100 * CENT, "goodwill", "", "shop", "standard", "")
    adjusting.add(world.home, wanted, who(world))


def by_ann(world: World) -> Asked:
    return Asked(Operator("ann", 1001), world.tick())


def test_an_adjustment_that_another_account_pays_has_the_language_of_that_one(world: World) -> None:
    """Bert, who speaks Chinese, pays for anna from October on; she speaks English."""
    customer(world)
    world.account("bert")
    agree(world, "bert", ZH, "2025-10-01")
    agreements.agree(world.home, by_ann(world), "anna", "payer", dt.date(2025, 10, 1), None, kinds.PayerFact("bert"))
    add_goodwill(world, "2025-10-20")
    world.bill("2025-11-01")
    made = newest(world, "bert")
    assert [line.text for line in made.lines if line.kind == "adjustment"] == ["优惠减免"]
    assert made.language == "zh"


def test_an_adjustment_of_an_account_on_hold_has_the_language_of_the_bill_after_it(world: World) -> None:
    """The bill of 1 November is kept back; Chinese is agreed from that of 1 December on."""
    customer(world)
    agree(world, "anna", ZH, "2025-12-01")
    held = kinds.HoldFact("a question")
    agreements.agree(world.home, by_ann(world), "anna", "hold", dt.date(2025, 10, 20), dt.date(2025, 11, 10), held)
    add_goodwill(world, "2025-10-20")
    world.bill("2025-11-01")
    world.bill("2025-12-01")
    made = newest(world, "anna")
    assert (len(world.numbers("anna")), made.language) == (1, "zh")
    assert [line.text for line in made.lines if line.kind == "adjustment"] == ["优惠减免"]


def test_an_adjustment_of_a_closed_account_has_the_language_of_its_last_bill(world: World) -> None:
    """It is closed on 15 October. The run of 1 November bills it; Chinese is agreed from that day on."""
    customer(world)
    agree(world, "anna", ZH, "2025-11-01")
    agreements.close(world.home, by_ann(world), "anna", dt.date(2025, 10, 15), "moved away")
    add_goodwill(world, "2025-10-10")
    world.bill("2025-11-01")
    made = newest(world, "anna")
    assert [line.text for line in made.lines if line.kind == "adjustment"] == ["优惠减免"]
    assert made.language == "zh"


def test_late_usage_has_the_language_of_the_bill_that_shows_it(world: World) -> None:
    """Chinese is agreed from 1 April on: the bill of that day has what is decided in March."""
    late(world)
    agree(world, "anna", ZH, "2026-04-01")
    assert decide(world, BILLED, "late-1", on_date=dt.date(2026, 3, 5)).groups[0].text.startswith("迟到用量")
    agree(world, "bert", ZH, "2026-03-05", "2026-04-01")
    assert decide(world, BILLED, "late-5", on_date=dt.date(2026, 3, 5)).groups[0].text.startswith("Late usage: ")

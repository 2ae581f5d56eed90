"""Every kind of line in words: the sentences are read here, and every explanation has been added up before it is shown."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from billing import catalogue
from billing.documents import adjusting, explaining, openings
from billing.documents.words import WORDS
from billing.store import tables
from rating.errors import UserError
from rating.model import (
    Commitment,
    FeeOccasion,
    InvoiceDiscount,
    OneOffFee,
    TaxClass,
    TaxRate,
    TaxShare,
    VolumeStep,
    VolumeTier,
)
from tests.billing.documents.clerk import CENT, credit, customer, void, who
from tests.billing.runs.world import START_US, Call, World, shop

FIRST, SECOND = "R-0000000001", "R-0000000002"
MINUTE_MS = 60_000


def sentences(world: World, number: str, language: str = "en") -> dict[str, list[str]]:
    """What is said of each line, by its text."""
    found = explaining.explain(world.home, number, language=language)
    return {line.text: list(line.sentences) for line in found.lines}


def business(world: World, **changes: object) -> None:
    """Publish plan basic anew with more in it, from before everything."""
    base = shop()
    plan = msgspec.structs.replace(base.plans[0], **changes)
    standard = TaxClass("standard", 1, (TaxRate(dt.date(2020, 1, 1), 60_000),))
    reduced = TaxClass("reduced", 2, (TaxRate(dt.date(2020, 1, 1), 90_000),))
    more = {"plans": (plan, base.plans[1]), "tax_classes": (standard, reduced)}
    catalogue.publish(world.home, shop(2, START_US + 1, **more), world.tick())


def test_a_first_bill(world: World) -> None:
    customer(world).bill("2025-11-01")
    assert sentences(world, FIRST) == {
        "Basic": ["Basic, 2025-10-01 to 2025-10-31: 10.00 x 31/31 days = 10.00"],
        "National calls": ["records: 1, 30:00, 20:00 of it free; their charges are 1.00, rounded 1.00"],
        "Premium calls": ["records: 1, 1:00, 0:00 of it free; their charges are 2.005, rounded 2.01"],
        "Tax standard 6 %": ["6 % of 13.01 = 0.78"],
    }
    assert explaining.explain(world.home, FIRST).foot == ("Net 13.01 + tax 0.78 = 13.79 CNY",)
    assert sentences(world, FIRST, "zh")["Tax standard 6 %"] == ["13.01 的 6 % = 0.78"]


def test_a_correction_says_what_was_billed_before(world: World) -> None:
    customer(world).bill("2025-11-01")
    world.take(Call("1001", "2025-10-09T10:00:00", 60))
    world.bill("2025-12-01")
    found = sentences(world, SECOND)
    assert found["National calls, correction for 2025-10-01 to 2025-10-31"] == [
        "records: 2, 31:00, 20:00 of it free; their charges are 1.10, rounded 1.10",
        f"{FIRST} has 1.00 of it",
        "due 1.10, billed before 1.00: now 0.10",
    ]
    assert found["Tax standard 6 %, correction for 2025-10-01 to 2025-10-31"][0] == "6 % of 13.11 = 0.79"


def test_a_service_that_ends_and_one_that_is_gone(world: World) -> None:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", "1001")
    world.bill("2025-11-01")
    world.end("anna-1", "2025-10-18")
    world.bill("2025-12-01")
    found = sentences(world, SECOND)
    assert found["Plus, correction for 2025-10-01 to 2025-10-31"] == [
        "Plus, correction for 2025-10-01 to 2025-10-31, 2025-10-01 to 2025-10-17: 30.00 x 17/31 days = 16.451613",
        "together 16.451613, rounded 16.45",
        f"{FIRST} has 30.00 of it",
        "due 16.45, billed before 30.00: now -13.55",
    ]
    assert found["Line rent, correction for 2025-11-01 to 2025-11-30"] == [
        "nothing is due for this any more", f"{FIRST} has 3.00 of it", "due 0.00, billed before 3.00: now -3.00",
    ]  # fmt: skip


def test_pauses_and_plan_changes(world: World) -> None:
    customer(world)
    key = world.key("subscriptions", "subscription_key", "subscription_id", "anna-1")
    fact = {"subscription_key": key, "kind": "pause", "from_date": "2025-10-11", "to_date": "2025-10-16", "detail": "{}"}
    world._add(tables.subscription_facts, **fact, by_name="clerk", by_uid=1)  # noqa: SLF001 -- a fact, as an import would bring it
    world.plan("anna-1", "shop/plus", "2025-10-21")
    world.bill("2025-11-01")
    found = sentences(world, FIRST)
    assert found["Basic"][:2] == ["Basic, 2025-10-01 to 2025-10-20: 10.00 x 15/31 days = 4.83871", "of these days 5 are paused"]
    assert found["Plus"][0] == "Plus, 2025-10-21 to 2025-10-31: 30.00 x 11/31 days = 10.645161"


def test_a_least_amount_of_part_of_a_period_is_worked_out(world: World) -> None:
    """40.00 a month are agreed; the service begins on 18 October, and 14 of 31 days count."""
    business(world, commitments=(Commitment(400, "least", 40, 4000, "standard", 40_000_000),))
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001", from_date="2025-10-18")
    world.bill("2025-11-01")
    assert sentences(world, FIRST)["least"] == [
        "40.00 x 14/31 days = 18.06 is the agreed minimum; what counts of it is 0.00; missing 18.06"
    ]
    assert sentences(world, FIRST, "zh")["least"] == ["约定最低消费按天折算 40.00 × 14/31 天 = 18.06，已计入 0.00，补差 18.06"]


def test_everything_that_follows_from_totals(world: World) -> None:
    tier = VolumeTier(
        300,
        "volume",
        30,
        3000,
        "standard",
        ("National calls",),
        (VolumeStep(0, 100_000, MINUTE_MS), VolumeStep(10 * MINUTE_MS, 80_000, MINUTE_MS)),
    )
    business(
        world,
        volume_tiers=(tier,),
        invoice_discounts=(
            InvoiceDiscount(500, "ten percent", 50, 5000, 100_000),
            InvoiceDiscount(501, "welcome", 51, 5000, 0, 300 * CENT),
        ),
        commitments=(Commitment(400, "least", 40, 4000, "standard", 20_000_000),),
        one_offs=(OneOffFee(600, "Activation", 60, 6000, "standard", 5_000_000, FeeOccasion.ACTIVATION),),
    )
    customer(world)
    wanted = adjusting.AdjustmentRequest("A1", "anna", dt.date(2025, 10, 20), -100 * CENT, "goodwill", "", "shop", "standard")
    adjusting.add(world.home, wanted, who(world))
    world.bill("2025-11-01")
    found = sentences(world, FIRST)
    assert found["Activation"] == ["1 x 5.00 = 5.00 (the subscription begins)"]
    assert found["volume"] == ["10:00 in the period reach the tier from 10:00: 0.80, less what the records were charged, 1.00 = -0.20"]
    assert found["ten percent"] == ["10 % off 17.81 = 1.78"]
    assert found["welcome"] == ["3.00 off 16.03, at most all of it = 3.00"]
    assert found["Goodwill"] == ["by hand for 2025-10-20: Goodwill; reference A1, entered by ana"]
    assert found["least"] == ["20.00 is the agreed minimum; what counts of it is 2.01; missing 17.99"]
    assert sentences(world, FIRST, "zh")["Goodwill"] == ["2025-10-20 人工调整：优惠减免；编号 A1，录入 ana"]


def test_a_bundle_of_two_tax_classes_with_a_discount(world: World) -> None:
    shares = (TaxShare("standard", 700_000, 5000), TaxShare("reduced", 300_000, 5001))
    fee = msgspec.structs.replace(shop().plans[0].recurring[0], shares=shares)
    business(world, recurring=(fee,), invoice_discounts=(InvoiceDiscount(501, "welcome", 51, 5000, 0, 100 * CENT),))
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.bill("2025-11-01")
    found = explaining.explain(world.home, FIRST)
    assert [line.sentences[-1] for line in found.lines if line.text == "Basic"] == [
        "of the bundle of 10.00, this tax class has 7.00",
        "of the bundle of 10.00, this tax class has 3.00",
    ]
    assert [line.sentences[-1] for line in found.lines if line.text == "welcome"] == [
        "of it on what this tax class has: -0.70",
        "of it on what this tax class has: -0.30",
    ]


def test_prices_that_hold_their_tax(world: World) -> None:
    base = shop()
    catalogue.publish(world.home, msgspec.structs.replace(base, identity="gross", tax_inclusive=True), world.tick())
    world.account("anna")
    world.subscription("anna-1", "anna", "gross/basic", "1001")
    world.bill("2025-11-01")
    found = sentences(world, FIRST)
    assert found["Basic"][-1] == "the price includes tax: 10.00 is 9.43 without it"
    assert found["Tax standard 6 %"] == ["prices include tax: of 10.00, 9.43 is net at 6 %, and 0.57 is tax"]


def test_other_documents(world: World) -> None:
    customer(world).bill("2025-11-01")
    credit(world, FIRST, 1, 250)
    assert sentences(world, "C-0000000001")["Credit: Basic"] == [f"credits a line of {FIRST} with -2.50, for good; reason: Goodwill"]
    key = world.key("accounts", "account_key", "account_id", "anna")
    item = {"account_key": key, "reference": "OLD", "issued_on": "2025-09-01", "due_on": "2025-09-15", "amount_micros": 500 * CENT}
    world._add(tables.opening_items, **item)  # noqa: SLF001 -- a fact, as an import would bring it
    openings.open_items(world.home, who(world, on=dt.date(2025, 11, 2)), dt.date(2025, 11, 2))
    assert list(sentences(world, "RO-0000000001").values()) == [["what was owed before the account was taken over: 5.00"]]
    void(world, "C-0000000001", "2025-11-06")
    assert explaining.explain(world.home, "C-0000000001").foot[-1] == "This document is void as of 2025-11-06 by ana: wrong address"


def test_what_does_not_add_up_is_never_shown(world: World) -> None:
    customer(world).bill("2025-11-01")
    line = tables.invoice_lines
    with world.home.begin() as connection:
        connection.execute(line.update().where(line.c.line_no == 1).values(amount_micros=11_000_000))
    with pytest.raises(UserError, match=r"line 1 of R-0000000001 cannot be explained: its parts add up to 10\.00, not 11\.00"):
        explaining.explain(world.home, FIRST, 1)
    with pytest.raises(UserError, match="has no line 9"):
        explaining.explain(world.home, FIRST, 9)


def test_both_languages_say_the_same_things() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    assert {each.value for each in FeeOccasion} <= WORDS["en"].keys()

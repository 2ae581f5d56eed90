"""What a document shows beside its stored lines: own days, amounts with tax, day passes, units, and why a tax is not paid."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from billing import catalogue, invoicing
from billing.accounts.kinds import DiscountFact, TaxFact
from billing.documents import adjusting
from billing.documents.explaining import explain
from billing.documents.showing import opening
from billing.documents.showing.document import document
from billing.documents.showing.lines import Days
from billing.documents.showing.passes import Passes
from billing.ledger.closed_months import Who
from billing.store import tables
from rating.errors import UserError
from rating.model import (
    ANY_ZONE,
    CapWindow,
    ChargeCap,
    DayPass,
    Discount,
    FeeTiming,
    Price,
    QuantityUnit,
    Rate,
    RecurringFee,
    Service,
    Step,
    TaxClass,
    TaxRate,
    TaxShare,
    UsageRule,
)
from rating.money import RoundingMode
from server.cli.pages import invoice
from tests.billing.documents.clerk import CENT, credit, customer, tell, void
from tests.billing.runs.world import START_US, Call, World, shop

if TYPE_CHECKING:
    from billing.documents.showing.lines import ShownLine

FIRST, SECOND, THIRD = (f"R-000000000{number}" for number in range(1, 4))
GB, MB = 10**9, 10**6
STANDARD = TaxClass("standard", 1, (TaxRate(dt.date(2020, 1, 1), 60_000),), {"en": "VAT"})
REDUCED = TaxClass("reduced", 2, (TaxRate(dt.date(2020, 1, 1), 90_000),), {"en": "reduced VAT", "zh": "低税率"})


def by_text(world: World, number: str) -> dict[str, ShownLine]:
    """What is shown of each line, by its text."""
    more = {each.line_no: each for each in document(world.home, number).more.lines}
    return {line.text: more[line.line_no] for line in invoicing.get_invoice(world.home, number).lines if line.kind != "tax"}


def page(world: World, number: str, language: str = "en") -> list[str]:
    """The page as people read it, runs of blanks as one."""
    text = invoice.page(invoicing.get_invoice(world.home, number), language, document(world.home, number, language).more)
    return [" ".join(line.split()) for line in text]


def publish(world: World, plan: dict[str, Any] | None = None, **changes: object) -> None:
    """Publish the shop anew, from before everything, with another plan basic."""
    base = shop()
    plans = (msgspec.structs.replace(base.plans[0], **(plan or {})), base.plans[1])
    catalogue.publish(world.home, shop(2, START_US + 1, **{"plans": plans, "tax_classes": (STANDARD, REDUCED), **changes}), world.tick())


def subscribed(world: World, *calls: Call, **more: Any) -> World:  # noqa: ANN401 -- columns of subscriptions.csv
    """Anna on plan basic."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001", **more)
    if calls:
        world.take(*calls)
    return world


def price(price_id: int, name: str, unit: QuantityUnit, micros: int, per: int) -> Price:
    """A price without minimum, charged to the unit."""
    rate = Rate("any", (Step(0, micros, per, 1),), 1)
    return Price(price_id, name, 30, 4030, "standard", unit, (rate,), rounding_mode=RoundingMode.HALF_UP)


def test_a_fee_of_part_of_a_period_says_which_days_it_is_for(world: World) -> None:
    subscribed(world, from_date="2025-10-22").bill("2025-11-01")
    assert by_text(world, FIRST)["Basic"].days == (Days("2025-10-22", "2025-11-01"),)
    assert "1 Basic anna-1 2025-10-22 .. 2025-10-31 3.23" in page(world, FIRST)


def test_days_of_a_pause_are_left_out_and_both_plans_of_a_change_say_theirs(world: World) -> None:
    subscribed(world)
    key = world.key("subscriptions", "subscription_key", "subscription_id", "anna-1")
    fact = {"subscription_key": key, "kind": "pause", "from_date": "2025-10-11", "to_date": "2025-10-16", "detail": "{}"}
    world._add(tables.subscription_facts, **fact, by_name="clerk", by_uid=1)  # noqa: SLF001 -- a fact, as an import would bring it
    world.plan("anna-1", "shop/plus", "2025-10-21")
    world.bill("2025-11-01")
    found = by_text(world, FIRST)
    assert found["Basic"].days == (Days("2025-10-01", "2025-10-11"), Days("2025-10-16", "2025-10-21"))
    assert found["Plus"].days == (Days("2025-10-21", "2025-11-01"),)
    assert "1 Basic anna-1 2025-10-01 .. 2025-10-10, 2025-10-16 .. 2025-10-20 4.84" in page(world, FIRST)


def test_a_fee_of_a_whole_period_and_one_that_is_not_divided_have_the_period(world: World) -> None:
    fees = (RecurringFee(200, "Basic", 200, 5000, "standard", 10_000_000, FeeTiming.ARREARS, prorate=False),)
    publish(world, {"recurring": fees})
    subscribed(world, from_date="2025-10-22").bill("2025-11-01")
    assert by_text(world, FIRST)["Basic"].days == ()
    world.bill("2025-12-01")
    assert by_text(world, SECOND)["Basic"].days == ()


def test_a_correction_is_of_its_period_and_a_credit_has_the_days_of_what_it_credits(world: World) -> None:
    subscribed(world, from_date="2025-10-22").bill("2025-11-01")
    note = credit(world, FIRST, 1, None)
    assert by_text(world, note.number)["Credit: Basic"].days == (Days("2025-10-22", "2025-11-01"),)
    world.end("anna-1", "2025-10-25")
    world.bill("2025-12-01")
    assert by_text(world, SECOND)["Basic, correction for 2025-10-01 to 2025-10-31"].days == ()


def test_a_class_whose_lines_come_to_nothing_is_not_said_to_be_without_tax(world: World) -> None:
    """Ten free minutes of a class of their own: nothing is charged, nothing is taxed, and nothing is untaxed."""
    free = msgspec.structs.replace(shop().prices[0], tax_class="reduced")
    publish(world, None, prices=(free, shop().prices[1]))
    subscribed(world, Call("1001", "2025-10-05T10:00:00", 600)).bill("2025-11-01")
    assert [(each.text, each.taxed_micros, each.tax_micros) for each in document(world.home, FIRST).more.taxes] == [
        ("VAT 6 %", 1000 * CENT, 60 * CENT)
    ]
    assert not [line for line in page(world, FIRST) if "without tax" in line]


def test_a_tax_that_is_below_half_a_cent_is_a_tax_with_its_rate(world: World) -> None:
    """A nickel of a class at 9 percent is 0.0045 of tax."""
    dear = msgspec.structs.replace(shop().prices[1], tax_class="reduced", rates=(Rate("any", (Step(0, 50_000, 60_000, 60_000),), 60_000),))
    publish(world, None, prices=(shop().prices[0], dear))
    subscribed(world, Call("1001", "2025-10-07T10:00:00", 30, 8690000000001)).bill("2025-11-01")
    assert "reduced VAT 9 % 2025-10-01 .. 2025-10-31 0.05 0.00" in page(world, FIRST)
    assert "低税率 9 % 2025-10-01 .. 2025-10-31 0.05 0.00" in page(world, FIRST, "zh")


@pytest.mark.parametrize(
    ("fact", "row", "chinese"),
    [
        (TaxFact(("*",), {}, "certificate 2025/17"), "VAT 6 %, exempt: certificate 2025/17", "VAT 6 %，免税：certificate 2025/17"),
        (TaxFact(("standard",)), "VAT 6 %, exempt", "VAT 6 %，免税"),
        (TaxFact(("standard",), {"standard": "reduced"}, "order 5"), "reduced VAT 9 %, exempt: order 5", "低税率 9 %，免税：order 5"),
    ],
)
def test_an_exempt_account_is_told_of_what_and_why(world: World, fact: TaxFact, row: str, chinese: str) -> None:
    publish(world)
    subscribed(world)
    tell(world, "anna", "tax", fact, "2025-10-01")
    world.bill("2025-11-01")
    assert f"{row} 2025-10-01 .. 2025-10-31 10.00 0.00" in page(world, FIRST)
    assert f"{chinese} 2025-10-01 .. 2025-10-31 10.00 0.00" in page(world, FIRST, "zh")
    told = document(world.home, FIRST).more.taxes
    assert [(each.exempt, each.certificate) for each in told] == [(True, fact.certificate)]


def test_an_exemption_that_is_over_frees_nothing(world: World) -> None:
    publish(world)
    subscribed(world)
    tell(world, "anna", "tax", TaxFact(("*",), {}, "old"), "2025-01-01", "2025-10-31")
    world.bill("2025-11-01")
    assert [(each.text, each.exempt) for each in document(world.home, FIRST).more.taxes] == [("VAT 6 %", False)]


def test_discount_lines_say_of_which_tax_class_and_stand_below_what_they_are_off(world: World) -> None:
    dear = msgspec.structs.replace(shop().prices[1], tax_class="reduced")
    publish(world, None, prices=(shop().prices[0], dear))
    subscribed(world, Call("1001", "2025-10-07T10:00:00", 30, 8690000000001))
    tell(world, "anna", "discount", DiscountFact("loyal", percent_ppm=100_000), "2025-10-01")
    world.bill("2025-11-01")
    rows = [line for line in page(world, FIRST) if line[:1].isdigit()]
    assert rows == [
        "3 Basic anna-1 2025-10-01 .. 2025-10-31 10.00",
        "4 Premium calls anna-1 2025-10-01 .. 2025-10-31 1 1:00 2.01",
        "1 loyal (VAT) 2025-10-01 .. 2025-10-31 -1.00",
        "2 loyal (reduced VAT) 2025-10-01 .. 2025-10-31 -0.20",
    ]
    assert "2 loyal（低税率） 2025-10-01 .. 2025-10-31 -0.20" in page(world, FIRST, "zh")
    assert [each.tax_name for each in document(world.home, FIRST).more.lines] == ["VAT", "reduced VAT", "", ""]


def test_credits_by_hand_of_one_tax_class_are_told_apart_by_their_references(world: World) -> None:
    """Two goodwills of one class on one bill: the class in brackets would tell nothing."""
    publish(world, None)
    subscribed(world)
    for reference in ("G-1", "G-2"):
        wanted = adjusting.AdjustmentRequest(reference, "anna", dt.date(2025, 10, 20), -1_000_000, "goodwill", "", "shop", "standard")
        adjusting.add(world.home, wanted, Who("ana", 1, world.tick()))
    world.bill("2025-11-01")
    rows = [line.split(" 2025")[0] for line in page(world, FIRST) if "Goodwill" in line]
    assert [row.split(" ", 1)[1] for row in rows] == ["Goodwill (G-1)", "Goodwill (G-2)"]


def test_parts_of_a_bundle_say_their_tax_class(world: World) -> None:
    shares = (TaxShare("standard", 600_000, 5000), TaxShare("reduced", 400_000, 5001))
    fee = RecurringFee(200, "Basic", 200, 5000, "standard", 10_000_000, FeeTiming.ARREARS, shares=shares)
    publish(world, {"recurring": (fee,)})
    subscribed(world).bill("2025-11-01")
    assert [line for line in page(world, FIRST) if "Basic" in line] == [
        "1 Basic (VAT) anna-1 2025-10-01 .. 2025-10-31 6.00",
        "2 Basic (reduced VAT) anna-1 2025-10-01 .. 2025-10-31 4.00",
    ]


@pytest.fixture
def gross(world: World) -> World:
    """Anna as in `customer`, at prices that hold their tax, billed for October."""
    catalogue.publish(world.home, shop(1, START_US, identity="gross", tax_inclusive=True), world.tick())
    world.account("anna")
    world.subscription("anna-1", "anna", "gross/basic", "1001")
    world.take(Call("1001", "2025-10-05T10:00:00", 30 * 60), Call("1001", "2025-10-07T10:00:00", 30, 8690000000001))
    world.bill("2025-11-01")
    return world


def test_prices_that_hold_their_tax_are_shown_as_the_tariff_has_them(gross: World) -> None:
    """10.00 a month and calls of 1.00 and 2.005, tax of 6 percent in them: 13.01 in all."""
    world = gross
    found = by_text(world, FIRST)
    assert {text: line.with_tax_micros for text, line in found.items()} == {
        "Basic": 1000 * CENT, "National calls": 100 * CENT, "Premium calls": 201 * CENT,
    }  # fmt: skip
    assert "Amount CNY With tax CNY" in page(world, FIRST)[5]
    assert "金额 CNY 含税金额 CNY" in page(world, FIRST, "zh")[5]
    assert [line for line in page(world, FIRST) if line.startswith("1 Basic")] == ["1 Basic anna-1 2025-10-01 .. 2025-10-31 9.43 10.00"]
    world.take(Call("1001", "2025-10-09T10:00:00", 60))
    world.bill("2025-12-01")
    late = by_text(world, SECOND)["National calls, correction for 2025-10-01 to 2025-10-31"]
    assert late.with_tax_micros == 10 * CENT
    total = invoicing.get_invoice(world.home, SECOND).summary.total_micros
    assert sum(line.with_tax_micros or 0 for line in by_text(world, SECOND).values()) == total == 1010 * CENT


def test_lines_of_two_catalogues_are_shown_with_tax_where_it_is_in_the_price(gross: World) -> None:
    """Ben has a plan of each, and a tenth off both."""
    gross.account("ben")
    gross.subscription("ben-1", "ben", "gross/basic", "2001")
    gross.subscription("ben-2", "ben", "shop/plus", "2002")
    tell(gross, "ben", "discount", DiscountFact("loyal", percent_ppm=100_000), "2025-10-01")
    gross.bill("2025-11-01")
    found = by_text(gross, SECOND)
    assert (found["Basic"].with_tax_micros, found["Plus"].with_tax_micros) == (1000 * CENT, None)
    assert found["loyal"].with_tax_micros is None, "it is a tenth of 10.00 with tax and of 33.00 without"


def test_what_cannot_be_worked_out_again_is_not_shown_with_tax(gross: World) -> None:
    gross.execute("UPDATE invoice_lines SET amount_micros = amount_micros + 10000 WHERE line_no = 1")
    assert [line.with_tax_micros for line in document(gross.home, FIRST).more.lines] == [None, 100 * CENT, 201 * CENT]


def test_a_day_pass_is_told_of_the_line_that_holds_it(world: World) -> None:
    """Two calls on one day and one on the next: two passes of 1.50, and nothing else, on the line of national calls."""
    day = DayPass(
        7,
        "all day",
        1_500_000,
        (Service.VOICE,),
        ("national",),
        QuantityUnit.MILLISECOND,
        None,
        title={"en": "All-day pass", "zh": "畅打日包"},
    )
    publish(world, {"day_passes": (day,), "allowances": ()})
    calls = [Call("1001", at, 600) for at in ("2025-10-05T10:00:00", "2025-10-05T12:00:00", "2025-10-06T10:00:00")]
    subscribed(world, *calls).bill("2025-11-01")
    assert by_text(world, FIRST)["National calls"].passes == (Passes("All-day pass", 2, 300 * CENT),)
    assert by_text(world, FIRST)["Basic"].passes == ()
    assert "Line 2 holds 2 x All-day pass: 3.00 CNY" in page(world, FIRST)
    assert "第 2 项含 2 次 畅打日包：3.00 CNY" in page(world, FIRST, "zh")
    assert explain(world.home, FIRST, 2).lines[0].sentences[-1] == "in it 2 x All-day pass: 3.00"
    assert explain(world.home, FIRST, 2, "zh").lines[0].sentences[-1] == "其中 畅打日包 2 次：3.00"


@pytest.mark.parametrize("seed", range(4))
def test_the_kernel_tells_the_day_passes_that_the_twin_tells(world: World, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Passes of two fees (or of one, which only the twin can tell apart), before or after an allowance, below a cap and a discount."""
    rng = random.Random(seed)
    minutes = [rng.choice((None, rng.randrange(5, 40) * 60_000)) for _ in range(2)]
    fees = (1_500_000, rng.choice((1_500_000, 2_250_000)) if seed % 2 else 2_250_000)
    days = [
        DayPass(number, f"pass {number}", fee, (Service.VOICE,), (zone,), QuantityUnit.MILLISECOND, quantity, priority=rng.randrange(3))
        for number, fee, quantity, zone in zip((7, 8), fees, minutes, (ANY_ZONE, "national"), strict=True)
    ]
    cap = ChargeCap(3, "cap", 40_000_000, CapWindow.PERIOD, (Service.VOICE,), (ANY_ZONE,))
    loyal = Discount(1, "loyal", 100_000, (Service.VOICE,), (ANY_ZONE,))
    publish(world, {"day_passes": tuple(days), "caps": (cap,), "discounts": (loyal,)})
    numbers = (8613900000001, 8690000000001)
    calls = [
        Call(
            "1001", f"2025-10-{rng.randrange(1, 12):02}T{rng.randrange(24):02}:15:00", rng.randrange(3000), rng.choice(numbers), key=f"{n}"
        )
        for n in range(60)
    ]
    subscribed(world, *calls).bill("2025-11-01")
    by_kernel = {text: line.passes for text, line in by_text(world, FIRST).items()}
    monkeypatch.setattr(opening, "opened", _not_open_any_more)
    assert {text: line.passes for text, line in by_text(world, FIRST).items()} == by_kernel
    assert any(by_kernel.values())


def _not_open_any_more(*_: object) -> None:
    raise UserError("closed", "wait")


def test_volumes_are_in_the_unit_of_the_tariff_and_what_is_one_is_one(world: World) -> None:
    prices = (
        *shop().prices,
        price(110, "Data", QuantityUnit.BYTE, 2_000_000, GB),
        price(111, "Messages", QuantityUnit.MESSAGE, 100_000, 1),
        price(112, "Games", QuantityUnit.MESSAGE, 1_000_000, 1),
    )
    rules = (
        *shop().plans[0].rules,
        UsageRule(Service.DATA, "*", "Data"),
        UsageRule(Service.SMS, "*", "Messages"),
        UsageRule(Service.CONTENT, "*", "Games"),
    )
    publish(world, {"rules": rules}, prices=prices)
    subscribed(
        world,
        Call("1001", "2025-10-05T10:00:00", 0, service=Service.DATA, volume_bytes=1_087_800_000),
        Call("1001", "2025-10-06T10:00:00", 0, service=Service.SMS),
        Call("1001", "2025-10-07T10:00:00", 0, service=Service.CONTENT),
    ).bill("2025-11-01")
    found = {line: by_text(world, FIRST)[line].unit for line in ("Data", "Messages", "Games", "Basic")}
    assert found == {"Data": "GB", "Messages": "message", "Games": "purchase", "Basic": ""}
    text = "\n".join(page(world, FIRST))
    assert "1 1.0878 GB 2.18" in text
    assert "1 1 message 0.10" in text
    assert "1 1 purchase 1.00" in text
    assert [each for each in ("1.0878 GB", "1 条", "1 次") if each not in "\n".join(page(world, FIRST, "zh"))] == []
    sentences = {line.text: line.sentences[0] for line in explain(world.home, FIRST).lines}
    assert sentences["Data"] == "records: 1, 1.0878 GB, 0 GB of it free; their charges are 2.1756, rounded 2.18"
    assert sentences["Messages"] == "records: 1, 1 message, 0 messages of it free; their charges are 0.10, rounded 0.10"
    assert sentences["Games"] == "records: 1, 1 purchase, 0 purchases of it free; their charges are 1.00, rounded 1.00"


def test_a_void_document_is_shown_as_it_was(world: World) -> None:
    customer(world).bill("2025-11-01")
    before = document(world.home, FIRST).more
    void(world, FIRST)
    assert document(world.home, FIRST).more == before

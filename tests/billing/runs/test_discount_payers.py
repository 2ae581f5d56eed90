"""Who has a discount or a volume tier: a discount whoever pays what it is off; a tier whom lines of kind volume are agreed with."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue, controls, invoicing
from billing.accounts.kinds import DiscountFact, PayerFact
from billing.documents.explaining import explain
from billing.store import tables
from rating.model import InvoiceDiscount, RecurringFee, TaxClass, TaxRate, TaxShare, VolumeScope, VolumeStep, VolumeTier
from tests.billing.runs.world import MINUTE_MS, Call, shop

if TYPE_CHECKING:
    from tests.billing.runs.world import World

UNIT = 1_000_000


def told(world: World, table: str, kind: str, detail: msgspec.Struct) -> None:
    """A fact about account a or its subscription, from 1 October on."""
    of_account = table == "account_facts"
    subject = {"account_key": world.key("accounts", "account_key", "account_id", "a")}
    if not of_account:
        subject = {"subscription_key": world.key("subscriptions", "subscription_key", "subscription_id", "sa")}
    values = {
        "kind": kind,
        "from_date": "2025-10-01",
        "to_date": None,
        "detail": msgspec.json.encode(detail).decode(),
        "by_name": "",
        "by_uid": 0,
    }
    with world.home.begin() as connection:
        seq = world.home.next_commit_seq(connection, "fact", world.tick())
        connection.execute(tables.metadata.tables[table].insert().values(**subject, **values, commit_seq=seq))


# what account b pays of a's subscription (fees in arrears 30.00, in advance 3.00 twice); net in cents of a and of b, 10 % off
PAYS = (
    ((), (), 0, 3240),  # everything: 36.00 less 3.60
    (("recurring",), (), 0, 3240),
    ((), (201,), 540, 2700),  # the fee in arrears alone: 30.00 less 3.00; a has 6.00 less 0.60
)


@pytest.mark.parametrize(("kinds", "codes", "of_a", "of_b"), PAYS)
def test_a_discount_goes_with_what_it_is_off(world: World, kinds: tuple[str, ...], codes: tuple[int, ...], of_a: int, of_b: int) -> None:
    world.account("a")
    world.account("b")
    world.subscription("sa", "a", "shop/plus", "8613800000001")
    told(world, "account_facts", "discount", DiscountFact("loyal", percent_ppm=100_000))
    told(world, "subscription_facts", "payer", PayerFact("b", kinds, codes))
    report = world.bill("2025-11-01")
    assert report.quarantined == {}
    net = {each.account_id: each.net_micros // 10_000 for each in invoicing.list_invoices(world.home)}
    assert (net.get("a", 0), net.get("b", 0)) == (of_a, of_b)
    assert [each.name for each in controls.books(world.home) if not each.ok] == []
    assert all(explain(world.home, each.number).lines for each in invoicing.list_invoices(world.home))


def test_a_discount_of_a_plan_goes_with_what_it_is_off(world: World) -> None:
    """The plan's 10 % off 36.00: b pays the fee in arrears (30.00 less 3.00), a the rest (6.00 less 0.60)."""
    plan = msgspec.structs.replace(shop().plans[1], invoice_discounts=(InvoiceDiscount(30, "tenth", 30, 5000, 100_000),))
    catalogue.publish(world.home, shop(identity="mix", plans=(plan,)), world.tick())
    world.account("a")
    world.account("b")
    world.subscription("sa", "a", "mix/plus", "8613800000001")
    told(world, "subscription_facts", "payer", PayerFact("b", (), (201,)))
    assert world.bill("2025-11-01").quarantined == {}
    net = {each.account_id: each.net_micros // 10_000 for each in invoicing.list_invoices(world.home)}
    assert net == {"a": 540, "b": 2700}


def test_a_discount_of_a_split_bill_in_words(world: World) -> None:
    """10 % off the account's 36.00, whoever pays: of the 3.60 each payer is told what is off its own lines."""
    world.account("a")
    world.account("b")
    world.subscription("sa", "a", "shop/plus", "8613800000001")
    told(world, "account_facts", "discount", DiscountFact("loyal", percent_ppm=100_000))
    told(world, "subscription_facts", "payer", PayerFact("b", (), (201,)))
    world.bill("2025-11-01")
    said = {each.account_id: words(world, each.number, "loyal") for each in invoicing.list_invoices(world.home)}
    assert said == {
        "a": [("10 % off 33.00 = 3.30", "of it on what this account pays: -0.30"), ("10 % off 3.00 = 0.30",)],
        "b": [("10 % off 33.00 = 3.30", "of it on what this account pays: -3.00")],
    }


def test_a_discount_agreed_with_a_member_of_a_consolidated_bill(world: World) -> None:
    """Account b has agreed nothing itself, and pays everything of a."""
    world.account("a")
    world.account("b")
    world.subscription("sa", "a", "shop/plus", "8613800000001")
    told(world, "account_facts", "discount", DiscountFact("loyal", percent_ppm=100_000))
    told(world, "account_facts", "payer", PayerFact("b"))
    world.bill("2025-11-01")
    assert words(world, "R-0000000001", "loyal") == [("10 % off 33.00 = 3.30",), ("10 % off 3.00 = 0.30",)]


def test_a_cent_that_is_over_falls_in_words_where_it_fell_on_the_bill(world: World) -> None:
    """0.05 off four lines of 1.00 in two tax classes: each line has a cent of it, and one has two."""
    shares = (TaxShare("standard", 500_000, 5000), TaxShare("reduced", 500_000, 5001))
    fees = tuple(RecurringFee(number, name, number, 5000, "", 2 * UNIT, shares=shares) for number, name in ((20, "one"), (10, "two")))
    classes = tuple(TaxClass(name, code, (TaxRate(dt.date(2020, 1, 1), 60_000),)) for name, code in (("reduced", 1), ("standard", 2)))
    plan = msgspec.structs.replace(shop().plans[0], recurring=fees, invoice_discounts=(InvoiceDiscount(30, "five", 30, 5000, 0, 50_000),))
    rent = msgspec.structs.replace(shop().plans[1], recurring=())
    catalogue.publish(world.home, shop(identity="mix", plans=(plan, rent), tax_classes=classes), world.tick())
    world.account("a")
    world.subscription("sa", "a", "mix/basic", "8613800000001")
    world.bill("2025-11-01")
    said = words(world, "R-0000000001", "five")
    assert sorted(each[-1] for each in said) == ["of it on what this tax class has: -0.02", "of it on what this tax class has: -0.03"]


def test_a_tier_of_the_account_in_words_where_two_pay(world: World) -> None:
    """17 minutes at 0.05 instead of 0.10: b pays 7 of them, a 10 and the fees of both subscriptions (36.00 each)."""
    steps = (VolumeStep(0, 100_000, MINUTE_MS), VolumeStep(10 * MINUTE_MS, 50_000, MINUTE_MS))
    tier = VolumeTier(300, "volume", 30, 3000, "standard", ("National calls",), steps, VolumeScope.ACCOUNT)
    plan = msgspec.structs.replace(shop().plans[1], volume_tiers=(tier,))
    catalogue.publish(world.home, shop(identity="mix", plans=(plan,)), world.tick())
    world.account("a")
    world.account("b")
    world.subscription("sa", "a", "mix/plus", "8613800000001")
    world.subscription("sc", "a", "mix/plus", "8613800000002")
    told(world, "subscription_facts", "payer", PayerFact("b", ("usage", "volume")))
    world.take(Call("8613800000001", "2025-10-05T10:00:00", 7 * 60), Call("8613800000002", "2025-10-05T10:00:00", 10 * 60))
    assert world.bill("2025-11-01").quarantined == {}
    found = {each.account_id: each for each in invoicing.list_invoices(world.home)}
    assert {name: each.net_micros // 10_000 for name, each in found.items()} == {"a": 7250, "b": 35}
    whole = "17:00 in the period reach the tier from 10:00: 0.85, less what the records were charged, 1.70 = -0.85"
    paid = "of it {} on what this account pays: {}, less what the records were charged, {} = {}"
    assert words(world, found["a"].number, "volume") == [(whole, paid.format("10:00", "0.50", "1.00", "-0.50"))]
    assert words(world, found["b"].number, "volume") == [(whole, paid.format("7:00", "0.35", "0.70", "-0.35"))]
    in_chinese = explain(world.home, found["b"].number, language="zh").lines
    assert "其中本账户付费部分用量 7:00：0.35，减去按条收取的 0.70 = -0.35" in [text for line in in_chinese for text in line.sentences]  # noqa: RUF001 -- Chinese punctuation
    assert [each.name for each in controls.books(world.home) if not each.ok] == []


# what b pays of a's 20 minutes of October at 0.10, of which the tier takes 0.02 off each; then totals with tax in cents of a and of b,
# and what they come to when 10 minutes more have come late
TIER_PAID = (
    (("usage",), (-42, 212), (-64, 318)),  # -0.40 - 0.02, 2.00 + 0.12; -0.60 - 0.04, 3.00 + 0.18
    (("usage", "volume"), (0, 170), (0, 254)),  # 1.60 + 0.10; 2.40 + 0.14
    (("volume",), (212, -42), (318, -64)),
)


@pytest.mark.parametrize(("kinds", "october", "with_late"), TIER_PAID, ids=[" ".join(row[0]) for row in TIER_PAID])
def test_what_a_tier_takes_off_may_be_all_of_a_bill(
    world: World, kinds: tuple[str, ...], october: tuple[int, int], with_late: tuple[int, int]
) -> None:
    steps = (VolumeStep(0, 100_000, MINUTE_MS), VolumeStep(16 * MINUTE_MS, 80_000, MINUTE_MS))
    tier = VolumeTier(300, "volume", 30, 3000, "standard", ("National calls",), steps)
    plan = msgspec.structs.replace(shop().plans[1], recurring=(), volume_tiers=(tier,))
    catalogue.publish(world.home, shop(identity="mix", plans=(plan,)), world.tick())
    world.account("a")
    world.account("b")
    world.subscription("sa", "a", "mix/plus", "8613800000001")
    told(world, "account_facts", "payer", PayerFact("b", kinds))
    for date, minutes, expected in (("2025-11-01", 20, october), ("2025-12-01", 10, with_late)):
        world.take(Call("8613800000001", f"2025-10-05T{minutes}:00:00", minutes * 60))
        assert world.bill(date).quarantined == {}
        billed = invoicing.list_invoices(world.home)
        assert tuple(sum(each.total_micros for each in billed if each.account_id == name) // 10_000 for name in "ab") == expected
        assert all(explain(world.home, each.number).lines for each in billed)
    assert [each.name for each in controls.books(world.home) if not each.ok] == []


def words(world: World, number: str, text: str) -> list[tuple[str, ...]]:
    """What is said of the lines of a document that are called so."""
    return [line.sentences for line in explain(world.home, number).lines if line.text == text]

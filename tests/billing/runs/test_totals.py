"""What follows from the totals of a period: volume tiers, discounts, commitments, adjustments; in their order, line by line.

Fees are of 10.00 and 31.00 a month, usage is of October 2025. Rows are: account, subscription, first day, kind, price id, amount.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import random

import msgspec
import pytest

from billing.accounts.kinds import DiscountFact
from billing.charges.charge_keys import Kind
from billing.charges.discounts import agreed_price_id
from billing.runs.contracts.agreements import NOTHING, Relation
from billing.runs.settlement import totals
from rating.model import (
    Commitment,
    CommitmentCounts,
    FeeTiming,
    InvoiceDiscount,
    Plan,
    RecurringFee,
    TaxClass,
    TaxRate,
    VolumeScope,
    VolumeStep,
    VolumeTier,
)
from tests.billing.runs.proposed import CENT, NATIONAL, PREMIUM, Proposed, Used, adjustments, life, span, table
from tests.billing.runs.world import shop

UNIT = 1_000_000
FEE, RENT, TIER, LEAST, PERCENT, FIXED = 200, 201, 300, 400, 500, 501
STEPS = (VolumeStep(0, 100_000), VolumeStep(16, 80_000))
BASIC = (RecurringFee(FEE, "Basic", FEE, 5000, "standard", 10 * UNIT),)


def tier(scope: VolumeScope = VolumeScope.SUBSCRIPTION, prices: tuple[str, ...] = ("National calls",)) -> VolumeTier:
    return VolumeTier(TIER, "volume", 30, 3000, "standard", prices, STEPS, scope)


def least(micros: int, counts: CommitmentCounts = CommitmentCounts.USAGE, *, prorate: bool = True) -> Commitment:
    return Commitment(LEAST, "least", 40, 4000, "standard", micros, counts, prorate)


def percent(ppm: int, **more: object) -> InvoiceDiscount:
    return InvoiceDiscount(PERCENT, "percent", 50, 5000, ppm, **more)  # type: ignore[arg-type] -- fields of a discount


def fixed(cents: int, **more: object) -> InvoiceDiscount:
    return InvoiceDiscount(FIXED, "fixed", 51, 5000, 0, cents * CENT, **more)  # type: ignore[arg-type] -- fields of a discount


def one(plan: Plan, *usage: Used, start: str = "2025-10-01") -> list[str]:
    """What one subscription with `plan` has beside usage and fees."""
    found = Proposed.of([plan], [(1, life((start, plan.name), active=(start, None)))]).everything(*usage)
    return [row.removeprefix("a1 ") for row in table(found) if "usage" not in row and "recurring" not in row]


# quantity, what the events were charged, the line of the tier
@pytest.mark.parametrize(
    ("quantity", "free", "cents", "expected"),
    [
        (15, 0, 150, "0.00"),  # 15 x 0.10: what the events cost
        (16, 0, 160, "-0.32"),  # 16 x 0.08 = 1.28
        (17, 0, 170, "-0.34"),
        (20, 4, 160, "-0.32"),  # four were free: sixteen count
        (20, 5, 150, "0.00"),
        (16, 0, 0, "1.28"),  # events that were charged nothing
        (16, 16, 0, "0.00"),
    ],
)
def test_volume(quantity: int, free: int, cents: int, expected: str) -> None:
    plan = Plan("tiered", (), {}, volume_tiers=(tier(),))
    assert one(plan, Used(1, NATIONAL, quantity, cents, free)) == [f"s1 10-01 volume 300 {expected}"]


def test_volume_looks_at_its_own_prices_and_period_alone() -> None:
    plan = Plan("tiered", (), {}, volume_tiers=(tier(),))
    assert one(plan, Used(1, PREMIUM, 100, 500), Used(1, NATIONAL, 16, 160)) == ["s1 10-01 volume 300 -0.32"]
    assert one(plan, Used(1, PREMIUM, 100, 500)) == []
    both = Plan("tiered", (), {}, volume_tiers=(tier(prices=("National calls", "Premium calls")),))
    assert one(both, Used(1, PREMIUM, 10, 100), Used(1, NATIONAL, 10, 100)) == ["s1 10-01 volume 300 -0.40"]  # 20 x 0.08 - 2.00


def test_volume_of_an_account_adds_up_its_subscriptions() -> None:
    plans = [Plan("a", (), {}, volume_tiers=(tier(VolumeScope.ACCOUNT),)), Plan("b", (), {})]
    lives = [(1, life(("2025-10-01", "a"))), (1, life(("2025-10-01", "a"))), (1, life(("2025-10-01", "b"))), (2, life(("2025-10-01", "a")))]
    usage = [Used(number, NATIONAL, 10, 100) for number in (1, 2, 3, 4)]
    found = Proposed.of(plans, lives, accounts=2).everything(*usage)
    assert table(found, Kind.VOLUME) == ["a1 s0 10-01 volume 300 -0.40", "a2 s0 10-01 volume 300 0.00"]  # 20 x 0.08 - 2.00


SHARED = [
    # what account 2 pays of s1 (7 units, charged 0.70); s2 (10 units, charged 1.00) stays with account 1; a step of 0.08 and 0.01 on top:
    # 17 x 0.08 + 0.01 = 1.37, of which 7/17 are 0.564 and 10/17 0.806
    ((), ["a1 s0 10-01 volume 300 -0.19", "a2 s0 10-01 volume 300 -0.14"]),  # 0.81 - 1.00, 0.56 - 0.70
    (("usage", "volume"), ["a1 s0 10-01 volume 300 -0.19", "a2 s0 10-01 volume 300 -0.14"]),
    (("volume",), ["a1 s0 10-01 volume 300 -0.19", "a2 s0 10-01 volume 300 -0.14"]),
    (("usage",), ["a1 s0 10-01 volume 300 -0.33"]),  # lines of tiers stay, as those of a tier of a subscription do
]


@pytest.mark.parametrize(("kinds", "expected"), SHARED)
@pytest.mark.parametrize("with_own", [False, True])
def test_volume_of_an_account_is_shared_by_those_who_pay_it(kinds: tuple[str, ...], expected: list[str], *, with_own: bool) -> None:
    """Also where account 2 has subscriptions of its own: its own sum is another line of the same key, added up by settlement."""
    steps = (VolumeStep(0, 100_000), VolumeStep(16, 80_000, 1, 10_000))
    shared = msgspec.structs.replace(tier(VolumeScope.ACCOUNT), steps=steps)
    agreed = dataclasses.replace(NOTHING, subscription_payers={1: (Relation(span("2025-10-01"), 1, kinds, ()),)})
    lives = [(1, life(("2025-10-01", "a"))), (1, life(("2025-10-01", "a"))), (2, life(("2025-10-01", "a")))]
    usage = [Used(1, NATIONAL, 7, 70), Used(2, NATIONAL, 10, 100)]
    usage += [Used(3, NATIONAL, 20, 200)] if with_own else []
    plans = [Plan("a", (), {}, volume_tiers=(shared,), invoice_discounts=(percent(100_000),))]
    found = Proposed.of(plans, lives, accounts=2, agreed=agreed).everything(*usage)
    own = ["a2 s0 10-01 volume 300 -0.39"] if with_own else []  # 20 x 0.08 + 0.01 - 2.00
    assert table(found, Kind.VOLUME) == sorted(expected + own)


def test_a_discount_of_the_account_is_off_each_payers_part_of_a_tier() -> None:
    """16 x 1.00 at a tier's 2.00 are 32.00: 8 units of each payer, so 16.00 each, of which 8.00 were charged; 10 % off all of it."""
    steps = (VolumeStep(0, 2 * UNIT),)
    shared = msgspec.structs.replace(tier(VolumeScope.ACCOUNT), steps=steps)
    off = ((span("2025-10-01"), DiscountFact("loyal", 100_000)),)
    payers = {1: (Relation(span("2025-10-01"), 1, (), ()),)}
    agreed = dataclasses.replace(NOTHING, subscription_payers=payers, discounts={0: off})
    lives = [(1, life(("2025-10-01", "a"))), (1, life(("2025-10-01", "a")))]
    plans = [Plan("a", (), {}, volume_tiers=(shared,))]
    found = Proposed.of(plans, lives, accounts=2, agreed=agreed).everything(Used(1, NATIONAL, 8, 800), Used(2, NATIONAL, 8, 800))
    loyal = agreed_price_id("loyal")
    assert table(found, Kind.VOLUME, Kind.DISCOUNT) == sorted(
        [f"a{payer} s0 10-01 {line}" for payer in (1, 2) for line in ("volume 300 8.00", f"discount {loyal} -1.60")]
    )


DISCOUNTS = [
    # discounts of the plan, what they take off a fee of 10.00 and usage of 20.00
    ((percent(100_000),), ["discount 500 -3.00"]),
    ((percent(100_000), fixed(500)), ["discount 500 -3.00", "discount 501 -5.00"]),
    ((fixed(500), percent(100_000)), ["discount 500 -3.00", "discount 501 -5.00"]),
    ((fixed(5000),), ["discount 501 -30.00"]),
    ((percent(100_000, kinds=("usage",)),), ["discount 500 -2.00"]),
    ((percent(100_000, kinds=("recurring",)),), ["discount 500 -1.00"]),
    ((percent(100_000, charge_codes=(10,)),), ["discount 500 -2.00"]),
    ((percent(100_000, charge_codes=(10, FEE)),), ["discount 500 -3.00"]),
    ((percent(100_000, months=1),), ["discount 500 -3.00"]),
    ((percent(100_000, kinds=("adjustment",)),), []),
]


@pytest.mark.parametrize(("discounts", "expected"), DISCOUNTS)
def test_discounts_of_a_plan(discounts: tuple[InvoiceDiscount, ...], expected: list[str]) -> None:
    plan = Plan("cheap", (), {}, (), BASIC, invoice_discounts=discounts)
    assert one(plan, Used(1, NATIONAL, 1, 2000)) == [f"s1 10-01 {row}" for row in expected]


def test_a_discount_of_the_first_two_months_ends_with_them() -> None:
    """Since 15 October: that part of October and November have it, December has not."""
    plan = Plan("cheap", (), {}, (), BASIC, invoice_discounts=(percent(500_000, months=2),))
    since = [(1, life(("2025-10-15", "cheap"), active=("2025-10-15", None)))]
    found = Proposed.of([plan], since, bill_date=dt.date(2026, 1, 1)).everything()
    assert table(found, Kind.DISCOUNT) == ["a1 s1 10-01 discount 500 -2.74", "a1 s1 11-01 discount 500 -5.00"]


def test_a_discount_is_of_the_fee_in_advance_as_well() -> None:
    rent = (RecurringFee(RENT, "Rent", RENT, 5000, "standard", 10 * UNIT, FeeTiming.ADVANCE),)
    plan = Plan("cheap", (), {}, (), rent, invoice_discounts=(percent(100_000),))
    assert one(plan) == ["s1 10-01 discount 500 -1.00", "s1 11-01 discount 500 -1.00"]


def test_a_discount_is_told_by_tax_class() -> None:
    """10.00 of class standard and 5.00 of class reduced share 1.00 as 0.67 and 0.33."""
    classes = (*shop().tax_classes, TaxClass("reduced", 2, (TaxRate(dt.date(2020, 1, 1), 10_000),)))
    fees = (*BASIC, RecurringFee(RENT, "Rent", RENT, 5000, "reduced", 5 * UNIT))
    plan = Plan("cheap", (), {}, (), fees, invoice_discounts=(fixed(100),))
    found = Proposed.of([plan], [(1, life(("2025-10-01", "cheap")))], tax_classes=classes).everything()
    off = found[found["kind"] == Kind.DISCOUNT]
    assert off[["tax_class", "rate_ppm", "amount_micros"]].tolist() == [(1, 60_000, -67 * CENT), (2, 10_000, -33 * CENT)]


def test_discounts_agreed_with_a_subscription_and_an_account() -> None:
    """10 % of the subscription's 10.00 and 20 % of what is left of both, then 2.00 off the account's rest of 14.80."""
    own = life(("2025-10-01", "basic"), discounts=((span("2025-10-01"), DiscountFact("loyal", 100_000)),))
    of_account = (
        (span("2025-10-01"), DiscountFact("group", 200_000)),
        (span("2025-10-01", "2025-11-01"), DiscountFact("welcome", amount_micros=2 * UNIT)),
        (span("2025-09-01", "2025-10-31"), DiscountFact("over before the last day", amount_micros=UNIT)),
        (span("2025-11-01"), DiscountFact("not yet", amount_micros=UNIT)),
    )
    agreed = dataclasses.replace(NOTHING, discounts={0: of_account})
    plans = [Plan("basic", (), {}, (), BASIC)]
    proposed = Proposed.of(plans, [(1, own), (1, life(("2025-10-01", "basic")))], agreed=agreed)
    loyal, group, welcome = (agreed_price_id(name) for name in ("loyal", "group", "welcome"))
    assert table(proposed.everything(), Kind.DISCOUNT) == sorted(
        [f"a1 s1 10-01 discount {loyal} -1.00", f"a1 s0 10-01 discount {group} -3.80", f"a1 s0 10-01 discount {welcome} -2.00"]
    )
    assert totals.names(proposed.contracts)[int(Kind.DISCOUNT), group] == {"en": "group"}


COMMITMENTS = [
    # what is committed, usage in cents, the line
    (least(50 * UNIT), 2000, ["commitment 400 30.00"]),
    (least(50 * UNIT), 5000, []),
    (least(50 * UNIT), 7000, []),
    (least(50 * UNIT), 0, ["commitment 400 50.00"]),
    (least(50 * UNIT, CommitmentCounts.USAGE_AND_FEES), 2000, ["commitment 400 20.00"]),
    (least(50 * UNIT, CommitmentCounts.USAGE_AND_FEES), 4000, []),
]


@pytest.mark.parametrize(("commitment", "cents", "expected"), COMMITMENTS)
def test_commitments(commitment: Commitment, cents: int, expected: list[str]) -> None:
    plan = Plan("least", (), {}, (), BASIC, commitments=(commitment,))
    usage = [Used(1, NATIONAL, 1, cents)] if cents else []
    assert one(plan, *usage) == [f"s1 10-01 {row}" for row in expected]


# the subscription's life in October, what it is committed to of 31.00
@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (life(("2025-10-01", "least")), "31.00"),
        (life(("2025-10-30", "least"), active=("2025-10-30", None)), "2.00"),
        (life(("2025-10-01", "least"), active=("2025-10-01", "2025-10-11")), "10.00"),
        (life(("2025-10-01", "least"), pauses=(span("2025-10-11", "2025-10-21"),)), "21.00"),
        (life(("2025-10-01", "least"), outages=(span("2025-10-11", "2025-10-21"),)), "31.00"),
        (life(("2025-10-01", "least"), ("2025-10-11", "basic"), ("2025-10-21", "least")), "21.00"),
        (life(("2025-10-01", "basic")), None),
    ],
)
def test_commitments_are_prorated(pattern: object, expected: str | None) -> None:
    plans = [Plan("least", (), {}, commitments=(least(31 * UNIT),)), Plan("basic", (), {})]
    found = Proposed.of(plans, [(1, pattern)]).everything()  # type: ignore[list-item] -- a column of the table
    assert table(found) == ([f"a1 s1 10-01 commitment 400 {expected}"] if expected else [])


def test_the_order_of_composition() -> None:
    """16 units cost 1.28 with their tier; half of that is off; 10.00 are committed, so 9.36 are missing; a credit of 3.00 comes last."""
    plan = Plan("all", (), {}, volume_tiers=(tier(),), invoice_discounts=(percent(500_000),), commitments=(least(10 * UNIT),))
    proposed = Proposed.of([plan], [(1, life(("2025-10-01", "all")))])
    by_hand = adjustments({"adjustment_id": 7, "account_key": 1, "on_date": "2025-10-20", "amount_micros": -3 * UNIT})
    assert table(proposed.everything(Used(1, NATIONAL, 16, 160), adjustments=by_hand)) == [
        "a1 s0 10-01 adjustment 7 -3.00",
        "a1 s1 10-01 commitment 400 9.36",
        "a1 s1 10-01 discount 500 -0.64",
        "a1 s1 10-01 usage 100 1.60",
        "a1 s1 10-01 volume 300 -0.32",
    ]


def test_a_discount_that_names_commitments_and_adjustments() -> None:
    plan = Plan("all", (), {}, invoice_discounts=(percent(100_000, kinds=("commitment", "adjustment")),), commitments=(least(10 * UNIT),))
    proposed = Proposed.of([plan], [(1, life(("2025-10-01", "all")))])
    row = {"adjustment_id": 7, "account_key": 1, "subscription_key": 1, "on_date": "2025-10-20", "amount_micros": 5 * UNIT}
    found = proposed.everything(Used(1, NATIONAL, 1, 400), adjustments=adjustments(row))
    assert table(found, Kind.DISCOUNT, Kind.COMMITMENT) == ["a1 s1 10-01 commitment 400 6.00", "a1 s1 10-01 discount 500 -1.10"]


# date of the adjustment, whether October has it
@pytest.mark.parametrize(
    ("on_date", "expected"), [("2025-09-30", 0), ("2025-10-01", 1), ("2025-10-31", 1), ("2025-11-01", 0), ("2026-03-01", 0)]
)
def test_an_adjustment_is_of_the_period_of_its_date(on_date: str, expected: int) -> None:
    proposed = Proposed.of([Plan("basic", (), {}, (), BASIC)], [(1, life(("2025-10-01", "basic")))])
    rows = adjustments({"adjustment_id": 7, "account_key": 1, "on_date": on_date, "amount_micros": -3 * UNIT})
    found = proposed.everything(adjustments=rows)
    assert table(found, Kind.ADJUSTMENT) == ["a1 s0 10-01 adjustment 7 -3.00"] * expected
    assert totals.names(proposed.contracts, rows)[int(Kind.ADJUSTMENT), 7] == {"en": "goodwill"}


def test_what_nobody_has_changes_nothing() -> None:
    proposed = Proposed.of([Plan("basic", (), {}, (), BASIC)], [(1, life(("2025-10-01", "basic")))])
    fees = proposed.fees()
    assert totals.apply(fees, proposed.inputs) is fees


def test_totals_of_many_are_the_totals_of_each() -> None:
    """Twelve subscriptions of four accounts, worked out together, and each as if it were alone."""
    seed = 20251127
    print(f"seed {seed}")  # noqa: T201 -- shown when the test fails
    chance = random.Random(seed)
    plans = [
        Plan("a", (), {}, (), BASIC, volume_tiers=(tier(),), invoice_discounts=(percent(150_000), fixed(300))),
        Plan("b", (), {}, (), BASIC, commitments=(least(31 * UNIT),), invoice_discounts=(percent(333_333, kinds=("usage",)),)),
        Plan("c", (), {}, (), BASIC),
    ]
    loyal = ((span("2025-10-01"), DiscountFact("loyal", 70_000)),)
    lives = [
        life(("2025-10-01", chance.choice("abc")), ("2025-10-16", chance.choice("abc")), discounts=loyal if chance.random() < 0.3 else ())
        for _ in range(12)
    ]
    owners = [chance.randrange(1, 5) for _ in lives]
    usage = [
        Used(number, NATIONAL, units := chance.randrange(30), units * 10) for number in range(1, 13) for _ in range(chance.randrange(3))
    ]
    fields = ["subscription_key", "period_from", "kind", "price_id", "tax_class", "amount_micros", "exact_micros"]
    together = Proposed.of(plans, list(zip(owners, lives, strict=True)), accounts=4).everything(*usage)[fields].tolist()
    alone = []
    for number, each in enumerate(lives, start=1):
        lines = Proposed.of(plans, [(1, each)]).everything(
            *(used._replace(subscription=1) for used in usage if used.subscription == number)
        )
        alone += [(number, *row[1:]) for row in lines[fields].tolist()]
    assert sorted(together) == sorted(alone)
    assert len({row[2] for row in together}) == len({Kind.RECURRING, Kind.USAGE, Kind.VOLUME, Kind.COMMITMENT, Kind.DISCOUNT})

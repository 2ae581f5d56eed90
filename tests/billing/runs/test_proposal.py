"""Fees of a run, worked out once for subscriptions that are alike: the same as one by one, and what pauses, ends and transfers do."""

from __future__ import annotations

import datetime as dt
import random
from fractions import Fraction

import pytest

from billing.accounts.kinds import TermsFact
from billing.charges.charge_keys import Kind
from billing.charges.pauses import Breaks
from billing.charges.proration import Span
from billing.charges.recurring import fees_due, plan_spans
from billing.runs.contracts.currencies import rates_of
from billing.runs.contracts.facts import Pattern
from billing.runs.selection import subscription_profiles
from rating.dates import day_number
from rating.model import (
    FeeOccasion,
    FeeTiming,
    OneOffFee,
    Plan,
    RecurringFee,
    ServiceTerms,
    TaxClass,
    TaxRate,
    TaxShare,
    WhilePaused,
)
from rating.money import RoundingMode, round_exact
from tests.billing.runs.proposed import CENT, NATIONAL, Proposed, Used, life, span, table
from tests.billing.runs.world import shop

UNIT = 1_000_000
FEE, RENT, KEEP, START, END, EARLY = 200, 201, 202, 300, 301, 302


def fee(price_id: int, units: int, timing: FeeTiming = FeeTiming.ARREARS, **more: object) -> RecurringFee:
    return RecurringFee(price_id, f"fee {price_id}", price_id, 5000, "standard", units * UNIT, timing, **more)  # type: ignore[arg-type] -- options of any kind


def once(price_id: int, on: FeeOccasion, **more: object) -> OneOffFee:
    return OneOffFee(price_id, on.value, price_id, 5000, "standard", 5 * UNIT, on, **more)  # type: ignore[arg-type] -- options of any kind -- fields of a fee


RECURRING = (fee(FEE, 31), fee(RENT, 30, FeeTiming.ADVANCE), fee(KEEP, 31, while_paused=WhilePaused.ONLY))
ONE_OFFS = (once(START, FeeOccasion.ACTIVATION), once(END, FeeOccasion.END), once(EARLY, FeeOccasion.EARLY_END, per_remaining_month=True))
BASIC = Plan("basic", (), {}, (), RECURRING, one_offs=ONE_OFFS, terms=ServiceTerms(minimum_months=12))
PLUS = Plan("plus", (), {}, (), (fee(FEE, 62),))


# the life of a subscription, and what October's bill charges: fees of October, and in advance those of November
@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (life(("2025-09-01", "basic"), active=("2025-09-01", None)), ["10-01 200 31.00", "10-01 201 30.00", "11-01 201 30.00"]),
        (
            life(("2025-09-01", "basic"), active=("2025-09-01", None), pauses=(span("2025-10-11", "2025-10-21"),)),
            ["10-01 200 21.00", "10-01 201 20.32", "10-01 202 10.00", "11-01 201 30.00"],
        ),
        (
            life(("2025-09-01", "basic"), active=("2025-09-01", None), pauses=(span("2025-10-11"),)),
            ["10-01 200 10.00", "10-01 201 9.68", "10-01 202 21.00"],
        ),
        (
            life(("2025-09-01", "basic"), active=("2025-09-01", None), outages=(span("2025-10-11", "2025-10-13"),)),
            ["10-01 200 29.00", "10-01 201 28.06", "11-01 201 30.00"],
        ),
        (
            life(("2025-09-01", "basic"), ("2025-10-11", "plus"), active=("2025-09-01", None)),
            ["10-01 200 52.00", "10-01 201 9.68"],  # 31 x 10/31 + 62 x 21/31
        ),
        (
            life(("2025-10-11", "basic"), active=("2025-10-11", None)),
            ["10-01 200 21.00", "10-01 201 20.32", "10-01 300 5.00", "11-01 201 30.00"],
        ),
        (
            life(("2025-09-01", "basic"), active=("2025-09-01", "2025-10-11")),
            ["10-01 200 10.00", "10-01 201 9.68", "10-01 301 5.00", "10-01 302 55.00"],  # eleven months of twelve are left
        ),
        (
            life(
                ("2025-09-01", "basic"),
                active=("2025-09-01", "2025-10-11"),
                terms=((Span(dt.date(2025, 9, 1), None), TermsFact(minimum_months=1)),),
            ),
            ["10-01 200 10.00", "10-01 201 9.68", "10-01 301 5.00"],
        ),
        (
            life(("2025-09-01", "basic"), active=("2025-09-01", "2025-10-11"), transferred_out=True),
            ["10-01 200 10.00", "10-01 201 9.68"],
        ),
        (
            life(("2025-10-11", "basic"), active=("2025-10-11", None), transferred_in=True),
            ["10-01 200 21.00", "10-01 201 20.32", "11-01 201 30.00"],
        ),
        (life(("2025-09-01", "gone"), active=("2025-09-01", None)), []),
        (life(("2025-12-01", "basic"), active=("2025-12-01", None)), []),
    ],
)
def test_fees_of_a_life(pattern: Pattern, expected: list[str]) -> None:
    rows = table(Proposed.of([BASIC, PLUS], [(1, pattern)]).fees())
    assert sorted(row.removeprefix("a1 s1 ").replace(" recurring", "").replace(" one_off", "") for row in rows) == expected


def test_a_bundle_has_a_line_a_tax_class() -> None:
    """29.99 for 10 of 31 days are 9.67: 60 % of it 5.80, 40 % of it 3.87."""
    shares = (TaxShare("standard", 600_000, 5001), TaxShare("reduced", 400_000, 5002))
    bundle = RecurringFee(FEE, "bundle", FEE, 5000, "standard", 29_990_000, shares=shares)
    classes = (*shop().tax_classes, TaxClass("reduced", 2, (TaxRate(dt.date(2020, 1, 1), 10_000),)))
    plan = Plan("bundle", (), {}, (), (bundle,))
    lines = Proposed.of([plan], [(1, life(("2025-10-22", "bundle"), active=("2025-10-22", None)))], tax_classes=classes).fees()
    found = lines[["tax_class", "revenue_code", "rate_ppm", "amount_micros"]].tolist()
    assert found == [(1, 5001, 60_000, 580 * CENT), (2, 5002, 10_000, 387 * CENT)]
    assert sum(lines["exact_micros"].tolist()) == 9_674_194


def test_fees_say_whether_they_hold_their_tax() -> None:
    patterns = [(1, life(("2025-10-01", "basic")))]
    assert set(Proposed.of([BASIC], patterns).fees()["inclusive"].tolist()) == {0}
    assert set(Proposed.of([BASIC], patterns, tax_inclusive=True).fees()["inclusive"].tolist()) == {1}


@pytest.mark.parametrize(("changes_on", "rate_ppm"), [("2025-10-31", 90_000), ("2025-11-01", 60_000)])
def test_a_period_has_the_tax_rate_of_its_last_day(changes_on: str, rate_ppm: int) -> None:
    """9 % in the place of 6 % from a day on: October ends with the 31st, and 1 November is none of its days."""
    rates = (TaxRate(dt.date(2020, 1, 1), 60_000), TaxRate(dt.date.fromisoformat(changes_on), 90_000))
    fee = RecurringFee(FEE, "rent", FEE, 5000, "standard", 10_000_000)
    plans, patterns = [Plan("rented", (), {}, (), (fee,))], [(1, life(("2025-10-01", "rented")))]
    proposed = Proposed.of(plans, patterns, tax_classes=(TaxClass("standard", 1, rates),))
    assert proposed.fees()["rate_ppm"].tolist() == [rate_ppm]
    usage = proposed.usage(Used(1, NATIONAL, 10, 100))
    assert rates_of(usage, proposed.contracts).tolist() == [rate_ppm]


def test_fees_of_many_are_the_fees_of_each() -> None:
    """200 subscriptions of 40 lives: every line as fees_due says for that subscription alone."""
    seed = 20251126
    print(f"seed {seed}")  # noqa: T201 -- shown when the test fails
    chance = random.Random(seed)
    lives = [_random_life(chance) for _ in range(40)]
    patterns = [(chance.randrange(1, 6), chance.choice(lives)) for _ in range(200)]
    proposed = Proposed.of([BASIC, PLUS], patterns, accounts=5, bill_date=dt.date(2025, 12, 1))
    lines = proposed.fees()
    lines = lines[lines["kind"] == Kind.RECURRING]
    fields = ["account_key", "subscription_key", "period_from", "price_id", "amount_micros"]
    plain = [row for place, (owner, each) in enumerate(patterns) for row in _plain(proposed, owner, place + 1, each)]
    assert sorted(lines[fields].tolist()) == sorted(plain)
    assert len(subscription_profiles.find(proposed.contracts, proposed.scope).groups) <= 40


def _random_life(chance: random.Random) -> Pattern:
    def day() -> dt.date:
        return dt.date(2025, 9, 20) + dt.timedelta(days=chance.randrange(80))

    start, end = sorted((day(), day()))
    first, second = sorted((day(), day()))
    plans = tuple(sorted({(start, "shop/basic"), (max(day(), start), "shop/plus")}))
    breaks = (span(first.isoformat(), second.isoformat()),) if chance.random() < 0.5 else ()
    active = span(start.isoformat(), None if chance.random() < 0.5 else (end + dt.timedelta(days=1)).isoformat())
    return Pattern(plans, active, pauses=breaks)


def _plain(proposed: Proposed, owner: int, subscription: int, pattern: Pattern) -> list[tuple[int, ...]]:
    plans = {"shop/basic": BASIC, "shop/plus": PLUS}
    calendar = proposed.scope.calendar[owner - 1]
    ahead = proposed.scope.ahead[calendar]
    assert ahead is not None
    found = []
    for period in [*proposed.scope.calendars[calendar], ahead]:
        spans = plan_spans(pattern.plans, pattern.active)
        breaks = Breaks(pattern.pauses, pattern.outages)
        for due in fees_due(spans, period, proposed.scope.bill_date, lambda name, _: plans[name], breaks):
            amount = round_exact(Fraction(due.exact_micros), CENT, RoundingMode.HALF_UP)
            found.append((owner, subscription, day_number(period.start), due.fee.price_id, amount))
    return found

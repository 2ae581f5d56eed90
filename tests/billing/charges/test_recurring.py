"""Fees in advance and arrears, changes of plan, and grants of free quantity."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest

from billing.charges.periods import Period, period_from
from billing.charges.proration import Span
from billing.charges.recurring import fees_due, grant, plan_spans
from rating.model import Allowance, FeeTiming, Plan, QuantityUnit, RecurringFee, Service

OCTOBER = period_from(dt.date(2025, 10, 1), 1)
NOVEMBER = period_from(dt.date(2025, 11, 1), 1)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def fee(price_id: int, micros: int, timing: FeeTiming = FeeTiming.ARREARS, *, prorate: bool = True) -> RecurringFee:
    return RecurringFee(price_id, f"fee {price_id}", price_id, 1, "standard", micros, timing, prorate)


PLANS = {
    "x/small": Plan("small", (), {}, (), (fee(1, 31_000_000),)),
    "x/large": Plan("large", (), {}, (), (fee(2, 62_000_000), fee(3, 3_100_000, FeeTiming.ADVANCE))),
    "x/whole": Plan("whole", (), {}, (), (fee(4, 5_000_000, prorate=False),)),
    "x/whole+pack": Plan("whole+pack", (), {}, (), (fee(4, 5_000_000, prorate=False), fee(5, 3_100_000)), base="whole", add_ons=("pack",)),
    "x/small+pack": Plan("small+pack", (), {}, (), (fee(1, 31_000_000), fee(5, 3_100_000)), base="small", add_ons=("pack",)),
}


def due(changes: list[tuple[str, str]], active: tuple[str, str | None], period: Period, bill_date: str) -> dict[int, Fraction]:
    spans = plan_spans([(day(start), plan) for start, plan in changes], Span(day(active[0]), day(active[1]) if active[1] else None))
    found = fees_due(spans, period, day(bill_date), lambda name, _: PLANS.get(name))
    return {each.fee.price_id: each.exact_micros / 1_000_000 for each in found}


SMALL = [("2025-10-01", "x/small")]
UPGRADE = [("2025-10-01", "x/small"), ("2025-10-11", "x/large")]
PACK = [("2025-10-01", "x/small"), ("2025-10-11", "x/small+pack"), ("2025-10-21", "x/small")]
WHOLE_PACK = [("2025-10-01", "x/whole"), ("2025-10-11", "x/whole+pack")]
BACK_AGAIN = [*UPGRADE, ("2025-10-21", "x/small")]


@pytest.mark.parametrize(
    ("changes", "active", "period", "bill_date", "expected"),
    [
        (SMALL, ("2025-10-01", None), OCTOBER, "2025-11-01", {1: 31}),
        (SMALL, ("2025-10-01", None), NOVEMBER, "2025-11-01", {}),
        (SMALL, ("2025-10-31", None), OCTOBER, "2025-11-01", {1: 1}),
        (SMALL, ("2025-10-01", "2025-10-11"), OCTOBER, "2025-11-01", {1: 10}),
        (SMALL, ("2025-11-01", None), OCTOBER, "2025-11-01", {}),
        (UPGRADE, ("2025-10-01", None), OCTOBER, "2025-11-01", {1: 10, 2: 42, 3: Fraction(21, 10)}),
        (UPGRADE, ("2025-10-01", None), NOVEMBER, "2025-11-01", {3: Fraction(31, 10)}),
        (BACK_AGAIN, ("2025-10-01", None), OCTOBER, "2025-11-01", {1: 10 + 11, 2: 20, 3: 1}),
        (PACK, ("2025-10-01", None), OCTOBER, "2025-11-01", {1: 31, 5: 1}),
        (WHOLE_PACK, ("2025-10-01", None), OCTOBER, "2025-11-01", {4: 5, 5: Fraction(21, 10)}),
        ([("2025-10-01", "x/whole")], ("2025-10-31", None), OCTOBER, "2025-11-01", {4: 5}),
        ([("2025-10-01", "x/gone")], ("2025-10-01", None), OCTOBER, "2025-11-01", {}),
    ],
)
def test_fees(
    changes: list[tuple[str, str]], active: tuple[str, str | None], period: Period, bill_date: str, expected: dict[int, Fraction]
) -> None:
    assert due(changes, active, period, bill_date) == expected


@pytest.mark.parametrize(
    ("changes", "active", "expected"),
    [
        ([("2025-10-01", "x/small")], "2025-10-01", 31),  # the version of 1 October holds to the end of the period
        ([("2025-10-21", "x/small")], "2025-10-21", 22),  # 62 x 11/31: taken under the version of 15 October
        ([("2025-10-01", "x/gone"), ("2025-10-21", "x/small")], "2025-10-01", 22),  # another plan before
    ],
)
def test_a_plan_has_the_fee_of_the_version_in_force_as_it_begins(changes: list[tuple[str, str]], active: str, expected: int) -> None:
    """The fee is 31 a month, and 62 from the version of 15 October on."""
    dearer = Plan("small", (), {}, (), (fee(1, 62_000_000),))

    def plan_at(name: str, on: dt.date) -> Plan | None:
        return dearer if name == "x/small" and on >= day("2025-10-15") else PLANS.get(name)

    spans = plan_spans([(day(start), plan) for start, plan in changes], Span(day(active), None))
    assert [each.exact_micros / 1_000_000 for each in fees_due(spans, OCTOBER, day("2025-11-01"), plan_at)] == [expected]


@pytest.mark.parametrize(
    ("spans", "prorate", "expected"),
    [
        ([("2025-10-01", None)], True, 100),
        ([("2025-10-16", None)], True, 51),  # 100 x 16/31 = 51.6, rounded down
        ([("2025-10-16", None)], False, 100),
        ([("2025-10-01", "2025-10-02"), ("2025-10-31", None)], True, 6),
        ([("2025-11-01", None)], False, 0),
    ],
)
def test_grants_round_down(spans: list[tuple[str, str | None]], prorate: bool, expected: int) -> None:  # noqa: FBT001 -- a column of the table
    allowance = Allowance(1, "free", (Service.SMS,), QuantityUnit.MESSAGE, 100, ("*",), prorate)
    parts = [Span(day(start), day(end) if end else None) for start, end in spans]
    assert grant(allowance, parts, OCTOBER) == expected


def test_a_plan_of_no_length_is_left_out() -> None:
    spans = plan_spans([(day("2025-10-01"), "a"), (day("2025-10-01"), "b")], Span(day("2025-10-01"), None))
    assert [span.plan for span in spans] == ["b"]

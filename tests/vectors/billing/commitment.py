"""Topic minimum_commitment: what is missing to a least amount of the period, prorated by days."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from billing.charges.charge_keys import Kind
from billing.charges.commitments import committed, missing
from billing.charges.periods import Period
from billing.charges.proration import Span
from billing.charges.recurring import PlanSpan, fees_due
from rating.model import Commitment, FeeTiming, Plan, RecurringFee
from rating.money import RoundingMode, round_exact
from tests.billing.runs.proposed import BILL_DATE, NATIONAL, Proposed, Used, life
from tests.vectors.billing.form import CENT_MICROS, Case, Shape, cents, day, exact, micros, of_cents, units, whole

if TYPE_CHECKING:
    from fractions import Fraction


def since_a_day(case: Case) -> dict[str, Any]:
    """A commitment, a fee and charges of a calendar month in which the subscription begins."""
    given = case.given
    period, span = _month(given["calendar_month"]), Span(day(given["started"]), None)
    fee = RecurringFee(1, "fee", 1, 1, "standard", of_cents(given["plan_fee_cents"]), FeeTiming.ARREARS)
    plan = Plan("plan", (), {}, recurring=(fee,))
    (due,) = fees_due([PlanSpan("x/plan", span)], period, period.end, lambda _name, _day: plan)
    commitment = Commitment(2, "least", 2, 1, "standard", of_cents(given["commitment_cents"]))
    least, fee_micros = (_to_cent(each) for each in (committed(commitment, [span], period), due.exact_micros))
    counted = fee_micros + sum(of_cents(each) for each in given["charges_cents"].values())
    return {
        "prorated_commitment_cents": cents(least),
        "plan_fee_cents": cents(fee_micros),
        "true_up_cents": cents(_missing(least, counted)),
    }


def in_the_last_part(case: Case) -> dict[str, Any]:
    """What is missing at the end of a period of which a part was billed before; what a bill in mid-period says."""
    given = case.given
    counted = Used(1, NATIONAL, 1, whole(100 * (exact(given["previously_billed"]) + exact(given["usage_in_last_part"]))))
    least = micros(exact(given["minimum"]))
    return {"minimum_spend_line": _line(least, BILL_DATE, counted), "in_mid_period_part": _line(least, BILL_DATE - dt.timedelta(15))}


def _line(least_micros: int, bill_date: dt.date, *usage: Used) -> Fraction | None:
    """The line of a commitment in October on a bill of a date; None where there is none."""
    plan = Plan("least", (), {}, commitments=(Commitment(2, "least", 2, 1, "standard", least_micros),))
    found = Proposed.of([plan], [(1, life(("2025-10-01", "least")))], bill_date=bill_date).everything(*usage)
    lines = found[found["kind"] == Kind.COMMITMENT]
    return units(int(lines["amount_micros"].sum())) if lines.size else None


def _missing(least_micros: int, counted_micros: int) -> int:
    return int(missing(np.array([least_micros], np.int64), np.array([counted_micros], np.int64))[0])


def _to_cent(exact_micros: Fraction) -> int:
    return round_exact(exact_micros, CENT_MICROS, RoundingMode.HALF_UP)


def _month(text: str) -> Period:
    """The period of a month such as "2024-02 (29 days)"."""
    year, month = (whole(each) for each in text.split(maxsplit=1)[0].split("-"))
    start = dt.date(year, month, 1)
    return Period(start, dt.date(year + month // 12, month % 12 + 1, 1), start)


SHAPES: Final = (
    Shape(
        "commitment_cents plan_fee_cents started calendar_month charges_cents",
        "?prorated_commitment_cents ?plan_fee_cents ?true_up_cents",
        since_a_day,
    ),
    Shape("minimum previously_billed usage_in_last_part", "?minimum_spend_line ?in_mid_period_part", in_the_last_part),
)

"""Recurring fees and allowance grants of a subscription in one period.

A fee is charged for each period, whole or by its exact share of the cycle. `arrears`: with the bill at the end of the period;
`advance`: with the bill on whose date the period begins. The sum for one charge key stays a Fraction of micro-units until its line is
rounded, so that nothing is rounded twice. A grant of free quantity is rounded down to the unit.
Days of pauses and outages count as each fee says (`billing.charges.pauses`); a fee that is not prorated is due whole where any day counts.
Periods are months: there is no fee a year, so 29 February is a day like others, and a leap year changes no fee.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from billing.charges.pauses import NO_BREAKS, Breaks, charged_spans
from billing.charges.proration import Span, clip, share
from rating.model import FeeTiming, RecurringFee

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from billing.charges.periods import Period
    from rating.model import Allowance, Plan


class PlanSpan(NamedTuple):
    """A subscription has a plan for a while. `plan` is the full name, `identity/plan`."""

    plan: str
    span: Span


class FeeDue(NamedTuple):
    """One fee of one subscription and period, before it becomes a line."""

    fee: RecurringFee
    plan: str
    exact_micros: Fraction


def plan_spans(changes: Sequence[tuple[dt.date, str]], active: Span) -> list[PlanSpan]:
    """Spans of each plan of a subscription: `changes` are (from date, plan) sorted by date, cut to the `active` span."""
    spans = []
    for index, (start, plan) in enumerate(changes):
        ends = [end for end in (changes[index + 1][0] if index + 1 < len(changes) else None, active.end) if end is not None]
        span = Span(max(start, active.start), min(ends) if ends else None)
        if span.end is None or span.start < span.end:
            spans.append(PlanSpan(plan, span))
    return spans


def fees_due(
    spans: Sequence[PlanSpan],
    period: Period,
    bill_date: dt.date,
    plan_at: Callable[[str, dt.date], Plan | None],
    breaks: Breaks = NO_BREAKS,
) -> list[FeeDue]:
    """Fees of `period` that a bill of `bill_date` charges, one for each fee (price) of the plans held in it.

    A fee that several of these plans have (with and without an add-on) is one fee, so that buying the add-on does not charge it twice.

    `plan_at(name, day)` is the plan in the version in force as that local day begins (else in one that starts within it), None if there
    is none: then nothing is charged.
    The version at the beginning of a span inside the period prices the whole span.
    """
    due: dict[tuple[str, int], FeeDue] = {}
    for plan_span in spans:
        part = clip(plan_span.span, period)
        plan = plan_at(plan_span.plan, part.start) if part is not None else None
        if part is None or plan is None:
            continue
        for fee in plan.recurring:
            charged = charged_spans(fee, part, breaks) if _is_due(fee, period, bill_date) else []
            if charged:
                key = (plan_span.plan.partition("/")[0], fee.price_id)
                due[key] = FeeDue(fee, plan_span.plan, _amount(fee, charged, period, due.get(key)))
    return list(due.values())


def grant(allowance: Allowance, spans: Sequence[Span], period: Period) -> int:
    """Free quantity for the days of `spans` in `period`, in the allowance's unit, rounded down."""
    part = share(spans, period)
    if not allowance.prorate:
        return allowance.quantity if part > 0 else 0
    return int(allowance.quantity * part)


def _is_due(fee: RecurringFee, period: Period, bill_date: dt.date) -> bool:
    return (period.start if fee.timing is FeeTiming.ADVANCE else period.end) <= bill_date


def _amount(fee: RecurringFee, charged: Sequence[Span], period: Period, before: FeeDue | None) -> Fraction:
    """Fee of this part of the period, and of an earlier part on a plan that has it."""
    if not fee.prorate:
        return Fraction(fee.amount_micros)
    earlier = before.exact_micros if before is not None else Fraction(0)
    return earlier + fee.amount_micros * share(charged, period)

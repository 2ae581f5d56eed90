"""Recurring fees of one subscription as the product charges them: its periods, its shares of days, its rounding, its reconciliation.

A life is a list of plans with a price each. Everything due at a date is a set of lines; what a bill has is the difference from what earlier
bills had, by the product's own `differences`.
"""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from billing.charges import periods
from billing.charges.charge_keys import Kind
from billing.charges.lines import LINE, Lines, empty
from billing.charges.pauses import NO_BREAKS, Breaks
from billing.charges.proration import Span, clip, share
from billing.charges.reconcile import differences
from billing.charges.recurring import fees_due, plan_spans
from rating.dates import day_number, day_of
from rating.model import FeeTiming, Plan, RecurringFee
from rating.money import RoundingMode, round_exact
from tests.vectors.billing.form import CENT_MICROS, ListedError, day, day_or_none, micros, only_months, units, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from billing.charges.periods import Period

TIMINGS: Final = {"IN_ADVANCE": FeeTiming.ADVANCE, "IN_ARREAR": FeeTiming.ARREARS}
_MONTHS_MAX: Final = 1200


class Stage(NamedTuple):
    """From a date on the subscription has a plan with this price a month."""

    start: dt.date
    price: Fraction


class Life(NamedTuple):
    """A subscription. It ends before the date `end`; days of `breaks` are not charged."""

    stages: tuple[Stage, ...]
    bill_day: int
    end: dt.date | None = None
    timing: FeeTiming = FeeTiming.ADVANCE
    breaks: Breaks = NO_BREAKS
    final_bill: bool = False  # the account closes with it, so that its last period ends there and is billed at once


class Part(NamedTuple):
    """Days that a bill charges, and which share of a month they are."""

    start: dt.date
    end: dt.date
    share: Fraction


def life_of(given: Mapping[str, Any]) -> Life:
    """A life with one price from `start`, `end`, `bill_cycle_day` and the mode. Refuses periods that are not months."""
    only_months(given.get("period", "MONTHLY"))
    timing = next((TIMINGS[given[name]] for name in ("mode", "billing_mode") if name in given), FeeTiming.ADVANCE)
    end = day_or_none(given.get("end"))
    price = Fraction(str(given.get("price", 0)))
    arrears = timing is FeeTiming.ARREARS
    return Life((Stage(day(given["start"]), price),), whole(given["bill_cycle_day"]), end, timing, final_bill=arrears and end is not None)


def parts_due(life: Life, target: dt.date) -> list[Part]:
    """What bills up to `target` charge of a life with one price, period by period."""
    span = Span(life.stages[0].start, life.end)
    found = []
    for period in _periods(life, target):
        part = clip(span, period)
        if part is not None and part.end is not None and _due(life, period, target):
            found.append(Part(part.start, part.end, share([span], period)))
    return found


def due(life: Life, target: dt.date, step_micros: int = CENT_MICROS) -> Lines:
    """Lines of all fees that bills up to `target` charge, one a plan and period, HALF_UP to the minor unit."""
    rows = [
        (period, fee.fee.price_id, round_exact(fee.exact_micros, step_micros, RoundingMode.HALF_UP))
        for period in _periods(life, target)
        for fee in _due(life, period, target)
    ]
    return made(rows)


def made(rows: Sequence[tuple[Period, int, int]]) -> Lines:
    """Fee lines of (period, price id, amount)."""
    lines = np.zeros(len(rows), LINE)
    for line, (period, price_id, amount_micros) in zip(lines, rows, strict=True):
        line["period_from"], line["period_to"] = day_number(period.start), day_number(period.end)
        line["kind"], line["price_id"], line["events"] = Kind.RECURRING, price_id, 1
        line["amount_micros"] = line["exact_micros"] = amount_micros
    return lines


class Bills:
    """The bills of a life, one after the other: each has what is due and not billed yet."""

    def __init__(self) -> None:
        self.billed = empty()

    def bill(self, proposed: Lines) -> Lines:
        """The lines of the next bill, in the order of their periods."""
        lines = differences(proposed, self.billed).lines
        self.billed = np.concatenate([self.billed, lines])
        return lines[np.lexsort((lines["price_id"], lines["period_from"]))]


def total(lines: Lines) -> Fraction:
    """The sum of lines, in units."""
    return units(int(lines["amount_micros"].sum()))


def days_of(life: Life, line: Any) -> Part:  # noqa: ANN401 -- a row of LINE
    """The days that a line of `life` charges: those of its plan within its period."""
    stages = life.stages
    place = int(line["price_id"]) - 1
    ends = [each for each in (stages[place + 1].start if place + 1 < len(stages) else None, life.end) if each is not None]
    start = max(stages[place].start, day_of(int(line["period_from"])))
    return Part(start, min([*ends, day_of(int(line["period_to"]))]), Fraction(0))


def first_period(life: Life) -> Period:
    """The period in which a life begins."""
    closed_on = life.end if life.final_bill else None
    return periods.period_from(life.stages[0].start, life.bill_day, closed_on)


def _periods(life: Life, target: dt.date) -> Iterator[Period]:
    """Periods that begin by `target`."""
    closed_on = life.end if life.final_bill else None
    period: Period | None = first_period(life)
    for _ in range(_MONTHS_MAX):
        if period is None or period.start > target:
            return
        yield period
        period = periods.period_after(period, periods.always(life.bill_day), closed_on)
    message = "more than a hundred years of periods"
    raise ListedError(message)


def _due(life: Life, period: Period, target: dt.date) -> list[Any]:
    """Fees of a period that a bill of `target` charges."""
    plans = {
        f"x/{place}": Plan(str(place), (), {}, recurring=(_fee(place, stage.price, life.timing),))
        for place, stage in enumerate(life.stages, 1)
    }
    changes = [(stage.start, name) for stage, name in zip(life.stages, plans, strict=True)]
    spans = plan_spans(changes, Span(life.stages[0].start, life.end))
    return fees_due(spans, period, target, lambda name, _: plans[name], life.breaks)


def _fee(price_id: int, price: Fraction, timing: FeeTiming) -> RecurringFee:
    return RecurringFee(price_id, "fee", price_id, 1, "standard", micros(price), timing)

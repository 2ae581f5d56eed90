"""The days of its period for which a fee or a commitment that is divided by days is charged. Spans are half open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from billing.charges.charge_keys import Kind
from billing.charges.pauses import charged_spans, within, without
from billing.charges.proration import Span, clip

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Sequence

    from billing.charges.pauses import Breaks
    from billing.charges.periods import Period
    from billing.charges.recurring import PlanSpan
    from rating.model import Plan

DIVIDED: Final = (Kind.RECURRING, Kind.COMMITMENT)


class Days(msgspec.Struct, frozen=True):
    """Days of a charge; `to_date` is not one of them."""

    from_date: str
    to_date: str


class Charge(NamedTuple):
    """The charge and period of a line. `identity`: of its catalogue."""

    kind: Kind
    identity: str
    price_id: int


def own_days(
    charge: Charge, spans: Sequence[PlanSpan], breaks: Breaks, period: Period, plan_at: Callable[[str, dt.date], Plan | None]
) -> tuple[Span, ...]:
    """Days of `period` for which a charge is due; none where they are all of the whole period, or where it is not divided by days.

    `plan_at`: as in `billing.charges.recurring.fees_due`.
    """
    found: list[Span] = []
    for each in spans if charge.kind in DIVIDED else ():
        part = clip(each.span, period) if each.plan.partition("/")[0] == charge.identity else None
        plan = plan_at(each.plan, part.start) if part is not None else None
        if part is not None and plan is not None:
            found += _charged(charge, plan, part, breaks)
    days = tuple(within(Span(period.start, period.end), found))
    return () if days == (Span(period.start, period.whole.end),) else days


def told(spans: Sequence[Span]) -> tuple[Days, ...]:
    """Spans whose ends are given, as text."""
    return tuple(Days(span.start.isoformat(), span.end.isoformat()) for span in spans if span.end is not None)


def _charged(charge: Charge, plan: Plan, part: Span, breaks: Breaks) -> Iterator[Span]:
    if charge.kind is Kind.RECURRING:
        for fee in plan.recurring:
            if fee.price_id == charge.price_id and fee.prorate:
                yield from charged_spans(fee, part, breaks)
        return
    for commitment in plan.commitments:
        if commitment.price_id == charge.price_id and commitment.prorate:
            yield from without(part, breaks.pauses)

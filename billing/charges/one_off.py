"""One-off fees of a subscription in one period: charged once, whole, for the local day of their occasion.

Problem: a fee is for an event, and a bill knows only the plans of a subscription by day. So a day and the plans before and after it define
the event:
- ACTIVATION  the first day of the subscription, by the plan of that day;
- END         its last day, by the plan of that day;
- PLAN_CHANGE the first day on another plan, by the new plan. Adding or removing an add-on is no change of plan;
- ADDED       the first day with an add-on, REMOVED the last day with it: a day whose neighbour's plan has no fee of that id;
- EARLY_END   the last day of the subscription, where months of its minimum term are left (`billing.charges.early_end`): once, or for each.

A transfer to another owner has no occasion: neither the first day with the new owner nor the last day with the old one. A fee belongs to
the period of its day, and the bill at the end of that period charges it. Nothing is refused.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from billing.charges.early_end import NOTHING_AGREED, Contract, months_left_of
from rating.dates import ONE_DAY, day_after, last_day
from rating.model import FeeOccasion, OneOffFee

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from billing.charges.periods import Period
    from billing.charges.recurring import PlanSpan
    from rating.model import Plan


class OneOffDue(NamedTuple):
    """A fee of one subscription and period: the number of its occasions, and the amount. `identity`: of the catalogue.

    `fee` is the last one charged: a version within the period may have given it another amount.
    """

    fee: OneOffFee
    identity: str
    times: int
    micros: int


class _Edge(NamedTuple):
    """A day with an event: the plan of that day, and that of the day beyond it, if there is one."""

    day: dt.date
    plan: str  # full name
    beyond: str | None
    beyond_day: dt.date
    begins: bool  # True: the first day on `plan`, and beyond is the day before; False: the last one, and the day after


def one_offs_due(
    spans: Sequence[PlanSpan],
    period: Period,
    bill_date: dt.date,
    plan_at: Callable[[str, dt.date], Plan | None],
    contract: Contract = NOTHING_AGREED,
) -> list[OneOffDue]:
    """Fees of `period` that a bill of `bill_date` charges, each once. `spans`: all of the subscription's, in order of time.

    `plan_at(name, day)` is the plan in the version in force on that local day, None if there is none: then nothing is charged.
    """
    due: dict[tuple[str, int], OneOffDue] = {}
    if period.end > bill_date:
        return []
    for edge in _edges(spans, contract):
        plan = plan_at(edge.plan, edge.day) if period.start <= edge.day < period.end else None
        if plan is None:
            continue
        identity = edge.plan.partition("/")[0]
        months_left = months_left_of(contract, plan, spans[0].span.start, day_after(edge.day)) if _is_end(edge) else 0
        for fee in _charged(edge, plan, months_left, plan_at):
            before = due.get((identity, fee.price_id), OneOffDue(fee, identity, 0, 0))
            times = months_left if fee.per_remaining_month else 1
            due[identity, fee.price_id] = OneOffDue(fee, identity, before.times + times, before.micros + times * fee.amount_micros)
    return list(due.values())


def changes_within(spans: Sequence[PlanSpan], start: dt.date, end: dt.date) -> bool:
    """Return whether any span begins or ends on a day of [start, end): else nothing is charged once. Called for every subscription."""
    return any(start <= span.start < end or (span.end is not None and start < span.end <= end) for _, span in spans)


def _charged(edge: _Edge, plan: Plan, months_left: int, plan_at: Callable[[str, dt.date], Plan | None]) -> list[OneOffFee]:
    """The fees of a day's `plan` whose occasion arose. A neighbour that has an add-on in the version of either day has it on both."""
    if edge.beyond is None:
        neighbours = []
    else:
        found = (plan_at(edge.beyond, day) for day in (edge.beyond_day, edge.day))
        neighbours = [each for each in found if each is not None]
    occasions = set(_occasions(edge, plan, neighbours[0] if neighbours else None))
    if months_left > 0:
        occasions.add(FeeOccasion.EARLY_END)
    there = {fee.price_id for each in neighbours for fee in each.one_offs} if _same_catalogue(edge) else set[int]()
    of_add_on = {FeeOccasion.ADDED, FeeOccasion.REMOVED}
    return [fee for fee in plan.one_offs if fee.on in occasions and not (fee.on in of_add_on and fee.price_id in there)]


def _is_end(edge: _Edge) -> bool:
    return edge.beyond is None and not edge.begins


def _edges(spans: Sequence[PlanSpan], contract: Contract) -> Iterator[_Edge]:
    """The first and the last day on every plan. Spans follow each other without a gap; a plan recorded again goes on, without an event.

    The edges of the whole are left out where the subscription was taken over, or handed over.
    """
    for place, each in enumerate(spans):
        former = spans[place - 1].plan if place else None
        latter = spans[place + 1].plan if place + 1 < len(spans) else None
        if former != each.plan and not (former is None and contract.taken_over):
            yield _Edge(each.span.start, each.plan, former, each.span.start - ONE_DAY, begins=True)
        if latter != each.plan and each.span.end is not None and not (latter is None and contract.handed_over):
            yield _Edge(last_day(each.span.end), each.plan, latter, each.span.end, begins=False)


def _occasions(edge: _Edge, plan: Plan, beyond: Plan | None) -> Iterator[FeeOccasion]:
    """The occasions at an edge, without a check of the neighbour's add-ons."""
    yield FeeOccasion.ADDED if edge.begins else FeeOccasion.REMOVED
    if edge.beyond is None:
        yield FeeOccasion.ACTIVATION if edge.begins else FeeOccasion.END
    elif edge.begins and not (beyond is not None and _same_catalogue(edge) and _without_add_ons(beyond) == _without_add_ons(plan)):
        yield FeeOccasion.PLAN_CHANGE


def _same_catalogue(edge: _Edge) -> bool:
    return edge.beyond is not None and edge.beyond.partition("/")[0] == edge.plan.partition("/")[0]


def _without_add_ons(plan: Plan) -> str:
    return plan.base or plan.name

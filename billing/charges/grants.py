"""Grants of a subscription's plans in one period: allowances across changes of plan, and the quantity left for the periods after it.

Problem: a grant is for a plan and a period, but plans change within a period, and a quantity that is left may outlive it. The events of a
period are priced in one go, so every grant must be known before the first of them: quantity, plans, first and last day.

Words: a *stretch* is one plan held for some days of the period. A *pot* is one quantity of one allowance that the plans it names draw from.
An allowance is the same one in two plans if catalogue and id are the same.

The rules, for an allowance and each stretch of a plan that has it:
- the first stretch of a plan opens a pot with the share of its days; a stretch of a plan that was left and comes back joins its pot,
  with any add-ons;
- where the plan before it has the allowance too, the definition of the plan that is left decides (`Allowance.at_plan_change`):
  CARRY     the new plan joins the pot that there is, which grants by its own definition for the days of both;
  RESET     that pot ends, and the new plan opens one; both grant for all days on which the subscription has the allowance;
  PRORATE   the new plan opens a pot of its own: each grants for its own days.
- adding or removing an add-on is no change of plan to allowances that both sides of it have: it counts as CARRY;
- shared allowances know no RESET (the part of one member in a common pot is not known): it counts as PRORATE;
- a version of the catalogue that brings an allowance within the period grants it for the days from there on.

Shared allowances are drawn by all members of a rating unit that have them together. Either each member's pots are added up (pooled), or the
quantity is granted once (`Allowance.granted_once`), for the days on which any member has it. Then the pot decides whose days begin first;
of several of one day the one that grants most. Pots of both kinds, in the period in which a version changes one into the other, add up.

The quantity left of a pot at the end of a period may serve more periods: see `billing.charges.rollover`. Dates are local and half open,
quantities in the allowance's unit. Nothing is refused.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from billing.charges.proration import Span
from billing.charges.recurring import grant
from rating.model import Allowance, AtPlanChange

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing.charges.periods import Period


class AllowanceKey(NamedTuple):
    """One allowance, defined by any plan or version."""

    identity: str  # of the catalogue
    allowance_id: int


class Granting(NamedTuple):
    """An allowance as the first version of a plan that has it defines it. It grants for days from `from_day` on.

    That is the beginning of the period where the version holds from the plan's first day in the period on, else the version's own.
    """

    allowance: Allowance
    from_day: dt.date
    base: str = ""  # of a plan that has add-ons, or may have: catalogue and plan without them


class Stretch(NamedTuple):
    """Some days of a period on one plan. `plan` is a number that the caller gives."""

    plan: int
    span: Span  # inside the period, its end given


class Pot(NamedTuple):
    """One quantity for some plans of a subscription. It serves events of `[start, end)`."""

    key: AllowanceKey
    allowance: Allowance  # of the plan that opened it
    plans: tuple[int, ...]
    amount: int
    start: dt.date
    end: dt.date
    days: tuple[Span, ...] = ()  # that it grants for, in order of time


@dataclasses.dataclass
class _Open:
    """A pot in the making."""

    granting: Granting
    plans: list[int]
    bases: set[str]  # of those plans
    spans: list[Span]
    start: dt.date
    end: dt.date
    whole: bool = False  # grants for all days of the allowance
    ended: bool = False


def pots(stretches: Sequence[Stretch], grantings: Sequence[Mapping[AllowanceKey, Granting]], period: Period) -> list[Pot]:
    """Every pot of one subscription in one period, by allowance. `grantings` by plan number; `stretches` in order of time."""
    keys = sorted({key for stretch in stretches for key in grantings[stretch.plan]})
    return [pot for key in keys for pot in _pots_of(key, stretches, grantings, period)]


def granted_once(pots_of_members: Sequence[tuple[Pot, Period]]) -> int:
    """The joint grant of the pots of one allowance that is granted once. Each with its member's period; all are of one cycle."""
    granting = [(pot, period) for pot, period in pots_of_members if pot.days]
    if not granting:
        return 0
    deciding, period = min(granting, key=lambda each: (each[0].days[0].start, -each[0].allowance.quantity, each[0].allowance.prorate))
    start, end = min(each.start for _, each in granting), max(each.end for _, each in granting)
    days = _union([span for pot, _ in granting for span in pot.days])
    return grant(deciding.allowance, days, period._replace(start=start, end=end))


def change_between(left: Granting, new: Granting) -> AtPlanChange:
    """The effect of a change of plan on the quantity left of an allowance. `new`: the allowance as the plan changed to has it."""
    if left.base and left.base == new.base:
        return AtPlanChange.CARRY
    if left.allowance.shared and left.allowance.at_plan_change is AtPlanChange.RESET:
        return AtPlanChange.PRORATE
    return left.allowance.at_plan_change


def _pots_of(
    key: AllowanceKey, stretches: Sequence[Stretch], grantings: Sequence[Mapping[AllowanceKey, Granting]], period: Period
) -> list[Pot]:
    opened: list[_Open] = []
    current: _Open | None = None
    before = -1
    for stretch in stretches:
        granting = grantings[stretch.plan].get(key)
        if granting is None:
            current = None
            continue
        current = _next(opened, current, before, (stretch, granting), grantings[before][key] if current is not None else None)
        if current is None:
            current = _Open(granting, [], set(), [], period.start, period.end)
            if opened and opened[-1].ended and opened[-1].end == stretch.span.start:
                current.start, current.whole = stretch.span.start, True
            opened.append(current)
        if stretch.plan not in current.plans:
            current.plans.append(stretch.plan)
        current.bases |= {granting.base} - {""}
        current.spans.append(stretch.span)
        before = stretch.plan
    days = [span for each in opened for span in each.spans]
    return [_closed(key, each, days if each.whole else each.spans, period) for each in opened]


def _next(opened: list[_Open], current: _Open | None, before: int, now: tuple[Stretch, Granting], left: Granting | None) -> _Open | None:
    """The pot that a stretch draws from, None where it opens one. `left`: the allowance of the plan held until then, if it has it."""
    stretch, granting = now
    if current is not None and left is not None and before != stretch.plan:
        change = change_between(left, granting)
        if change is AtPlanChange.CARRY:
            return current
        if change is AtPlanChange.RESET:
            current.end, current.ended, current.whole = stretch.span.start, True, True
            return None
    elif current is not None:
        return current
    return next((each for each in opened if not each.ended and (stretch.plan in each.plans or granting.base in each.bases)), None)


def _closed(key: AllowanceKey, opened: _Open, days: list[Span], period: Period) -> Pot:
    allowance, from_day, _ = opened.granting
    granted = [Span(max(span.start, from_day), span.end) for span in days if span.end is None or span.end > from_day]
    return Pot(key, allowance, tuple(opened.plans), grant(allowance, granted, period), opened.start, opened.end, tuple(granted))


def _union(spans: Sequence[Span]) -> list[Span]:
    """The days of spans, each once."""
    found: list[Span] = []
    for span in sorted(spans):
        last = found[-1] if found else None
        if last is None or last.end is None or last.end < span.start:
            found.append(span)
        elif span.end is not None and span.end > last.end:
            found[-1] = Span(last.start, span.end)
    return found

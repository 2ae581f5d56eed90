"""`state = f(open items, policy, date, steps so far, open promises)`: the dunning state of an account. Pure.

An item is past due from the day after its due date; `days_past_due` counts from the oldest such item. Credits of the account (overpaid
amounts, invoices with a negative total) settle the oldest items first before anything is looked at. Thresholds are inclusive and the
most severe step that applies is the state. Amounts are micro-units.

A step that wants another one before it (`after`) waits until that was taken long enough ago; an account that is there already, or barred
already where the step bars, does not wait. An amount that open promises cover, oldest items first, never raises the level of an account,
and never lowers it.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from billing.dunning_policy import CLEAR, Action, Policy, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing.allocations import OpenItem


class Taken(NamedTuple):
    """A step that was taken for an account and counts."""

    level: int
    action: str
    on: dt.date


class State(NamedTuple):
    """Dunning state of an account. Level 0 is clear; then `action` is empty. `held_level`: the level without promises, 0: the same."""

    level: int
    action: str
    oldest_due_on: dt.date | None  # of the items past due
    overdue_micros: int
    held_level: int = CLEAR


def state(  # noqa: PLR0913 -- what a state follows from
    items: Iterable[OpenItem],
    credit_micros: int,
    policy: Policy,
    as_of: dt.date,
    *,
    taken: Sequence[Taken] = (),
    promised_micros: int = 0,
) -> State:
    """The state of an account with these open items on a date.

    `taken`: its steps since it was last clear, oldest first; `promised_micros`: what open promises still promise.
    """
    all_items = list(items)
    late = past_due(all_items, credit_micros, as_of)
    level, action = _worst(late, policy, as_of, taken)
    oldest, overdue_micros = (late[0].due_on if late else None), sum(item.open_micros for item in late)
    before = taken[-1] if taken else Taken(CLEAR, "", dt.date.min)
    if promised_micros <= 0 or _severity(level, action) <= _severity(before.level, before.action):
        return State(level, action, oldest, overdue_micros)
    with_promises = _worst(past_due(all_items, credit_micros + promised_micros, as_of), policy, as_of, taken)
    assert with_promises[0] <= level, "less past due is never more severe"
    now = with_promises if _severity(*with_promises) > _severity(before.level, before.action) else (before.level, before.action)
    return State(*now, oldest, overdue_micros, level if _severity(*now) < _severity(level, action) else CLEAR)


def past_due(items: Iterable[OpenItem], credit_micros: int, as_of: dt.date) -> list[OpenItem]:
    """Items past due after all credit has settled the oldest first, in the order of their due dates."""
    all_items = sorted(items, key=lambda item: (item.due_on, item.number))
    credit = credit_micros - sum(item.open_micros for item in all_items if item.open_micros < 0)
    left = []
    for item in all_items:
        if item.open_micros <= 0:
            continue
        settled = min(credit, item.open_micros)
        credit -= settled
        if settled < item.open_micros and item.due_on < as_of:
            left.append(item._replace(open_micros=item.open_micros - settled))
    return left


def _worst(late: Sequence[OpenItem], policy: Policy, as_of: dt.date, taken: Sequence[Taken]) -> tuple[int, str]:
    """Level and action of the most severe step that applies; clear where none does."""
    if not late:
        return CLEAR, ""
    days, overdue_micros = (as_of - late[0].due_on).days, sum(item.open_micros for item in late)
    applying = [
        step
        for step in policy.steps
        if days >= step.days_past_due and overdue_micros >= step.amount_min_micros and _may_come(step, as_of, taken)
    ]
    if not applying:
        return CLEAR, ""
    worst = max(applying, key=lambda step: step.level)
    return worst.level, worst.action.value


def _may_come(step: Step, as_of: dt.date, taken: Sequence[Taken]) -> bool:
    """True where the step that must come before was taken long enough ago, or the account is there already.

    A bar of another policy is a bar here. A reminder is not: the next one has an earlier one to wait for.
    """
    if step.after is None or (taken and _stands_there(step, taken[-1])):
        return True
    known = (each for each in taken if step.after == (each.action if isinstance(step.after, Action) else each.level))
    return any((as_of - each.on).days >= step.days_after for each in known)


def _stands_there(step: Step, last: Taken) -> bool:
    """True where an account with this last step is at `step` or beyond it. A bar is a bar, at any level of another policy."""
    if step.action == Action.BAR_OUTGOING:
        return last.action == Action.BAR_OUTGOING
    return _severity(last.level, last.action) >= _severity(step.level, step.action)


def _severity(level: int, action: str) -> tuple[bool, int]:
    """Larger is more severe: every bar is more severe than every reminder. Levels are those of one policy; actions those of all."""
    return action == Action.BAR_OUTGOING, level

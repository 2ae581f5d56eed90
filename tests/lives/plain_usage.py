"""What every subscription uses in every period of a life, worked out plainly: whose a call is, where it is billed, what is free.

Calls draw on free minutes in the order in which they began, whenever they came. First what a plan had left of the period before, then its
own, then what the pool had left, then what the pool has: the free minutes that all subscriptions of an account, or of the accounts that
name one root as the period begins, bring together. Minutes are begun ones, micros exact.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from tests.lives.story import ONE_DAY, ZONE, Period, Subscription, instant, periods, plan_of, plan_on, stretches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.lives.story import Account, Call, Life

Placed = dict[tuple[str, dt.date], list["Call"]]  # by subscription and first day of the period


class Use(NamedTuple):
    """The charge and the minutes of the calls of a period that were not free."""

    micros: int
    minutes: int


class Member(NamedTuple):
    """A subscription in a period, and its account."""

    subscription: Subscription
    period: Period
    held: list[tuple[str, dt.date, dt.date]]  # plan, first day, day after the last


@dataclasses.dataclass
class Own:
    """The free minutes of a subscription: by plan, and of `before`, the plan with which the last period ended, what that had left."""

    left: dict[str, int]
    before: str
    rolled: int
    lapse: dt.date  # from this day on those serve no more


@dataclasses.dataclass
class Pot:
    """The free minutes that a pool has together in a period, and those that it had left of the one before."""

    left: int
    rolled: int
    end: dt.date
    rolls: bool


def used(life: Life, until: dt.date) -> dict[tuple[str, dt.date], Use]:
    """By subscription and first day of the period."""
    placed = _placed(life, until)
    owners = {account.name: account for account in life.accounts}
    members: dict[dt.date, list[Member]] = defaultdict(list)
    for each in life.subscriptions:
        for period in periods(owners[each.account], life.opened, until):
            members[period.start].append(Member(each, period, stretches(each, period)))
    uses: dict[tuple[str, dt.date], Use] = {}
    rolled: dict[str, tuple[str, int]] = {}  # by subscription: plan, minutes
    kept: dict[tuple[str, dt.date], int] = {}  # by root of a pool and the day on which the period ended
    for start, of_day in sorted(members.items()):
        pools: dict[str, list[Member]] = defaultdict(list)
        for member in of_day:
            pools[_root(owners[member.subscription.account], start)].append(member)
        for root, together in pools.items():
            pot = _pot(life, together, kept.get((root, start), 0))
            own = {each.subscription.name: _own(life, each, *rolled.get(each.subscription.name, ("", 0))) for each in together}
            uses |= _drawn(life, together, own, pot, placed)
            rolled |= {each.subscription.name: _rolling(life, each, own[each.subscription.name]) for each in together}
            if pot.rolls:
                kept[root, pot.end] = pot.left
    return uses


def _placed(life: Life, until: dt.date) -> Placed:
    owners = {account.name: account for account in life.accounts}
    found: Placed = defaultdict(list)
    for call, came in sorted(life.calls):
        for each in life.subscriptions:
            name = plan_on(each, call.at.date())
            if name is not None and any(number == call.number and call.at.date() in span for number, span in each.served):
                start = _billed_in(life, owners[each.account], (call, came, name), until)
                if start is not None:
                    found[each.name, start].append(call)
    return found


def billed_calls(life: Life, until: dt.date) -> set[Call]:
    """The calls of all periods that have ended by `until`."""
    ends: dict[tuple[str, dt.date], dt.date] = {}
    owners = {account.name: account for account in life.accounts}
    for each in life.subscriptions:
        ends |= {(each.name, period.start): period.end for period in periods(owners[each.account], life.opened, until)}
    return {call for key, calls in _placed(life, until).items() if ends[key] <= until for call in calls}


def owner_of(life: Life, call: Call) -> Subscription | None:
    """The subscription that has the number of a call, and is active, on its day."""
    day = call.at.date()
    return next(
        (
            each
            for each in life.subscriptions
            if plan_on(each, day) is not None and any(number == call.number and day in span for number, span in each.served)
        ),
        None,
    )


def came_too_late(life: Life, call: Call, came: dt.datetime) -> bool:
    """True of a call that the newest version of its plan does not bill, since it came too long after it began."""
    owner = owner_of(life, call)
    name = None if owner is None else plan_on(owner, call.at.date())
    return name is not None and _is_too_late(life, call, came, name)


def _is_too_late(life: Life, call: Call, came: dt.datetime, name: str) -> bool:
    rule = life.versions[-1].plans[name]
    return rule.late_max is not None and came > instant(call.at) + dt.timedelta(rule.late_max)


def _billed_in(life: Life, account: Account, told: tuple[Call, dt.datetime, str], until: dt.date) -> dt.date | None:
    """The first day of the period that a call is billed in; None where it came too late, or that period has not begun by `until`.

    How late usage is billed is what the newest version says. What comes when an account is closed is billed in its last period.
    """
    call, came, name = told
    rule = life.versions[-1].plans[name]
    if _is_too_late(life, call, came, name):
        return None
    every = periods(account, life.opened, until)
    own = next((each for each in every if each.start <= call.at.date() < each.end), None)
    if own is None or rule.late_after is None:
        return None if own is None else own.start
    if came <= instant(dt.datetime.combine(own.end, dt.time())) + dt.timedelta(rule.late_after):
        return own.start
    day = came.astimezone(ZoneInfo(ZONE)).date()
    if account.closed is not None:
        day = min(day, account.closed - ONE_DAY)
    return next((each.start for each in every if each.start <= day < each.end), None)


def _root(account: Account, day: dt.date) -> str:
    """The account that the newest agreement names which holds as a period begins, else itself."""
    named = [(span.start, root) for span, root in account.pools if day in span]
    return (max(named)[1] if named else "") or account.name


def _pot(life: Life, together: Sequence[Member], rolled: int) -> Pot:
    """What some subscriptions have together. It lasts as long as the longest period of those that bring something."""
    pot = Pot(0, rolled, dt.date.min, rolls=False)
    for each in together:
        for plan_name in dict.fromkeys(name for name, _, _ in each.held):
            plan = plan_of(life, plan_name, _first(each, plan_name))
            if plan.shared_minutes:
                pot.left += plan.shared_minutes
                pot.end, pot.rolls = max(pot.end, each.period.end), plan.shared_rolls
    return pot


def _own(life: Life, member: Member, before: str, rolled: int) -> Own:
    left = {name: plan_of(life, name, _first(member, name)).free_minutes for name, _, _ in member.held}
    lapse = next((first for name, first, _ in member.held if name != before), member.period.end if member.held else dt.date.min)
    if member.held and member.held[0][0] != before:
        lapse = dt.date.min
    return Own(left, before, rolled, lapse)


def _rolling(life: Life, member: Member, own: Own) -> tuple[str, int]:
    """The plan that a period ends with, and the minutes that it leaves."""
    if not member.held:
        return "", 0
    name, first, _ = member.held[-1]
    return name, own.left[name] if plan_of(life, name, first).rolls else 0


def _drawn(life: Life, together: Sequence[Member], own: dict[str, Own], pot: Pot, placed: Placed) -> dict[tuple[str, dt.date], Use]:
    calls = [(call, each) for each in together for call in placed.get((each.subscription.name, each.period.start), ())]
    uses: dict[tuple[str, dt.date], Use] = {}
    for call, member in sorted(calls, key=lambda each: each[0].at):
        name = plan_on(member.subscription, call.at.date())
        assert name is not None
        rest = _paid(life, call, name, (own[member.subscription.name], pot))
        key = member.subscription.name, member.period.start
        micros, minutes = uses.get(key, Use(0, 0))
        uses[key] = Use(micros + rest * plan_of(life, name, call.at.date()).minute_micros, minutes + rest)
    return uses


def _paid(life: Life, call: Call, name: str, free: tuple[Own, Pot]) -> int:
    """The minutes of a call that nothing makes free. A plan that is not held in the period has no part in what there is."""
    own, pot = free
    rest = call.minutes
    if name == own.before and call.at.date() < own.lapse:
        drawn = min(own.rolled, rest)
        own.rolled, rest = own.rolled - drawn, rest - drawn
    drawn = min(own.left.get(name, 0), rest)
    if drawn:
        own.left[name], rest = own.left[name] - drawn, rest - drawn
    if name in own.left and plan_of(life, name, call.at.date()).shared_minutes:
        drawn = min(pot.rolled, rest)
        pot.rolled, rest = pot.rolled - drawn, rest - drawn
        drawn = min(pot.left, rest)
        pot.left, rest = pot.left - drawn, rest - drawn
    return rest


def _first(member: Member, name: str) -> dt.date:
    """The first day of a period on a plan."""
    return next(first for each, first, _ in member.held if each == name)

"""Buckets that one subscription can draw on in one period, computed once for all subscriptions that are alike in it.

Two subscriptions are alike in a run if they have one pattern (`billing.runs.contracts.contract_profiles`) and their accounts have the
same periods and bill days. There are few such *kinds*, however many subscriptions; a kind and a period make a *shape*: the buckets of
each plan, by the number the plan has within the subscription.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from billing.charges import grants
from billing.charges.grants import AllowanceKey, Granting, Pot, Stretch
from billing.charges.periods import Period
from billing.charges.proration import Span, clip
from billing.charges.rollover import expiry
from billing.runs.contracts.fact_columns import groups
from billing.runs.contracts.late_rules import arrives
from billing.runs.contracts.plan_counters import memories
from rating.dates import NEVER_DAY, day_number, local_date
from rating.model import BucketKind
from rating.tables import TIME_MIN_US

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from billing.charges.lines import Int64s
    from billing.charges.recurring import PlanSpan
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.contracts.facts import Account
    from billing.runs.contracts.plan_counters import Memory, PlanVersion
    from billing.runs.selection.scope import Scope


EVER_SINCE_US: Final = TIME_MIN_US  # late usage begins before the period that it is billed in


class Part(NamedTuple):
    """One bucket as a period opens it, and the plans (numbers within the subscription) that draw from it."""

    slot: int  # of rating.tables
    amount: int
    from_us: int
    to_us: int
    priority: int
    plans: tuple[int, ...]


class Shape(NamedTuple):
    """All that one subscription can draw on in one period: as the whole period has it, where that is not over."""

    plans: int  # how many the subscription ever had
    own: tuple[Part, ...]
    shared: tuple[Part, ...]  # this member's part of buckets that the rating unit has together
    # For what is left over: the allowance pots behind the first of `own`, and behind `shared`, and what they follow from.
    own_pots: tuple[Pot, ...]
    shared_pots: tuple[Pot, ...]
    stretches: tuple[Stretch, ...]
    grantings: tuple[Mapping[AllowanceKey, Granting], ...]
    period: Period
    from_us: int
    to_us: int


class Shapes:
    """The shapes of a run, made when they are first asked for."""

    def __init__(self, contracts: Contracts, scope: Scope) -> None:
        self._contracts = contracts
        self._scope = scope
        account = contracts.facts.subscription_account
        columns = (scope.calendar[account], contracts.facts.account_bill_days[account], _patterns_within(contracts, scope))
        self._kind, self._model = groups(columns)
        self._known: dict[tuple[int, int], int] = {}
        self._lock = threading.Lock()
        self.all: list[Shape] = []

    def index(self, subscription: Int64s, place: Int64s) -> Int64s:
        """Number (in `all`) of the shape of each pair of a subscription (index) and the place of an open period."""
        columns = max(self._scope.periods_max, 1)
        code, models = groups([self._kind[subscription] * columns + place])
        kinds, places = self._kind[subscription[models]].tolist(), place[models].tolist()
        with self._lock:
            numbers = np.array([self._number(*each) for each in zip(kinds, places, strict=True)], np.int64)
        found: Int64s = numbers[code] if code.size else np.zeros(0, np.int64)
        return found

    def _number(self, kind: int, place: int) -> int:
        number = self._known.get((kind, place))
        if number is None:
            number = self._known[kind, place] = len(self.all)
            self.all.append(self._shape(int(self._model[kind]), place))
        return number

    def _shape(self, subscription: int, place: int) -> Shape:
        contracts = self._contracts
        owner = int(contracts.facts.subscription_account[subscription])
        account, period = contracts.facts.accounts[owner], self._scope.periods[owner][place].whole
        plans = contracts.plans[subscription]
        stretches = stretches_of(contracts.spans[subscription], plans, period)
        to_us = contracts.midnights.instant_us(account.timezone, period.end)
        grantings, remembered = [], []
        for number, plan in enumerate(plans):
            held = [each.span.start for each in stretches if each.plan == number]
            first = min(held, default=period.start)  # one that is not held may have left something over
            versions = contracts.price_list.plans_during(plan, contracts.midnights.instant_us(account.timezone, first), to_us)
            grantings.append(_grantings(versions, first, period, account.timezone))
            remembered.append(memories(each for _, each in versions if held))
        takes_late = any(arrives(contracts.price_list, plan) for plan in plans)
        return self._assembled(stretches, grantings, remembered, period, account, EVER_SINCE_US if takes_late else None)

    def _assembled(  # noqa: PLR0913, PLR0917 -- what a shape is put together from
        self,
        stretches: list[Stretch],
        grantings: list[dict[AllowanceKey, Granting]],
        remembered: list[list[Memory]],
        period: Period,
        account: Account,
        since_us: int | None,
    ) -> Shape:
        """`since_us`: from when on events draw on what the period begins with; None: from its first instant on."""
        pots = grants.pots(stretches, grantings, period)
        own = tuple(pot for pot in pots if not pot.allowance.shared)
        shared = tuple(pot for pot in pots if pot.allowance.shared)
        from_us, to_us = (self._contracts.midnights.instant_us(account.timezone, day) for day in (period.start, period.end))
        from_us = from_us if since_us is None else since_us
        slots = self._contracts.price_list.tables.slots
        parts = [
            Part(slots[each.kind, each.identity, each.definition_id], 0, from_us, to_us, each.priority, plans)
            for each, plans in _together(remembered)
        ]
        return Shape(
            plans=len(grantings),
            own=(*(self._part(pot, period, account, from_us) for pot in own), *parts),
            shared=tuple(self._part(pot, period, account, from_us) for pot in shared),
            own_pots=own,
            shared_pots=shared,
            stretches=tuple(stretches),
            grantings=tuple(grantings),
            period=period,
            from_us=from_us,
            to_us=to_us,
        )

    def _part(self, pot: Pot, period: Period, account: Account, period_from_us: int) -> Part:
        from_us = period_from_us if pot.start == period.start else self._contracts.midnights.instant_us(account.timezone, pot.start)
        to_us = self._contracts.midnights.instant_us(account.timezone, expiry(pot, period, account.all_bill_days))
        slot = self._contracts.price_list.tables.slots[BucketKind.ALLOWANCE, pot.key.identity, pot.key.allowance_id]
        return Part(slot, pot.amount, from_us, to_us, pot.allowance.priority, pot.plans)


def _patterns_within(contracts: Contracts, scope: Scope) -> Int64s:
    """The pattern of each subscription, as far as the computed periods see of it: one plan all the time is one whenever it began."""
    facts = contracts.facts
    if not scope.calendars or not facts.patterns:
        return facts.subscription_pattern
    number = {plan: place for place, plan in enumerate(sorted({plan for plans in contracts.pattern_plans for plan in plans}))}
    single = [spans[0].span if len(spans) == 1 and len(plans) == 1 else None for spans, plans in _with_plans(contracts)]
    first_day = np.array([NEVER_DAY if span is None else day_number(span.start) for span in single], np.int64)
    end_day = np.array([NEVER_DAY if span is None or span.end is None else day_number(span.end) for span in single], np.int64)
    plan = np.array([number[plans[0]] if len(plans) == 1 else 0 for plans in contracts.pattern_plans], np.int64)
    from_day = scope.period_from[:, 0]
    to_day = np.array([day_number(periods[-1].whole.end) for periods in scope.calendars], np.int64)
    pattern, calendar = facts.subscription_pattern, scope.calendar[facts.subscription_account]
    throughout = (first_day[pattern] <= from_day[calendar]) & (end_day[pattern] >= to_day[calendar])
    return np.where(throughout, plan[pattern], len(number) + pattern)


def _with_plans(contracts: Contracts) -> Iterator[tuple[list[PlanSpan], tuple[str, ...]]]:
    return zip(contracts.pattern_spans, contracts.pattern_plans, strict=True)


def stretches_of(spans: list[PlanSpan], plans: tuple[str, ...], period: Period) -> list[Stretch]:
    """The plans of a subscription in a period, in order of time, by their number in `plans`."""
    parts: list[tuple[str, Span | None]] = [(each.plan, clip(each.span, period)) for each in spans]
    return [Stretch(plans.index(plan), part) for plan, part in parts if part is not None]


def _grantings(versions: list[tuple[int, PlanVersion]], first: dt.date, period: Period, zone: str) -> dict[AllowanceKey, Granting]:
    """Allowances that a plan grants by `versions`. The first one holds as its `first` day in the period begins, or starts within it."""
    found: dict[AllowanceKey, Granting] = {}
    for since_us, (catalogue, version) in versions:
        day = _local_day(since_us, zone)
        for allowance in version.allowances:
            base = f"{catalogue.identity}/{version.base or version.name}"
            granting = Granting(allowance, day if day > first else period.start, base)
            found.setdefault(AllowanceKey(catalogue.identity, allowance.allowance_id), granting)
    return found


def _together(remembered: list[list[Memory]]) -> Iterator[tuple[Memory, tuple[int, ...]]]:
    """Memories of plans, each once: one id in several plans is one thing. The first plan that has it sets its priority."""
    found: dict[tuple[BucketKind, str, int], tuple[Memory, list[int]]] = {}
    for number, plan in enumerate(remembered):
        for each in plan:
            found.setdefault((each.kind, each.identity, each.definition_id), (each, []))[1].append(number)
    return ((each, tuple(plans)) for each, plans in found.values())


def _local_day(instant_us: int, zone: str) -> dt.date:
    return local_date(instant_us, zone)

"""Who has which plan when, as arrays that a column of events is looked up in, and the free quantity that a period grants.

A *holding* is one pair (subscription, plan), however often the plan came and went: its allowance in a period is one bucket. A plan has
at most one allowance a service here.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from billing.charges.lines import Int64s
from billing.charges.proration import Span, clip
from billing.charges.recurring import PlanSpan, grant, plan_spans

if TYPE_CHECKING:
    from billing.charges.periods import Period
    from billing.runs.facts import Facts, Midnights
    from billing.runs.price_list import PriceList
    from billing.runs.scope import Scope

NO_PLAN = -1
UNKNOWN_PLAN = -2
SERVICES = 6  # 1 .. 5, and 0 that nothing uses
_NEVER = np.iinfo(np.int64).max


@dataclasses.dataclass(frozen=True, eq=False)
class Buckets:
    """Allowance buckets of a run: `of_event` is an index or -1, `opening` the quantity granted to each."""

    of_event: Int64s
    opening: Int64s


class Contracts:
    """Subscriptions of a run with their plans. Arrays are by subscription index, or by plan fact, or by holding."""

    def __init__(self, facts: Facts, price_list: PriceList, midnights: Midnights) -> None:
        self.facts = facts
        self.price_list = price_list
        self.midnights = midnights
        self.spans: list[list[PlanSpan]] = [plan_spans(each.plans, each.active) for each in facts.subscriptions]
        zones = [facts.accounts[each.account].timezone for each in facts.subscriptions]
        self._zones = zones
        pairs = list(zip(facts.subscriptions, zones, strict=True))
        self._active_from = np.array([midnights.instant_us(zone, each.active.start) for each, zone in pairs], np.int64)
        self._active_to = np.array(
            [_NEVER if each.active.end is None else midnights.instant_us(zone, each.active.end) for each, zone in pairs], np.int64
        )
        self._holdings: list[tuple[int, str]] = []
        self._collect_plan_facts(pairs_zones=zones)

    def is_active(self, subscription: Int64s, start_us: Int64s) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether each subscription (index >= 0) is active at an instant."""
        active: np.ndarray[tuple[int], np.dtype[np.bool_]] = (start_us >= self._active_from[subscription]) & (
            start_us < self._active_to[subscription]
        )
        return active

    def holding_at(self, subscription: Int64s, start_us: Int64s) -> Int64s:
        """The holding of each subscription (index >= 0) at an instant; -1 before its first plan."""
        first = self._first_fact[subscription]
        count = self._first_fact[subscription + 1] - first
        at = np.full(len(subscription), -1, np.int64)
        for number in range(int(count.max(initial=0))):
            rows = np.flatnonzero(count > number)
            rows = rows[start_us[rows] >= self._fact_from[first[rows] + number]]
            at[rows] = first[rows] + number
        return np.where(at >= 0, self._fact_holding[at], -1)

    def plan_of(self, holding: Int64s) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        """Plan index of each holding for the kernel; NO_PLAN for -1."""
        if not self._holdings:
            return np.full(len(holding), NO_PLAN, np.int32)
        return np.where(holding >= 0, self._holding_plan[holding], NO_PLAN).astype(np.int32)

    def buckets(self, holding: Int64s, place: Int64s, service: np.ndarray[tuple[int], np.dtype[np.int8]], scope: Scope) -> Buckets:
        """The bucket each event may draw from, by (holding, period, service), and what each was granted."""
        code = np.where((service > 0) & (service < SERVICES), service, 0).astype(np.int64)
        may_draw = (holding >= 0) & (place >= 0)
        if not self._holdings or not may_draw.any():
            return Buckets(np.full(len(holding), -1, np.int64), np.zeros(0, np.int64))
        may_draw &= self._has_allowance[np.where(may_draw, holding, 0), code]
        slot = np.where(may_draw, (holding * scope.periods_max + place) * SERVICES + code, -1)
        used = np.zeros(len(self._holdings) * scope.periods_max * SERVICES, bool)
        used[slot[may_draw]] = True
        number = np.cumsum(used) - 1
        slots = np.flatnonzero(used)
        return Buckets(np.where(may_draw, number[slot], -1), self._grants(slots, scope))

    def _collect_plan_facts(self, pairs_zones: list[str]) -> None:
        """Flatten the plan facts of all subscriptions; number the holdings."""
        first, fact_from, fact_holding = [0], [], []
        number_of: dict[tuple[int, str], int] = {}
        for index, (subscription, zone) in enumerate(zip(self.facts.subscriptions, pairs_zones, strict=True)):
            for from_date, plan in subscription.plans:
                fact_from.append(self.midnights.instant_us(zone, from_date))
                fact_holding.append(number_of.setdefault((index, plan), len(number_of)))
            first.append(len(fact_from))
        self._holdings = list(number_of)
        self._first_fact = np.array(first, np.int64)
        self._fact_from = np.array(fact_from, np.int64)
        self._fact_holding = np.array(fact_holding, np.int64)
        plan_index = self.price_list.tables.plan_index
        self._holding_plan = np.array([plan_index.get(plan, UNKNOWN_PLAN) for _, plan in self._holdings], np.int64)
        allowed = {plan: self.price_list.allowance_services(plan) for plan in {plan for _, plan in self._holdings}}
        flags = {plan: [service in services for service in range(SERVICES)] for plan, services in allowed.items()}
        self._has_allowance = np.array([flags[plan] for _, plan in self._holdings], bool).reshape(-1, SERVICES)

    def _grants(self, slots: Int64s, scope: Scope) -> Int64s:
        known: dict[tuple[str, int, str, Period, tuple[Span, ...]], int] = {}
        result = np.zeros(slots.size, np.int64)
        for row, slot in enumerate(slots.tolist()):
            holding, rest = divmod(slot, scope.periods_max * SERVICES)
            place, service = divmod(rest, SERVICES)
            subscription, plan = self._holdings[holding]
            period = scope.periods[self.facts.subscriptions[subscription].account][place]
            parts = tuple(part for each in self.spans[subscription] if each.plan == plan and (part := clip(each.span, period)))
            key = (plan, service, self._zones[subscription], period, parts)
            if key not in known:
                known[key] = self._granted(*key)
            result[row] = known[key]
        return result

    def _granted(self, plan: str, service: int, zone: str, period: Period, parts: tuple[Span, ...]) -> int:
        if not parts:
            return 0
        allowance = self.price_list.allowance_on(plan, service, *self.midnights.day_us(zone, parts[0].start))
        return grant(allowance, parts, period) if allowance is not None else 0

"""Who has which plan when, as arrays that a column of events is looked up in.

A *holding* is one pair (subscription, plan), however often the plan came and went. The holdings of a subscription have consecutive numbers,
in the order in which its plans first came.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from billing.charges.recurring import PlanSpan, plan_spans
from billing.runs.definitions import prices_incoming

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.charges.lines import Int64s
    from billing.runs.facts import Facts, Midnights
    from billing.runs.price_list import PriceList

NO_PLAN = -1
UNKNOWN_PLAN = -2
_NEVER = np.iinfo(np.int64).max


class Contracts:
    """Subscriptions of a run with their plans. Arrays are by subscription index, or by plan fact, or by holding."""

    def __init__(self, facts: Facts, price_list: PriceList, midnights: Midnights) -> None:
        self.facts = facts
        self.price_list = price_list
        self.midnights = midnights
        self.spans: list[list[PlanSpan]] = [plan_spans(each.plans, each.active) for each in facts.subscriptions]
        zones = [facts.accounts[each.account].timezone for each in facts.subscriptions]
        pairs = list(zip(facts.subscriptions, zones, strict=True))
        self._active_from = np.array([midnights.instant_us(zone, each.active.start) for each, zone in pairs], np.int64)
        self._active_to = np.array(
            [_NEVER if each.active.end is None else midnights.instant_us(zone, each.active.end) for each, zone in pairs], np.int64
        )
        self.plans = [tuple(dict.fromkeys(plan for _, plan in each.plans)) for each in facts.subscriptions]  # by subscription
        self._holdings = [plan for plans in self.plans for plan in plans]  # the plan of each
        self.first_holding = np.cumsum([0, *(len(plans) for plans in self.plans)])  # by subscription, and one more
        self._collect_plan_facts(zones)
        self._holding_plan = self._numbered()

    def under(self, price_list: PriceList) -> Contracts:
        """The same facts under other tariffs. What follows from the facts alone is shared, not worked out again."""
        other = copy.copy(self)
        other.price_list = price_list
        other._holding_plan = other._numbered()  # noqa: SLF001 -- one of our own
        return other

    def is_active(self, subscription: Int64s, start_us: Int64s) -> npt.NDArray[np.bool_]:
        """Whether each subscription (index >= 0) is active at an instant."""
        active: npt.NDArray[np.bool_] = (start_us >= self._active_from[subscription]) & (start_us < self._active_to[subscription])
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

    def plan_of(self, holding: Int64s) -> npt.NDArray[np.int32]:
        """Plan index of each holding for the kernel; NO_PLAN for -1."""
        if not self._holdings:
            return np.full(len(holding), NO_PLAN, np.int32)
        return np.where(holding >= 0, self._holding_plan[holding], NO_PLAN).astype(np.int32)

    def of_holdings(self, holding: Int64s, answer: Callable[[str], int], nobody: int) -> Int64s:
        """What `answer` says of the plan of each holding, asked once a plan; `nobody` for -1."""
        if not self._holdings:
            return np.full(len(holding), nobody, np.int64)
        known = {plan: answer(plan) for plan in set(self._holdings)}
        by_holding = np.array([known[plan] for plan in self._holdings], np.int64)
        return np.where(holding >= 0, by_holding[holding], nobody)

    def prices_incoming(self, holding: Int64s) -> npt.NDArray[np.bool_]:
        """Whether the plan of each holding prices incoming usage; no for -1."""

        def answer(plan: str) -> int:
            return any(prices_incoming(*version) for version in self.price_list.plan_versions(plan))

        return self.of_holdings(holding, answer, 0).astype(np.bool_)

    def subscriptions_that(self, holds: Callable[[str], bool]) -> npt.NDArray[np.bool_]:
        """By subscription: whether any plan it ever had is one of which this `holds`."""
        known = {plan: holds(plan) for plan in set(self._holdings)}
        return np.array([any(known[plan] for plan in plans) for plans in self.plans], np.bool_)

    def _collect_plan_facts(self, zones: list[str]) -> None:
        """Flatten the plan facts of all subscriptions."""
        first, fact_from, fact_holding = [0], [], []
        of_subscription = zip(self.facts.subscriptions, zones, self.plans, self.first_holding.tolist(), strict=False)
        for subscription, zone, plans, base in of_subscription:
            for from_date, plan in subscription.plans:
                fact_from.append(self.midnights.instant_us(zone, from_date))
                fact_holding.append(base + plans.index(plan))
            first.append(len(fact_from))
        self._first_fact = np.array(first, np.int64)
        self._fact_from = np.array(fact_from, np.int64)
        self._fact_holding = np.array(fact_holding, np.int64)

    def _numbered(self) -> Int64s:
        """The plan of each holding as the kernel numbers it."""
        plan_index = self.price_list.tables.plan_index
        return np.array([plan_index.get(plan, UNKNOWN_PLAN) for plan in self._holdings], np.int64)

"""Subscriptions and their plans over time, as arrays for the lookup of a column of events.

A *holding* is one pair (subscription, plan), however often the plan came and went. The holdings of a subscription have consecutive numbers,
in the order in which its plans first came. Values that follow from a pattern (and a time zone, for instants) are computed once for all
subscriptions that have it.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from billing.charges.lines import Int64s
from billing.charges.recurring import PlanSpan, plan_spans
from billing.runs.contracts.fact_columns import groups
from billing.runs.contracts.plan_counters import prices_incoming
from rating.dates import NEVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing.runs.contracts.facts import Facts
    from billing.runs.contracts.midnights import Midnights
    from billing.runs.contracts.price_list import PriceList

_T = TypeVar("_T")
NO_PLAN = -1
UNKNOWN_PLAN = -2


class OfPattern(Sequence[_T]):
    """The value of each subscription (index), which follows from its pattern."""

    def __init__(self, of: Int64s, values: Sequence[_T]) -> None:
        self._of = of
        self._values = values

    def __len__(self) -> int:
        return len(self._of)

    def __getitem__(self, index: int) -> _T:  # type: ignore[override]  # slices are not used
        return self._values[int(self._of[index])]

    def __iter__(self) -> Iterator[_T]:
        return map(self._values.__getitem__, self._of.tolist())


class Lives(NamedTuple):
    """The instants at which subscriptions are active, and those at which their plans begin. `of`: the life of each subscription."""

    of: Int64s
    active_from: Int64s
    active_to: Int64s
    first_fact: Int64s  # facts of life l are rows first_fact[l] up to first_fact[l + 1], in order of time
    fact_from: Int64s
    fact_plan: Int64s  # number of the plan within the subscription


class Contracts:
    """Subscriptions of a run with their plans. Arrays are by subscription index, by pattern, or by *life*: a pattern on a clock."""

    def __init__(self, facts: Facts, price_list: PriceList, midnights: Midnights, late_rules: PriceList | None = None) -> None:
        """`late_rules`: the tariffs whose rules about late usage hold, where these are not those of `price_list`."""
        self.facts = facts
        self.price_list = price_list
        self._late_rules = late_rules
        self.midnights = midnights
        self.pattern_spans: list[list[PlanSpan]] = [plan_spans(each.plans, each.active) for each in facts.patterns]
        self.pattern_plans = [tuple(dict.fromkeys(plan for _, plan in each.plans)) for each in facts.patterns]
        pattern = facts.subscription_pattern
        self.spans = OfPattern(pattern, self.pattern_spans)
        self.plans = OfPattern(pattern, self.pattern_plans)
        self._names = sorted({plan for plans in self.pattern_plans for plan in plans})
        self._collect_lives()
        self._collect_holdings()
        self._holding_plan = self._numbered()

    @property
    def late_rules(self) -> PriceList:
        """The tariffs whose rules about late usage hold."""
        return self.price_list if self._late_rules is None else self._late_rules

    def under(self, price_list: PriceList) -> Contracts:
        """The same facts under other tariffs. Values that follow from the facts alone are shared, not computed again."""
        other = copy.copy(self)
        other.price_list = price_list
        other._holding_plan = other._numbered()  # noqa: SLF001 -- one of our own
        return other

    @property
    def lives(self) -> Lives:
        """The instants that `is_active` and `holding_at` look up."""
        return Lives(self._life, self._active_from, self._active_to, self._first_fact, self._fact_from, self._fact_plan)

    def is_active(self, subscription: Int64s, start_us: Int64s) -> npt.NDArray[np.bool_]:
        """Return whether each subscription (index >= 0) is active at an instant."""
        life = self._life[subscription]
        active: npt.NDArray[np.bool_] = (start_us >= self._active_from[life]) & (start_us < self._active_to[life])
        return active

    def holding_at(self, subscription: Int64s, start_us: Int64s) -> Int64s:
        """The holding of each subscription (index >= 0) at an instant; -1 before its first plan."""
        life = self._life[subscription]
        first = self._first_fact[life]
        count = self._first_fact[life + 1] - first
        at = np.full(len(subscription), -1, np.int64)
        for number in range(int(count.max(initial=0))):
            rows = np.flatnonzero(count > number)
            rows = rows[start_us[rows] >= self._fact_from[first[rows] + number]]
            at[rows] = first[rows] + number
        return np.where(at >= 0, self.first_holding[subscription] + self._fact_plan[at], -1)

    def plan_of(self, holding: Int64s) -> npt.NDArray[np.int32]:
        """Plan index of each holding for the kernel; NO_PLAN for -1."""
        if not self._holding_name.size:
            return np.full(len(holding), NO_PLAN, np.int32)
        return np.where(holding >= 0, self._holding_plan[self._holding_name[holding]], NO_PLAN).astype(np.int32)

    def of_holdings(self, holding: Int64s, answer: Callable[[str], int], nobody: int) -> Int64s:
        """The value of `answer` for the plan of each holding, called once a plan; `nobody` for -1."""
        if not self._holding_name.size:
            return np.full(len(holding), nobody, np.int64)
        known = np.array([answer(plan) for plan in self._names], np.int64)
        return np.where(holding >= 0, known[self._holding_name[holding]], nobody)

    def prices_incoming(self, holding: Int64s) -> npt.NDArray[np.bool_]:
        """Return whether the plan of each holding prices incoming usage; no for -1."""

        def answer(plan: str) -> int:
            return any(prices_incoming(*version) for version in self.price_list.plan_versions(plan))

        return self.of_holdings(holding, answer, 0).astype(np.bool_)

    def subscriptions_that(self, holds: Callable[[str], bool]) -> npt.NDArray[np.bool_]:
        """By subscription: whether `holds` is true of any plan that it ever had."""
        known = {plan: holds(plan) for plan in self._names}
        by_pattern = np.array([any(known[plan] for plan in plans) for plans in self.pattern_plans], np.bool_)
        return by_pattern[self.facts.subscription_pattern] if by_pattern.size else np.zeros(0, np.bool_)

    def _collect_lives(self) -> None:
        """The instants of each pattern on each clock of any of its subscriptions."""
        facts = self.facts
        zone = facts.account_zone[facts.subscription_account]
        self._life, models = groups([facts.subscription_pattern, zone])
        active_from, active_to, first = [], [], [0]
        fact_from: list[int] = []
        fact_plan: list[int] = []
        for model in models.tolist():
            number, clock = int(facts.subscription_pattern[model]), facts.zones[zone[model]]
            pattern, plans = facts.patterns[number], self.pattern_plans[number]
            active_from.append(self.midnights.instant_us(clock, pattern.active.start))
            active_to.append(NEVER if pattern.active.end is None else self.midnights.instant_us(clock, pattern.active.end))
            fact_from.extend(self.midnights.instant_us(clock, from_date) for from_date, _ in pattern.plans)
            fact_plan.extend(plans.index(plan) for _, plan in pattern.plans)
            first.append(len(fact_from))
        columns = (active_from, active_to, first, fact_from, [*fact_plan, -1])  # a fact for nobody's place, so that it may be looked up
        self._active_from, self._active_to, self._first_fact, self._fact_from, self._fact_plan = (np.array(c, np.int64) for c in columns)

    def _collect_holdings(self) -> None:
        """Number the holdings, and name the plan of each as a place in `_names`."""
        pattern = self.facts.subscription_pattern
        place = {name: number for number, name in enumerate(self._names)}
        counts = np.array([len(plans) for plans in self.pattern_plans], np.int64)
        named = np.array([place[plan] for plans in self.pattern_plans for plan in plans], np.int64)
        count = counts[pattern] if counts.size else np.zeros(0, np.int64)
        self.first_holding = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)  # by subscription, and one more
        base = (np.cumsum(counts) - counts)[pattern] if counts.size else count
        self._holding_name = named[np.repeat(base - self.first_holding[:-1], count) + np.arange(self.first_holding[-1])].astype(np.int32)

    def _numbered(self) -> Int64s:
        """Each plan as the kernel numbers it."""
        plan_index = self.price_list.tables.plan_index
        return np.array([plan_index.get(plan, UNKNOWN_PLAN) for plan in self._names], np.int64)

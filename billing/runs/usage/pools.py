"""Accounts with which each account has its shared allowances together in each period: none, or all others of a pool.

The root of a pool is the account that the fact `pool` names which is valid as the period begins. Accounts have their shared allowances
together if their periods are of one cycle: one that is opened or closed within it has a shorter period than the others. Few are in any
pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from billing.runs.contracts.agreements import NOBODY
from billing.runs.contracts.columns import index_of
from rating.dates import day_number

if TYPE_CHECKING:
    from billing.charges.lines import Int64s
    from billing.runs.contracts.facts import Facts
    from billing.runs.selection.scope import Scope


class Pools:
    """Roots of pools by account index and place of a computed period."""

    def __init__(self, facts: Facts, scope: Scope) -> None:
        self._columns = max(scope.periods_max, 1)
        self._scope = scope
        self._cycle_day = cycle_days(scope)
        found: dict[int, int] = {}
        for account, relations in facts.agreed.pools.items():
            for place, period in enumerate(scope.periods[account]):
                held = [each for each in relations if each.span.holds_on(period.start)]
                if held and held[-1].other != NOBODY:
                    found[account * self._columns + place] = held[-1].other
        self._codes = np.array(sorted(found), np.int64)
        self._roots = np.array([found[code] for code in sorted(found)], np.int64)

    def root(self, account: Int64s, place: Int64s) -> Int64s:
        """The account (index) that has shared allowances for each pair: itself where it is in no pool."""
        if not self._codes.size:
            return account
        at = index_of(self._codes, account * self._columns + place)
        return np.where(at >= 0, self._roots[at], account)

    def together(self, account: Int64s, place: Int64s) -> Int64s:
        """A number for each pair, equal for those that have shared allowances together: same root, same cycle."""
        root = self.root(account, place)
        if not self._codes.size:
            return root * self._columns + place
        day = self._cycle_day[self._scope.calendar[account], place]
        return root * (int(day.max(initial=0)) + 1) + day


def cycle_days(scope: Scope) -> Int64s:
    """The day (number) on which the cycle of each computed period ends, by calendar and place: no two periods of an account have one."""
    days = np.zeros(scope.period_from.shape, np.int64)
    for calendar, periods in enumerate(scope.calendars):
        days[calendar, : len(periods)] = [day_number(each.cycle_end or each.end) for each in periods]
    return days

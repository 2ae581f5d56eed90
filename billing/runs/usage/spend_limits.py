"""Amounts that subscribers have spent in the windows of their spend limits, from priced events as they come, group by group.

A limit is that of the plan that a subscription has as the event begins, in the version that prices it; it counts charges of its services
and zones in a period, or in a local day of the catalogue's zone. Amounts are micro-units as charged. Nothing is charged or barred here.
"""

from __future__ import annotations

import collections
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.model import CapWindow, SpendLimit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.charges.lines import Int64s
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.usage.pricing import Priced
    from rating.model import Catalogue


class Spent(NamedTuple):
    """A limit that was reached. `window_from`: day number of the period's first day, or of the day."""

    account_key: int
    subscription_key: int
    limit: SpendLimit
    window_from: int
    spent_micros: int


class _Limit(NamedTuple):
    plan: int  # as the kernel numbers it
    version: int
    limit: SpendLimit
    zones: tuple[int, ...]
    timezone: str


class Spending:
    """Adds up events. `add` may be called by several threads."""

    def __init__(self, contracts: Contracts) -> None:
        self._contracts = contracts
        self._limits = list(_limits(contracts))
        self._lock = threading.Lock()
        self._sums: dict[tuple[int, int, int], int] = collections.defaultdict(int)  # subscription, limit id, window
        self._known: dict[int, dict[int, SpendLimit]] = collections.defaultdict(dict)  # by subscription: the newest statement of each limit

    def add(self, _group: int, priced: Priced) -> None:
        """Events of a group, as `groups.price_in_groups` gives them."""
        if not self._limits:
            return
        rated = priced.rated
        rows = np.flatnonzero((priced.subscription >= 0) & (rated.charge_micros > 0))
        holding = self._contracts.holding_at(priced.subscription[rows], priced.start_us[rows])
        plan = self._contracts.plan_of(holding)
        for each in self._limits:
            own = rows[(plan == each.plan) & (rated.version[rows] == each.version)]
            own = own[np.isin(priced.service[own], [int(service) for service in each.limit.services])]
            if each.zones:  # none named: all of them
                own = own[np.isin(rated.zone_id[own], each.zones)]
            if own.size:
                self._count(each, priced, own)

    def reached(self) -> list[Spent]:
        """Limits that were reached (an equal sum does), by subscription, limit and window."""
        facts = self._contracts.facts
        found = []
        for (subscription, limit_id, window), micros in sorted(self._sums.items()):
            limit = self._known[subscription][limit_id]
            if micros >= limit.amount_micros:
                account = int(facts.account_keys[facts.subscription_account[subscription]])
                found.append(Spent(account, int(facts.subscription_keys[subscription]), limit, window, micros))
        return found

    def _count(self, each: _Limit, priced: Priced, rows: Int64s) -> None:
        by_day = each.limit.window is CapWindow.DAY
        window = _local_days(priced.start_us[rows], each.timezone) if by_day else priced.period_from[rows]
        keys, place = np.unique(np.stack([priced.subscription[rows], window], axis=1), axis=0, return_inverse=True)
        sums = np.zeros(len(keys), np.int64)
        np.add.at(sums, place.reshape(-1), priced.rated.charge_micros[rows])
        with self._lock:
            for (subscription, day), micros in zip(keys.tolist(), sums.tolist(), strict=True):
                self._sums[subscription, each.limit.limit_id, day] += micros
                self._known[subscription][each.limit.limit_id] = each.limit


def _limits(contracts: Contracts) -> Iterator[_Limit]:
    """Every limit of every plan and version, zones by their numbers."""
    tables = contracts.price_list.tables
    for place, version in enumerate(tables.versions):
        catalogue = next(each for each in contracts.price_list.catalogues if _is(each, version))
        zones = {zone.name: zone.zone_id for zone in catalogue.zones}
        for plan in catalogue.plans:
            number = tables.plan_index.get(f"{catalogue.identity}/{plan.name}")
            for limit in plan.spend_limits if number is not None else ():
                yield _Limit(int(number or 0), place, limit, tuple(zones[name] for name in limit.zones), catalogue.timezone)


def _is(catalogue: Catalogue, version: Any) -> bool:  # noqa: ANN401 -- a version as the kernel's tables have it
    return (catalogue.identity, catalogue.version) == (version.identity, version.version)


def _local_days(start_us: Int64s, timezone: str) -> Int64s:
    instants: Any = pa.array(start_us).cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us", timezone))
    days: Any = pc.local_timestamp(instants).cast(pa.date32(), safe=False).cast(pa.int32())
    return np.asarray(days.to_numpy(), np.int64)

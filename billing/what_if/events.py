"""The events of the month, owned once and rated in two worlds.

Where no tariff asks for more than owner, number and quantity, owners and order are worked out by runs (`runs_of_numbers`). Else events are
looked up one by one as in a bill run: short codes, roaming, content and the like depend on the tariff, and are worked out for each world.
Incoming usage is kept where either world may price it; what a world's rules do not name is left out of that world.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from billing.charges.lines import Int64s
from billing.runs import pricing
from billing.runs.circumstances import asked
from billing.runs.columns import take
from billing.runs.definitions import prices_incoming
from billing.runs.turns import Rateable, chosen
from billing.what_if import worlds
from billing.what_if.runs_of_numbers import Grouped, group
from rating.engine import Rated, RatingInput
from rating.schema import Direction

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import pyarrow as pa

    from billing.guiding import Guide
    from billing.runs.scope import Scope
    from billing.what_if.worlds import World

NOT_COUNTED = -1  # status of an incoming event that no rule of a world is about


class Answer(NamedTuple):
    """Events of one world and what they were rated to. `rows`: which of all events they are, None for all."""

    batch: RatingInput
    subscription: Int64s
    rated: Rated
    rows: Int64s | None

    def everywhere(self, count: int) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int32]]:
        """Status and match with a row for each of all `count` events, to be kept: NOT_COUNTED where it is none of this world."""
        if self.rows is None:
            return self.rated.status.copy(), self.rated.match.copy()
        status, match = np.full(count, NOT_COUNTED, np.int16), np.full(count, -1, np.int32)
        status[self.rows], match[self.rows] = self.rated.status, self.rated.match
        return status, match


class MonthEvents(Protocol):
    """All events that bill in either world, in one order."""

    @property
    def rows(self) -> int:
        """How many there are."""

    @property
    def left_out(self) -> dict[str, int]:
        """Events of the month that bill in neither world, by reason."""

    def rate(self, made: World, threads: int, reuse: Answer | None = None) -> Answer:
        """Rate them by the tariffs of a world. `reuse`: an answer whose figures are not needed any more."""

    def seen_by(self, made: World) -> tuple[RatingInput, Int64s]:
        """All of them with the plans of a world, and whose they are: a subscription (index), -1 nobody's."""


def month_events(usage: pa.Table, guide: Guide, scope: Scope, now: World, then: World) -> MonthEvents:
    """The events of `usage`, which is the month's."""
    tariffs = [*now.tariffs.catalogues, *then.tariffs.catalogues]
    incoming = any(prices_incoming(catalogue, plan) for catalogue in tariffs for plan in catalogue.plans)
    if scope.window is None or incoming or any(asked(tariffs)):
        return _EachEvent(usage, guide, scope, now, then)
    return _ByRuns(group(usage, guide, scope, now))


class _ByRuns:
    """Events that need no more than owner, number and quantity: what is one for a run of them is worked out once a run."""

    def __init__(self, grouped: Grouped) -> None:
        self._grouped = grouped
        self._subscription = grouped.spread(grouped.runs.subscription)

    @property
    def rows(self) -> int:
        return len(self._subscription)

    @property
    def left_out(self) -> dict[str, int]:
        return {reason: count for reason, count in self._grouped.left_out.items() if count}

    def rate(self, made: World, threads: int, reuse: Answer | None = None) -> Answer:
        batch, subscription = self.seen_by(made)
        held = worlds.holders(made, self._grouped.runs.subscription, self._holding(made))
        holder = self._grouped.spread(held.holder)
        rated = worlds.rate(made, dataclasses.replace(batch, holder=holder), held.buckets, threads, reuse.rated if reuse else None)
        return Answer(batch, subscription, rated, None)

    def seen_by(self, made: World) -> tuple[RatingInput, Int64s]:
        plan = self._grouped.spread(made.contracts.plan_of(self._holding(made)))
        return dataclasses.replace(self._grouped.batch, plan=plan), self._subscription

    def _holding(self, made: World) -> Int64s:
        runs = self._grouped.runs
        holding = np.full(len(runs.subscription), -1, np.int64)
        known = runs.subscription >= 0
        holding[known] = made.contracts.holding_at(runs.subscription[known], runs.at_us[known])
        return holding


class _EachEvent:
    """Events whose circumstances some tariff asks for, or that come in and may bill: looked up one by one, as in a bill run."""

    def __init__(self, usage: pa.Table, guide: Guide, scope: Scope, now: World, then: World) -> None:
        self._guide = guide
        self._owned = pricing.owned(usage, guide, now.contracts, scope, _may_bill(now, then))
        self._shared = now.contracts.facts is then.contracts.facts
        direction, self._order = self._owned.direction, None
        if now.has_buckets or then.has_buckets:
            owner, facts = self._owned.owner, now.contracts.facts
            unit = np.where(owner.subscription >= 0, take(facts.account_keys, owner.account), 0)
            self._order = np.lexsort((self._owned.start_us, unit))
            direction = direction[self._order]
        self._direction = direction

    @property
    def rows(self) -> int:
        return len(self._direction)

    @property
    def left_out(self) -> dict[str, int]:
        return {reason: count for reason, count in self._owned.left_out.items() if count}

    def rate(self, made: World, threads: int, reuse: Answer | None = None) -> Answer:
        events, rows = self._of(made), None
        if (self._direction != int(Direction.ORIGINATING)).any():
            named = pricing.incoming_by_name(events, self._direction, made.contracts)
            rows = None if named.all() else np.flatnonzero(named)
            events = chosen(events, rows)
        held = worlds.holders(made, events.subscription, events.holding)
        over = reuse.rated if reuse is not None and len(reuse.rated.status) == len(events.place) else None
        rated = worlds.rate(made, dataclasses.replace(events.batch, holder=held.holder), held.buckets, threads, over)
        return Answer(events.batch, events.subscription, rated, rows)

    def seen_by(self, made: World) -> tuple[RatingInput, Int64s]:
        events = self._of(made)
        return events.batch, events.subscription

    def _of(self, made: World) -> Rateable:
        owned = self._owned
        if not self._shared:
            holding = owned.owner.holding.copy()
            known = owned.owner.subscription >= 0
            holding[known] = made.contracts.holding_at(owned.owner.subscription[known], owned.start_us[known])
            owned = dataclasses.replace(owned, owner=owned.owner._replace(holding=holding))
        return chosen(pricing.rateable(owned, self._guide, made.contracts), self._order)


def _may_bill(now: World, then: World) -> Callable[[Int64s], npt.NDArray[np.bool_]]:
    """Whether incoming usage of a holding (of `now`) may bill in either world; anybody's, where holdings are not the same."""

    def may_bill(holding: Int64s) -> npt.NDArray[np.bool_]:
        may = now.contracts.prices_incoming(holding)
        if then.contracts.facts is now.contracts.facts:
            may |= then.contracts.prices_incoming(holding)
        elif any(prices_incoming(catalogue, plan) for catalogue in then.tariffs.catalogues for plan in catalogue.plans):
            may[:] = True
        return may

    return may_bill

"""The events of a run, handed to the engine with their holders and buckets, in as many turns as their allowances need.

Where no plan's allowances roll over, all events of all periods are rated in one turn. Rating units with an allowance that does are rated
one period a turn, oldest first, since a period begins with what the one before it left.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from billing.charges.lines import Int64s
from billing.charges.rollover import nothing_left
from billing.runs.carrying import Carrying
from billing.runs.holders import NO_HOLDER, Groups, Layout, lay_out
from billing.runs.pools import Pools
from billing.runs.shapes import Shapes
from rating import engine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.charges.rollover import Left
    from billing.runs.contracts import Contracts
    from billing.runs.scope import Scope

Bools = npt.NDArray[np.bool_]


class Rateable(NamedTuple):
    """Events without their holders, and whose they are: indices of the run's facts, -1 nobody; `place` of the open period."""

    batch: engine.RatingInput
    subscription: Int64s
    account: Int64s
    place: Int64s
    holding: Int64s


@dataclasses.dataclass(frozen=True, eq=False)
class Results:
    """What billing reads of `rating.engine.Rated`, one row an event."""

    status: npt.NDArray[np.int16]
    charge_micros: Int64s
    gross_micros: Int64s
    chargeable_qty: Int64s
    free_qty: Int64s
    price: npt.NDArray[np.int32]
    price_id: npt.NDArray[np.int32]
    zone_id: npt.NDArray[np.int32]
    version: npt.NDArray[np.int32]


_RESULTS: Final = tuple(field.name for field in dataclasses.fields(Results))
_NARROW: Final = {"status": np.int16} | dict.fromkeys(("price", "price_id", "zone_id", "version"), np.int32)  # all others are int64


class _Turn(NamedTuple):
    """`rows`: places of its events, None for all. `slots`: which subscriptions (rows) are in it with which periods (columns)."""

    rows: Int64s | None
    slots: Bools


class Turns:
    """Rates events of a run. What follows from contracts and scope is worked out once, however many batches of rating units there are."""

    def __init__(self, contracts: Contracts, scope: Scope) -> None:
        self._contracts = contracts
        self._scope = scope
        self._pools = Pools(contracts.facts, scope)
        self._shapes = Shapes(contracts, scope)
        self._counts = _period_counts(scope)[contracts.facts.subscription_account]
        self.rolls = _of_units(contracts.subscriptions_that(contracts.price_list.rolls_over), contracts)
        self.present = self.rolls | _of_units(contracts.subscriptions_that(contracts.price_list.shares), contracts)

    def rate(
        self, events: Rateable, stored: Iterable[Left] = (), *, of: Bools | None = None, threads: int = 1
    ) -> tuple[Results, list[Left]]:
        """Rate every event. `of`: the subscriptions whose rating units these are, None for all; the others have no events among them.

        `stored` is what earlier runs left to the oldest periods of these; what their periods leave is the second answer.
        """
        rolls, present = (each if of is None else each & of for each in (self.rolls, self.present))
        slots = self._slots(events, present)
        if not rolls.any():
            layout = self._laid_out(slots, None)
            return _results(_rated(events, layout, slots, self._contracts, threads)), []
        carrying = Carrying(self._contracts, self._shapes.all, stored, self._pools)
        columns: dict[str, Any] = {name: np.zeros(len(events.place), _NARROW.get(name, np.int64)) for name in _RESULTS}
        for turn in self._turns(events, rolls, slots):
            layout = self._laid_out(turn.slots, carrying)
            rated = _rated(chosen(events, turn.rows), layout, turn.slots, self._contracts, threads)
            carrying.settle(layout, rated.amount_after)
            for name in _RESULTS:
                columns[name][turn.rows] = getattr(rated, name)
        return Results(**columns), [*carrying.left, *self._without(carrying.left, rolls)]

    def _without(self, lefts: Iterable[Left], rolls: Bools) -> list[Left]:
        """Word of each period of accounts that could have left something, and did not."""
        facts = self._contracts.facts
        told = {(left.account_key, left.period_end) for left in lefts}
        accounts = np.unique(facts.subscription_account[rolls]).tolist()
        ends = ((facts.account_keys[each].item(), period.end) for each in accounts for period in self._scope.periods[each])
        return [nothing_left(*each) for each in ends if each not in told]

    def _slots(self, events: Rateable, present: Bools) -> Bools:
        """Subscriptions by computed period: those of events, and every one that is `present` whether it used anything or not."""
        slots = np.zeros((len(self._counts), self._scope.periods_max), np.bool_)
        held = (events.holding >= 0) & (events.place >= 0)
        slots[events.subscription[held], events.place[held]] = True
        rows = np.flatnonzero(present)
        slots[rows] |= np.arange(self._scope.periods_max) < self._counts[rows, None]
        return slots

    def _turns(self, events: Rateable, in_turns: Bools, slots: Bools) -> Iterable[_Turn]:
        """As many as there are periods: the first has everything that need not wait, and the oldest period of what must.

        The members of a rating unit may have different numbers of periods. All end with the same one, so turns are counted from there.
        """
        number = np.arange(slots.shape[1]) + (slots.shape[1] - self._counts)[:, None]
        waits = np.where(events.subscription >= 0, in_turns[events.subscription], False)
        number_of = np.zeros(len(events.place), np.int64)
        rows = np.flatnonzero(waits & (events.place >= 0))
        number_of[rows] = number[events.subscription[rows], events.place[rows]]
        for turn in range(slots.shape[1]):
            own = in_turns[:, None] & (number == turn)
            others = ~in_turns[:, None] if turn == 0 else np.zeros((1, 1), np.bool_)
            yield _Turn(np.flatnonzero(number_of == turn), slots & (own | others))

    def _laid_out(self, slots: Bools, carrying: Carrying | None) -> Layout:
        subscription, place = (each.astype(np.int64) for each in np.nonzero(slots))
        account = self._contracts.facts.subscription_account[subscription]
        together = self._pools.together(account, place)
        groups = Groups(subscription, account, place, self._shapes.index(subscription, place), together)
        return lay_out(groups, self._shapes.all, None if carrying is None else lambda first: carrying.extras(groups, first))


def _period_counts(scope: Scope) -> Int64s:
    """How many computed periods each account has."""
    counts = np.append(scope.period_count, 0)
    by_account: Int64s = counts[scope.calendar]
    return by_account


def _of_units(subscriptions: Bools, contracts: Contracts) -> Bools:
    """All subscriptions of the rating units of some."""
    facts = contracts.facts
    unit = facts.account_unit[facts.subscription_account]
    units = np.zeros(len(facts.account_keys), np.bool_)
    units[unit[subscriptions]] = True
    found: Bools = units[unit]
    return found


def _rated(events: Rateable, layout: Layout, slots: Bools, contracts: Contracts, threads: int) -> engine.Rated:
    batch = dataclasses.replace(events.batch, holder=_holders(events, layout, slots, contracts))
    return engine.rate(contracts.price_list.tables, batch, layout.buckets, threads=threads)


def _holders(events: Rateable, layout: Layout, slots: Bools, contracts: Contracts) -> npt.NDArray[np.int32]:
    """The holder of each event, NO_HOLDER where it has no bucket."""
    held = np.flatnonzero((events.holding >= 0) & (events.place >= 0))
    holder = np.full(len(events.holding), NO_HOLDER, np.int32)
    if held.size:
        group = np.cumsum(slots.reshape(-1)) - 1
        subscription = events.subscription[held]
        of_event = layout.holder_first[group[subscription * slots.shape[1] + events.place[held]]]
        of_event += events.holding[held] - contracts.first_holding[subscription]
        holder[held] = np.where(layout.has_buckets[of_event], of_event, NO_HOLDER)
    return holder


def chosen(events: Rateable, rows: Int64s | None) -> Rateable:
    """Some of the events, all for None."""
    if rows is None:
        return events
    columns: dict[str, Any] = {field.name: getattr(events.batch, field.name) for field in dataclasses.fields(events.batch)}
    chosen: dict[str, Any] = {name: None if column is None else column[rows] for name, column in columns.items()}
    batch = engine.RatingInput(**chosen)
    return Rateable(batch, *(column[rows] for column in events[1:]))


def _results(rated: engine.Rated) -> Results:
    return Results(*(getattr(rated, name) for name in _RESULTS))

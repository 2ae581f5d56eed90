"""The events of a run, handed to the engine with their holders and buckets, in as many turns as their allowances need.

Where no plan's allowances roll over, all events of all periods are rated in one turn. Accounts with an allowance that does are rated
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


class Turn(NamedTuple):
    """`rows`: places of its events, None for all. `slots`: which subscriptions (rows) are in it with which open periods (columns)."""

    rows: Int64s | None
    slots: Bools


def rate_in_turns(events: Rateable, contracts: Contracts, scope: Scope, stored: Iterable[Left], threads: int) -> tuple[Results, list[Left]]:
    """Rate every event. `stored` is what earlier runs left to the oldest open periods; what these periods leave is the second answer."""
    rolls = _of_accounts(contracts.subscriptions_that(contracts.price_list.rolls_over), contracts)
    shares = _of_accounts(contracts.subscriptions_that(contracts.price_list.shares), contracts)
    slots = _slots(events, rolls | shares, contracts, scope)
    shapes = Shapes(contracts, scope)
    if not rolls.any():
        layout = _laid_out(slots, shapes, contracts, None)
        return _results(_rated(events, layout, slots, contracts, threads)), []
    carrying = Carrying(contracts, shapes.all, stored)
    columns: dict[str, Any] = {name: np.zeros(len(events.place), _NARROW.get(name, np.int64)) for name in _RESULTS}
    for turn in _turns(events, rolls, slots):
        layout = _laid_out(turn.slots, shapes, contracts, carrying)
        rated = _rated(chosen(events, turn.rows), layout, turn.slots, contracts, threads)
        carrying.settle(layout, rated.amount_after)
        for name in _RESULTS:
            columns[name][turn.rows] = getattr(rated, name)
    return Results(**columns), [*carrying.left, *_without(carrying.left, rolls, contracts, scope)]


def _without(lefts: Iterable[Left], rolls: Bools, contracts: Contracts, scope: Scope) -> list[Left]:
    """Word of each period of accounts that could have left something, and did not."""
    told = {(left.account_key, left.period_end) for left in lefts}
    accounts = np.unique(contracts.facts.subscription_account[rolls]).tolist()
    ends = ((contracts.facts.account_keys[each].item(), period.end) for each in accounts for period in scope.periods[each])
    return [nothing_left(*each) for each in ends if each not in told]


def _of_accounts(subscriptions: Bools, contracts: Contracts) -> Bools:
    """All subscriptions of the accounts of some."""
    account = contracts.facts.subscription_account
    accounts = np.zeros(len(contracts.facts.accounts), np.bool_)
    accounts[account[subscriptions]] = True
    return accounts[account]


def _slots(events: Rateable, present: Bools, contracts: Contracts, scope: Scope) -> Bools:
    """Subscriptions by open period: those of events, and every one that is `present` whether it used anything or not."""
    slots = np.zeros((len(contracts.facts.subscriptions), scope.periods_max), np.bool_)
    held = (events.holding >= 0) & (events.place >= 0)
    slots[events.subscription[held], events.place[held]] = True
    if present.any():
        counts = np.array([len(periods) for periods in scope.periods], np.int64)[contracts.facts.subscription_account]
        slots |= present[:, None] & (np.arange(scope.periods_max) < counts[:, None])
    return slots


def _turns(events: Rateable, in_turns: Bools, slots: Bools) -> Iterable[Turn]:
    """One a place: the first has everything that need not wait, and the oldest period of what must."""
    waits = np.where(events.subscription >= 0, in_turns[events.subscription], False)
    number_of = np.where(waits & (events.place >= 0), events.place, 0)
    for number in range(slots.shape[1]):
        own = in_turns[:, None] & (np.arange(slots.shape[1]) == number)
        others = ~in_turns[:, None] if number == 0 else np.zeros((1, 1), np.bool_)
        yield Turn(np.flatnonzero(number_of == number), slots & (own | others))


def _laid_out(slots: Bools, shapes: Shapes, contracts: Contracts, carrying: Carrying | None) -> Layout:
    subscription, place = (each.astype(np.int64) for each in np.nonzero(slots))
    account = contracts.facts.subscription_account[subscription]
    groups = Groups(subscription, account, place, shapes.index(subscription, place))
    return lay_out(groups, shapes.all, None if carrying is None else lambda first: carrying.extras(groups, first))


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

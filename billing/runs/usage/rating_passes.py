"""The events of a run, handed to the engine with their holders and buckets, in as many turns as their allowances need.

Where no plan's allowances roll over, all events of all periods are rated in one turn. Rating units with an allowance that rolls over are
rated one period a turn, oldest first: a period begins with what the one before it left.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from billing.charges.lines import Int64s
from billing.charges.rollover import nothing_left
from billing.runs.contracts.columns import Runs
from billing.runs.usage.bucket_layout import NO_HOLDER, Groups, Layout, lay_out
from billing.runs.usage.entitlements import Shapes
from billing.runs.usage.pools import Pools, cycle_days
from billing.runs.usage.rollover import Carrying
from rating import engine

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing.charges.rollover import Left
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.selection.scope import Scope
    from billing.runs.usage.allowance_balances import Balances

Bools = npt.NDArray[np.bool_]


class Rateable(NamedTuple):
    """Events without their holders, and their owners: indices of the run's facts, -1 none; `place` of the open period."""

    batch: engine.RatingInput
    subscription: Int64s
    account: Int64s
    place: Int64s
    holding: Int64s


@dataclasses.dataclass(frozen=True, eq=False)
class Results:
    """Columns of `rating.engine.Rated` that billing reads, one row an event."""

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
_DAYS: Final = 1 << 20  # more than there are day numbers


class _Slots(NamedTuple):
    """Subscriptions in periods, each once, in order of `code` (subscription x periods_max + place)."""

    code: Int64s
    subscription: Int64s
    place: Int64s

    def chosen(self, which: Bools) -> _Slots:
        """Some of them."""
        return _Slots(*(column[which] for column in self))


class Turns:
    """Rates events of a run. What follows from contracts and scope is worked out once, however many batches of rating units there are."""

    def __init__(self, contracts: Contracts, scope: Scope, balances: Balances | None = None) -> None:
        """`balances` gets what is left of allowances, also of subscriptions that used nothing."""
        self._contracts = contracts
        self._scope = scope
        self._balances = balances
        self._columns = max(scope.periods_max, 1)
        self._pools = Pools(contracts.facts, scope)
        self._shapes = Shapes(contracts, scope)
        self._counts = _period_counts(scope)[contracts.facts.subscription_account]
        self._cycle_day = cycle_days(scope)
        self._mixed, self._cycles = _mixed(contracts, scope, self._cycle_day)
        self._rolls = _of_units(contracts.subscriptions_that(contracts.price_list.rolls_over), contracts)
        shares = _of_units(contracts.subscriptions_that(contracts.price_list.shares), contracts)
        asked = np.zeros(len(shares), np.bool_) if balances is None else self._counts > 0
        self.present: Int64s = np.flatnonzero(
            self._rolls | shares | asked
        )  # subscriptions that are rated whether they used anything or not

    def rate(
        self, events: Rateable, stored: Iterable[Left] = (), *, present: Int64s | None = None, threads: int = 1
    ) -> tuple[Results, list[Left]]:
        """Rate every event. `present`: those of `self.present` whose rating units these are; None for all.

        `stored` is what earlier runs left to the oldest periods of these; what their periods leave is the second answer.
        """
        members = self.present if present is None else present
        slots = self._slots(events, members)
        rolling = members[self._rolls[members]]
        if not rolling.size:
            layout = self._laid_out(slots, None)
            all_rated = self._rated(events, layout, slots, threads)
            self._take_down(layout, (), all_rated)
            return _results(all_rated), []
        carrying = Carrying(self._contracts, self._shapes.all, stored, self._pools)
        columns: dict[str, Any] = {name: np.zeros(len(events.place), _NARROW.get(name, np.int64)) for name in _RESULTS}
        number_of, number_of_slot = self._numbers(events.subscription, events.place), self._numbers(slots.subscription, slots.place)
        for number in range(int(np.concatenate([number_of, number_of_slot]).max(initial=0)) + 1):
            rows = np.flatnonzero(number_of == number)
            part = slots.chosen(number_of_slot == number)
            layout = self._laid_out(part, carrying)
            rated = self._rated(chosen(events, rows), layout, part, threads)
            self._take_down(layout, carrying.before, rated)
            carrying.settle(layout, rated.amount_after)
            for name in _RESULTS:
                columns[name][rows] = getattr(rated, name)
        return Results(**columns), [*carrying.left, *self._without(carrying.left, rolling)]

    def _take_down(self, layout: Layout, before: Sequence[Left], rated: engine.Rated) -> None:
        if self._balances is not None:
            self._balances.add(layout, self._shapes.all, before, rated.amount_after)

    def _without(self, lefts: Iterable[Left], rolling: Int64s) -> list[Left]:
        """Word of each period of accounts that could have left something (the root of a pool without a subscription), and did not."""
        facts = self._contracts.facts
        told = {(left.account_key, left.period_end) for left in lefts}
        units = facts.account_unit[facts.subscription_account[rolling]]
        accounts = np.flatnonzero(np.isin(facts.account_unit, units)).tolist()
        ends = ((facts.account_keys[each].item(), period.end) for each in accounts for period in self._scope.periods[each])
        return [nothing_left(*each) for each in ends if each not in told]

    def _slots(self, events: Rateable, members: Int64s) -> _Slots:
        """Those of events, and every one of `members` whether it used anything or not."""
        runs = Runs(events.subscription, events.place, events.holding)
        subscription, place = events.subscription[runs.first], events.place[runs.first]
        held = (events.holding[runs.first] >= 0) & (place >= 0)
        counts = self._counts[members]
        each = np.repeat(members * self._columns, counts) + np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        code = np.unique(np.concatenate([subscription[held] * self._columns + place[held], each]))
        return _Slots(code, code // self._columns, code % self._columns)

    def _numbers(self, subscription: Int64s, place: Int64s) -> Int64s:
        """The turn of each event or slot: of what rolls over its period, else the first.

        The members of a rating unit may have different periods (one is closed, one came later). Those of one cycle are one turn.
        """
        waits = np.flatnonzero((subscription >= 0) & (place >= 0))
        waits = waits[self._rolls[subscription[waits]]]
        number = np.zeros(len(subscription), np.int64)
        number[waits] = place[waits]
        facts, scope = self._contracts.facts, self._scope
        mixed = waits[self._mixed[facts.subscription_account[subscription[waits]]]]
        account = facts.subscription_account[subscription[mixed]]
        unit = facts.account_unit[account] * _DAYS
        cycle = unit + self._cycle_day[scope.calendar[account], place[mixed]]
        number[mixed] = np.searchsorted(self._cycles, cycle) - np.searchsorted(self._cycles, unit)
        return number

    def _laid_out(self, slots: _Slots, carrying: Carrying | None) -> Layout:
        account = self._contracts.facts.subscription_account[slots.subscription]
        together = self._pools.together(account, slots.place)
        groups = Groups(slots.subscription, account, slots.place, self._shapes.index(slots.subscription, slots.place), together)
        return lay_out(groups, self._shapes.all, None if carrying is None else lambda first: carrying.extras(groups, first))

    def _rated(self, events: Rateable, layout: Layout, slots: _Slots, threads: int) -> engine.Rated:
        batch = dataclasses.replace(events.batch, holder=self._holders(events, layout, slots))
        return engine.rate(self._contracts.price_list.tables, batch, layout.buckets, threads=threads)

    def _holders(self, events: Rateable, layout: Layout, slots: _Slots) -> npt.NDArray[np.int32]:
        """The holder of each event, NO_HOLDER where it has no bucket."""
        runs = Runs(events.subscription, events.place, events.holding)
        subscription, place, holding = (column[runs.first] for column in (events.subscription, events.place, events.holding))
        holder = np.full(len(subscription), NO_HOLDER, np.int32)
        held = np.flatnonzero((holding >= 0) & (place >= 0))
        if held.size:
            group = np.searchsorted(slots.code, subscription[held] * self._columns + place[held])
            of_run = layout.holder_first[group] + holding[held] - self._contracts.first_holding[subscription[held]]
            holder[held] = np.where(layout.has_buckets[of_run], of_run, NO_HOLDER)
        return runs.spread(holder)


def chosen(events: Rateable, rows: Int64s) -> Rateable:
    """Some of the events."""
    columns: dict[str, Any] = {field.name: getattr(events.batch, field.name) for field in dataclasses.fields(events.batch)}
    chosen: dict[str, Any] = {name: None if column is None else column[rows] for name, column in columns.items()}
    batch = engine.RatingInput(**chosen)
    return Rateable(batch, *(column[rows] for column in events[1:]))


def _results(rated: engine.Rated) -> Results:
    return Results(*(getattr(rated, name) for name in _RESULTS))


def _period_counts(scope: Scope) -> Int64s:
    """Number of computed periods of each account."""
    counts = np.append(scope.period_count, 0)
    by_account: Int64s = counts[scope.calendar]
    return by_account


def _mixed(contracts: Contracts, scope: Scope, cycle_day: Int64s) -> tuple[Bools, Int64s]:
    """Accounts of rating units whose members do not all have one calendar, and the days on which cycles of these end, by unit."""
    unit, calendar = contracts.facts.account_unit, scope.calendar
    rows = np.flatnonzero(calendar >= 0)
    least, greatest = np.full(len(unit), len(scope.calendars), np.int64), np.full(len(unit), -1, np.int64)
    np.minimum.at(least, unit[rows], calendar[rows])
    np.maximum.at(greatest, unit[rows], calendar[rows])
    mixed: Bools = (least < greatest)[unit]
    rows = rows[mixed[rows]]
    place = np.arange(scope.periods_max)
    cycles = unit[rows, None] * _DAYS + cycle_day[calendar[rows]]
    return mixed, np.unique(cycles[place < scope.period_count[calendar[rows], None]])


def _of_units(subscriptions: Bools, contracts: Contracts) -> Bools:
    """All subscriptions of the rating units of some."""
    facts = contracts.facts
    unit = facts.account_unit[facts.subscription_account]
    units = np.zeros(len(facts.account_keys), np.bool_)
    units[unit[subscriptions]] = True
    found: Bools = units[unit]
    return found

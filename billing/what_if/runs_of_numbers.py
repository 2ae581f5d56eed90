"""Owners of a month, found once for each run of events of one number; events are put into the order in which the engine is fastest.

Sealed usage is sorted by number and time, so ten million events are some hundred thousand runs. A number that has one owner all month, on
one plan, needs one look-up a run; the events of any other are looked up one by one, as in a bill run. Runs are then laid end to end by
rating unit. Where runs of one unit overlap in time, its events are sorted by time and key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing.charges.lines import Int64s
from billing.runs.contracts.columns import index_of, int64, key_halves, one_chunk
from billing.runs.selection.left_out import PLACES, LeftOut
from billing.runs.usage import pricing
from rating.schema import Direction

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from billing.guiding import Guide
    from billing.runs.selection.scope import Scope
    from billing.what_if.worlds import World

    Bools = npt.NDArray[np.bool_]
    Bills = Callable[[Int64s, Int64s], Bools]  # whether rows of usage bill, given their holdings

# Of the month. What lies before or after it on the clock of its account is no part of it: usage is read from the first clock to the last.
_REASONS = (LeftOut.CLOSED, LeftOut.OTHER_RUN)


class Runs(NamedTuple):
    """Runs of events, one after another: `length` events of one owner (-1 none), with one plan, which the owner has at `at_us`."""

    length: Int64s
    subscription: Int64s
    at_us: Int64s

    @property
    def first(self) -> Int64s:
        """Place at which each begins."""
        first: Int64s = np.cumsum(self.length) - self.length
        return first

    def chosen(self, which: npt.NDArray[Any]) -> Runs:
        """Some of them, by a mask or by number."""
        return Runs(*(column[which] for column in self))


class Grouped(NamedTuple):
    """Rows of usage (`places`) by rating unit and time, and in the same order their starts, and whose they are."""

    places: Int64s
    start_us: Int64s
    runs: Runs
    unit: Int64s  # of each run; 0 nobody's
    left_out: dict[str, int]

    def spread(self, by_run: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A figure of each run, for each of its events."""
        return np.repeat(by_run, self.runs.length)


def group(usage: pa.Table, guide: Guide, scope: Scope, made: World, may_bill: Callable[[Int64s], Bools]) -> Grouped:
    """The events of `usage` that bill, grouped. `made`: the world by whose plans it is seen whether owners are steady.

    `may_bill(holding)`: whether incoming usage of a holding of that world may bill.
    """
    start_us = int64(usage["start_us"])
    incoming = usage["direction"].to_numpy() != int(Direction.ORIGINATING)
    left_out = {pricing.NOT_BILLABLE: 0}
    places, runs = _runs(usage, start_us, guide, scope, made, lambda rows, holding: ~incoming[rows] | may_bill(holding), left_out)
    if incoming.any():
        never = incoming[places] & ~np.repeat(may_bill(holding_of(runs, made)), runs.length)
        left_out[pricing.NOT_BILLABLE] += int(np.count_nonzero(never))
        places, runs = _without(places, runs, never)
    return _in_order(places, start_us, runs, made, usage["event_key"], left_out)


def holding_of(runs: Runs, made: World) -> Int64s:
    """The holding of each run in a world, -1 none."""
    holding = np.full(len(runs.subscription), -1, np.int64)
    known = runs.subscription >= 0
    holding[known] = made.contracts.holding_at(runs.subscription[known], runs.at_us[known])
    return holding


def _without(places: Int64s, runs: Runs, never: Bools) -> tuple[Int64s, Runs]:
    """The runs without some of their events."""
    if not never.any():
        return places, runs
    gone = np.add.reduceat(never.astype(np.int64), runs.first)
    runs = runs._replace(length=runs.length - gone)
    return places[~never], runs.chosen(runs.length > 0)


def _runs(  # noqa: PLR0913, PLR0917 -- usage, and what its owners are found by
    usage: pa.Table, start_us: Int64s, guide: Guide, scope: Scope, made: World, bills: Bills, left_out: dict[str, int]
) -> tuple[Int64s, Runs]:
    """Runs of one owner each, and their rows; events that are none of this month are counted and in no run."""
    served_id, length = _run_lengths(usage["served_id"])
    first = np.cumsum(length) - length
    key, steady = guide.throughout(served_id, *(scope.window or (0, 0)))
    subscription = index_of(made.contracts.facts.subscription_keys, key)
    steady &= _keeps_plan(made, scope)[subscription] | (subscription < 0)
    if len(made.contracts.facts.zones) > 1:  # else the window is the month on everybody's clock
        steady &= _lies_within(first, start_us, subscription, scope, made)
    whole = Runs(length[steady], subscription[steady], start_us[first[steady]])
    places, rows = _ranges(first[steady], whole.length), _ranges(first[~steady], length[~steady])
    if not rows.size:
        return places, whole
    rows, single = _one_by_one(usage, rows, start_us[rows], guide, scope, made, bills, left_out)
    return np.concatenate([places, rows]), Runs(*(np.concatenate(pair) for pair in zip(whole, single, strict=True)))


def _run_lengths(served_id: pa.ChunkedArray[Any]) -> tuple[pa.Array[Any], Int64s]:
    """The number of each run, and of how many events it is."""
    encoded: list[Any] = [pc.call_function("run_end_encode", [chunk]) for chunk in served_id.chunks if len(chunk)]
    if not encoded:
        return pa.array([], pa.string()), np.zeros(0, np.int64)
    lengths = [np.diff(each.run_ends.to_numpy(), prepend=0).astype(np.int64) for each in encoded]
    return pa.concat_arrays([each.values.cast(pa.string()) for each in encoded]), np.concatenate(lengths)


def _keeps_plan(made: World, scope: Scope) -> Bools:
    """By subscription (the last one: no owner): True if it has one plan all month, and is billed all month."""
    month, contracts = made.month, made.contracts

    def keeps(model: int) -> bool:
        held = [each.span for each in contracts.spans[model] if each.plan in made.plans_of(model)]
        whole = len(held) == 1 and held[0].start <= month.first and (held[0].end is None or held[0].end >= month.after)
        return whole and scope.periods[contracts.facts.subscriptions[model].account][0].start == month.first

    by_pattern = np.array([*(keeps(model) for model in made.patterns.models), False], np.bool_)
    return np.append(by_pattern[made.patterns.of], False)


def _lies_within(first: Int64s, start_us: Int64s, subscription: Int64s, scope: Scope, made: World) -> Bools:
    """Mask of runs with all events in the month on the clock of the account. Runs without an owner are included: they have no clock."""
    if not first.size:
        return np.zeros(0, np.bool_)
    account = made.contracts.facts.subscription_account[subscription] if len(made.contracts.facts.subscriptions) else subscription
    bounds = scope.bounds_us[np.maximum(scope.calendar[account], 0)]
    earliest, latest = np.minimum.reduceat(start_us, first), np.maximum.reduceat(start_us, first)
    within: Bools = (earliest >= bounds[:, 0]) & (latest < bounds[:, 1])
    return within | (subscription < 0)


def _one_by_one(  # noqa: PLR0913, PLR0917 -- some rows of usage, and what their owners are found by
    usage: pa.Table, rows: Int64s, start_us: Int64s, guide: Guide, scope: Scope, made: World, bills: Bills, left_out: dict[str, int]
) -> tuple[Int64s, Runs]:
    """A run for each event, its owner looked up as a bill run does; and the rows that are of this month."""
    key = guide.resolve(one_chunk(usage["served_id"].take(rows)), start_us)
    owner = pricing.owners(key, start_us, made.contracts, scope)
    known, billable = owner.subscription >= 0, bills(rows, owner.holding)
    left_out[pricing.NOT_BILLABLE] += int(np.count_nonzero(~billable))
    for reason in _REASONS:
        left_out[reason.value] = int(np.count_nonzero(billable & known & (owner.place == PLACES[reason])))
    keep = billable & (~known | (owner.place >= 0))
    return rows[keep], Runs(np.ones(int(np.count_nonzero(keep)), np.int64), owner.subscription[keep], start_us[keep])


def _in_order(  # noqa: PLR0913, PLR0917 -- rows, their runs, and what they are ordered by
    places: Int64s, start_us: Int64s, runs: Runs, made: World, event_key: pa.ChunkedArray[Any], left_out: dict[str, int]
) -> Grouped:
    """Lay the runs end to end by rating unit and time."""
    unit = _units(runs, made)
    order = np.lexsort((runs.at_us, unit))
    places = places[_ranges(runs.first[order], runs.length[order])]
    runs, unit = runs.chosen(order), unit[order]
    start_us = start_us[places]
    overlap = _overlapping(np.repeat(unit, runs.length), start_us, unit)
    if overlap.any():
        runs = _sorted_within(places, start_us, runs, unit, overlap, one_chunk(event_key))
        unit = _units(runs, made)
    return Grouped(places, start_us, runs, unit, left_out)


def _units(runs: Runs, made: World) -> Int64s:
    """Rating unit of each run, 0 for one without an owner."""
    facts = made.contracts.facts
    unit = np.zeros(len(runs.length), np.int64)
    known = runs.subscription >= 0
    unit[known] = facts.account_keys[facts.account_unit[facts.subscription_account[runs.subscription[known]]]]
    return unit


def _overlapping(unit_of_event: Int64s, start_us: Int64s, unit: Int64s) -> Bools:
    """By run: whether events of its unit do not come in order of time, or two begin at one instant."""
    wrong = np.flatnonzero((unit_of_event[1:] == unit_of_event[:-1]) & (start_us[1:] <= start_us[:-1]))
    overlap: Bools = np.isin(unit, np.unique(unit_of_event[wrong + 1]))
    return overlap


def _sorted_within(  # noqa: PLR0913, PLR0917 -- columns in one order, two of which change in place
    places: Int64s, start_us: Int64s, runs: Runs, unit: Int64s, overlap: Bools, event_key: pa.Array[Any]
) -> Runs:
    """Sort the events of some units by time and key, in place; a run for each of them."""
    rows = _ranges(runs.first[overlap], runs.length[overlap])
    subscription = np.repeat(runs.subscription[overlap], runs.length[overlap])
    key = key_halves(event_key.take(places[rows]))
    order = np.lexsort((key[:, 1], key[:, 0], start_us[rows], np.repeat(unit[overlap], runs.length[overlap])))
    places[rows], start_us[rows] = places[rows][order], start_us[rows][order]
    single, rest = Runs(np.ones(rows.size, np.int64), subscription[order], start_us[rows]), runs.chosen(~overlap)
    joined = Runs(*(np.concatenate(pair) for pair in zip(rest, single, strict=True)))
    return joined.chosen(np.argsort(np.concatenate([runs.first[~overlap], rows]), kind="stable"))


def _ranges(first: Int64s, length: Int64s) -> Int64s:
    """first[0], first[0] + 1, .. (length[0] of them), first[1], .. laid end to end."""
    before = np.cumsum(length) - length
    ranges: Int64s = np.repeat(first - before, length) + np.arange(int(length.sum()))
    return ranges

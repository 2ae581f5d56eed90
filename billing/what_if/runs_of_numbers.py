"""Owners of a month found once for each run of events of one number, and events put into the order in which the engine is fastest.

Sealed usage is sorted by number and time, so ten million events are some hundred thousand runs. A number that has one owner all month, on
one plan, needs one look-up a run; the events of any other are looked up one by one, as in a bill run. Runs are then laid end to end by
rating unit, and where runs of one unit overlap in time its events are sorted by time and key.

Only for months in which no tariff asks for circumstances or short codes, and none prices incoming usage: `events` decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing.charges.lines import Int64s
from billing.runs import pricing
from billing.runs.columns import digits_of, index_of, int64, key_halves, one_chunk
from billing.runs.destinations import MALFORMED
from billing.runs.scope import CLOSED, NOT_DUE, OTHER_RUN
from rating.engine import RatingInput
from rating.schema import Direction

if TYPE_CHECKING:
    import numpy.typing as npt

    from billing.guiding import Guide
    from billing.runs.scope import Scope
    from billing.what_if.worlds import World

    Bools = npt.NDArray[np.bool_]

_REASONS = (("closed", CLOSED), ("not_due", NOT_DUE), ("other_run", OTHER_RUN))


class Runs(NamedTuple):
    """Events `first` .. `first + length` have one owner, -1 nobody, and one plan, which the owner has at `at_us`."""

    first: Int64s
    length: Int64s
    subscription: Int64s
    at_us: Int64s


class Grouped(NamedTuple):
    """Events by rating unit and time. `batch` lacks plan and holder, which each world gives to `runs`."""

    batch: RatingInput
    runs: Runs
    left_out: dict[str, int]

    def spread(self, by_run: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A figure of each run, for each of its events."""
        return np.repeat(by_run, self.runs.length)


def group(usage: pa.Table, guide: Guide, scope: Scope, made: World) -> Grouped:
    """All events of `usage` that bill, grouped. `made`: the world by whose plans it is seen whether owners are steady."""
    incoming = usage["direction"].to_numpy() != int(Direction.ORIGINATING)
    left_out = {pricing.NOT_BILLABLE: int(np.count_nonzero(incoming))}
    if left_out[pricing.NOT_BILLABLE]:
        usage = usage.filter(pa.array(~incoming))
    start_us = int64(usage["start_us"])
    runs = _runs(usage, start_us, guide, scope, made, left_out)
    return _in_order(usage, start_us, runs, made, left_out)


def _runs(  # noqa: PLR0913, PLR0917 -- usage, and what its owners are found by
    usage: pa.Table, start_us: Int64s, guide: Guide, scope: Scope, made: World, left_out: dict[str, int]
) -> Runs:
    """Runs of one owner each; events that are none of this month are counted and in no run."""
    assert scope.window is not None
    served_id, length = _run_lengths(usage["served_id"])
    first = np.cumsum(length) - length
    key, steady = guide.throughout(served_id, *scope.window)
    subscription = index_of(made.contracts.facts.subscription_keys, key)
    steady &= _keeps_plan(made, scope)[subscription] | (subscription < 0)
    if len(scope.bounds_us) > 1:
        steady &= _lies_within(first, start_us, subscription, scope, made)
    whole = Runs(first[steady], length[steady], subscription[steady], start_us[first[steady]])
    rows = _ranges(first[~steady], length[~steady])
    if not rows.size:
        return whole
    single = _one_by_one(usage, rows, start_us[rows], guide, scope, made, left_out)
    return Runs(*(np.concatenate(pair) for pair in zip(whole, single, strict=True)))


def _run_lengths(served_id: pa.ChunkedArray[Any]) -> tuple[pa.Array[Any], Int64s]:
    """The number of each run, and of how many events it is."""
    encoded: list[Any] = [pc.call_function("run_end_encode", [chunk]) for chunk in served_id.chunks if len(chunk)]
    if not encoded:
        return pa.array([], pa.string()), np.zeros(0, np.int64)
    lengths = [np.diff(each.run_ends.to_numpy(), prepend=0).astype(np.int64) for each in encoded]
    return pa.concat_arrays([each.values.cast(pa.string()) for each in encoded]), np.concatenate(lengths)


def _keeps_plan(made: World, scope: Scope) -> Bools:
    """By subscription (the last one: nobody): whether it has one plan all month, and is billed all month."""
    month, contracts = made.month, made.contracts

    def keeps(model: int) -> bool:
        held = [each.span for each in contracts.spans[model] if each.plan in made.plans_of(model)]
        whole = len(held) == 1 and held[0].start <= month.first and (held[0].end is None or held[0].end >= month.after)
        return whole and scope.periods[contracts.facts.subscriptions[model].account][0].start == month.first

    by_pattern = np.array([*(keeps(model) for model in made.patterns.models), False], np.bool_)
    return np.append(by_pattern[made.patterns.of], False)


def _lies_within(first: Int64s, start_us: Int64s, subscription: Int64s, scope: Scope, made: World) -> Bools:
    """Whether all events of each run are in the month on the clock of the account; of strangers there is no clock."""
    if not first.size:
        return np.zeros(0, np.bool_)
    account = made.contracts.facts.subscription_account[subscription] if len(made.contracts.facts.subscriptions) else subscription
    bounds = scope.bounds_us[np.maximum(scope.calendar[account], 0)]
    earliest, latest = np.minimum.reduceat(start_us, first), np.maximum.reduceat(start_us, first)
    within: Bools = (earliest >= bounds[:, 0]) & (latest < bounds[:, 1])
    return within | (subscription < 0)


def _one_by_one(  # noqa: PLR0913, PLR0917 -- some rows of usage, and what their owners are found by
    usage: pa.Table, rows: Int64s, start_us: Int64s, guide: Guide, scope: Scope, made: World, left_out: dict[str, int]
) -> Runs:
    """A run for each event, its owner looked up as a bill run does."""
    key = guide.resolve(one_chunk(usage["served_id"].take(rows)), start_us)
    owner = pricing.owners(key, start_us, made.contracts, scope)
    known = owner.subscription >= 0
    for reason, code in _REASONS:
        left_out[reason] = int(np.count_nonzero(known & (owner.place == code)))
    keep = ~known | (owner.place >= 0)
    return Runs(rows[keep], np.ones(int(np.count_nonzero(keep)), np.int64), owner.subscription[keep], start_us[keep])


def _in_order(usage: pa.Table, start_us: Int64s, runs: Runs, made: World, left_out: dict[str, int]) -> Grouped:
    """Lay the runs end to end by rating unit and time."""
    unit = _units(runs, made)
    order = np.lexsort((runs.at_us, unit))
    runs, unit = Runs(*(column[order] for column in runs)), unit[order]
    places = _ranges(runs.first, runs.length)
    runs = runs._replace(first=np.cumsum(runs.length) - runs.length)  # from here on: places in this order
    start_us = start_us[places]
    overlap = _overlapping(np.repeat(unit, runs.length), start_us, unit)
    if overlap.any():
        runs = _sorted_within(places, start_us, runs, unit, overlap, one_chunk(usage["event_key"]))
        unit = _units(runs, made)
    service = np.ascontiguousarray(usage["service"].to_numpy(), np.int8)
    number = int64(usage["other_e164"], missing=0)[places]
    digits = digits_of(np.maximum(number, 0))
    digits[number < 0] = MALFORMED
    batch = RatingInput(
        start_us=start_us,
        quantity=pricing.quantity_of(usage, service)[places],
        service=service[places],
        plan=np.zeros(0, np.int32),
        number=np.maximum(number, 0).astype(np.uint64),
        number_digits=digits,
        holder=np.zeros(0, np.int32),
        rating_unit=np.repeat(unit, runs.length),
        event_key=np.zeros((len(places), 2), np.uint64),  # events of one instant are in order already, and equal keys leave them so
    )
    return Grouped(batch, runs, left_out)


def _units(runs: Runs, made: World) -> Int64s:
    """Rating unit of each run, 0 nobody's."""
    facts = made.contracts.facts
    unit = np.zeros(runs.first.size, np.int64)
    known = runs.subscription >= 0
    unit[known] = facts.account_keys[facts.subscription_account[runs.subscription[known]]]
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
    single = Runs(rows, np.ones(rows.size, np.int64), subscription[order], start_us[rows])
    rest = Runs(*(column[~overlap] for column in runs))
    joined = Runs(*(np.concatenate(pair) for pair in zip(rest, single, strict=True)))
    by_place = np.argsort(joined.first, kind="stable")
    return Runs(*(column[by_place] for column in joined))


def _ranges(first: Int64s, length: Int64s) -> Int64s:
    """first[0], first[0] + 1, .. (length[0] of them), first[1], .. laid end to end."""
    before = np.cumsum(length) - length
    ranges: Int64s = np.repeat(first - before, length) + np.arange(int(length.sum()))
    return ranges

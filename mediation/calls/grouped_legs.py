"""Answered legs of a call that another leg bills, by a source's own rule: `legs: {group_by: [...], bills: ...}`.

Legs with one call reference are one call. Of those that compete, one bills and the others are absorbed: the first or last answered,
the longest, or the one on which the served party calls. All legs of a call compete, or with `overlapping` only those that overlap in
time, so that legs one after the other (transfers) each bill. A leg that its forwarder pays for competes with such legs only: the
caller's part and the forwarder's part of one call are two bills. Copies and versions of a record share one verdict, and no verdict
depends on the order of the rows. A leg without a reference is a call of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mediation.calls import events
from mediation.known_records.duplicates import as_pairs
from mediation.sources.rules import Bills
from mediation.values.columns import Identity, hashes
from rating.schema import Direction, LegRole, UsageFlag

if TYPE_CHECKING:
    from mediation.records.rows import Block
    from mediation.sources.model import Source
    from mediation.sources.rules import Legs

COLUMNS: Final = ("event_key", "call_ref", "leg_role", "direction", "start_us", "duration_us")  # of usage, for `of_usage`
_ALONE: Final = np.uint64(0)  # the call of legs without a reference


class GroupedLegs(NamedTuple):
    """Answered legs. References and keys are hashed; 0 stands for an empty reference."""

    row: NDArray[np.int64]  # position of the leg among all rows of the file
    call: NDArray[np.uint64]
    is_forwarded: NDArray[np.bool_]
    is_caller: NDArray[np.bool_]
    begin_us: NDArray[np.int64]
    duration_us: NDArray[np.int64]
    key: NDArray[np.uint64]  # first half of the event key

    def chosen(self, places: NDArray[np.int64]) -> GroupedLegs:
        """The legs at `places`."""
        columns: Any = [column[places] for column in self]
        return GroupedLegs(*columns)


def is_ruled(rules: Legs) -> bool:
    """Return whether a source has a rule of its own that absorbs legs."""
    return rules.bills not in {Bills.NATIVE, Bills.EACH}


def of_block(block: Block, source: Source, read: events.Events, identity: Identity, before: int) -> GroupedLegs:
    """The block's answered legs. `before` is the number of rows of the file before the block."""
    key = events.event_key(block, source, identity, events.LEG_KEY)
    whole = np.ones(block.size, np.bool_) if read.flags is None else (read.flags & UsageFlag.PARTIAL) == 0  # segments are no legs
    good = np.flatnonzero(read.answered & whole & (block.code == 0))
    details = read.details
    references = [details.call_ref, *details.call_ref_more]
    filled = np.logical_or.reduce([spans.filled for spans in references])
    call = np.where(filled, hashes(block, Identity(references, []), b"call", events.LEG_KEY)[:, 0], _ALONE)
    no = np.zeros(block.size, np.bool_)
    role, direction = details.leg_role, details.direction
    return GroupedLegs(
        row=good + before,
        call=call[good],
        is_forwarded=(no if role is None else role == LegRole.FORWARD)[good],
        is_caller=(~no if direction is None else direction == Direction.ORIGINATING)[good],
        begin_us=read.start_us[good],
        duration_us=read.duration_us[good],
        key=key[good, 0],
    )


def of_usage(usage: pa.Table) -> GroupedLegs:
    """A leg a row of stored usage, for calls whose rows lie in several files. `usage` has at least COLUMNS, and answered rows alone."""
    table = usage.combine_chunks()
    references: Any = table.column("call_ref").cast(pa.string())
    codes = pc.dictionary_encode(references.combine_chunks()).indices.fill_null(-1).to_numpy().astype(np.int64)
    return GroupedLegs(
        row=np.arange(table.num_rows),
        call=(codes + 1).astype(np.uint64),
        is_forwarded=_integers(table, "leg_role") == LegRole.FORWARD,
        is_caller=_integers(table, "direction") == Direction.ORIGINATING,
        begin_us=_integers(table, "start_us"),
        duration_us=_integers(table, "duration_us"),
        key=as_pairs(table.column("event_key"))[:, 0],
    )


def absorbed(legs: GroupedLegs, rules: Legs) -> NDArray[np.bool_]:
    """True for each leg that another one bills."""
    out = np.zeros(legs.row.size, np.bool_)
    shared = np.flatnonzero(legs.call != _ALONE)
    if shared.size == 0 or not is_ruled(rules):
        return out
    legs = legs.chosen(shared)
    record, stands_for = _records(legs)
    one_each = legs.chosen(stands_for)
    group = _competing(one_each, overlapping=rules.overlapping)
    order = np.lexsort((one_each.key, one_each.begin_us, *_preference(one_each, rules.bills), group))
    loses = np.ones(order.size, np.bool_)
    loses[order] = np.concatenate([[False], np.diff(group[order]) == 0])
    out[shared] = loses[record]
    return out


def _preference(legs: GroupedLegs, bills: Bills) -> tuple[NDArray[np.int64], ...]:
    """Columns to sort by before the time of answer, the last one first; the leg that is first bills."""
    if bills is Bills.LONGEST:
        return (-legs.duration_us,)
    if bills is Bills.LAST:
        return (-legs.begin_us,)
    if bills is Bills.CALLER:
        return ((~legs.is_caller).astype(np.int64),)
    return ()


def _records(legs: GroupedLegs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each leg's record, and the leg that stands for each record: of copies and versions, the longest and then the earliest."""
    order = np.lexsort((legs.begin_us, -legs.duration_us))
    _, first, record = np.unique(legs.key[order], return_index=True, return_inverse=True)
    out = np.empty_like(record)
    out[order] = record
    return out, order[first]


def _competing(legs: GroupedLegs, *, overlapping: bool) -> NDArray[np.int64]:
    """For each leg the number of the group in which it competes."""
    calls = np.stack([legs.call, legs.is_forwarded.astype(np.uint64)], axis=1)
    _, call = np.unique(calls, axis=0, return_inverse=True)
    call = call.reshape(-1).astype(np.int64)
    if not overlapping:
        return call
    end_us = legs.begin_us + legs.duration_us
    by_end = np.argsort(end_us, kind="stable")
    rank = np.empty_like(by_end)
    rank[by_end] = np.arange(by_end.size)
    order = np.lexsort((rank, legs.begin_us, call))
    # The latest end so far in the same call: ranks are shifted by the call, so that a running maximum never looks back into another.
    reach = np.maximum.accumulate(call[order] * by_end.size + rank[order]) % by_end.size
    begins = np.ones(order.size, np.bool_)
    begins[1:] = (np.diff(call[order]) != 0) | (legs.begin_us[order][1:] >= end_us[by_end[reach]][:-1])
    begins[1:] &= (np.diff(call[order]) != 0) | (np.diff(legs.begin_us[order]) != 0)
    group = np.empty_like(order)
    group[order] = np.cumsum(begins)
    return group


def _integers(table: pa.Table, name: str) -> NDArray[np.int64]:
    column: Any = table.column(name).cast(pa.int64())
    values: NDArray[np.int64] = column.fill_null(0).to_numpy()
    return values

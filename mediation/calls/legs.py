"""Answered legs that belong to a call which another leg bills: ring-all, Local channels, b-legs. They are ABSORBED.

One call of a customer leaves several rows, and the switch calls more than one of them answered. Legs are judged over a whole file
at once, by rules that do not depend on the order of its rows. Copies and versions of a record are one leg and share its verdict.
Unanswered legs are left alone: they never bill.

Asterisk. Rows with one linkedid are one call; without it, rows with one uniqueid (else one channel). So are rows that are tied to them
by the two halves `Local/x@ctx-0001;1` and `;2` of a Local channel. A row that has none of these is a call of its own.
1. Legs of one caller channel that overlap in time are one call: the longest bills (then the earliest answer, then the lowest
sequence). Walking them by answer, a leg competes with the last winner, so that legs one after the other (transfers, one agent
after another) each bill.
2. All Local legs of a call compete with each other in the same way, as if they had one caller.
3. A Local leg that is left is absorbed when a leg of another kind in its call overlaps it, or was answered within a second. So
is one of no length. So where only Local legs exist, one bills; and where a Local leg is all there is at some time, that time is
billed.
FreeSWITCH. A leg whose uuid is the `bleg_uuid` of an answered one is its b-leg. Where two name each other, the one created first
bills. A leg that names its originator is a b-leg of that one, if it is answered and was created earlier.

Left out: calls whose rows lie in several files (billing/intake/legs/split_calls judges these), and forwarders who pay for the second half
of a forwarded call (it is absorbed).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediation.calls import legs_kernel

LOCAL_CALLER: Final = np.uint64(0)  # the one caller that all Local legs of a call share
UNKNOWN_CALL: Final = np.uint64(0)  # of rows with neither linkedid, uniqueid nor channel: each is a call of its own


class AsteriskLegs(NamedTuple):
    """Answered legs. Texts are hashed; 0 stands for an empty one."""

    row: NDArray[np.int64]  # position of the leg among all rows of the file
    linked: NDArray[np.uint64]  # linkedid
    caller: NDArray[np.uint64]  # uniqueid, else channel
    local_in: NDArray[np.uint64]  # Local channel of the caller without its half's mark
    local_out: NDArray[np.uint64]  # the same of the called channel
    begin_us: NDArray[np.int64]
    end_us: NDArray[np.int64]
    duration_us: NDArray[np.int64]
    sequence: NDArray[np.int64]
    key: NDArray[np.uint64]  # first half of the event key

    def chosen(self, places: NDArray[np.int64]) -> AsteriskLegs:
        """The legs at `places`."""
        columns: Any = [column[places] for column in self]
        return AsteriskLegs(*columns)


class FreeswitchLegs(NamedTuple):
    """Answered legs. uuids are hashed; 0 stands for an empty one."""

    row: NDArray[np.int64]
    uuid: NDArray[np.uint64]
    b_leg: NDArray[np.uint64]
    created_us: NDArray[np.int64]
    originator: NDArray[np.uint64]  # the leg that began this one, where the record tells it


def absorbed(legs: AsteriskLegs | FreeswitchLegs) -> NDArray[np.bool_]:
    """True for each leg that another one bills."""
    return _absorbed_asterisk(legs) if isinstance(legs, AsteriskLegs) else _absorbed_freeswitch(legs)


def _absorbed_asterisk(legs: AsteriskLegs) -> NDArray[np.bool_]:
    call = _calls_of(legs)
    shared = np.flatnonzero(_is_repeated(call) & (call != UNKNOWN_CALL))
    out = np.zeros(call.size, np.bool_)
    if shared.size:
        record, chosen = _records(legs.chosen(shared))
        out[shared] = _judge(call[shared][chosen], legs.chosen(shared[chosen]))[record]
    return out


def _absorbed_freeswitch(legs: FreeswitchLegs) -> NDArray[np.bool_]:
    """True for each b-leg of an answered leg."""
    is_a_leg = (legs.b_leg != 0) & (legs.b_leg != legs.uuid)
    named = np.sort(legs.b_leg[is_a_leg])
    namers = _count(named, legs.uuid)
    # Legs that name each other: a leg's own mark is (uuid, b-leg), that of its counterpart (b-leg, uuid).
    own, counterpart = _pair(legs.uuid, legs.b_leg), _pair(legs.b_leg, legs.uuid)
    marks = np.sort(own[is_a_leg])
    mutual = np.where(is_a_leg, _count(marks, counterpart), 0)
    absorbed = namers > mutual
    for_sure = np.flatnonzero((mutual > 0) & ~absorbed)
    if for_sure.size:
        order = np.lexsort((legs.created_us, own))
        first = order[np.searchsorted(own[order], counterpart[for_sure])]
        mine_us, other_us = legs.created_us[for_sure], legs.created_us[first]
        absorbed[for_sure] = (other_us < mine_us) | ((other_us == mine_us) & (legs.uuid[first] < legs.uuid[for_sure]))
    return absorbed | _begun_by_another(legs)


def _begun_by_another(legs: FreeswitchLegs) -> NDArray[np.bool_]:
    """True for each leg whose originator is there and was created before it: so of legs that name each other one is left."""
    out = np.zeros(legs.uuid.size, np.bool_)
    named = np.flatnonzero(legs.originator != 0)
    if named.size:
        order = np.lexsort((legs.created_us, legs.uuid))
        place = np.minimum(np.searchsorted(legs.uuid[order], legs.originator[named]), order.size - 1)
        first = order[place]
        is_there = legs.uuid[first] == legs.originator[named]
        earlier = legs.created_us[first] < legs.created_us[named]
        tied = (legs.created_us[first] == legs.created_us[named]) & (legs.uuid[first] < legs.uuid[named])
        out[named] = is_there & (earlier | tied)
    return out


def _records(legs: AsteriskLegs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each leg's record, and the leg that stands for each record: of copies and versions, the longest and then the earliest."""
    order = np.lexsort((legs.begin_us, -legs.duration_us))
    _, first, record = np.unique(legs.key[order], return_index=True, return_inverse=True)
    out = np.empty_like(record)
    out[order] = record
    return out, order[first]


def _judge(call: NDArray[np.uint64], legs: AsteriskLegs) -> NDArray[np.bool_]:
    """True for each leg, of different records, that another one bills."""
    is_local = legs.local_in != 0
    caller = np.where(is_local, LOCAL_CALLER, np.maximum(legs.caller, LOCAL_CALLER + np.uint64(1)))
    order = np.lexsort((legs.key, legs.sequence, -legs.duration_us, legs.begin_us, caller, call))
    columns = (call, caller, legs.begin_us, legs.end_us, legs.duration_us)
    lost, out = np.zeros(call.size, np.bool_), np.zeros(call.size, np.bool_)
    legs_kernel.compete(*(column[order] for column in columns), lost)
    out[order] = lost
    return out | _overlaps_other_kind(call, is_local, legs)


def _pair(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return first * np.uint64(0x9E3779B97F4A7C15) ^ (second * np.uint64(0xC2B2AE3D27D4EB4F) >> np.uint64(7))


def _count(ordered: NDArray[np.uint64], values: NDArray[np.uint64]) -> NDArray[np.int64]:
    return np.searchsorted(ordered, values, side="right") - np.searchsorted(ordered, values, side="left")


def _is_repeated(values: NDArray[np.uint64]) -> NDArray[np.bool_]:
    order = np.argsort(values)
    same = values[order][1:] == values[order][:-1]
    out = np.zeros(values.size, np.bool_)
    out[order[1:]] = same
    out[order[:-1]] |= same
    return out


def _calls_of(legs: AsteriskLegs) -> NDArray[np.uint64]:
    """A number for each leg's call."""
    unlinked = legs.linked == 0
    call = np.where(unlinked, legs.caller, legs.linked)
    tied = np.flatnonzero(unlinked & ((legs.local_in != 0) | (legs.local_out != 0)))
    if tied.size == 0:
        return call
    pairs = [np.stack([legs.caller[tied], local[tied]]) for local in (legs.local_in, legs.local_out)]
    edges = np.concatenate(pairs, axis=1)
    edges = edges[:, edges[1] != 0]
    nodes, place = np.unique(edges, return_inverse=True)
    first, second = place.reshape(edges.shape).astype(np.int64)
    root = np.arange(nodes.size)
    legs_kernel.unite(np.ascontiguousarray(first), np.ascontiguousarray(second), root)
    at = np.minimum(np.searchsorted(nodes, legs.caller), nodes.size - 1)
    is_node = unlinked & (nodes[at] == legs.caller)
    return np.where(is_node, nodes[root[at]], call)


def _overlaps_other_kind(call: NDArray[np.uint64], is_local: NDArray[np.bool_], legs: AsteriskLegs) -> NDArray[np.bool_]:
    """For Local legs: whether a leg of another kind in the same call makes them redundant."""
    out = np.zeros(call.size, np.bool_)
    others = np.flatnonzero(~is_local)
    local = np.flatnonzero(is_local)
    if others.size == 0 or local.size == 0:
        return out
    others = others[np.lexsort((legs.begin_us[others], call[others]))]
    found = np.zeros(local.size, np.bool_)
    reach_us = np.maximum(legs.end_us[others], legs.begin_us[others] + legs_kernel.TOUCH_US + 1)
    locals_ = (call[local], legs.begin_us[local], legs.end_us[local], legs.duration_us[local])
    legs_kernel.find_overlaps(*locals_, call[others], legs.begin_us[others], reach_us, found)
    out[local] = found
    return out

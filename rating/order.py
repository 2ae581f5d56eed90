"""Kernels that see in which order rows come, and deal them to threads. An event's place in time is (start, key)."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.core import types

from rating.jit import kernel_module

njit = kernel_module(__file__)
U64 = np.uint64
SHARDS = 256  # virtual shards, for ever
STRETCH = 4096  # rows hashed at a time
MIX_1, MIX_2 = U64(0xBF58476D1CE4E5B9), U64(0x94D049BB133111EB)  # the finaliser of splitmix64


def _column(dtype: Any, *, writable: bool = False) -> types.Array:
    return types.Array(numba.from_dtype(np.dtype(dtype)), 1, "C", readonly=not writable)


_bool = types.boolean
_KEYS = types.Array(types.uint64, 2, "C", readonly=True)


@njit(types.UniTuple(types.int64, 2)(_column(np.int32)))
def extremes(column):
    """Least and greatest of a column in one go; (0, -1) of an empty one."""
    if len(column) == 0:
        return 0, -1
    least = greatest = column[0]
    for row in range(len(column)):
        least = min(least, column[row])
        greatest = max(greatest, column[row])
    return np.int64(least), np.int64(greatest)


@njit(_bool(_column(np.int64), _column(np.int64), _KEYS))
def are_grouped(unit, start_us, key):
    """Return whether the rows come in order of (unit, start, key)."""
    for place in range(1, len(unit)):
        one, two = U64(place - 1), U64(place)
        if unit[one] < unit[two]:
            continue
        if unit[one] > unit[two] or start_us[one] > start_us[two]:
            return False
        if start_us[one] == start_us[two] and (key[one, 0] > key[two, 0] or (key[one, 0] == key[two, 0] and key[one, 1] > key[two, 1])):
            return False
    return True


@njit(_bool(_column(np.int64), _KEYS))
def are_in_order(start_us, key):
    """Return whether the rows come in order of (start, key)."""
    for place in range(1, len(start_us)):
        one, two = U64(place - 1), U64(place)
        if start_us[one] > start_us[two]:
            return False
        if start_us[one] == start_us[two] and (key[one, 0] > key[two, 0] or (key[one, 0] == key[two, 0] and key[one, 1] > key[two, 1])):
            return False
    return True


@njit(types.Array(types.int64, 1, "C")(_column(np.int64), _column(np.int64)))
def unit_edges(wanted, unit):
    """Places at or after those wanted at which a unit of grouped rows begins."""
    edges = np.empty(len(wanted), np.int64)
    for index in range(len(wanted)):
        place = wanted[index]
        while 0 < place < len(unit) and unit[place] == unit[place - 1]:
            place += 1
        edges[index] = place
    return edges


@njit(types.Tuple((types.Array(types.int64, 1, "C"), types.Array(types.int64, 1, "C")))(_column(np.int64), types.int64))
def deal(unit, parts):
    """Rows, as they come, dealt to `parts` by the shard of their rating unit; and where each part begins, and the last one ends."""
    edges = np.zeros(parts + 1, np.int64)
    part_of = np.empty(len(unit), np.uint8)
    for low in range(0, len(unit), STRETCH):
        mixed = unit[low : low + STRETCH].astype(np.uint64)
        mixed = (mixed ^ (mixed >> U64(30))) * MIX_1
        mixed = (mixed ^ (mixed >> U64(27))) * MIX_2
        part_of[low : low + STRETCH] = (mixed ^ (mixed >> U64(31))) % U64(SHARDS) * U64(parts) // U64(SHARDS)
    for row in range(len(unit)):
        edges[np.int64(part_of[row]) + 1] += 1
    for part in range(parts):
        edges[part + 1] += edges[part]
    following = edges.copy()
    dealt = np.empty(len(unit), np.int64)
    for row in range(len(unit)):
        part = np.int64(part_of[row])
        dealt[following[part]] = row
        following[part] += 1
    return dealt, edges

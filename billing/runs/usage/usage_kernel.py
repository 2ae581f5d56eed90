"""Compiled loops over the events of a run: their owners, their order by rating unit and time, and their sums by a key.

Columns are C-contiguous, one row an event.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.core import types

from billing.runs.selection import left_out
from billing.runs.selection.left_out import CLOSED, NOT_DUE, OTHER_RUN, SETTLED
from rating.jit import kernel_module

njit = kernel_module(__file__, left_out.__file__)
U64 = np.uint64
NOBODY = -1  # as unit: of no unit; such rows come last, in the order in which they stand
SKIPPED = -2  # as unit: not wanted
NO_KEY = -1  # of a row that is added to nothing
MOVES_A_ROW = 16  # more than that is too much for putting rows in order one by one
MIX = U64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio
HALF_BITS = 32
LOW_MASK = 0xFFFFFFFF


def _column(dtype: Any, *, writable: bool = False) -> types.Array:
    return types.Array(numba.from_dtype(np.dtype(dtype)), 1, "C", readonly=not writable)


_OWN = types.Array(types.int64, 1, "C")


def _matrix(dtype: Any) -> types.Array:
    return types.Array(numba.from_dtype(np.dtype(dtype)), 2, "C", readonly=True)


_SPANS = (_column(np.int64),) * 3 + (_column(np.int32),)
_LIVES = (_column(np.int64),) * 7
_SCOPE = (_column(np.int64), _column(np.int64), _matrix(np.int64), _column(np.int64), _column(np.int64), _column(np.int64))
_FOUND = (_column(np.int32, writable=True),) * 4


@njit(types.void(_column(np.int32), _column(np.int64), *_SPANS, *_LIVES, *_SCOPE, *_FOUND))
def find_owners(
    code, start_us, first, from_us, to_us, subscription_of,
    life_of, active_from, active_to, first_fact, fact_from, fact_plan, first_holding,
    account_of, calendar_of, bounds_us, period_count, open_us, first_us,
    subscription, account, place, holding,
):  # fmt: skip
    """Find the owner of each event, its period and its plan: the answer of `pricing.owners`, row by row.

    `code` is the served id, `NOBODY` for an unknown one. Written are the last four columns. For the others see `guiding.Spans`,
    `contracts.Lives` and `scope.Scope`.
    """
    for row in range(len(code)):
        subscription[row] = account[row] = place[row] = holding[row] = NOBODY
        if code[row] == NOBODY:
            continue
        start = start_us[row]
        fact = first[code[row]]
        while fact + 1 < first[code[row] + 1] and from_us[fact + 1] <= start:
            fact += 1
        who = np.int64(subscription_of[fact])
        if start < from_us[fact] or start >= to_us[fact] or who == NOBODY:
            continue
        life = life_of[who]
        if start < active_from[life] or start >= active_to[life]:
            continue
        payer = account_of[who]
        subscription[row], account[row] = who, payer
        calendar = calendar_of[payer]
        if calendar < 0:
            place[row] = OTHER_RUN
        elif start < max(open_us[calendar], first_us[payer]):
            place[row] = CLOSED
        elif start < bounds_us[calendar, 0]:
            place[row] = SETTLED
        else:
            column = 0
            while column < period_count[calendar] and start >= bounds_us[calendar, column + 1]:
                column += 1
            place[row] = column if column < period_count[calendar] else NOT_DUE
        at = first_fact[life]
        while at < first_fact[life + 1] and fact_from[at] <= start:
            holding[row] = first_holding[who] + fact_plan[at]
            at += 1


@njit(types.boolean(_OWN, _column(np.int64), types.int64, types.int64))
def _put_in_order(places, start_us, low, high):
    """Rows of `places[low:high]` by start, each moved back to where it belongs; equal ones stay. False where that is given up."""
    moves = MOVES_A_ROW * (high - low)
    for at in range(low + 1, high):
        row = places[at]
        start = start_us[row]
        back = at
        while back > low and start_us[places[back - 1]] > start:
            places[back] = places[back - 1]
            back -= 1
        places[back] = row
        moves -= at - back
        if moves < 0:
            return False
    return True


@njit(types.Tuple((_OWN, _OWN, _OWN))(_column(np.int32), _column(np.int64), types.int64))
def in_unit_order(unit, start_us, units):
    """Places of all rows but SKIPPED ones: by unit (0 .. units - 1), in each by start and then as they stand; those of `NOBODY` come last.

    The other two answers: where each unit begins among them (and `NOBODY`'s, and the end), and the units still to be put in order.
    """
    edges = np.zeros(units + 2, np.int64)
    for row in range(len(unit)):
        if unit[row] != SKIPPED:
            bucket = np.int64(unit[row]) if unit[row] != NOBODY else units
            edges[bucket + 1] += 1
    for bucket in range(units + 1):
        edges[bucket + 1] += edges[bucket]
    following = edges.copy()
    places = np.empty(edges[units + 1], np.int64)
    for row in range(len(unit)):
        if unit[row] != SKIPPED:
            bucket = np.int64(unit[row]) if unit[row] != NOBODY else units
            places[following[bucket]] = row
            following[bucket] += 1
    left = np.empty(units, np.int64)
    count = 0
    for bucket in range(units):
        if not _put_in_order(places, start_us, edges[bucket], edges[bucket + 1]):
            left[count] = bucket
            count += 1
    return places, edges, left[:count].copy()


@njit(types.UniTuple(_OWN, 6)(_column(np.int64), _column(np.int64), _column(np.int64), _column(np.int64)))
def sums_by_key(key, money, quantity, free):
    """For each distinct key but NO_KEY, in the order of their first rows: that row, rows, money in two halves, quantity, free quantity.

    Money is `(high << 32) + low`: neither half can wrap below 2**31 rows.
    """
    size, shift = 1024, 54
    while size < 2 * len(key):
        size *= 2
        shift -= 1
    slots = np.full(size, np.int32(-1))
    code = np.empty(len(key), np.int32)
    first = np.empty(len(key), np.int64)
    found = 0
    for row in range(len(key)):
        code[row] = -1
        if key[row] == NO_KEY:
            continue
        at = np.int64((U64(key[row]) * MIX) >> U64(shift))
        while slots[at] >= 0 and key[first[slots[at]]] != key[row]:
            at = (at + 1) & (size - 1)
        if slots[at] < 0:
            slots[at] = found
            first[found] = row
            found += 1
        code[row] = slots[at]
    rows, high, low = np.zeros(found, np.int64), np.zeros(found, np.int64), np.zeros(found, np.int64)
    quantities, frees = np.zeros(found, np.int64), np.zeros(found, np.int64)
    for row in range(len(key)):
        at = np.int64(code[row])
        if at >= 0:
            rows[at] += 1
            high[at] += money[row] >> HALF_BITS
            low[at] += money[row] & LOW_MASK
            quantities[at] += quantity[row]
            frees[at] += free[row]
    return first[:found].copy(), rows, high, low, quantities, frees

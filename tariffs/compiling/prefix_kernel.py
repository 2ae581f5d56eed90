"""The two walks behind `prefixes`: over sorted prefixes to disjoint intervals, and over the intervals to leaves.

Numbers lie on the line of 15-digit numbers: a prefix is the range from itself filled up with zeros to itself filled up with nines.
"""

from __future__ import annotations

import numba
import numpy as np

from rating.jit import kernel_module

njit = kernel_module(__file__)

LINE_DIGITS = 15
LINE_END = 10**LINE_DIGITS
BLOCK = 10**9  # numbers behind six digits
LEAF = 10**6  # numbers behind nine digits
LEAVES_OF_BLOCK = BLOCK // LEAF
LEAF_EXACT = 65_535  # as in rating.tables; a constant that numba compiles in

_LENGTHS = np.array([10 ** (LINE_DIGITS - digits) for digits in range(LINE_DIGITS + 1)], dtype=np.int64)
_I64 = numba.types.Array(numba.int64, 1, "C", readonly=True)
_I32 = numba.types.Array(numba.int32, 1, "C", readonly=True)
_I8 = numba.types.Array(numba.int8, 1, "C", readonly=True)
_U16 = numba.types.Array(numba.uint16, 1, "C", readonly=True)


@njit(numba.int64(numba.int64[::1], numba.int32[::1], numba.int64, numba.int64, numba.int64))
def _put(lows, owners, count, low, owner):
    """Begin an interval; one that begins at the same number takes the place of the last."""
    if lows[count - 1] == low:
        count -= 1
    lows[count] = low
    owners[count] = owner
    return count + 1


@njit(numba.types.UniTuple(numba.int64, 2)(_I64, _I8, _U16, numba.int64[::1], numba.int32[::1], numba.int64[::1], numba.int32[::1]))
def nest(begins, digits, zones, kept, parents, lows, owners):
    """Fill rows of the prefixes that are kept, their parents (in `kept`), and the intervals; return how many prefixes and intervals.

    Prefixes come sorted by (begin, digits), so that one comes before all that extend it. One with the zone of its parent is left out: it
    decides nothing. `lows` and `owners` must have room for two intervals a prefix and one more.
    """
    opened = np.empty(LINE_DIGITS + 1, np.int64)
    ends = np.empty(LINE_DIGITS + 1, np.int64)
    depth = 0
    prefixes = 0
    lows[0], owners[0] = 0, -1
    intervals = 1
    for row in range(begins.shape[0] + 1):
        begin = begins[row] if row < begins.shape[0] else LINE_END
        # Where several ranges end at one number, the inner ones close first, so the outermost one's parent goes on.
        while depth > 0 and ends[depth - 1] <= begin:
            depth -= 1
            intervals = _put(lows, owners, intervals, ends[depth], np.int64(parents[opened[depth]]))
        if row == begins.shape[0]:
            break
        parent = opened[depth - 1] if depth > 0 else -1
        if parent >= 0 and zones[kept[parent]] == zones[row]:
            continue
        kept[prefixes], parents[prefixes] = row, parent
        # Where several ranges begin at one number, the innermost one comes last and decides.
        intervals = _put(lows, owners, intervals, begin, np.int64(prefixes))
        opened[depth], ends[depth] = prefixes, begin + _LENGTHS[digits[row]]
        depth += 1
        prefixes += 1
    if lows[intervals - 1] == LINE_END:
        intervals -= 1
    return prefixes, intervals


@njit(numba.void(_I64, _I32, _I64, _U16, numba.uint16[:, ::1]))
def paint(blocks, block_from, lows, zones, leaves):
    """The leaves of each block: the zone of all numbers behind nine digits, or LEAF_EXACT where an interval begins among them."""
    for row in range(blocks.shape[0]):
        begin = blocks[row] * BLOCK
        at = np.int64(block_from[row])
        while at < lows.shape[0] and lows[at] < begin + BLOCK:
            low = max(lows[at] - begin, 0)
            high = min(lows[at + 1] - begin, BLOCK) if at + 1 < lows.shape[0] else BLOCK
            leaf = low // LEAF
            if low % LEAF != 0:
                leaves[row, leaf] = LEAF_EXACT
                leaf += 1
            # A leaf that is left before its end is the next interval's to mark.
            for each in range(leaf, high // LEAF):
                leaves[row, each] = zones[at]
            at += 1

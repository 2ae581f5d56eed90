"""The loops of `legs`: ties between channels, competing legs, Local legs that others make redundant. Times in microseconds."""

from __future__ import annotations

from typing import Final

import numba

from rating.jit import kernel_module

njit = kernel_module(__file__)

TOUCH_US: Final = 1_000_000  # two legs answered within this time are one answer

_U64 = numba.types.Array(numba.uint64, 1, "C", readonly=True)
_I64 = numba.types.Array(numba.int64, 1, "C", readonly=True)
_BOOL = numba.boolean[::1]


@njit(numba.void(_I64, _I64, numba.int64[::1]))
def unite(first, second, root):
    """Union-find: afterwards `root` gives each node the lowest node it is tied to."""
    for edge in range(first.size):
        a, b = first[edge], second[edge]
        while root[a] != a:
            root[a] = root[root[a]]
            a = root[a]
        while root[b] != b:
            root[b] = root[root[b]]
            b = root[b]
        root[max(a, b)] = min(a, b)
    for node in range(root.size):
        root[node] = root[root[node]]


@njit(numba.void(_U64, _U64, _I64, _I64, _I64, _BOOL))
def compete(call, caller, begin_us, end_us, duration_us, lost):
    """Legs sorted by call, caller, answer, longest first: mark those that lose to an overlapping one."""
    winner = 0
    for leg in range(1, call.size):
        if call[leg] != call[winner] or caller[leg] != caller[winner]:
            winner = leg
            continue
        overlaps = begin_us[leg] < end_us[winner] or begin_us[leg] == begin_us[winner]
        if overlaps and duration_us[leg] <= duration_us[winner]:
            lost[leg] = True
        else:
            lost[winner] = overlaps
            winner = leg


@njit(numba.void(_U64, _I64, _I64, _I64, _U64, _I64, _I64, _BOOL))
def find_overlaps(call, begin_us, end_us, duration_us, other_call, other_begin_us, reach_us, found):
    """Find legs that a leg of the same call overlaps or touches within TOUCH_US; one of no length needs any other leg of its call.

    The other legs are sorted by call and begin.
    """
    farthest_us = reach_us.copy()
    for other in range(1, reach_us.size):
        if other_call[other] == other_call[other - 1]:
            farthest_us[other] = max(farthest_us[other], farthest_us[other - 1])
    for leg in range(call.size):
        until_us = max(end_us[leg], begin_us[leg] + TOUCH_US + 1)
        low, high = 0, other_call.size  # the first other leg of a later call, or that begins at or after until_us
        while low < high:
            middle = (low + high) // 2
            if other_call[middle] < call[leg] or (other_call[middle] == call[leg] and other_begin_us[middle] < until_us):
                low = middle + 1
            else:
                high = middle
        same_call_before = low > 0 and other_call[low - 1] == call[leg]
        same_call_after = low < other_call.size and other_call[low] == call[leg]
        reaches = same_call_before and farthest_us[low - 1] > begin_us[leg]
        found[leg] = reaches or (duration_us[leg] == 0 and (same_call_before or same_call_after))

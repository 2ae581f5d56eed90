"""The open-addressing table of `duplicates`: (places, 4) numbers, key and content; a key of zero is a free place.

The number of places is a power of two. Keys are hashes already, so their low bits are the place.
"""

from __future__ import annotations

import numba
import numpy as np

from rating.jit import kernel_module

njit = kernel_module(__file__)

_KEYS = numba.types.Array(numba.uint64, 2, "C", readonly=True)


@njit(numba.int64(numba.uint64[:, ::1], numba.uint64, numba.uint64))
def _place(table, high, low):
    """The place of a key, or the free one where it belongs."""
    mask = np.uint64(table.shape[0] - 1)
    at = (high ^ (low >> np.uint64(32))) & mask
    while (table[at, 0] != high or table[at, 1] != low) and (table[at, 0] != 0 or table[at, 1] != 0):
        at = (at + np.uint64(1)) & mask
    return at


@njit(numba.void(numba.uint64[:, ::1], numba.uint64[:, ::1], _KEYS, _KEYS, numba.int8[::1]))
def classify(table, batch, keys, contents, verdicts):
    """Verdicts against `table`, then against the rows before in `batch`, which must have room for all rows."""
    for row in range(keys.shape[0]):
        high, low = keys[row, 0], keys[row, 1]
        if high == 0 and low == 0:
            low = np.uint64(1)
        holder, at = table, _place(table, high, low)
        if table[at, 0] == 0 and table[at, 1] == 0:
            holder, at = batch, _place(batch, high, low)
            if batch[at, 0] == 0 and batch[at, 1] == 0:
                batch[at, 0], batch[at, 1], batch[at, 2], batch[at, 3] = high, low, contents[row, 0], contents[row, 1]
                continue
        is_same = holder[at, 2] == contents[row, 0] and holder[at, 3] == contents[row, 1]
        verdicts[row] = 1 if is_same else 2


@njit(numba.int64(numba.uint64[:, ::1], _KEYS, _KEYS))
def add(table, keys, contents):
    """How many of the keys were new."""
    added = 0
    for row in range(keys.shape[0]):
        high, low = keys[row, 0], keys[row, 1]
        if high == 0 and low == 0:
            low = np.uint64(1)
        at = _place(table, high, low)
        if table[at, 0] == 0 and table[at, 1] == 0:
            table[at, 0], table[at, 1], table[at, 2], table[at, 3] = high, low, contents[row, 0], contents[row, 1]
            added += 1
    return added


@njit(numba.void(numba.uint64[:, ::1], numba.uint64[:, ::1]))
def move(table, grown):
    """Put every key of `table` into the empty, larger `grown`."""
    for place in range(table.shape[0]):
        if table[place, 0] != 0 or table[place, 1] != 0:
            at = _place(grown, table[place, 0], table[place, 1])
            for part in range(4):
                grown[at, part] = table[place, part]

"""The loops of `HashIndex`: buckets of eight keys and eight marks, one line of the cache each. Nothing here raises.

A table is (buckets, 2, 8): in [bucket, 0] the keys, filled from the front, 0 for a free place; in [bucket, 1] their marks. Keys are hashes,
so a key's bucket comes of scaling its upper half to the number of buckets; a full bucket goes on in the next one, the last one in the
first. A line is a miss of the cache, so both of a bucket are asked for some rows ahead, and the misses overlap.
"""

from __future__ import annotations

from typing import Any, Final

import numba
import numba.extending
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]  # it comes with numba, and has no stubs
from numba.core import cgutils, types

from rating.jit import kernel_module

njit = kernel_module(__file__)

NEW, SEEN, OTHER = 0, 1, 2
PLACES: Final = 8  # of a bucket
AHEAD: Final = 32  # rows
DAY_BITS: Final = 16  # the low bits of a mark are the day of the event, the others come from the hash of its content

_U64, _I64, _VOID = numba.uint64, numba.int64, numba.void
_WORDS = numba.types.Array(numba.uint64, 1, "A", readonly=True)
_TABLE = numba.uint64[:, :, ::1]
_FOR_READING, _KEEP, _DATA = 0, 3, 1  # what LLVM's prefetch wants to know


@numba.extending.intrinsic
def _ask_for(_typing: Any, table: Any, bucket: Any, part: Any) -> Any:  # noqa: ARG001 - numba compiles this signature
    """Bring table[bucket, part] into the cache without waiting for it.

    Asked in the loop itself: a function around it would count references to the table at each call, which takes half of the speed.
    """

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        sizes, strides = (cgutils.unpack_tuple(builder, each) for each in (array.shape, array.strides))
        place = [*arguments[1:], context.get_constant(types.intp, 0)]
        line = cgutils.get_item_pointer2(context, builder, array.data, sizes, strides, "C", place, boundscheck=False)
        pointer, number = cgutils.voidptr_t, ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        builder.call(prefetch, [builder.bitcast(line, pointer), number(_FOR_READING), number(_KEEP), number(_DATA)])
        return context.get_dummy_value()

    return types.void(table, types.intp, types.intp), build


@njit(_I64(_TABLE, _U64))
def _bucket(table, key):
    return np.int64(((key >> np.uint64(32)) * np.uint64(table.shape[0])) >> np.uint64(32))


@njit(_U64(_WORDS, _I64))
def _key(keys, row):
    return max(keys[row], np.uint64(1))  # 0 is a free place


@njit(numba.types.UniTuple(_I64, 2)(_TABLE, _U64))
def _find(table, key):
    """Bucket and place of a key; place -1: it is not there, and the bucket is the one with a free place for it."""
    bucket = _bucket(table, key)
    while True:
        place = -1
        for each in range(PLACES):
            if table[bucket, 0, each] == key:
                place = each
        if place >= 0 or table[bucket, 0, PLACES - 1] == 0:
            return bucket, place
        bucket += 1
        if bucket == table.shape[0]:
            bucket = 0


@njit(_VOID(_TABLE, _I64, _U64, _U64))
def _put(table, bucket, key, mark):
    """Into the first free place of a bucket that has one."""
    place = 0
    while table[bucket, 0, place] != 0:
        place += 1
    table[bucket, 0, place], table[bucket, 1, place] = key, mark


@njit(_VOID(_TABLE, numba.int32[::1], _WORDS, _WORDS, numba.int8[::1], _I64[::1]))
def classify(table, batch, keys, contents, verdicts, first):
    """NEW, SEEN or OTHER for each row against `table`, then against the rows before it. Nothing is added.

    SEEN and OTHER: the key is there, with a mark of equal or of other content. `first`, all 0, gets the earlier row of the same key
    in this batch and 1 more, where that is what was found. `batch` has a power of two of places, more than there are rows, all 0.
    """
    last_place, day_bits = batch.size - 1, np.uint64(DAY_BITS)
    for row in range(min(AHEAD, keys.size)):
        _ask_for(table, _bucket(table, keys[row]), 0)
        _ask_for(table, _bucket(table, keys[row]), 1)
    for row in range(keys.size):
        if row + AHEAD < keys.size:
            ahead = _bucket(table, keys[row + AHEAD])
            _ask_for(table, ahead, 0)
            _ask_for(table, ahead, 1)
        key = _key(keys, row)
        bucket, place = _find(table, key)
        if place >= 0:
            known = table[bucket, 1, place]
        else:
            at = np.int64(key & np.uint64(last_place))
            while batch[at] != 0 and _key(keys, batch[at] - 1) != key:
                at = (at + 1) & last_place
            if batch[at] == 0:
                batch[at] = row + 1
                verdicts[row] = NEW
                continue
            first[row] = batch[at]
            known = contents[batch[at] - 1]
        verdicts[row] = SEEN if known >> day_bits == contents[row] >> day_bits else OTHER


@njit(_I64(_TABLE, _WORDS, _WORDS))
def add(table, keys, marks):
    """Add keys; return how many were new. A key that is there keeps its content, and takes the later day. There must be room."""
    added, day_mask = 0, np.uint64((1 << DAY_BITS) - 1)
    for row in range(min(AHEAD, keys.size)):
        _ask_for(table, _bucket(table, keys[row]), 0)
        _ask_for(table, _bucket(table, keys[row]), 1)
    for row in range(keys.size):
        if row + AHEAD < keys.size:
            ahead = _bucket(table, keys[row + AHEAD])
            _ask_for(table, ahead, 0)
            _ask_for(table, ahead, 1)
        key = _key(keys, row)
        bucket, place = _find(table, key)
        if place < 0:
            _put(table, bucket, key, marks[row])
            added += 1
        elif table[bucket, 1, place] & day_mask < marks[row] & day_mask:
            table[bucket, 1, place] = (table[bucket, 1, place] & ~day_mask) | (marks[row] & day_mask)
    return added


@njit(_I64(_TABLE, _TABLE, _U64))
def move(table, grown, day_from):
    """Put every key of `table` whose day is not before `day_from` into the empty `grown`, which has room. Return their number."""
    moved = 0
    for bucket in range(table.shape[0]):
        for place in range(PLACES):
            key, mark = table[bucket, 0, place], table[bucket, 1, place]
            if key == 0 or mark & np.uint64((1 << DAY_BITS) - 1) < day_from:
                continue
            _put(grown, _find(grown, key)[0], key, mark)
            moved += 1
    return moved

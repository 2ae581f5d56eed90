"""The kernels that write and read the rows of PostgreSQL's binary COPY: big-endian lengths before every field, -1 for null.

Fields are written column by column, each column at the place in each row that `at` names and moves on.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.core import types

from rating.jit import kernel_module

njit = kernel_module(__file__)
NULL = -1
INT_SIZES = (1, 2, 4, 8)  # boolean, smallint, integer, bigint


def _column(dtype: Any, *, writable: bool = False) -> types.Array:
    return types.Array(numba.from_dtype(np.dtype(dtype)), 1, "C", readonly=not writable)


def _matrix(dtype: Any) -> types.Array:
    return types.Array(numba.from_dtype(np.dtype(dtype)), 2, "C")


@njit(types.void(_column(np.uint8, writable=True), types.int64, types.int64, types.int64))
def _put(out, place, value, size):
    """The lowest `size` bytes of `value`, highest first."""
    for index in range(size):
        out[place + index] = (value >> (8 * (size - 1 - index))) & 0xFF


@njit(types.int64(_column(np.uint8), types.int64, types.int64))
def _get(data, place, size):
    """A signed integer of `size` bytes."""
    value = np.int64(data[place])
    if size > 1 and value >= 128:  # a boolean is 0 or 1
        value -= 256
    for index in range(1, size):
        value = (value << 8) | np.int64(data[place + index])
    return value


@njit(types.void(_column(np.uint8, writable=True), _column(np.int64, writable=True), types.int64))
def write_counts(out, at, columns):
    """Number of fields of each row."""
    for row in range(len(at)):
        _put(out, at[row], columns, 2)
        at[row] += 2


@njit(types.void(_column(np.uint8, writable=True), _column(np.int64, writable=True), _column(np.int64), _column(np.bool_)))
def write_integers(out, at, values, valid):
    """A bigint field in each row."""
    for row in range(len(at)):
        if not valid[row]:
            _put(out, at[row], NULL, 4)
            at[row] += 4
            continue
        _put(out, at[row], 8, 4)
        _put(out, at[row] + 4, values[row], 8)
        at[row] += 12


@njit(
    types.void(
        _column(np.uint8, writable=True), _column(np.int64, writable=True), _column(np.int64), _column(np.uint8), _column(np.bool_)
    )
)  # fmt: skip
def write_bytes(out, at, offsets, data, valid):
    """A text or bytea field in each row: data[offsets[row]:offsets[row + 1]]."""
    for row in range(len(at)):
        if not valid[row]:
            _put(out, at[row], NULL, 4)
            at[row] += 4
            continue
        size = offsets[row + 1] - offsets[row]
        _put(out, at[row], size, 4)
        place = at[row] + 4
        for index in range(size):
            out[place + index] = data[offsets[row] + index]
        at[row] = place + size


@njit(types.int64(_column(np.uint8), types.int64, types.int64))
def count_rows(data, start, columns):
    """Rows from `start` to the end or the trailer; -1 when the bytes are not such rows."""
    place, rows = start, 0
    while place + 2 <= len(data):
        fields = _get(data, place, 2)
        if fields == NULL:
            return rows
        if fields != columns:
            return -1
        place += 2
        for _ in range(columns):
            if place + 4 > len(data):
                return -1
            size = _get(data, place, 4)
            place += 4 + max(size, 0)
        if place > len(data):
            return -1
        rows += 1
    return rows


@njit(types.void(_column(np.uint8), types.int64, _matrix(np.int64), _matrix(np.int64)))
def find_fields(data, start, at, size):
    """Place at which each field (column, row) begins and its length, -1 for null."""
    place = start
    for row in range(at.shape[1]):
        place += 2
        for column in range(at.shape[0]):
            length = _get(data, place, 4)
            place += 4
            at[column, row] = place
            size[column, row] = length
            place += max(length, 0)


@njit(types.boolean(_column(np.uint8), _column(np.int64), _column(np.int64), _column(np.int64, writable=True)))
def read_integers(data, at, size, out):
    """Integers of 1, 2, 4 or 8 bytes; null is 0. False when one has another length."""
    for row in range(len(at)):
        length = size[row]
        if length == NULL:
            out[row] = 0
        elif length in INT_SIZES:
            out[row] = _get(data, at[row], length)
        else:
            return False
    return True


@njit(
    types.void(
        _column(np.uint8), _column(np.int64), _column(np.int64), _column(np.int64), _column(np.uint8, writable=True)
    )
)  # fmt: skip
def read_bytes(data, at, size, offsets, out):
    """Copy the fields one after the other; offsets[row] says where each goes."""
    for row in range(len(at)):
        for index in range(max(size[row], 0)):
            out[offsets[row] + index] = data[at[row] + index]

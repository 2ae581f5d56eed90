"""Columns of Arrow as the arrays that rating works on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    from billing.charges.lines import Int64s

_POWERS_OF_TEN: Final = np.array([10**digits for digits in range(19)], np.int64)


class Runs:
    """Runs of rows that are equal in some columns. Values that follow from these columns are computed once a run."""

    def __init__(self, *columns: npt.NDArray[Any]) -> None:
        rows = len(columns[0])
        changes = np.ones(rows, np.bool_)
        changes[1:] = columns[0][1:] != columns[0][:-1]
        for column in columns[1:]:
            changes[1:] |= column[1:] != column[:-1]
        self.first: Int64s = np.flatnonzero(changes)  # the first row of each
        self.length: Int64s = np.diff(self.first, append=rows)

    def spread(self, by_run: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A figure of each run, for each of its rows."""
        return np.repeat(by_run, self.length)


def int64(column: pa.ChunkedArray[Any], missing: int = 0) -> Int64s:
    """Integers or instants as int64, `missing` for null."""
    whole: Any = column if column.type == pa.int64() else column.cast(pa.int64())
    if column.null_count:
        whole = whole.fill_null(missing)
    return np.ascontiguousarray(whole.to_numpy(), np.int64)


def one_chunk(column: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    """The column in one piece, without a copy where it is one."""
    combined: Any = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    one: Any = combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined
    chunk: pa.Array[Any] = one
    return chunk


def digits_of(number: Int64s) -> npt.NDArray[np.int8]:
    """The number of decimal digits of each number (>= 0); 0 for 0."""
    return np.searchsorted(_POWERS_OF_TEN, number, side="right").astype(np.int8)


def key_halves(event_key: pa.Array[Any]) -> npt.NDArray[np.uint64]:
    """The 16 bytes of each key as two big-endian numbers, so that their order is that of the bytes."""
    buffer = event_key.buffers()[1]
    if buffer is None or len(event_key) == 0:
        return np.zeros((0, 2), np.uint64)
    view: Any = buffer  # the stubs do not know that a buffer of Arrow is one of Python
    raw = np.frombuffer(view, np.dtype(">u8"), 2 * len(event_key), event_key.offset * 16)
    return np.ascontiguousarray(raw.astype(np.uint64).reshape(-1, 2))


def index_of(sorted_keys: Int64s, keys: Int64s) -> Int64s:
    """Place of each key in `sorted_keys`, -1 where it is not there."""
    if not sorted_keys.size:
        return np.full(len(keys), -1, np.int64)
    place = np.minimum(np.searchsorted(sorted_keys, keys), sorted_keys.size - 1)
    return np.where(sorted_keys[place] == keys, place, -1)


def take(values: Int64s, index: Int64s) -> Int64s:
    """values[index], and 0 for -1."""
    return np.where(index >= 0, values[index], 0) if values.size else np.zeros(len(index), np.int64)

"""Duplicates and conflicts among event keys: in memory, 32 bytes a place, no store.

Equal key and equal content: a duplicate, dropped and counted. Equal key, other content: conflicting, and a person has to decide.
`KeyIndex` answers for a stream of batches, where the first version of a key wins. `sort_out` answers for a closed set of rows,
whatever their order. Keys and hashes are 128 bits: (rows, 2) numbers, or Arrow columns of sixteen bytes.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import pyarrow as pa

from mediation import duplicates_kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

Keys: TypeAlias = Any  # NDArray[np.uint64] of (rows, 2), or a pa.Array or pa.ChunkedArray of pa.binary(16)

_FILL_MAX: Final = 0.6
_CAPACITY_MIN: Final = 1 << 12


class Verdict(enum.IntEnum):
    """What a row is among those that were there before it."""

    NEW = 0
    DUPLICATE = 1
    CONFLICTING = 2


class KeyIndex:
    """Keys that are stored, with the hash of their content. Grows as needed; 5,000,000 keys take about 300 MB."""

    def __init__(self, expected: int = 0) -> None:
        self._table = _table(expected)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def classify(self, event_keys: Keys, content_hashes: Keys) -> NDArray[np.int8]:
        """A Verdict for each row against what was added and the rows before it in the batch. Nothing is added."""
        keys, contents = as_pairs(event_keys), as_pairs(content_hashes)
        verdicts = np.zeros(len(keys), np.int8)
        duplicates_kernel.classify(self._table, _table(len(keys)), keys, contents, verdicts)
        return verdicts

    def add(self, event_keys: Keys, content_hashes: Keys) -> None:
        """Remember keys. One that is there keeps its first content."""
        keys, contents = as_pairs(event_keys), as_pairs(content_hashes)
        if self._size + len(keys) > _FILL_MAX * len(self._table):
            grown = _table(2 * (self._size + len(keys)))
            duplicates_kernel.move(self._table, grown)
            self._table = grown
        self._size += int(duplicates_kernel.add(self._table, keys, contents))


def as_pairs(keys: Keys) -> NDArray[np.uint64]:
    """(rows, 2) numbers of a column of sixteen-byte keys, big-endian halves."""
    if isinstance(keys, np.ndarray):
        return np.ascontiguousarray(keys, np.uint64).reshape(-1, 2)
    array = keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys
    buffer = array.buffers()[1]
    data = np.frombuffer(memoryview(b"" if buffer is None else buffer), ">u8")[2 * array.offset : 2 * (array.offset + len(array))]
    return data.astype(np.uint64).reshape(-1, 2)


def sort_out(event_keys: Keys, content_hashes: Keys) -> NDArray[np.int8]:
    """A Verdict for each row of a closed set. Of equal rows one stays and the rest are duplicates; versions of one key are all conflicting.

    Which of equal rows stays is the first; all counts are independent of the order of rows.
    """
    keys, contents = as_pairs(event_keys), as_pairs(content_hashes)
    verdicts = np.zeros(len(keys), np.int8)
    order = np.argsort(keys[:, 0], kind="stable")
    same = np.diff(keys[order, 0]) == 0
    several = np.zeros(len(keys), np.bool_)
    several[1:] = same
    several[:-1] |= same
    rows = order[several]
    if rows.size == 0:
        return verdicts
    columns = (contents[rows, 1], contents[rows, 0], keys[rows, 1], keys[rows, 0])
    rows = rows[np.lexsort(columns)]
    new_key = np.concatenate([[True], (np.diff(keys[rows], axis=0) != 0).any(axis=1)])
    new_version = new_key | np.concatenate([[True], (np.diff(contents[rows], axis=0) != 0).any(axis=1)])
    versions = np.add.reduceat(new_version, np.flatnonzero(new_key))
    is_conflicting = (versions > 1)[np.cumsum(new_key) - 1]
    verdicts[rows] = np.where(~new_version, Verdict.DUPLICATE, np.where(is_conflicting, Verdict.CONFLICTING, Verdict.NEW))
    return verdicts


def _table(expected: int) -> NDArray[np.uint64]:
    """Room for `expected` keys: (places, 4), key and content; a key of zero is a free place."""
    capacity = _CAPACITY_MIN
    while capacity * _FILL_MAX < expected:
        capacity *= 2
    return np.zeros((capacity, 4), np.uint64)

"""Duplicates and conflicts among the event keys of a closed set of rows, in any order. No store.

Equal key and equal content: a duplicate, dropped and counted. Equal key, other content: conflicting, and a person has to decide. Keys
and hashes are 128 bits: (rows, 2) numbers, or Arrow columns of sixteen bytes. Records from before the set are in `hash_index`.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

Keys: TypeAlias = Any  # NDArray[np.uint64] of (rows, 2), or a pa.Array or pa.ChunkedArray of pa.binary(16)


class Verdict(enum.IntEnum):
    """The verdict on a row against those that were there before it."""

    NEW = 0
    DUPLICATE = 1
    CONFLICTING = 2


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

    The first of equal rows stays; all counts are independent of the order of rows.
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

"""Verdicts of an index on the rows of a batch."""

from __future__ import annotations

import enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediation.known_records import hash_kernel


class Verdict(enum.IntEnum):
    """NEW is certain. The others are to be verified: another record may have the same hash or number."""

    NEW = hash_kernel.NEW
    SEEN = hash_kernel.SEEN  # perhaps a duplicate
    OTHER = hash_kernel.OTHER  # perhaps the same record with other content


class Verdicts(NamedTuple):
    """A Verdict for each row, and where to look: the earlier row of the batch with the same key; -1: among what was added, or new."""

    verdict: NDArray[np.int8]
    first: NDArray[np.int64]


def verdicts(verdict: NDArray[np.int8], first: NDArray[np.int64]) -> Verdicts:
    """Verdicts of a kernel; `first` counts rows from 1. Where all rows are new, as most are, nothing is written for them."""
    return Verdicts(verdict, first - 1 if verdict.any() else np.broadcast_to(np.int64(-1), first.shape))


def empty_batch(kept: NDArray[np.int32], rows: int) -> NDArray[np.int32]:
    """A table for the rows of a batch, all 0: a power of two of places, twice the rows or more. `kept` is an earlier one."""
    size = 1 << max(2 * rows - 1, 1).bit_length()
    if kept.size != size:
        return np.zeros(size, np.int32)
    kept[:] = 0
    return kept

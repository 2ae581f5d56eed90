"""Keys of records by a hash: sixteen bytes a place, 64 bits of the key, 48 of the content's hash and 16 of the day of the event.

It answers *perhaps*: two records may share 64 bits (against 100 million known keys, one new record in 180,000 million does). So NEW is
certain; a row that is SEEN or OTHER is compared with the record itself, by the caller, which holds it. Rows of one batch are compared with
those before them as well. Keys and contents are 128-bit hashes, (rows, 2) numbers; days count from 1970-01-01.

Memory: 100 million keys take 2.7 GB where their number was foretold, 2.7 to 4 GB where the table grew. One caller at a time.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mediation.known_records import hash_kernel, snapshot
from mediation.known_records.hash_kernel import PLACES
from mediation.known_records.verdicts import Verdicts, empty_batch, verdicts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

FILL_MAX: Final = 0.6
GROWTH: Final = 1.5
DAY_MAX: Final = (1 << hash_kernel.DAY_BITS) - 1  # of keys without a day: never dropped
_FORM: Final = "hash"
_BUCKETS_MIN: Final = 512
_MOVED_AT_ONCE: Final = 1 << 18  # buckets, 32 MiB


def high_half(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The 64 bits of a key that the index keeps. Tests hand in a worse choice to force collisions."""
    return keys[:, 0]


class HashIndex:
    """Keys that are known. `expected`: for how many there is to be room from the start."""

    def __init__(self, expected: int = 0, *, hash_of: Callable[[NDArray[np.uint64]], NDArray[np.uint64]] = high_half) -> None:
        self._hash_of = hash_of
        self._room, self._table = _table(expected)
        self._size = 0
        self._batch = np.zeros(0, np.int32)

    def __len__(self) -> int:
        return self._size

    @property
    def memory_bytes(self) -> int:
        """Size of the table."""
        return self._table.nbytes

    def classify(self, keys: NDArray[np.uint64], contents: NDArray[np.uint64]) -> Verdicts:
        """Verdicts on rows, against the keys that were added and the rows before them. Nothing is added."""
        verdict, first = np.empty(len(keys), np.int8), np.zeros(len(keys), np.int64)
        self._batch = empty_batch(self._batch, len(keys))
        hash_kernel.classify(self._table, self._batch, self._hash_of(keys), contents[:, 0], verdict, first)
        return verdicts(verdict, first)

    def add(self, keys: NDArray[np.uint64], contents: NDArray[np.uint64], days: NDArray[np.int64] | None = None) -> None:
        """Remember keys. One that is there keeps its first content, and is dropped by the latest of its days."""
        if self._size + len(keys) > FILL_MAX * _places(self._table):
            self._move(max(self._size + len(keys), int(GROWTH * FILL_MAX * _places(self._table))), 0)
        self._size += int(hash_kernel.add(self._table, self._hash_of(keys), _marks(contents, days)))

    def drop_before(self, day: int) -> None:
        """Forget the keys of events of earlier days."""
        self._move(self._size, day)

    def save(self, path: Path) -> bytes:
        """Write a snapshot, on disk when it returns; its SHA-256."""
        return snapshot.write(path, _FORM, self._size, [self._table])

    @classmethod
    def open(cls, path: Path, *, hash_of: Callable[[NDArray[np.uint64]], NDArray[np.uint64]] = high_half) -> HashIndex:
        """The index of a snapshot, mapped: nothing is read before it is needed."""
        index = cls(hash_of=hash_of)
        described, arrays, _names = snapshot.read(path, _FORM)
        index._room, (index._table,) = None, arrays
        index._size = described.keys
        return index

    def _move(self, room_for: int, day_from: int) -> None:
        """Move the keys into another table. Memory of moved keys is freed on the way, so that both are never there in full."""
        room, grown = _table(room_for)
        moved, bucket_bytes = 0, 2 * PLACES * 8
        for first in range(0, len(self._table), _MOVED_AT_ONCE):
            part = self._table[first : first + _MOVED_AT_ONCE]
            moved += int(hash_kernel.move(part, grown, np.uint64(max(day_from, 0))))
            if self._room is not None and hasattr(mmap, "MADV_DONTNEED"):
                self._room.madvise(mmap.MADV_DONTNEED, first * bucket_bytes, len(part) * bucket_bytes)
        self._size, self._room, self._table = moved, room, grown


def _marks(contents: NDArray[np.uint64], days: NDArray[np.int64] | None) -> NDArray[np.uint64]:
    """The upper bits of the contents' hashes, and the days."""
    low = np.uint64(DAY_MAX)
    if days is None:
        return contents[:, 0] | low
    return (contents[:, 0] & ~low) | np.clip(days, 0, DAY_MAX).astype(np.uint64)


def _places(table: NDArray[np.uint64]) -> int:
    return int(table.shape[0]) * PLACES


def _table(expected: int) -> tuple[mmap.mmap | None, NDArray[np.uint64]]:
    """Room for `expected` keys, in large pages where the system has them: else each probe misses the cache of addresses as well."""
    buckets = max(_BUCKETS_MIN, int(expected / FILL_MAX) // PLACES + 1)
    room = mmap.mmap(-1, buckets * 2 * PLACES * 8, **_private())
    if hasattr(mmap, "MADV_HUGEPAGE"):
        room.madvise(mmap.MADV_HUGEPAGE)
    return room, np.frombuffer(room, np.uint64).reshape(buckets, 2, PLACES)


def _private() -> dict[str, Any]:
    """Memory of this process alone: shared memory gets no large pages."""
    return {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}

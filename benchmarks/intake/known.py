"""Known records for the duplicate check: numbers in a row for bitmaps, and hashes spread evenly for the hash index.

Ten times as many are known as there are records in a run, 100 million at full size. What is asked comes in batches of 65,536, as files are
decoded; numbers come nearly in order, as lines do in files, each up to some hundred places from its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mediation.known_records import HashIndex, SequenceBitmaps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

KNOWN_FOR_EACH_RECORD: Final = 10
BATCH: Final = 1 << 16
STREAM: Final = "switch"
ASKED: Final = 64 * BATCH
_ADDED_AT_ONCE: Final = 1 << 20
_OUT_OF_PLACE: Final = 400


def hashes(numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """128 bits for each number: no two numbers have the same upper half."""
    word = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift in (32, 29):
        word = (word ^ (word >> np.uint64(shift))) * np.uint64(0xD6E8FEB86659FD93)
    return np.stack([word, word + np.uint64(1)], axis=1)


def hash_index(known: int) -> HashIndex:
    """An index that holds the hashes of 0 .. known - 1."""
    index = HashIndex(known)
    for low in range(0, known, _ADDED_AT_ONCE):
        keys = hashes(np.arange(low, min(low + _ADDED_AT_ONCE, known)))
        index.add(keys, keys)
    assert len(index) == known
    return index


def bitmaps(known: int) -> SequenceBitmaps:
    """Bitmaps that hold the numbers 0 .. known - 1."""
    index = SequenceBitmaps()
    stream = index.stream(STREAM)
    for low in range(0, known, _ADDED_AT_ONCE):
        index.add(stream, np.arange(low, min(low + _ADDED_AT_ONCE, known)))
    assert len(index) == known
    return index


def new_numbers(known: int) -> list[NDArray[np.int64]]:
    """Batches of numbers that follow the known ones, nearly in order."""
    rng = np.random.default_rng(8)
    places = np.arange(ASKED)
    numbers = known + places[np.argsort(places + rng.integers(0, _OUT_OF_PLACE, ASKED), kind="stable")]
    return list(_batches(numbers))


def old_numbers(known: int) -> list[NDArray[np.int64]]:
    """Batches of known numbers, from anywhere."""
    return list(_batches(np.random.default_rng(9).integers(0, known, ASKED)))


def _batches(numbers: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    return (numbers[low : low + BATCH] for low in range(0, ASKED, BATCH))

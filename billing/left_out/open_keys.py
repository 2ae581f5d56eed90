"""Keys that no other list of keys holds: sorted once, then each list takes as long as its own keys do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from billing.runs.contracts.columns import key_halves

if TYPE_CHECKING:
    import pyarrow as pa

    from billing.charges.lines import Int64s


class OpenKeys:
    """Keys of 16 bytes. 25 bytes of memory a key, and twice that while they are sorted."""

    def __init__(self, keys: pa.Array[Any]) -> None:
        halves = key_halves(keys)
        self._order = np.lexsort((halves[:, 1], halves[:, 0]))
        self._first, self._second = (np.ascontiguousarray(halves[self._order, half]) for half in (0, 1))
        self._open = np.ones(len(halves), np.bool_)

    def close(self, keys: pa.Array[Any]) -> None:
        """Take `keys` out; those that are not among them change nothing."""
        halves = key_halves(keys)
        halves = halves[np.argsort(halves[:, 0])]  # what is looked for in order is found near the last one
        place = np.searchsorted(self._first, halves[:, 0])
        rows = np.arange(len(halves))
        while rows.size:
            rows = rows[place[rows] < len(self._first)]
            at = place[rows]
            same = self._first[at] == halves[rows, 0]
            self._open[at[same & (self._second[at] == halves[rows, 1])]] = False
            rows = rows[same]  # another key with the same first half, or the same key again, may stand behind
            place[rows] += 1

    def is_any_open(self) -> bool:
        """True where a key is left."""
        return bool(self._open.any())

    def rows(self) -> Int64s:
        """The places of the keys that are left, rising."""
        return np.asarray(np.sort(self._order[self._open]), np.int64)

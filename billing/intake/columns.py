"""Columns of usage as numpy sees them, and exact sums of quantities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

KEY_BYTES = 16
QUANTITY_COLUMNS = ("duration_us", "units", "bytes_up", "bytes_down")


class Quantities(NamedTuple):
    """Rows and what they hold. Python integers: no sum of int64 can wrap here."""

    rows: int = 0
    duration_us: int = 0
    units: int = 0
    volume_bytes: int = 0

    def __add__(self, other: object) -> Quantities:
        assert isinstance(other, Quantities)
        return Quantities(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def __neg__(self) -> Quantities:
        return Quantities(*(-value for value in self))


def key_bytes(column: pa.ChunkedArray[Any]) -> NDArray[np.uint8]:
    """u8[n,16] of a column of 16-byte keys."""
    parts = [_key_chunk(chunk) for chunk in column.chunks]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty((0, KEY_BYTES), dtype=np.uint8)


def quantities(table: pa.Table, group: NDArray[np.integer[Any]], groups: int) -> list[Quantities]:
    """Rows and quantities of each of the `groups` that `group` (one number a row) deals the rows to."""
    rows = np.bincount(group, minlength=groups)
    dealt = _Dealt(group, rows)
    duration_us, units, up, down = (dealt.sums(table, name) for name in QUANTITY_COLUMNS)
    return [Quantities(int(rows[i]), duration_us[i], units[i], up[i] + down[i]) for i in range(groups)]


def exact_sum(table: pa.Table, name: str) -> int:
    """The sum of a column, nulls as 0."""
    return _Dealt(np.zeros(table.num_rows, np.uint16), np.array([table.num_rows])).sums(table, name)[0]


def _key_chunk(chunk: Any) -> NDArray[np.uint8]:  # noqa: ANN401 - pyarrow's stubs do not type chunks
    buffer = chunk.buffers()[1]
    values = np.frombuffer(buffer, dtype=np.uint8, count=len(chunk) * KEY_BYTES, offset=chunk.offset * KEY_BYTES)
    return values.reshape(-1, KEY_BYTES)


class _Dealt:
    """Rows in the order of their groups, so that a sum reads each value once."""

    def __init__(self, group: NDArray[np.integer[Any]], rows: NDArray[np.int64]) -> None:
        self._groups = len(rows)
        self._filled = np.flatnonzero(rows)
        self._begin = (np.cumsum(rows) - rows)[self._filled]
        narrow = group.astype(np.uint16) if self._groups <= 1 << 16 else group  # sixteen bits are sorted by their digits
        self._order = np.argsort(narrow, kind="stable") if len(self._filled) > 1 else None

    def sums(self, table: pa.Table, name: str) -> list[int]:
        """The exact sum of a column in each group, nulls as 0. Halves are summed apart, so 2**31 rows of any value cannot wrap."""
        column: Any = table.column(name)
        sums = [0] * self._groups
        if column.null_count == len(column):
            return sums
        values: NDArray[np.int64] = column.fill_null(0).to_numpy() if column.null_count else column.to_numpy()
        if self._order is not None:
            values = values[self._order]
        upper, lower = (np.add.reduceat(half, self._begin).tolist() for half in (values >> 32, values & 0xFFFF_FFFF))
        for place, high, low in zip(self._filled.tolist(), upper, lower, strict=True):
            sums[place] = (high << 32) + low
        return sums

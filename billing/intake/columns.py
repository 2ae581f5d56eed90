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


def quantities(table: pa.Table, group: NDArray[np.int8], groups: int) -> list[Quantities]:
    """Rows and quantities of each of the `groups` that `group` (one number a row) deals the rows to."""
    rows = np.bincount(group, minlength=groups)
    duration_us = _sums(table, "duration_us", group, groups)
    units = _sums(table, "units", group, groups)
    up = _sums(table, "bytes_up", group, groups)
    down = _sums(table, "bytes_down", group, groups)
    return [Quantities(int(rows[i]), duration_us[i], units[i], up[i] + down[i]) for i in range(groups)]


def _key_chunk(chunk: Any) -> NDArray[np.uint8]:  # noqa: ANN401 - pyarrow's stubs do not type chunks
    buffer = chunk.buffers()[1]
    values = np.frombuffer(buffer, dtype=np.uint8, count=len(chunk) * KEY_BYTES, offset=chunk.offset * KEY_BYTES)
    return values.reshape(-1, KEY_BYTES)


def _sums(table: pa.Table, name: str, group: NDArray[np.int8], groups: int) -> list[int]:
    column: Any = table.column(name)
    if column.null_count == len(column):
        return [0] * groups
    values = column.fill_null(0).to_numpy()
    return [_exact_sum(values[group == each]) for each in range(groups)]


def _exact_sum(values: NDArray[np.int64]) -> int:
    """Upper and lower halves are summed apart, so 2**31 rows of any value cannot wrap."""
    upper = int((values >> 32).sum())
    lower = int((values & 0xFFFF_FFFF).sum())
    return (upper << 32) + lower

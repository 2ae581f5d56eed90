"""Segments as columns, in the order in which they follow each other: by group, then by number or time.

Segments with numbers are ordered by them. Others are ordered by when they begin; with running totals, by when they were taken, the
closing one last. Ties are ordered by event key, so that the order of arrival cannot matter. Absent quantities read as 0.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rating.schema import UsageFlag

COUNTERS: Final = ("duration_us", "bytes_up", "bytes_down", "units")
SUMMED: Final = (*COUNTERS, "source_amount_micros")


@dataclasses.dataclass(frozen=True, eq=False)
class Segments:
    """Rows of USAGE_V1 in order. `group` ascends from 0 without gaps; `begin` is the first row of each group."""

    table: pa.Table
    group: NDArray[np.int64]
    begin: NDArray[np.int64]
    start_us: NDArray[np.int64]
    flags: NDArray[np.int32]

    @property
    def rows(self) -> int:
        """Number of segments."""
        return self.group.size

    @functools.cached_property
    def last(self) -> NDArray[np.int64]:
        """The last row of each group."""
        return np.append(self.begin[1:], self.rows) - 1

    @functools.cached_property
    def opens(self) -> NDArray[np.bool_]:
        """Rows that are the first of their group."""
        opens = np.zeros(self.rows, np.bool_)
        opens[self.begin] = True
        return opens

    @functools.cached_property
    def numbered(self) -> NDArray[np.bool_]:
        """Rows with a segment number."""
        return valid(self.table, "segment_first")

    @functools.cached_property
    def first_number(self) -> NDArray[np.int64]:
        """The first segment number that a row covers."""
        return integers(self.table, "segment_first")

    @functools.cached_property
    def last_number(self) -> NDArray[np.int64]:
        """The last segment number that a row covers."""
        return np.where(valid(self.table, "segment_last"), integers(self.table, "segment_last"), self.first_number)

    @functools.cached_property
    def end_us(self) -> NDArray[np.int64]:
        """The end of each row; of running totals, the instant when they were taken."""
        return self.start_us + integers(self.table, "duration_us")

    def has(self, flag: UsageFlag) -> NDArray[np.bool_]:
        """Mask of the rows that carry a flag."""
        found: NDArray[np.bool_] = (self.flags & int(flag)) != 0
        return found

    def any_of(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Mask of the groups that have a row in `mask`."""
        return np.logical_or.reduceat(mask, self.begin)

    def all_of(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Mask of the groups that have all their rows in `mask`."""
        return np.logical_and.reduceat(mask, self.begin)

    def sums(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """The sum of each group."""
        return np.add.reduceat(values, self.begin)

    def before(self, values: NDArray[Any], at_begin: int) -> NDArray[Any]:
        """Each row's predecessor's value; `at_begin` where there is none."""
        shifted = np.roll(values, 1)
        shifted[self.begin] = at_begin
        return shifted


def ordered(table: pa.Table, group: NDArray[np.int64]) -> Segments:
    """Segments of USAGE_V1, each of the group that `group` says; every group from 0 on has one."""
    flags = table.column("flags").to_numpy()
    start_us = integers(table, "start_us")
    totals = (flags & int(UsageFlag.CUMULATIVE)) != 0
    closes = (flags & int(UsageFlag.LAST)) != 0
    time_us = np.where(totals, start_us + integers(table, "duration_us"), start_us)
    key = key_words(table)
    place = np.lexsort(
        (
            key[:, 1],
            key[:, 0],
            integers(table, "duration_us"),
            closes,
            (flags & int(UsageFlag.FIRST)) == 0,
            time_us,
            totals & closes,
            integers(table, "segment_first"),
            group,
        )
    )
    group = group[place]
    begin = np.flatnonzero(np.diff(group, prepend=-1))
    assert group.size == 0 or begin.size == group[-1] + 1, "every group has a segment"
    return Segments(take(table, place), group, begin, start_us[place], flags[place])


def take(data: Any, rows: NDArray[np.int64]) -> Any:  # noqa: ANN401 - a table or a column, and the same comes back
    """Some rows, in the order given."""
    places: Any = pa.array(rows, pa.int64())
    return data.take(places)


def integers(table: pa.Table, name: str) -> NDArray[np.int64]:
    """A column of numbers or instants; 0 where it is null."""
    column: Any = table.column(name).cast(pa.int64())
    values: NDArray[np.int64] = column.fill_null(0).to_numpy()
    return values


def valid(table: pa.Table, name: str) -> NDArray[np.bool_]:
    """Mask of the rows in which a column is not null."""
    column: Any = table.column(name)
    mask: NDArray[np.bool_] = column.is_valid().to_numpy()
    return mask


def key_words(table: pa.Table) -> NDArray[np.uint64]:
    """Event keys as two numbers each, (rows, 2)."""
    keys: Any = table.column("event_key").to_pylist()
    return np.frombuffer(b"".join(keys), ">u8").reshape(-1, 2).astype(np.uint64)

"""The stored records of one number in a span, the oldest of them, read file by file: memory holds one file and the rows that are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing.intake import marks, view
from billing.intake.marks import COMMIT_SEQ
from billing.runs.contracts.columns import int64
from rating.dates import BEFORE_ALL, NEVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.store.home import Home

    Progress = Callable[[int, int], None]

COLUMNS: Final = (
    "event_key", "start_us", "served_id", "source", "record_id", "service", "direction", "other_raw", "other_e164", "duration_us",
    "bytes_up", "bytes_down", "units", COMMIT_SEQ,
)  # fmt: skip


class Instants(NamedTuple):
    """Instants in microseconds UTC, half open."""

    from_us: int = BEFORE_ALL
    to_us: int = NEVER

    def holds(self, instant_us: int | None) -> bool:
        """True where it is within the span; so is what is not known."""
        return instant_us is None or self.from_us <= instant_us < self.to_us


class NumberQuery(NamedTuple):
    """The oldest `limit` records of a number in a span."""

    number: str
    span: Instants
    limit: int


class Rows(NamedTuple):
    """The oldest records that count, in order of time, and how many there are in all. `start_us` as whole numbers.

    `off`: of each record without a version that counts under the number, the version that came last.
    """

    table: pa.Table
    total: int
    off: pa.Table


def stored_rows(home: Home, seq: int, wanted: NumberQuery, progress: Progress | None = None) -> Rows:
    """Records as of `seq`, those that never bill, too. `progress` counts files."""

    def read() -> Rows:
        with home.connect() as connection:
            files, hidden = view.stored(connection, 0, seq, *wanted.span), marks.hidden(connection, seq)
        kept, total = view.schema_of(COLUMNS).empty_table(), 0
        off = _Off(hidden)
        for place, file in enumerate(files):
            for part in view.parts(home, [file], COLUMNS, 0, seq):
                found = off.without(_of_number(part, wanted))
                total += found.num_rows
                kept = _oldest(kept, found, wanted.limit)
            if progress is not None:
                progress(place + 1, len(files))
        return Rows(_plain(kept), total, _plain(off.found()))

    return view.steadily(read)


class _Off:
    """Rows that do not count, gathered on the way."""

    def __init__(self, hidden: marks.Hidden) -> None:
        self._hidden = hidden
        self._counting: set[Any] = set()  # of events that have hidden rows as well
        self._parts = [view.schema_of(COLUMNS).empty_table()]

    def without(self, part: pa.Table) -> pa.Table:
        """The rows that count; the others are kept here."""
        if not len(self._hidden.keys) or not part.num_rows:
            return part
        is_off = marks.is_hidden(part, self._hidden)
        is_marked = marks.has_key(part, self._hidden.keys)
        self._counting.update(part["event_key"].filter(pa.array(is_marked & ~is_off)).to_pylist())
        self._parts.append(part.filter(pa.array(is_off)))
        return part.filter(pa.array(~is_off))

    def found(self) -> pa.Table:
        """One row of each event without a row that counts: the last that came."""
        rows = pa.concat_tables(self._parts).combine_chunks()
        last: dict[Any, int] = {}
        for row in np.argsort(int64(rows[COMMIT_SEQ]), kind="stable").tolist():
            last[rows["event_key"][row].as_py()] = row
        wanted = sorted(row for key, row in last.items() if key not in self._counting)
        return rows.take(pa.array(wanted, pa.int64()))


def _plain(rows: pa.Table) -> pa.Table:
    return rows.set_column(1, "start_us", pa.array(int64(rows["start_us"]), pa.int64()))


def _of_number(part: pa.Table, wanted: NumberQuery) -> pa.Table:
    mask: Any = pc.equal(part["served_id"], pa.scalar(wanted.number))
    own = part.filter(mask)
    start_us = int64(own["start_us"])
    return own.filter(pa.array((start_us >= wanted.span.from_us) & (start_us < wanted.span.to_us)))


def _oldest(kept: pa.Table, found: pa.Table, limit: int) -> pa.Table:
    if not found.num_rows:
        return kept
    ordered = pa.concat_tables([kept, found]).sort_by([("start_us", "ascending"), ("event_key", "ascending")])
    return ordered.slice(0, limit).combine_chunks()

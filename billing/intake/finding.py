"""Stored rows by their event_key, so that what an index only suggests is decided on the rows themselves.

Of each file the keys are read first, and further columns only where a key was found. The caller holds the intake lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from billing.intake import marks, view
from billing.intake.arrivals import STORED_COLUMNS, Change
from billing.intake.settle import Outcome
from rating.schema import UsageFlag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing.store.home import Home

_COUNTING: Final = (Outcome.ANSWERED, Outcome.UNANSWERED, Outcome.ABSORBED, Outcome.WAITING, Outcome.ASSEMBLED, Outcome.RECYCLED)


class CountedRows(NamedTuple):
    """Stored rows, in no order, and what each counts as now."""

    rows: pa.Table
    outcome: NDArray[np.int8]


def stored_rows(home: Home, keys: pa.Array[Any], columns: Sequence[str] = STORED_COLUMNS) -> CountedRows:
    """Every stored row of the events `keys`; `columns` and those that tell what it counts as."""
    needed = list(dict.fromkeys((*columns, *marks.COLUMNS, *marks.SEGMENT_COLUMNS)))
    if not len(keys):
        return CountedRows(view.schema_of(needed).empty_table(), np.zeros(0, np.int8))

    def read() -> CountedRows:
        with home.connect() as connection:
            seq = home.head_seq(connection)
            rows = _rows(home, view.stored(connection, 0, seq), keys, needed, seq)
            return CountedRows(rows, marks.outcomes(rows, marks.standing(connection, seq, rows)))

    return view.steadily(read)


def rows_nearby(home: Home, keys: pa.Array[Any], start_us: NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
    """`columns` of stored rows of the events `keys`: those in files that hold one of these starts. Copies of records are among them."""
    moments = np.unique(start_us)

    def read() -> pa.Table:
        with home.connect() as connection:
            seq = home.head_seq(connection)
            row_files = view.stored(connection, 0, seq, int(moments[0]), int(moments[-1]) + 1) if len(moments) else []
            files = [file for file in row_files if _holds_any(file, moments)]
        return _rows(home, files, keys, columns, seq)

    return view.steadily(read)


def counting(outcome: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Mask of stored rows that count as something that a mark could take away."""
    return np.isin(outcome, _COUNTING)


def change(found: CountedRows, reason: str) -> Change:
    """Change that a mark of `reason` makes: the found rows that count so far. A conflict takes what waits for another cause as well.

    Segments that are suspended with their call are not hidden by a mark yet: any mark takes them.
    """
    is_segment = (found.rows.column("flags").to_numpy() & int(UsageFlag.PARTIAL)) != 0
    chosen = counting(found.outcome) | ((found.outcome == Outcome.SUSPENDED) & (is_segment | (reason == marks.CONFLICTING)))
    before = found.outcome[chosen]
    return Change(found.rows.filter(pa.array(chosen)), before, marks.outcome_after(before, reason), reason)


def _holds_any(file: view.Stored, moments: NDArray[np.int64]) -> bool:
    """Return whether a file may hold a row that starts at one of the `moments`, which are in order."""
    at = int(np.searchsorted(moments, file.start_min_us))
    return at < len(moments) and moments[at] <= file.start_max_us


def _rows(home: Home, files: Sequence[view.Stored], keys: pa.Array[Any], columns: Sequence[str], seq: int) -> pa.Table:
    """Rows of each file that have one of the keys."""
    found = list(_parts(home, files, keys, columns, seq))
    return pa.concat_tables([view.schema_of(columns).empty_table(), *found]).combine_chunks()


def _parts(home: Home, files: Sequence[view.Stored], keys: pa.Array[Any], columns: Sequence[str], seq: int) -> Iterator[pa.Table]:
    for file in files:
        (part,) = view.parts(home, [file], ["event_key"], 0, seq)
        mask = marks.has_key(part, keys)
        if mask.any():
            (whole,) = view.parts(home, [file], columns, 0, seq)
            yield whole.filter(pa.array(mask))

"""Rows that intake put into suspense and that wait for a decision, as one Arrow table.

Two kinds of row lie in the table `suspense`: those that wait for a decision, and marks that say that something else counts in a row's
stead. Marks wait for nothing and are left out here, and so is every row with a decision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.intake import marks, view
from billing.intake.assembly.segment_groups import MISSING_SEGMENT, SEGMENTS_DISAGREE
from billing.store.tables import commits, suspense, suspense_decisions
from rating.schema import KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing.store.home import Home

WRITTEN_OFF: Final = "written_off"  # of a mark: the stored event is given up
MARKS: Final = (marks.ABSORBED_LATER, marks.SUPERSEDED, marks.CORRECTED, WRITTEN_OFF)
GROUP_REASONS: Final = (MISSING_SEGMENT, SEGMENTS_DISAGREE)  # of a call or session that is not put together: no stored row has its key
_FIELDS: Final[list[pa.Field[Any]]] = [
    pa.field("suspense_id", pa.int64()),  # null: rating refused it, and the table suspense does not hold it
    pa.field("event_key", KEY),  # null: it could not be read
    pa.field("content_hash", KEY),
    pa.field("source", pa.string(), nullable=False),
    pa.field("reason", pa.string(), nullable=False),
    pa.field("raw_file_id", pa.int64(), nullable=False),
    pa.field("raw_offset", pa.int64(), nullable=False),
    pa.field("raw_length", pa.int64(), nullable=False),
    pa.field("raw", pa.string(), nullable=False),
    pa.field("commit_seq", pa.int64(), nullable=False),
    pa.field("first_us", pa.int64(), nullable=False),  # first and last seen, in this or another copy of its file
    pa.field("last_us", pa.int64(), nullable=False),
    pa.field("start_us", pa.int64()),
    pa.field("served_id", pa.string()),
    pa.field("other_raw", pa.string()),
    pa.field("duration_us", pa.int64(), nullable=False),
]
WAITING: Final = pa.schema(_FIELDS)
_PAGE_ROWS: Final = 10_000


def waiting(
    connection: sa.Connection, seq: int, *, source: str | None = None, reason: str | None = None, served_id: str | None = None
) -> pa.Table:
    """Every row that waits as of `seq`, in the order in which they came; of one source, reason or number, if given. Columns as WAITING."""
    row = suspense.c
    first_us = sa.func.coalesce(row.first_seen_us, commits.c.at_us)
    computed: dict[str, Any] = {"first_us": first_us, "last_us": commits.c.at_us}
    columns = [(computed[name] if name in computed else row[name]).label(name) for name in WAITING.names]
    query = sa.select(*columns).join_from(suspense, commits, commits.c.commit_seq == row.commit_seq).where(*_still_waits(seq))
    if source is not None:
        query = query.where(row.source == source)
    if reason is not None:
        query = query.where(row.reason == reason)
    if served_id is not None:
        query = query.where(row.served_id == served_id)
    found = connection.execute(query.order_by(row.suspense_id).execution_options(yield_per=_PAGE_ROWS))
    return pa.Table.from_batches([_batch(page) for page in found.partitions()], WAITING)


def by_id(connection: sa.Connection, seq: int, suspense_ids: Iterable[int]) -> pa.Table:
    """The rows of these ids that wait as of `seq`."""
    wanted: Any = pa.array(sorted(suspense_ids), pa.int64())
    table = waiting(connection, seq)
    mask: Any = pc.is_in(table["suspense_id"], value_set=wanted)
    return table.filter(mask)


def stored_rows(home: Home, seq: int, keys: pa.Array[Any], columns: Sequence[str]) -> pa.Table:
    """`columns` of every stored usage row with one of the `keys`, whether it counts or not, as of `seq`."""
    return view.of_keys(home, columns, seq, keys)


def places(keys: Any, contents: Any, among: pa.Table) -> list[int | None]:  # noqa: ANN401 -- Arrow columns, chunked or not
    """Row of `among` (its event_key and content_hash) that holds each version; None where it holds none."""
    wanted: Any = _versions(keys, contents)
    known: Any = _versions(among["event_key"], among["content_hash"])
    found: list[int | None] = pc.index_in(wanted, value_set=known).to_pylist()
    return found


def _versions(keys: Any, contents: Any) -> Any:  # noqa: ANN401 -- as above
    """Key and content in one value of 32 bytes; null where either is."""
    joined: Any = pc.binary_join_element_wise(_plain(keys), _plain(contents), pa.scalar(b"", pa.binary()))
    return joined


def _plain(column: Any) -> Any:  # noqa: ANN401 -- as above
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return whole.cast(pa.binary())


def _still_waits(seq: int) -> list[sa.ColumnElement[bool]]:
    decided = sa.exists().where(suspense_decisions.c.suspense_id == suspense.c.suspense_id, suspense_decisions.c.commit_seq <= seq)
    return [suspense.c.commit_seq <= seq, suspense.c.reason.not_in(MARKS), ~decided]


def _batch(page: Sequence[sa.Row[Any]]) -> pa.RecordBatch:
    columns = zip(*page, strict=True)
    return pa.RecordBatch.from_arrays(
        [pa.array(values, field.type) for values, field in zip(columns, WAITING, strict=True)], schema=WAITING
    )

"""Storing one settled batch: journal first, then one SQL transaction that makes it count.

The caller holds the intake lock. No one else writes the tables of usage, so ids read before the transaction hold in it.
"""

from __future__ import annotations

import itertools
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.intake import journal
from billing.intake.assembly import segment_groups
from billing.intake.batch import kept
from billing.intake.counting import count_rows
from billing.intake.known_records import known_rejects
from billing.intake.marks import COMMIT_SEQ
from billing.intake.suspense_rows import suspense_rows, with_commit
from billing.store import commit_points
from billing.store.prepared import Prepared, insert
from billing.store.tables import assemblies, commits, intake_counts, raw_files, suspense, usage_manifest
from mediation.bytes.reader import shown
from rating.schema import USAGE_V1, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from billing.intake.arrivals import Arrival
    from billing.intake.batch import Batch
    from billing.store.home import Home

SEGMENT_BYTES_MAX: Final = 1 << 30  # a fuller segment is left as it is and the next one begun
OF_ASSEMBLY: Final = int(UsageFlag.PARTIAL | UsageFlag.ASSEMBLED)
_JOURNAL: Final = "usage/journal"
_Row = dict[str, Any]
# Statements of every commit are made once: to make one takes as long as to send it.
_LAST_USAGE: Final = Prepared(
    lambda: sa.select(commits.c.commit_seq).where(commits.c.kind == "usage").order_by(commits.c.commit_seq.desc()).limit(1)
)
_LAST_RANGE: Final = Prepared(
    lambda: (
        sa.select(usage_manifest.c.path, usage_manifest.c.byte_to, usage_manifest.c.sealed_at_seq)
        .where(usage_manifest.c.form == "journal")
        .order_by(usage_manifest.c.manifest_id.desc())
        .limit(1)
    )
)


class _Place(NamedTuple):
    segment: str
    byte_from: int


class _Written(NamedTuple):
    """A batch whose rows are in the journal: its file's id, and the rows that record it, without their commit."""

    raw_file_id: int
    counts: list[_Row]
    waiting: list[_Row]
    manifest: list[_Row]


def last_usage_seq(connection: sa.Connection) -> int:
    """The last commit of usage; 0 before the first."""
    last = _LAST_USAGE.one_or_none(connection)
    return 0 if last is None else int(last.commit_seq)


class Unsealed(NamedTuple):
    """Ranges of the journal that count, and the rows in them."""

    ranges: int
    rows: int


def unsealed(home: Home) -> Unsealed:
    """The ranges of the journal that count."""
    row = usage_manifest.c
    with home.connect() as connection:
        query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(row.rows), 0))
        ranges, rows = connection.execute(query.where(row.sealed_at_seq.is_(None), row.form == "journal")).one()
    return Unsealed(int(ranges), int(rows))


def store(home: Home, batch: Batch, now_us: int, also: Callable[[sa.Connection, int], None] | None = None) -> int:
    """Make `batch` count. Returns its commit_seq. `also` writes more rows in the same transaction.

    A few rows are written to the journal within the transaction, which is one look at the database less. Many would keep others waiting.
    """
    if batch.usage.num_rows + batch.recycled.num_rows <= journal.FEW_ROWS:
        with home.begin() as connection:
            written = _written(home, connection, batch, now_us)
            commit_seq = _record(home, connection, batch, written, now_us, also)
            commit_points.reached("intake.before_commit")
    else:
        with home.connect() as connection:
            written = _written(home, connection, batch, now_us)
        with home.begin() as connection:
            commit_seq = _record(home, connection, batch, written, now_us, also)
            commit_points.reached("intake.before_commit")
    commit_points.reached("intake.committed")
    return commit_seq


def _written(home: Home, connection: sa.Connection, batch: Batch, now_us: int) -> _Written:
    """Write what is stored of a batch to the journal; what the transaction is to record of it. Its view is not needed afterwards."""
    place = _next_place(connection)
    raw_file_id = _raw_file_id(connection, batch)
    counts = count_rows(batch, raw_file_id)
    waiting = suspense_rows(batch, raw_file_id, now_us, _came_us(connection, batch))
    return _Written(raw_file_id, counts, waiting, _append(home, place, batch, raw_file_id))


def _record(  # noqa: PLR0913, PLR0917 -- what is stored, where and when
    home: Home,
    connection: sa.Connection,
    batch: Batch,
    written: _Written,
    now_us: int,
    also: Callable[[sa.Connection, int], None] | None,
) -> int:
    commit_seq = home.next_commit_seq(connection, "usage", now_us)
    for table, values in (
        (raw_files, _raw_file_rows(batch, written.raw_file_id, now_us)),
        (usage_manifest, written.manifest),
        (intake_counts, written.counts),
        (assemblies, list(batch.assembly.groups) if batch.assembly else []),
        (suspense, with_commit(written.waiting, commit_seq)),
    ):
        if values:
            insert(connection, table, [{**row, "commit_seq": commit_seq} for row in values])
    if batch.assembly is not None:
        segment_groups.record(connection, batch.assembly.settled, commit_seq, now_us)
    _continue_files(connection, batch, commit_seq)
    known_rejects.write_again(connection, batch.rejects)
    if also is not None:
        also(connection, commit_seq)
    return commit_seq


def _next_place(connection: sa.Connection) -> _Place:
    """Place of the next range: behind the last one, or in a new segment. The name of a sealed segment is never used again.

    Ranges are sealed in their order: where the last one is sealed, all are.
    """
    last = _LAST_RANGE.one_or_none(connection)
    if last is None:
        return _Place(f"{_JOURNAL}/{1:08d}.arrow", 0)
    if last.sealed_at_seq is None and last.byte_to < SEGMENT_BYTES_MAX:
        return _Place(last.path, last.byte_to)
    return _Place(f"{_JOURNAL}/{int(PurePosixPath(last.path).stem) + 1:08d}.arrow", 0)


def _raw_file_id(connection: sa.Connection, batch: Batch) -> int:
    """Id of the file that the batch brings: the next one, or the one whose further chunk it is; 0 for streams."""
    if not batch.arrivals or batch.arrivals[0].path is None:
        return 0
    place = batch.arrivals[0].place
    if place is not None and place.raw_file_id:
        return place.raw_file_id
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(raw_files.c.raw_file_id), 0))).scalar_one()) + 1


def _came_us(connection: sa.Connection, batch: Batch) -> dict[int, int]:
    """The instants of the commits of stored rows that the batch marks."""
    columns: list[Any] = [change.rows.column(COMMIT_SEQ).to_pylist() for change in batch.changes]
    came = {seq for column in columns for seq in column}
    if not came:
        return {}
    query = sa.select(commits.c.commit_seq, commits.c.at_us).where(commits.c.commit_seq.between(min(came), max(came)))
    return {seq: at_us for seq, at_us in connection.execute(query) if seq in came}


def _continue_files(connection: sa.Connection, batch: Batch, commit_seq: int) -> None:
    """A further chunk of a file: its row goes along, and with the last one it gets the hash by which it is known."""
    for arrival in batch.arrivals:
        if arrival.place is not None and arrival.place.raw_file_id:
            values: _Row = {"rows": arrival.place.rows_before + arrival.decoded.rows, "commit_seq": commit_seq}
            if arrival.place.is_last:
                values["sha256"] = arrival.decoded.file_sha256
            connection.execute(raw_files.update().where(raw_files.c.raw_file_id == arrival.place.raw_file_id).values(**values))


def _append(home: Home, place: _Place, batch: Batch, raw_file_id: int) -> list[_Row]:
    """Write what is stored of the batch to the journal; the manifest row that will name it, or none when nothing is."""
    wanted = kept(batch)
    made = [table for table in (batch.recycled, batch.assembly.made if batch.assembly else batch.recycled[:0]) if table.num_rows]
    rows = int(wanted.sum()) + sum(table.num_rows for table in made)
    if rows == 0:
        return []
    tables = [batch.usage, *made] if wanted.any() else made
    filled = {name for table in tables for name, each in zip(table.column_names, table.columns, strict=True) if each.null_count < len(each)}
    columns = [name for name in USAGE_V1.names if name in filled]
    start_us = np.concatenate([_start_us(batch.usage)[wanted], *(_start_us(table) for table in made)])
    flags = np.concatenate([batch.usage.column("flags").to_numpy()[wanted], *(table.column("flags").to_numpy() for table in made)])
    written = journal.append(
        home.path / place.segment, place.byte_from, columns, itertools.chain(_arrived(batch.usage, wanted, raw_file_id), _batches(made))
    )
    return [
        {
            "path": place.segment,
            "form": "journal",
            "byte_from": written.byte_from,
            "byte_to": written.byte_to,
            "rows": rows,
            "sha256": written.sha256,
            "start_min_us": int(start_us.min()),
            "start_max_us": int(start_us.max()),
            "partial_rows": int(((flags & OF_ASSEMBLY) != 0).sum()),
        }
    ]


def _arrived(usage: pa.Table, wanted: NDArray[np.bool_], raw_file_id: int) -> Iterator[pa.RecordBatch]:
    """The wanted rows as rows of the file that is being stored, a batch at a time."""
    index = usage.schema.get_field_index("raw_file_id")
    row_from = 0
    for batch in usage.to_batches(max_chunksize=journal.BATCH_ROWS):
        mask = wanted[row_from : row_from + batch.num_rows]
        row_from += batch.num_rows
        chosen = batch if mask.all() else batch.filter(pa.array(mask))
        if chosen.num_rows and raw_file_id == 0:
            yield chosen  # as decoders leave it
        elif chosen.num_rows:
            ids: NDArray[np.int64] = np.full(chosen.num_rows, raw_file_id, dtype=np.int64)
            yield chosen.set_column(index, USAGE_V1.field("raw_file_id"), pa.array(ids))


def _batches(tables: list[pa.Table]) -> Iterator[pa.RecordBatch]:
    for table in tables:
        yield from table.to_batches(max_chunksize=journal.BATCH_ROWS)


def _start_us(table: pa.Table) -> NDArray[np.int64]:
    start_us: NDArray[np.int64] = table.column("start_us").cast(pa.int64()).to_numpy()
    return start_us


def _raw_file_rows(batch: Batch, raw_file_id: int, now_us: int) -> list[_Row]:
    return [
        {
            "raw_file_id": raw_file_id,
            "path": arrival.file_name or shown(arrival.path.absolute()),
            "source": arrival.source,
            "sha256": arrival.decoded.file_sha256 if _is_whole(arrival) else b"not whole yet: %d" % raw_file_id,
            "size_bytes": arrival.decoded.size_bytes,
            "file_name": Path(arrival.file_name or shown(arrival.path)).name,
            "content_sha256": arrival.content_sha256 or None,
            "taken_us": now_us,
            "rows": arrival.decoded.rows,
        }
        for arrival in batch.arrivals
        if arrival.path is not None and (arrival.place is None or not arrival.place.raw_file_id)
    ]


def _is_whole(arrival: Arrival) -> bool:
    return arrival.place is None or arrival.place.is_last

"""Storing one settled batch: journal first, then one SQL transaction that makes it count.

Called by the one who holds the intake lock. Nobody else writes the tables of usage, so ids read before the transaction hold in it.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray

from billing.intake import journal, view
from billing.intake.columns import Quantities, quantities
from billing.intake.settle import OUTCOME_NAMES, RECEIVED, Outcome, outcome_of_flags
from billing.store import commit_points
from billing.store.tables import commits, intake_counts, raw_files, suspense, usage_manifest
from mediation.decode import Decoded
from mediation.reader import shown
from mediation.usage import with_absorbed
from rating.errors import UserError
from rating.schema import KEY, USAGE_V1

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from billing.store.home import Home

SEGMENT_BYTES_MAX: Final = 1 << 30  # a fuller segment is left as it is and the next one begun
RAW_CHARACTERS_MAX: Final = 2000
_INT64_MAX: Final = 2**63 - 1
_JOURNAL: Final = "usage/journal"
_DESCRIBED: Final = ("record_id", "served_id", "other_raw", "start_us", "duration_us", "units", "bytes_up", "bytes_down")
_SUSPENSE_COLUMNS: Final = ("event_key", "content_hash", "source", "raw_file_id", "raw_offset", "raw_length", "flags", *_DESCRIBED)
_Row = dict[str, Any]


class Arrival(NamedTuple):
    """One decoded file, or one batch of a stream (path None), on its way in."""

    source: str
    decoded: Decoded
    path: Path | None = None
    has_legs: bool = False  # rows of one call may have come before, in another file (see split_calls)

    @property
    def name(self) -> str:
        """How a report calls it."""
        return "stream" if self.path is None else shown(self.path)


class Batch(NamedTuple):
    """What is stored in one commit: the arrivals, their rows with an outcome each, and stored rows that get another one."""

    arrivals: Sequence[Arrival]
    usage: pa.Table
    outcome: NDArray[np.int8]
    taken_back: pa.Table  # become conflicting
    absorbed_later: pa.Table  # become absorbed


class _Place(NamedTuple):
    segment: str
    byte_from: int


def last_usage_seq(connection: sa.Connection) -> int:
    """The last commit of usage; 0 before the first."""
    query = sa.select(sa.func.coalesce(sa.func.max(commits.c.commit_seq), 0)).where(commits.c.kind == "usage")
    return int(connection.execute(query).scalar_one())


def conflicts_after(connection: sa.Connection, seq: int) -> list[tuple[bytes, bytes]]:
    """event_key and content_hash of every conflicting version that was committed after `seq`."""
    row = suspense.c
    query = sa.select(row.event_key, row.content_hash).where(row.reason == view.CONFLICT, row.commit_seq > seq)
    return [(key, content) for key, content in connection.execute(query)]


def find(home: Home, keys: AbstractSet[bytes]) -> pa.Table:
    """The stored rows of `keys`, with the columns that suspense and the counts need, and the flags that they count with now."""
    empty = pa.schema([USAGE_V1.field(name) for name in _SUSPENSE_COLUMNS]).empty_table()
    if not keys:
        return empty
    wanted = pa.array(sorted(keys), KEY)
    with home.connect() as connection:
        seq = home.head_seq(connection)
        files = view.stored(connection, 0, seq)
        absorbed_later = view.suspended_keys(connection, seq, view.ABSORBED_LATER)
    found = [
        part.filter(pa.array(mask))
        for part in view.parts(home, files, _SUSPENSE_COLUMNS, 0, seq)
        if (mask := view.is_suspended(part, wanted)).any()
    ]
    table = pa.concat_tables([empty, *found]).combine_chunks()
    assert table.num_rows == len(keys), "every key in the index has one stored row until it conflicts"
    return with_absorbed(table, view.is_suspended(table, absorbed_later))


def store(home: Home, batch: Batch, now_us: int) -> tuple[int, list[tuple[bytes, bytes]]]:
    """Make `batch` count. Returns its commit_seq and the conflicting versions it put into suspense."""
    with home.connect() as connection:
        place = _next_place(connection)
        raw_file_id = _next_raw_file_id(connection) if batch.arrivals[0].path is not None else 0
    counts = _count_rows(batch)
    manifest = _append(home, place, batch, raw_file_id)
    conflicting = batch.usage.select(list(_SUSPENSE_COLUMNS)).filter(pa.array(batch.outcome == Outcome.CONFLICTING))
    rows = [
        *_suspense_rows(conflicting, view.CONFLICT, raw_file_id),
        *_suspense_rows(batch.taken_back, view.CONFLICT, None),
        *_suspense_rows(batch.absorbed_later, view.ABSORBED_LATER, None),
        *(row for arrival in batch.arrivals for row in _reject_rows(arrival, raw_file_id)),
    ]
    with home.begin() as connection:
        commit_seq = home.next_commit_seq(connection, "usage", now_us)
        for table, values in (
            (raw_files, _raw_file_rows(batch.arrivals, raw_file_id)),
            (usage_manifest, manifest),
            (intake_counts, counts),
            (suspense, rows),
        ):
            if values:
                through = {"through_seq": commit_seq} if table is suspense else {}
                connection.execute(table.insert(), [{**row, **through, "commit_seq": commit_seq} for row in values])
        commit_points.reached("intake.before_commit")
    commit_points.reached("intake.committed")
    return commit_seq, [(row["event_key"], row["content_hash"]) for row in rows if row["reason"] == view.CONFLICT]


def _next_place(connection: sa.Connection) -> _Place:
    """Where the next range goes: behind the last one, or into a new segment. The name of a sealed segment is never used again."""
    row = usage_manifest.c
    query = sa.select(row.path, sa.func.max(row.byte_to), sa.func.count(row.manifest_id) - sa.func.count(row.sealed_at_seq))
    segments = connection.execute(query.where(row.form == "journal").group_by(row.path).order_by(row.path)).all()
    if not segments:
        return _Place(f"{_JOURNAL}/{1:08d}.arrow", 0)
    path, byte_to, unsealed = segments[-1]
    if unsealed and byte_to < SEGMENT_BYTES_MAX:
        return _Place(path, byte_to)
    return _Place(f"{_JOURNAL}/{int(PurePosixPath(path).stem) + 1:08d}.arrow", 0)


def _next_raw_file_id(connection: sa.Connection) -> int:
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(raw_files.c.raw_file_id), 0))).scalar_one()) + 1


def _append(home: Home, place: _Place, batch: Batch, raw_file_id: int) -> list[_Row]:
    """Write what is kept of the batch to the journal; the manifest row that will name it, or none when nothing is kept."""
    kept = batch.outcome != Outcome.DUPLICATE
    rows = int(kept.sum())
    if rows == 0:
        return []
    columns = [field.name for field in USAGE_V1 if batch.usage.column(field.name).null_count < batch.usage.num_rows]
    start_us = batch.usage.column("start_us").cast(pa.int64()).to_numpy()[kept]
    written = journal.append(home.path / place.segment, place.byte_from, columns, _kept_batches(batch.usage, kept, raw_file_id))
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
        }
    ]


def _kept_batches(usage: pa.Table, kept: NDArray[np.bool_], raw_file_id: int) -> Iterator[pa.RecordBatch]:
    index = usage.schema.get_field_index("raw_file_id")
    row_from = 0
    for batch in usage.to_batches(max_chunksize=journal.BATCH_ROWS):
        mask = kept[row_from : row_from + batch.num_rows]
        row_from += batch.num_rows
        kept_batch = batch if mask.all() else batch.filter(pa.array(mask))
        if kept_batch.num_rows:
            ids = pa.array(np.full(kept_batch.num_rows, raw_file_id, dtype=np.int64))
            yield kept_batch.set_column(index, USAGE_V1.field("raw_file_id"), ids)


def _raw_file_rows(arrivals: Sequence[Arrival], raw_file_id: int) -> list[_Row]:
    return [
        {
            "raw_file_id": raw_file_id,
            "path": shown(arrival.path.absolute()),
            "source": arrival.source,
            "sha256": arrival.decoded.file_sha256,
            "size_bytes": arrival.decoded.size_bytes,
        }
        for arrival in arrivals
        if arrival.path is not None
    ]


def _count_rows(batch: Batch) -> list[_Row]:
    counts: dict[tuple[str, str], Quantities] = collections.defaultdict(Quantities)
    row_from = 0
    for arrival in batch.arrivals:
        row_to = row_from + arrival.decoded.usage.num_rows
        sums = quantities(arrival.decoded.usage, batch.outcome[row_from:row_to], len(Outcome))
        sums[Outcome.REJECTED] += Quantities(rows=len(arrival.decoded.rejects))
        row_from = row_to
        for name, each in zip(OUTCOME_NAMES, sums, strict=True):
            counts[arrival.source, name] += each
        whole = quantities(arrival.decoded.usage, np.zeros(arrival.decoded.usage.num_rows, dtype=np.int8), 1)[0]
        counts[arrival.source, RECEIVED] += whole._replace(rows=arrival.decoded.rows)
    for table, outcome in ((batch.taken_back, Outcome.CONFLICTING), (batch.absorbed_later, Outcome.ABSORBED)):
        for source, name, each in _moves(table):
            counts[source, name] += -each
            counts[source, OUTCOME_NAMES[outcome]] += each
    if any(abs(value) > _INT64_MAX for each in counts.values() for value in each):
        raise UserError(
            f"the quantities of {batch.arrivals[0].name} add up to more than can be counted",
            "check the units of the source; nothing of it was stored",
        )
    where = {"raw_file_id": 0, "day": ""}
    return [{"source": source, "outcome": outcome, **where, **each._asdict()} for (source, outcome), each in sorted(counts.items()) if any(each)]


def _moves(table: pa.Table) -> Iterator[tuple[str, str, Quantities]]:
    """Source, old outcome and quantities of stored rows that get another one."""
    sources: Any = table.column("source").cast(pa.string())
    outcome = outcome_of_flags(table.column("flags").to_numpy())
    for source in sources.unique().to_pylist():
        of_source = np.array([each == source for each in sources.to_pylist()], dtype=np.bool_)
        sums = quantities(table.filter(pa.array(of_source)), outcome[of_source], len(Outcome))
        yield from ((source, name, each) for name, each in zip(OUTCOME_NAMES, sums, strict=True) if each.rows)


def _suspense_rows(table: pa.Table, reason: str, raw_file_id: int | None) -> Iterator[_Row]:
    """Suspense rows of usage rows. `raw_file_id` is theirs if they come in just now, else each names its own."""
    for row in table.to_pylist():
        yield {
            "event_key": row["event_key"],
            "content_hash": row["content_hash"],
            "source": row["source"],
            "reason": reason,
            "raw_file_id": row["raw_file_id"] if raw_file_id is None else raw_file_id,
            "raw_offset": row["raw_offset"],
            "raw_length": row["raw_length"],
            "raw": _described(row),
            "duration_us": row["duration_us"] or 0,
        }


def _described(row: _Row) -> str:
    """What was read from a row, so that two versions can be told apart at a glance."""
    values = ((name, row[name].isoformat() if name == "start_us" else row[name]) for name in _DESCRIBED)
    return " ".join(f"{name}={value}" for name, value in values if value is not None)[:RAW_CHARACTERS_MAX]


def _reject_rows(arrival: Arrival, raw_file_id: int) -> Iterable[_Row]:
    for reject in arrival.decoded.rejects:
        yield {
            "event_key": None,
            "content_hash": None,
            "source": arrival.source,
            "reason": str(reject.reason),
            "raw_file_id": raw_file_id,
            "raw_offset": reject.offset,
            "raw_length": reject.length,
            "raw": reject.raw.decode("utf-8", "replace").rstrip("\r\n")[:RAW_CHARACTERS_MAX],
            "duration_us": 0,
        }

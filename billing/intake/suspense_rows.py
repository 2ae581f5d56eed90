"""Rows for table suspense: of rows that could not be read, of rows that are stored but wait, and marks on rows stored before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from billing.intake.arrivals import DESCRIBED, STORED_COLUMNS
from billing.intake.marks import COMMIT_SEQ, CONFLICTING, SUPERSEDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from billing.intake.assembly.assembling import AssemblyResult
    from billing.intake.batch import Batch
    from billing.intake.known_records.known_rejects import NewReject

RAW_CHARACTERS_MAX: Final = 2000
RAW_BYTES_MAX: Final = 1 << 16
OWN: Final = "own"  # through_seq of a mark: the commit that writes it, or the one before
BEFORE: Final = "before"
_COLUMNS: Final = tuple(name for name in STORED_COLUMNS if name != COMMIT_SEQ)
_Row = dict[str, Any]
# A row without what it may lack: all rows of one statement need the same names.
_EMPTY: Final = ("event_key", "content_hash", "raw_bytes", "start_us", "served_id", "other_raw", "row_sha256", "came_again")
_NOTHING: Final[_Row] = dict.fromkeys(_EMPTY) | {"duration_us": 0}


def suspense_rows(batch: Batch, raw_file_id: int, now_us: int, came_us: Mapping[int, int]) -> list[_Row]:
    """Every row that `batch` puts into suspense. `through_seq` is OWN or BEFORE, until the commit has its number.

    What is stored already was seen with its own commit: `came_us` has the instants of those.
    """
    rows: list[_Row] = []
    for reason, mask in batch.marked.items():
        if mask.any():
            waiting = batch.usage.select(list(_COLUMNS)).filter(pa.array(mask))
            rows += ({**row, "raw_file_id": raw_file_id} for row in _of_usage(waiting, reason, OWN))
    if batch.conflicting.any():
        rows += _of_usage(batch.recycled.select(list(_COLUMNS)).filter(pa.array(batch.conflicting)), CONFLICTING, OWN)
    for change in batch.changes:
        marked = _of_usage(change.rows.select(list(_COLUMNS)), change.reason, BEFORE)
        commits: list[Any] = change.rows.column(COMMIT_SEQ).to_pylist()
        rows += ({**row, "first_seen_us": came_us[commit]} for row, commit in zip(marked, commits, strict=True))
    if batch.assembly is not None:
        rows += _of_assembly(batch.assembly, raw_file_id)
    for arrival, rejects in zip(batch.arrivals, batch.rejects, strict=True):
        rows += _of_rejects(arrival.source, rejects.new, raw_file_id)
    return [{"first_seen_us": now_us, **row} for row in rows]


def with_commit(rows: Iterable[_Row], commit_seq: int) -> list[_Row]:
    """The rows as commit `commit_seq` writes them."""
    return [{**row, "commit_seq": commit_seq, "through_seq": commit_seq - (row["through_seq"] == BEFORE)} for row in rows]


def _of_assembly(assembly: AssemblyResult, raw_file_id: int) -> Iterator[_Row]:
    """A row for each group of segments that waits too long or disagrees; and marks on assembled rows that are no longer made."""
    for row in assembly.suspense:
        file_id = row["raw_file_id"]
        yield {**_NOTHING, **row, "raw_file_id": raw_file_id if file_id is None else file_id, "through_seq": OWN}
    if assembly.superseded.num_rows:
        yield from _of_usage(assembly.superseded.select(list(_COLUMNS)), SUPERSEDED, BEFORE)


def _of_usage(table: pa.Table, reason: str, through: str) -> Iterator[_Row]:
    times_us = table.column("start_us").cast(pa.int64()).to_pylist()
    for row, start_us in zip(table.to_pylist(), times_us, strict=True):
        yield {
            **_NOTHING,
            "event_key": row["event_key"],
            "content_hash": row["content_hash"],
            "source": row["source"],
            "reason": reason,
            "raw_file_id": row["raw_file_id"],
            "raw_offset": row["raw_offset"],
            "raw_length": row["raw_length"],
            "raw": _described(row),
            "duration_us": row["duration_us"] or 0,
            "through_seq": through,
            "start_us": start_us,
            "served_id": row["served_id"],
            "other_raw": row["other_raw"],
        }


def _of_rejects(source: str, rejects: Iterable[NewReject], raw_file_id: int) -> Iterator[_Row]:
    for reject, row_sha256, came_again in rejects:
        yield {
            **_NOTHING,
            "source": source,
            "reason": str(reject.reason),
            "raw_file_id": raw_file_id,
            "raw_offset": reject.offset,
            "raw_length": reject.length,
            "raw": text_of(reject.raw),
            "through_seq": OWN,
            "raw_bytes": reject.raw if len(reject.raw) == reject.length <= RAW_BYTES_MAX else None,
            "row_sha256": row_sha256,
            "came_again": came_again or None,
        }


def text_of(raw: bytes) -> str:
    """The row itself, for people: what is no UTF-8, and NUL, which PostgreSQL's text cannot hold, become replacement characters."""
    return raw.decode("utf-8", "replace").rstrip("\r\n")[:RAW_CHARACTERS_MAX].replace("\0", "\ufffd")


def _described(row: _Row) -> str:
    """Fields that were read from a row, to see the difference of two versions at a glance."""
    values = ((name, row[name].isoformat() if name == "start_us" else row[name]) for name in DESCRIBED)
    return " ".join(f"{name}={value}" for name, value in values if value is not None)[:RAW_CHARACTERS_MAX]

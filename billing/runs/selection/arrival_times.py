"""Arrival of usage: each event came when the first version of its record did, whether that was replaced since or not.

A record that comes back out of suspense, and a corrected version, is stored anew in a commit of its own. It counts as if it had come in
time. Its first arrival is read from the marks on its event; for a record that could not be read, from what waited of its file. A
call that is put together anew because another segment came is another matter: it came with that segment. It is placed
where the row was that it replaces, as far as that change came in time (`billing.runs.usage.late_changes`).
Instants are microseconds since 1970 (UTC).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.charges.lines import Int64s
from billing.intake import marks
from billing.intake.marks import COMMIT_SEQ, CONFLICTING, CORRECTED
from billing.runs.contracts.columns import index_of, int64, one_chunk
from billing.runs.contracts.fact_columns import integers
from billing.store import bulk, tables
from rating.dates import NEVER
from rating.schema import KEY, UsageFlag

if TYPE_CHECKING:
    from billing.runs.selection.session_changes import SessionChanges

USAGE: Final = "usage"  # kind of a commit
RECYCLED: Final = "recycled"  # kind of a decision
FILE: Final = "raw_file_id"
COLUMNS: Final = (COMMIT_SEQ, FILE)  # of usage, at most, beside event_key and flags


@dataclasses.dataclass(frozen=True)
class Arrivals:
    """The instant of each commit, and the first commit of the records that came back."""

    seq: Int64s  # ascending
    at_us: Int64s
    events: pa.Array[Any]  # keys of events that were ever marked, each once
    event_seq: Int64s  # the commit of the first version of each
    counted_seq: Int64s  # of the version that counted until another one put it in doubt first, where one did; else the largest number
    files: Int64s  # of which records could not be read and came back since; ascending
    file_seq: Int64s  # the commit of the first such record of each
    changed: pa.Array[Any]  # keys of events of sessions that were put together anew
    origin_seq: Int64s  # the commit of the row that each replaces

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of usage that `first_seqs` needs beside event_key and flags."""
        return COLUMNS if self.files.size else (COMMIT_SEQ,)

    def instants(self, commit_seq: Int64s) -> Int64s:
        """The instants of some commits, all known."""
        at: Int64s = self.at_us[np.searchsorted(self.seq, commit_seq)]
        return at

    def first_since(self, instant_us: int) -> int:
        """The number of the first commit at or after an instant; one more than all numbers where there is none."""
        since = self.seq[self.at_us >= instant_us]
        return int(since.min()) if since.size else int(self.seq.max(initial=0)) + 1

    def counted_seqs(self, usage: pa.Table) -> Int64s:
        """The commit with which each row began to count, or the version that another one put in doubt first: that may be on a bill.

        Of `usage` are read event_key, flags and commit_seq.
        """
        commit_seq = self.placed_seqs(usage, int64(usage[COMMIT_SEQ]))
        rows = _recycled(usage)
        if not rows.size:
            return commit_seq
        found: Any = pc.index_in(one_chunk(usage["event_key"]).take(pa.array(rows, pa.int64())), value_set=self.events)
        commit_seq = commit_seq.copy()
        commit_seq[rows] = np.minimum(commit_seq[rows], _at(self.counted_seq, found.fill_null(-1).to_numpy()))
        return commit_seq

    def placed_seqs(self, usage: pa.Table, commit_seq: Int64s) -> Int64s:
        """The commit of each row, or that of the row that it replaces. Of `usage` are read event_key and flags."""
        if not len(self.changed):
            return commit_seq
        rows = np.flatnonzero((usage["flags"].to_numpy() & int(UsageFlag.ASSEMBLED)) != 0)
        found: Any = pc.index_in(one_chunk(usage["event_key"]).take(pa.array(rows, pa.int64())), value_set=self.changed)
        commit_seq = commit_seq.copy()
        commit_seq[rows] = np.minimum(commit_seq[rows], _at(self.origin_seq, found.fill_null(-1).to_numpy()))
        return commit_seq

    def first_seqs(self, usage: pa.Table) -> Int64s:
        """The commit with which each row, or what it stands for, came at first."""
        commit_seq = int64(usage[COMMIT_SEQ])
        rows = _recycled(usage)
        if not rows.size:
            return commit_seq
        back = usage.select(["event_key", *self.columns]).take(rows)
        found: Any = pc.index_in(one_chunk(back["event_key"]), value_set=self.events)
        first = [commit_seq[rows], _at(self.event_seq, found.fill_null(-1).to_numpy())]
        if self.files.size:
            first.append(_at(self.file_seq, index_of(self.files, int64(back[FILE]))))
        commit_seq = commit_seq.copy()
        commit_seq[rows] = np.minimum.reduce(first)
        return commit_seq


def load(connection: sa.Connection, seq: int, sessions: SessionChanges | None = None) -> Arrivals:
    """As of a commit. `sessions`: changes of sessions by then."""
    column = tables.commits.c
    found = bulk.read(connection, sa.select(column.commit_seq, column.at_us).where(column.commit_seq <= seq))
    numbers, at_us = integers(found["commit_seq"]), integers(found["at_us"])
    order = np.argsort(numbers)
    origins = (marks.keys_array([]), np.zeros(0, np.int64)) if sessions is None else sessions.origins()
    return Arrivals(numbers[order], at_us[order], *_events(connection, seq), *_files(connection, seq), *origins)


def _recycled(usage: pa.Table) -> Int64s:
    """Rows that came back out of suspense, or as a corrected version."""
    return np.flatnonzero((usage["flags"].to_numpy() & int(UsageFlag.RECYCLED)) != 0)


def _events(connection: sa.Connection, seq: int) -> tuple[pa.Array[Any], Int64s, Int64s]:
    row, commit = tables.suspense.c, tables.commits.c
    in_doubt = sa.func.min(sa.case((row.reason == CONFLICTING, row.commit_seq)))
    seen = sa.select(row.event_key, sa.func.min(row.first_seen_us).label("at_us"), in_doubt.label("marked"))
    told = seen.where(row.event_key.is_not(None), row.commit_seq <= seq).group_by(row.event_key).subquery()
    query = sa.select(told.c.event_key, sa.func.min(commit.commit_seq).label("first"), sa.func.min(told.c.marked).label("marked"))
    query = query.join_from(told, tables.commits, commit.at_us == told.c.at_us).where(commit.kind == USAGE)
    found = bulk.read(connection, query.group_by(told.c.event_key))
    keys, first, marked = one_chunk(found["event_key"]).cast(KEY), integers(found["first"]), integers(found["marked"])  # 0: never in doubt
    return keys, first, np.where(first < marked, np.maximum(first, _corrected(connection, keys, told)), NEVER)


def _corrected(connection: sa.Connection, keys: pa.Array[Any], told: sa.Subquery) -> Int64s:
    """The commit of the last correction of each event before another version put it in doubt first; 0: there was none."""
    row = tables.suspense.c
    query = sa.select(row.event_key, sa.func.max(row.commit_seq).label("last")).join_from(
        tables.suspense, told, told.c.event_key == row.event_key
    )
    found = bulk.read(connection, query.where(row.reason == CORRECTED, row.commit_seq < told.c.marked).group_by(row.event_key))
    place: Any = pc.index_in(keys, value_set=one_chunk(found["event_key"]).cast(KEY))
    last: Int64s = np.append(integers(found["last"]), 0)[place.fill_null(-1).to_numpy(zero_copy_only=False)]
    return last


def _files(connection: sa.Connection, seq: int) -> tuple[Int64s, Int64s]:
    row, decision = tables.suspense.c, tables.suspense_decisions.c
    query = sa.select(row.raw_file_id, sa.func.min(row.commit_seq).label("first"))
    query = query.join_from(tables.suspense, tables.suspense_decisions, decision.suspense_id == row.suspense_id)
    query = query.where(row.event_key.is_(None), row.raw_file_id > 0, decision.kind == RECYCLED, decision.commit_seq <= seq)
    found = bulk.read(connection, query.group_by(row.raw_file_id).order_by(row.raw_file_id))
    return integers(found[FILE]), integers(found["first"])


def _at(commit_seq: Int64s, place: Int64s) -> Int64s:
    """The commit at each place; the largest number for -1."""
    return np.append(commit_seq, NEVER)[place]

"""Sessions that were put together anew after a run looked: what each such commit took out, and what it made of the session instead.

A session is all rows of one source with one call_ref: a call joined from segments, or parts that are differences of running totals. A
segment that comes later may change rows that were made before: these are `superseded`, and the same commit makes others. Its rows are one
change: they came in time together, or too late together. A row that only adds to a session changes nothing.
"""

from __future__ import annotations

import bisect
import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.charges.lines import Int64s
from billing.intake import marks, view
from billing.intake.assembly import segment_groups
from billing.intake.marks import COMMIT_SEQ, SUPERSEDED
from billing.runs.contracts.columns import int64
from billing.runs.contracts.counted_runs import all_looked
from billing.runs.contracts.fact_columns import integers
from billing.store import bulk, tables
from rating.dates import BEFORE_ALL, DAY_US, NEVER
from rating.schema import USAGE_V1, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.store.home import Home

_COLUMNS: Final = (*USAGE_V1.names, COMMIT_SEQ)
_LOOKED_AT: Final = ("event_key", "source", "call_ref", "flags", COMMIT_SEQ)
_OF_ASSEMBLY: Final = int(UsageFlag.PARTIAL | UsageFlag.ASSEMBLED)
_KEYS_A_QUERY: Final = 500
_Marks = dict[bytes, list[int]]  # the commits that took out versions of each event, rising


class SessionChange(NamedTuple):
    """One commit that changed one session, as rows of `SessionChanges.rows`: those it took out, those it made, and its segments."""

    commit_seq: int
    session: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    segments: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class SessionChanges:
    """Changes, oldest first. `rows`: every stored version of their sessions' rows, with the commit of each; `keys` are theirs."""

    rows: pa.Table
    keys: Sequence[bytes]
    commit_seq: Int64s
    changes: tuple[SessionChange, ...]
    by_people: Mapping[bytes, int]  # of events that were marked otherwise than by assembly, the last commit that did

    def origins(self) -> tuple[pa.Array[Any], Int64s]:
        """Events of changes, each with the commit of the row that it replaces: that row may be on a bill."""
        first: dict[bytes, int] = {}
        for row, key in enumerate(self.keys):
            first[key] = min(int(self.commit_seq[row]), first.get(key, int(self.commit_seq[row])))
        start_us = int64(self.rows["start_us"])
        origin: dict[bytes, int] = {}
        for change in self.changes:
            before = sorted(change.before, key=lambda row: int(start_us[row]))
            starts = [int(start_us[row]) for row in before]
            for row in before:
                origin.setdefault(self.keys[row], first[self.keys[row]])
            for row in change.after:
                held_by = before[max(bisect.bisect_right(starts, int(start_us[row])) - 1, 0)]
                origin.setdefault(self.keys[row], origin[self.keys[held_by]])
        return marks.keys_array(origin), np.array(list(origin.values()), np.int64)


def load(home: Home, connection: sa.Connection, seq: int, days_min: int | None = None) -> SessionChanges | None:
    """The changes as of `seq` that came after a run looked at their time, or `days_min` days after it; None where there are none."""
    taken_out = _marks(connection, seq, days_min)
    if not taken_out[0]:
        return None

    def read() -> SessionChanges:
        with home.connect() as again:
            return _loaded(home, again, seq, *taken_out)

    return view.steadily(read)


def superseded(connection: sa.Connection, seq: int, keys: Iterable[bytes]) -> set[bytes]:
    """Those of some events that lost a version to assembly (`superseded`) by `seq`."""
    row = tables.suspense.c
    query = sa.select(row.event_key).where(row.reason == SUPERSEDED, row.commit_seq <= seq)
    return {bytes(key) for key in connection.execute(query).scalars()} & set(keys)


def _marks(connection: sa.Connection, seq: int, days_min: int | None) -> tuple[_Marks, tuple[int, int]]:
    """The superseded events, and the first and the last start of them."""
    row, commit = tables.suspense.c, tables.commits.c
    query = sa.select(row.event_key, row.commit_seq, row.start_us, commit.at_us)
    query = query.join_from(tables.suspense, tables.commits, commit.commit_seq == row.commit_seq)
    found = bulk.read(connection, query.where(row.reason == SUPERSEDED, row.commit_seq <= seq).order_by(row.commit_seq))
    if not found.num_rows:
        return {}, (0, 0)
    commits, start_us, at_us = (integers(found[name]) for name in ("commit_seq", "start_us", "at_us"))
    late = start_us < all_looked(connection).ends_us(commits)
    if days_min is not None:
        late |= at_us > start_us + days_min * DAY_US
    rows = np.flatnonzero(late)
    taken_out: _Marks = collections.defaultdict(list)
    keys: list[Any] = found["event_key"].take(pa.array(rows, pa.int64())).to_pylist()
    for key, number in zip(keys, commits[rows].tolist(), strict=True):
        taken_out[bytes(key)].append(number)
    if found["start_us"].null_count:  # marks of homes before r0003 have no start
        return dict(taken_out), (BEFORE_ALL, NEVER - 1)
    return dict(taken_out), (int(start_us[rows].min(initial=0)), int(start_us[rows].max(initial=0)))


def _loaded(home: Home, connection: sa.Connection, seq: int, taken_out: _Marks, span: tuple[int, int]) -> SessionChanges:
    wanted = marks.keys_array(sorted(taken_out))
    names = set[str]()
    for part in _parts(home, connection, seq, span, _LOOKED_AT):
        names |= set(_names(part.filter(pa.array(marks.has_key(part, wanted)))))
    pasts = segment_groups.pasts(connection, sorted(names)).values()
    whole = min((past.first_us for past in pasts), default=0), max((past.last_us for past in pasts), default=0)
    tables_ = [view.schema_of(_COLUMNS).empty_table()]
    for part in _parts(home, connection, seq, (min(span[0], whole[0]), max(span[1], whole[1])), _COLUMNS):
        mask = np.array([name in names for name in _names(part)], np.bool_)
        tables_.append(part.filter(pa.array(mask)))
    rows = pa.concat_tables(tables_).combine_chunks()
    keys: list[Any] = rows["event_key"].to_pylist()
    return SessionChanges(rows, keys, int64(rows[COMMIT_SEQ]), _changes(rows, keys, taken_out), _by_people(connection, seq, set(keys)))


def _parts(home: Home, connection: sa.Connection, seq: int, span: tuple[int, int], columns: Sequence[str]) -> list[pa.Table]:
    """Segments and made rows of the files that may hold rows that start in a span, both ends included."""
    files = [file for file in view.stored(connection, 0, seq, span[0], span[1] + 1) if file.partial_rows != 0]
    parts = view.parts(home, files, columns, 0, seq)
    return [part.filter(pa.array((part["flags"].to_numpy() & _OF_ASSEMBLY) != 0)) for part in parts]


def _names(table: pa.Table) -> list[str]:
    names: list[Any] = marks.group_names(table).to_pylist()
    return [name or "" for name in names]


def _changes(rows: pa.Table, keys: Sequence[bytes], taken_out: _Marks) -> tuple[SessionChange, ...]:
    names, flags, commits = _names(rows), rows["flags"].to_numpy(), int64(rows[COMMIT_SEQ])
    versions: dict[bytes, list[tuple[int, int]]] = collections.defaultdict(list)  # commit and row of made rows
    made: dict[tuple[int, str], list[int]] = collections.defaultdict(list)
    segments: dict[tuple[int, str], list[int]] = collections.defaultdict(list)
    for row, (key, name, flag, commit) in enumerate(zip(keys, names, flags.tolist(), commits.tolist(), strict=True)):
        if not flag & UsageFlag.ASSEMBLED:
            segments[commit, name].append(row)
            continue
        versions[key].append((commit, row))
        if not flag & UsageFlag.RECYCLED:
            made[commit, name].append(row)
    before: dict[tuple[int, str], list[int]] = collections.defaultdict(list)
    for key, numbers in taken_out.items():
        for number in numbers:
            _, row = max(((commit, row) for commit, row in versions[key] if commit < number), default=(0, -1))
            if row >= 0:
                before[number, names[row]].append(row)
    found = (
        SessionChange(commit, name, tuple(sorted(gone)), tuple(made[commit, name]), tuple(segments[commit, name]))
        for (commit, name), gone in sorted(before.items())
    )
    return tuple(change for change in found if change.after)  # what is made no more, its segments disagree: that is in suspense


def _by_people(connection: sa.Connection, seq: int, keys: set[bytes]) -> dict[bytes, int]:
    row = tables.suspense.c
    found: dict[bytes, int] = {}
    ordered = sorted(keys)
    for begin in range(0, len(ordered), _KEYS_A_QUERY):
        query = sa.select(row.event_key, sa.func.max(row.commit_seq)).where(row.reason != SUPERSEDED, row.commit_seq <= seq)
        chosen = query.where(row.event_key.in_(ordered[begin : begin + _KEYS_A_QUERY])).group_by(row.event_key)
        found |= {bytes(key): int(number) for key, number in connection.execute(chosen)}
    return found

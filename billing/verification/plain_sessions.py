"""Sessions that were changed too late, looked up row by row: which stored row of an event a run priced.

`billing.runs.usage.late_changes` does this on whole columns. Nothing of it is used here.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.intake import view
from billing.store import tables
from rating.schema import KEY, USAGE_V1, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.store.home import Home

_SUPERSEDED: Final = "superseded"
_COLUMNS: Final = (*USAGE_V1.names, view.COMMIT_SEQ)
_Row = dict[str, Any]


class Sessions:
    """The rows of the sessions of some events, with what changed them by a commit."""

    def __init__(self, home: Home, seq: int, event_keys: set[bytes]) -> None:
        row, self._seq = tables.suspense.c, seq
        with home.connect() as connection:
            query = sa.select(row.event_key, row.commit_seq).where(row.reason == _SUPERSEDED, row.commit_seq <= seq)
            marks = [(bytes(key), int(number)) for key, number in connection.execute(query)]
            self.changes = bool(event_keys & {key for key, _ in marks})
            if not self.changes:
                return
            known = row.event_key.is_not(None) & (row.reason != _SUPERSEDED) & (row.commit_seq <= seq)
            people = connection.execute(sa.select(row.event_key, sa.func.max(row.commit_seq)).where(known).group_by(row.event_key)).all()
            self._by_people = {bytes(key): int(number) for key, number in people}
            self._at_us: dict[int, int] = dict(connection.execute(sa.select(tables.commits.c.commit_seq, tables.commits.c.at_us)).all())
            self._decided = _decided(connection, seq)
        self._wanted = event_keys
        self._rows = _rows(home, seq, event_keys)
        self._versions: dict[bytes, list[_Row]] = collections.defaultdict(list)
        for each in self._rows:
            if each["flags"] & UsageFlag.ASSEMBLED:
                self._versions[each["event_key"]].append(each)
        self._out: dict[tuple[int, str], list[bytes]] = collections.defaultdict(list)
        for key, number in marks:
            if key in self._versions:
                self._out[number, _name(self._versions[key][0])].append(key)

    def as_before(self, is_late: Callable[[_Row, int, int], bool]) -> dict[bytes, _Row]:
        """The rows of before of the wanted events whose change was too late. `is_late(row, commit, instant)`: had it come then."""
        kept: dict[bytes, _Row] = {}
        gone: set[bytes] = set()
        for (commit_seq, name), keys in sorted(self._out.items()):
            here = [row for row in self._rows if row[view.COMMIT_SEQ] == commit_seq and _name(row) == name]
            made = [row for row in here if row["flags"] & UsageFlag.ASSEMBLED and not row["flags"] & UsageFlag.RECYCLED]
            out = [row for row in (_before(self._versions[key], commit_seq) for key in keys) if row is not None]
            asked = [(row, commit_seq, self._at_us[commit_seq]) for row in (*out, *made)]
            late = any(row["event_key"] in gone for row in out) or any(row["event_key"] in self._decided for row in (*here, *out))
            if not made or not (late or any(is_late(*each) for each in asked)):
                continue
            for row in out:
                if row["event_key"] not in gone and self._by_people.get(row["event_key"], 0) <= commit_seq:
                    kept[row["event_key"]] = row
            gone |= {row["event_key"] for row in (*out, *made)}
        return {key: row for key, row in kept.items() if key in self._wanted}


def _rows(home: Home, seq: int, event_keys: set[bytes]) -> list[_Row]:
    """Every stored row of the sessions of some events, with its start as an integer."""
    keys = pa.array(sorted(event_keys), KEY)

    def read() -> list[_Row]:
        with home.connect() as connection:
            files = [file for file in view.stored(connection, 0, seq) if file.partial_rows != 0]
        names: set[tuple[str, str]] = set()
        for part in view.parts(home, files, ("event_key", "source", "call_ref"), 0, seq):
            mask: Any = pc.is_in(part["event_key"], value_set=keys)
            names |= {(row["source"], row["call_ref"]) for row in part.filter(mask).to_pylist()}
        found: list[_Row] = []
        calls = pa.array(sorted({call for _, call in names if call}), pa.string())
        for part in view.parts(home, files, _COLUMNS, 0, seq):
            mask = pc.is_in(part["call_ref"], value_set=calls)
            own = part.filter(mask)
            whole = own.set_column(own.schema.get_field_index("start_us"), "start_us", own["start_us"].cast(pa.int64()))
            found += [row for row in whole.to_pylist() if (row["source"], row["call_ref"]) in names]
        return found

    return view.steadily(read)


def _name(row: _Row) -> str:
    return f"{row['source']}\n{row['call_ref']}"


def _before(versions: list[_Row], commit_seq: int) -> _Row | None:
    """The newest row of an event from before a commit."""
    earlier = [row for row in versions if row[view.COMMIT_SEQ] < commit_seq]
    return max(earlier, key=lambda row: int(row[view.COMMIT_SEQ]), default=None)


def _decided(connection: sa.Connection, seq: int) -> set[bytes]:
    """Records on which people had decided by a commit, and not taken it back."""
    made, event = tables.late_decisions.c, tables.late_decision_events.c
    rows = connection.execute(sa.select(made.decision_id, made.kind, made.undoes).where(made.commit_seq <= seq)).all()
    undone = {row.undoes for row in rows if row.undoes is not None}
    standing = {row.decision_id for row in rows if row.undoes is None} - undone
    return {bytes(key) for key, number in connection.execute(sa.select(event.event_key, event.decision_id)) if number in standing}

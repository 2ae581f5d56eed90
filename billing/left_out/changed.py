"""Changes of sessions that came too late for what is billed of them: the records that list each, and what it adds.

Of a joined call that is billed as it was before a late segment came, the segment is listed as too late: the call itself is on its bill.
Of running totals the parts are listed that are on no bill. The amount that is too late of a session is the worth of its changed parts as
they are put together now. What is billed of them is subtracted, and so is that on which people decided.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing import late_decisions
from billing.intake import marks
from billing.left_out.first_runs import with_first_runs
from billing.left_out.history import Verdicts
from billing.left_out.judging import Judge
from billing.left_out.off_bills import off_bills
from billing.left_out.reopened import verdicts_now
from billing.left_out.taken_off import taken_off
from billing.runs.contracts import late_rules, price_list
from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.counted_runs import looked
from billing.runs.selection import session_changes
from rating.schema import KEY, UsageFlag
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from billing.left_out.history import Progress
    from billing.runs.selection.session_changes import SessionChange, SessionChanges
    from billing.store.home import Home


class Step(NamedTuple):
    """One change of a session: the record that lists it, and rows of `LateChanges.rows`."""

    carrier: bytes
    now: tuple[int, ...]
    before: tuple[int, ...]


class Increment(NamedTuple):
    """The part of one session that is too late. Its worth: `now` less `before` (rows of `LateChanges.rows`) less `decided_micros`.

    `carriers`: keys of the open records that list it, oldest first; what they are worth alone is not among `now`. `steps`: of each
    change with an open record that record, and the rows that the change made of what it took out.
    """

    carriers: tuple[bytes, ...]
    steps: tuple[Step, ...]
    now: tuple[int, ...]
    before: tuple[int, ...]
    decided_micros: int


class LateChanges(NamedTuple):
    """All of them as of a commit. `segments`: keys of those that are listed, each with its reason and the run that decided it."""

    rows: pa.Table
    increments: tuple[Increment, ...]
    segments: Mapping[bytes, tuple[int, int]]
    starts: Mapping[bytes, int]  # of these segments


def late_changes(home: Home, seq: int) -> LateChanges:
    """The changes of sessions that no run bills any more, as of `seq`."""
    days_min = late_rules.days_min(price_list.load(home, seq))
    with home.connect() as connection:
        sessions = session_changes.load(home, connection, seq, days_min)
        if sessions is None:
            return LateChanges(pa.table({}), (), {}, {})
        return _Looking(home, connection, seq, sessions).found()


def verdicts_listed(home: Home, seq: int, usage: pa.Table, *, progress: Progress | None = None) -> Verdicts:
    """The verdicts of all runs as of `seq`, with those on segments that came too late for the bill of their call."""
    found = verdicts_now(home, seq, usage, progress=progress)
    rows = np.flatnonzero((usage["flags"].to_numpy() & int(UsageFlag.PARTIAL)) != 0)
    segments = late_changes(home, seq).segments if rows.size else {}
    if not segments:
        return found
    reason, run_id = found.reason.copy(), found.run_id.copy()
    keys: list[Any] = one_chunk(usage["event_key"]).take(pa.array(rows, pa.int64())).to_pylist()
    for row, key in zip(rows.tolist(), keys, strict=True):
        if key in segments:
            reason[row], run_id[row] = segments[key]
    return Verdicts(reason, run_id)


class _Looking:
    """Looks at the sessions as of one commit."""

    def __init__(self, home: Home, connection: sa.Connection, seq: int, sessions: SessionChanges) -> None:
        self._home, self._connection, self._seq, self._sessions = home, connection, seq, sessions
        rows, keys = sessions.rows, sessions.keys
        is_made = (rows["flags"].to_numpy() & int(UsageFlag.ASSEMBLED)) != 0
        counts = is_made & ~marks.is_hidden(rows, marks.hidden(connection, seq))
        self._start_us = int64(rows["start_us"])
        self._now = {keys[row]: row for row in np.flatnonzero(counts).tolist()}
        self._versions: dict[bytes, list[int]] = collections.defaultdict(list)
        for row in np.flatnonzero(is_made).tolist():
            self._versions[keys[row]].append(row)
        self._of_session: dict[str, list[SessionChange]] = collections.defaultdict(list)
        for change in sessions.changes:
            self._of_session[change.session].append(change)
        changed = {keys[row] for change in sessions.changes for row in (*change.before, *change.after)}
        self._charged, self._standing = self._on_bills(changed)
        decided = late_decisions.decided(connection, seq)
        self._decided = dict(zip(decided.keys.to_pylist(), decided.worth_micros.tolist(), strict=True))
        self._made_on = self._decision_commits(decided)
        self._verdicts = self._judged([key for key in sorted(changed) if key in self._now])

    def found(self) -> LateChanges:
        """The increment of each session that is too late, and its listed segments."""
        increments, segments = [], dict[bytes, tuple[int, int]]()
        for changes in self._of_session.values():
            keys = sorted({self._sessions.keys[row] for change in changes for row in (*change.before, *change.after)})
            verdict = next((self._verdicts[key] for key in keys if key in self._verdicts), None)
            if verdict is None:
                continue
            increment = self._increment(changes, keys)
            listed = {row for change in changes if self._is_open(change) for row in self._carriers(change)}
            segments |= {self._sessions.keys[row]: verdict for row in listed if self._sessions.keys[row] not in self._versions}
            increments.append(increment)
        starts = {self._sessions.keys[row]: int(self._start_us[row]) for row in range(self._sessions.rows.num_rows)}
        return LateChanges(self._sessions.rows, tuple(increments), segments, {key: starts[key] for key in segments})

    def _increment(self, changes: Sequence[SessionChange], keys: Sequence[bytes]) -> Increment:
        known = [key for key in keys if key in self._standing or key in self._decided]
        listed = [(change, self._open_records(change)) for change in changes if self._is_open(change)]
        steps = [Step(open_[0], self._anew(change), change.before) for change, open_ in listed if open_]
        segments = {self._sessions.keys[row] for change in changes for row in change.segments}
        decided = (self._decided[key] for key in sorted({*keys, *segments}) if key in self._decided)
        return Increment(
            tuple(dict.fromkeys(key for _, open_ in listed for key in open_)),
            tuple(steps),
            tuple(self._now[key] for key in known if key in self._now),
            tuple(self._standing[key] for key in known if key in self._standing),
            sum(decided),
        )

    def _open_records(self, change: SessionChange) -> list[bytes]:
        """The open records that list a change."""
        keys = (self._sessions.keys[row] for row in self._carriers(change))
        return [key for key in keys if key not in self._decided]

    def _anew(self, change: SessionChange) -> tuple[int, ...]:
        """The rows that a change made of events which were there before."""
        before = {self._sessions.keys[row] for row in change.before}
        return tuple(row for row in change.after if self._sessions.keys[row] in before)

    def _is_open(self, change: SessionChange) -> bool:
        """True where a change is not in what is billed, nor in what people decided on, of what it took out."""
        return any(self._is_behind(self._sessions.keys[row], change.commit_seq) for row in change.before)

    def _is_behind(self, key: bytes, commit_seq: int) -> bool:
        if key in self._standing:
            return int(self._sessions.commit_seq[self._standing[key]]) < commit_seq
        return self._made_on.get(key, commit_seq) < commit_seq or (key in self._now and key not in self._charged)

    def _carriers(self, change: SessionChange) -> list[int]:
        """The records that list a change: new parts that it made; else its segments, of what is billed or decided."""
        keys, before = self._sessions.keys, {self._sessions.keys[row] for row in change.before}
        new = [row for row in change.after if keys[row] not in before and keys[row] not in self._charged]
        if new:
            return new
        is_known = any(key in self._standing or key in self._decided for key in before)
        return sorted(change.segments, key=lambda row: (int(self._start_us[row]), keys[row])) if is_known else []

    def _on_bills(self, wanted: set[bytes]) -> tuple[set[bytes], dict[bytes, int]]:
        """Events that a run charged, and of those that are on a bill the row as it was charged."""
        runs, counting = looked(self._connection, self._seq), Counting(self._connection, self._seq)
        charged, standing = set[bytes](), dict[bytes, int]()
        for run in runs:
            keys = pc.field("event_key").isin(pa.array(sorted(wanted - charged), KEY))
            paths = charge_paths(self._connection, run.run_id)
            charges = counting.billed(run.run_id, read_charges(self._home.path, paths, ["event_key", OWNER, "status"], keys))
            if not charges.num_rows:
                continue
            late = Judge(self._home, self._connection, run).shown()
            shown = {} if late is None else dict(zip(late.keys.to_pylist(), late.commit_seq.tolist(), strict=True))
            names: list[Any] = charges["event_key"].to_pylist()
            for key, status in zip(names, charges["status"].to_numpy().tolist(), strict=True):
                charged.add(key)
                if status < int(REFUSALS_FROM):
                    through = shown.get(key, run.pinned_seq)
                    known = [row for row in self._versions[key] if self._sessions.commit_seq[row] <= through]
                    standing[key] = max(known, key=lambda row: int(self._sessions.commit_seq[row]))
        gone = (taken_off(self._home, self._seq, charged), off_bills(self._home, self._seq, charged)) if charged else ()
        off: set[Any] = {key for keys in gone for key in keys.to_pylist()}
        return charged - off, {key: row for key, row in standing.items() if key not in off}

    def _decision_commits(self, decided: late_decisions.Decided) -> dict[bytes, int]:
        made = late_decisions.standing(self._connection, self._seq)
        keys: list[Any] = decided.keys.to_pylist()
        pairs = zip(keys, decided.decision_id.tolist(), strict=True)
        return {key: made[number].commit_seq for key, number in pairs}

    def _judged(self, keys: Sequence[bytes]) -> dict[bytes, tuple[int, int]]:
        """The verdicts for good on events that are on no bill as they are now."""
        rows = [(key, self._now[key]) for key in keys if self._standing.get(key) != self._now[key]]
        charged = [each for each in rows if each[0] in self._standing]
        return self._for_good([each for each in rows if each[0] not in self._standing]) | self._for_good(charged, changes=True)

    def _for_good(self, rows: Sequence[tuple[bytes, int]], *, changes: bool = False) -> dict[bytes, tuple[int, int]]:
        if not rows:
            return {}
        usage = self._sessions.rows.take(pa.array([row for _, row in rows], pa.int64()))
        found = verdicts_now(self._home, self._seq, usage, changes=changes)
        found = with_first_runs(self._home, self._seq, usage, found, changes=changes)
        listed = zip(rows, found.for_good.tolist(), found.reason.tolist(), found.run_id.tolist(), strict=True)
        return {key: (reason, run_id) for (key, _), for_good, reason, run_id in listed if for_good}

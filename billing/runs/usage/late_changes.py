"""Changes of sessions that came too late: the rows of before go on counting, and what the change adds is left out.

A commit may put a session together anew, too late for the rule of its plan: then the rows as of the commit before go on counting. A change
is too late if any of its rows would be, had it come with that commit: by `late_usage_days_max`, or by `late_usage: waive`. So is one that
changes what a change before it made too late, and one about which people decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from billing import catalogue
from billing.charges.lines import Int64s
from billing.intake.marks import COMMIT_SEQ, Versions, keys_array
from billing.runs.contracts import late_rules
from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.selection import arrival_times, session_changes
from billing.runs.selection.left_out import LeftOut
from billing.runs.usage import late_usage, pricing
from rating.dates import NEVER
from rating.schema import UsageFlag

if TYPE_CHECKING:
    import sqlalchemy as sa

    from billing.guiding import Guide
    from billing.late_decisions import Decided
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.selection.arrival_times import Arrivals
    from billing.runs.selection.scope import Scope
    from billing.runs.selection.session_changes import SessionChange, SessionChanges
    from billing.store.home import Home

    Bools = npt.NDArray[np.bool_]

REASONS: Final = (LeftOut.TOO_LATE, LeftOut.WAIVED, LeftOut.DECIDED)


class AsBefore(NamedTuple):
    """Rows of changes that came too late: those that do not count, by event and first commit, and those that go on counting.

    `reason`: of each event that does not count, a place in REASONS.
    """

    keys: pa.Array[Any]
    from_seq: Int64s
    reason: npt.NDArray[np.int8]
    shown: Versions

    def reason_of(self, usage: pa.Table) -> npt.NDArray[np.int8]:
        """The place of the reason of each row whose event has versions that do not count; -1: it has none."""
        reason: npt.NDArray[np.int8] = np.append(self.reason, np.int8(-1))[self._place(usage)]
        return reason

    def reasons(self, usage: pa.Table) -> npt.NDArray[np.int8]:
        """The place of the reason of each row (event_key, flags, commit_seq) that does not count; -1: it counts."""
        place = self._place(usage)
        from_seq = np.append(self.from_seq, NEVER)[place]
        by_assembly = (usage["flags"].to_numpy() & int(UsageFlag.RECYCLED)) == 0  # people may have corrected what was made
        late = (int64(usage[COMMIT_SEQ]) >= from_seq) & by_assembly
        return np.where(late, np.append(self.reason, np.int8(-1))[place], np.int8(-1))

    def as_shown(self, usage: pa.Table) -> tuple[pa.Table, Bools]:
        """The rows, each with the commit of the row that goes on counting for it, where there is one; and which those are."""
        found: Any = pc.index_in(one_chunk(usage["event_key"]), value_set=self.shown.keys)
        place: npt.NDArray[np.int32] = found.fill_null(-1).to_numpy()
        replaced = (place >= 0) & (self.reasons(usage) >= 0)
        commit_seq = np.where(replaced, np.append(self.shown.commit_seq, 0)[place], int64(usage[COMMIT_SEQ]))
        return _with(usage, COMMIT_SEQ, commit_seq), replaced

    def _place(self, usage: pa.Table) -> npt.NDArray[np.int32]:
        found: Any = pc.index_in(one_chunk(usage["event_key"]), value_set=self.keys)
        place: npt.NDArray[np.int32] = found.fill_null(-1).to_numpy()
        return place


def find(  # noqa: PLR0913, PLR0917 -- what came late, and what it is judged by
    home: Home, seq: int, guide: Guide, contracts: Contracts, scope: Scope, left_alone: Decided
) -> tuple[Arrivals | None, AsBefore | None]:
    """Arrival of usage, None where no plan asks or ever did; and the rows of changes that came too late.

    `left_alone`: records that no run prices.
    """
    with home.connect() as connection:
        sessions = changes_of(home, connection, seq, contracts, left_alone)
        asks = late_rules.is_asked(contracts.late_rules) or catalogue.ever_billed_by_arrival(home)
        came = arrival_times.load(connection, seq, sessions) if asks else None
    return came, as_before(sessions, guide, contracts, scope, came, left_alone)


def changes_of(home: Home, connection: sa.Connection, seq: int, contracts: Contracts, left_alone: Decided) -> SessionChanges | None:
    """The changes of sessions that `as_before` and arrivals have to look at; None where no rule and no decision asks."""
    if not late_rules.is_asked(contracts.late_rules) and not len(left_alone.keys):
        return None
    return session_changes.load(home, connection, seq, late_rules.days_min(contracts.late_rules))


def as_before(  # noqa: PLR0913, PLR0917 -- changes, and what they are judged by
    sessions: SessionChanges | None, guide: Guide, contracts: Contracts, scope: Scope, came: Arrivals | None, left_alone: Decided
) -> AsBefore | None:
    """The rows of the changes that came too late; None where all came in time."""
    if sessions is None:
        return None
    reasons = _decided(sessions, left_alone)
    if came is not None:
        reasons |= _by_rule(sessions, guide, contracts, scope, came)
    late: dict[bytes, tuple[int, int]] = {}  # by event: since which commit, and why
    shown: dict[bytes, int] = {}
    for change in sessions.changes:
        of_late = next((late[sessions.keys[row]][1] for row in change.before if sessions.keys[row] in late), -1)
        code = reasons.get(change, of_late)
        if code < 0:
            continue
        for row in change.before:
            if sessions.keys[row] not in late and sessions.by_people.get(sessions.keys[row], 0) <= change.commit_seq:
                shown[sessions.keys[row]] = int(sessions.commit_seq[row])
        for row in (*change.before, *change.after):
            late.setdefault(sessions.keys[row], (change.commit_seq, code))
    if not late:
        return None
    seqs, codes = (np.array(column) for column in zip(*late.values(), strict=True))
    standing = Versions(keys_array(shown), np.array(list(shown.values()), np.int64))
    return AsBefore(keys_array(late), seqs.astype(np.int64), codes.astype(np.int8), standing)


def _decided(sessions: SessionChanges, left_alone: Decided) -> dict[SessionChange, int]:
    """Changes with a record that is left alone, since people decided on it: the rows beside it then go on counting."""
    known = set(left_alone.keys.to_pylist())
    if not known:
        return {}
    code = REASONS.index(LeftOut.DECIDED)
    rows_of = ((change, (*change.before, *change.after, *change.segments)) for change in sessions.changes)
    return {change: code for change, rows in rows_of if any(sessions.keys[row] in known for row in rows)}


def _by_rule(sessions: SessionChanges, guide: Guide, contracts: Contracts, scope: Scope, came: Arrivals) -> dict[SessionChange, int]:
    """Changes with a row that would be too late, or waived, had it come with the commit of its change."""
    rows = [(number, row) for number, change in enumerate(sessions.changes) for row in (*change.before, *change.after)]
    of_change = np.array([number for number, _ in rows], np.int64)
    usage = sessions.rows.take(pa.array([row for _, row in rows], pa.int64()))
    commit_seq = np.array([change.commit_seq for change in sessions.changes], np.int64)[of_change]
    usage = _with(usage, COMMIT_SEQ, commit_seq)
    usage = _with(usage, "flags", (usage["flags"].to_numpy() & ~int(UsageFlag.RECYCLED)).astype(np.int32))
    start_us = int64(usage["start_us"])
    owner = pricing.owners(guide.resolve(one_chunk(usage["served_id"]), start_us), start_us, contracts, scope)
    _, lates = late_usage.placed(owner, start_us, usage, came, contracts, scope)
    found: dict[SessionChange, int] = {}
    for code, reason in enumerate(REASONS):
        for number in np.unique(of_change[lates[reason]]).tolist() if reason in lates else ():
            found.setdefault(sessions.changes[number], code)
    return found


def _with(table: pa.Table, name: str, values: npt.NDArray[Any]) -> pa.Table:
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(place), pa.array(values))

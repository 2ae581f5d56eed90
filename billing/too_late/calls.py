"""Late parts of a call or session of which other parts are billed: what they add is not what they are worth alone.

A switch that writes running totals has a record for each part, and each bills what it adds to the one before. Where a part comes that lies
between two others, the later one adds less from then on. If that one is on a bill, or decided, as it stood before, the late part is in
there already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.intake import view
from billing.intake.marks import COMMIT_SEQ
from billing.late_decisions import TAKEN_BACK
from billing.left_out.judging import looked
from billing.runs import charge_files
from billing.runs.contracts.columns import int64
from billing.runs.refused_events import OWNER, Counting, charge_paths
from billing.store import tables
from rating.schema import KEY, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.store.home import Home

_COLUMNS: Final = ("event_key", "source", "call_ref", "flags", COMMIT_SEQ)


def told_before(home: Home, connection: sa.Connection, event_keys: Iterable[str]) -> frozenset[str]:
    """Those of some events (keys in hexadecimal digits) that are parts of calls of which another part has changed since it was billed."""
    wanted = pa.array([bytes.fromhex(each) for each in event_keys], KEY)
    seq = home.head_seq(connection)
    usage = view.usage(home, _COLUMNS, seq)
    usage = usage.filter(pa.array((usage["flags"].to_numpy() & int(UsageFlag.ASSEMBLED)) != 0))
    is_own: Any = pc.is_in(usage["event_key"], value_set=wanted)
    own = usage.filter(is_own)
    if not own.num_rows:
        return frozenset()
    calls = set(_calls(own))
    others = usage.filter(pc.invert(is_own))
    others = others.filter(pa.array([call in calls for call in _calls(others)], pa.bool_()))
    known = _known_through(home, connection, seq, others)
    commits = zip(others["event_key"].to_pylist(), _calls(others), int64(others[COMMIT_SEQ]).tolist(), strict=True)
    changed = {call for key, call, commit in commits if key in known and commit > known[key]}
    keys: list[Any] = own["event_key"].to_pylist()
    return frozenset(key.hex() for key, call in zip(keys, _calls(own), strict=True) if call in changed)


def _calls(usage: pa.Table) -> list[tuple[str, str]]:
    """The call of each row: its source and its reference there."""
    sources: list[Any] = usage["source"].to_pylist()
    calls: list[Any] = usage["call_ref"].to_pylist()
    return list(zip(sources, calls, strict=True))


def _known_through(home: Home, connection: sa.Connection, seq: int, events: pa.Table) -> dict[bytes, int]:
    """By event the last commit that whoever billed it knew: a run, or a person."""
    known: dict[bytes, int] = {}
    keys: Any = events["event_key"].combine_chunks()
    if not len(keys):
        return known
    counting = Counting(connection, seq)
    for run in reversed(looked(connection, seq)):  # the newest one has the last word
        found = charge_files.read(home.path, charge_paths(connection, run.run_id), ["event_key", OWNER], pc.field("event_key").isin(keys))
        charged: list[Any] = counting.of(run.run_id, found)["event_key"].to_pylist()
        known.update(dict.fromkeys(charged, run.pinned_seq))
    decision, event = tables.late_decisions.c, tables.late_decision_events.c
    undone = sa.select(decision.undoes).where(decision.kind == TAKEN_BACK, decision.undoes.is_not(None))
    query = sa.select(event.event_key, decision.commit_seq).join_from(
        tables.late_decision_events, tables.late_decisions, decision.decision_id == event.decision_id
    )
    query = query.where(decision.commit_seq <= seq, decision.decision_id.not_in(undone))
    wanted = set(keys.to_pylist())
    for key, commit_seq in connection.execute(query):
        if bytes(key) in wanted:
            known[bytes(key)] = max(int(commit_seq), known.get(bytes(key), 0))
    return known

"""Records without a version that counts under their number: the reason, and what counts in their stead."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.accounts.facts import in_chunks
from billing.intake import marks, view
from billing.intake.marks import COMMIT_SEQ
from billing.store.tables import suspense, suspense_decisions
from billing.suspense.deciding import Verdict
from billing.suspense.waiting import MARKS, WRITTEN_OFF

if TYPE_CHECKING:
    from collections.abc import Collection

    from billing.store.home import Home


class Gone(enum.StrEnum):
    """Reasons."""

    WAITS = "waits"  # versions wait for a decision
    WRITTEN_OFF = "written_off"  # a person gave it up
    ABSORBED = "absorbed"  # another record bills the same call
    PUT_TOGETHER = "put_together"  # its segments were put together anew
    REPLACED = "replaced"  # another version counts


class OffRow(NamedTuple):
    """The reason of an event. `served_id`: the number of the version that counts, if one does; `suspense_id`: the row that waits, or 0."""

    reason: Gone
    served_id: str = ""
    suspense_id: int = 0


_OF_MARK: Final = {marks.ABSORBED_LATER: Gone.ABSORBED, marks.SUPERSEDED: Gone.PUT_TOGETHER, WRITTEN_OFF: Gone.WRITTEN_OFF}


def reasons(home: Home, seq: int, keys: Collection[bytes]) -> dict[bytes, OffRow]:
    """The reason of each of these events, whose rows are hidden under some number, as of `seq`."""
    if not keys:
        return {}
    rows = view.of_keys(home, ("event_key", "served_id", COMMIT_SEQ), seq, marks.keys_array(sorted(keys)))
    found: dict[bytes, OffRow] = {}
    with home.connect() as connection:
        is_hidden = marks.is_hidden(rows, marks.hidden(connection, seq)).tolist()
        told = _told(connection, seq, sorted(keys))
    counting = {
        row["event_key"]: row["served_id"]
        for row, hidden in zip(rows.select(["event_key", "served_id"]).to_pylist(), is_hidden, strict=True)
        if not hidden
    }
    for key in keys:
        off = told.get(key, OffRow(Gone.REPLACED))
        found[key] = OffRow(Gone.REPLACED, counting[key]) if key in counting and off.reason is not Gone.WAITS else off
    return found


def _told(connection: sa.Connection, seq: int, keys: list[bytes]) -> dict[bytes, OffRow]:
    """The reason by the last mark of each event, and the last decision on it."""
    row, decision = suspense.c, suspense_decisions.c
    found: dict[bytes, OffRow] = {}
    for lot in in_chunks(keys):
        query = sa.select(row.event_key, row.suspense_id, row.reason, decision.kind).join_from(
            suspense, suspense_decisions, (decision.suspense_id == row.suspense_id) & (decision.commit_seq <= seq), isouter=True
        )
        query = query.where(row.event_key.in_(lot), row.commit_seq <= seq).order_by(row.commit_seq, row.suspense_id, decision.decision_id)
        for each in connection.execute(query):
            key: Any = bytes(each.event_key)
            if each.kind is not None:
                found[key] = OffRow(Gone.WRITTEN_OFF if each.kind == Verdict.WRITTEN_OFF else Gone.REPLACED)
            elif each.reason not in MARKS:
                found[key] = OffRow(Gone.WAITS, suspense_id=int(each.suspense_id))
            else:
                found[key] = OffRow(_OF_MARK.get(each.reason, Gone.REPLACED))
    return found

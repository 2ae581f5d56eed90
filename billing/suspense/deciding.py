"""Decisions about single records: rows that are only ever added, each with a hash of all it says.

A record with a decision waits no more. A choice among versions may be taken back (`taking_back`): that is a decision, too, and the event
waits anew as another record. Nothing else is taken back: a record that is wanted after all comes in again.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from billing.catalogue import Operator
from billing.catalogue.kept_rows import add_all, is_as_written
from billing.store.tables import suspense, suspense_decisions
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verdict(enum.StrEnum):
    """Result of a decision for a record."""

    RECYCLED = "recycled"  # it came back, as it was or corrected
    WRITTEN_OFF = "written_off"  # it is given up
    KEPT = "kept"  # of versions that conflict, the one that counts
    DROPPED = "dropped"  # the event is known already, or another version of it was kept
    TAKEN_BACK = "taken_back"  # the choice among its versions does not hold any more


class Deciding(NamedTuple):
    """The person who decides, the instant and the reason; the approval of another person and the proposal, if any."""

    by: Operator
    at_us: int
    reason: str
    approved_by: Operator | None = None
    proposal_id: int | None = None


class Decision(NamedTuple):
    """One decision about one record."""

    suspense_id: int
    verdict: str  # a Verdict, or what assembly says of a call that became whole
    reason: str
    by: Operator
    approved_by: Operator | None
    at_us: int
    proposal_id: int | None
    commit_seq: int
    decision_id: int = 0


def record(connection: sa.Connection, decisions: Iterable[tuple[int, Verdict, str]], what: Deciding, commit_seq: int) -> None:
    """Add decisions (id in the table suspense, verdict, and what is to be said of this record) within a transaction of the caller."""
    same = {
        "by_name": what.by.name,
        "by_uid": what.by.uid,
        "approved_by": None if what.approved_by is None else what.approved_by.name,
        "approved_uid": None if what.approved_by is None else what.approved_by.uid,
        "at_us": what.at_us,
        "correction_id": what.proposal_id,
        "commit_seq": commit_seq,
    }
    rows = (
        {"suspense_id": suspense_id, "kind": verdict.value, "reason": f"{what.reason}; {note}" if note else what.reason, **same}
        for suspense_id, verdict, note in decisions
    )
    add_all(connection, suspense_decisions, rows)


def decisions_on(connection: sa.Connection, suspense_id: int) -> list[Decision]:
    """Decisions about a record, oldest first. Raises UserError where a row does not say what was written."""
    row = suspense_decisions.c
    found = connection.execute(sa.select(suspense_decisions).where(row.suspense_id == suspense_id).order_by(row.decision_id)).all()
    return [_read(each) for each in found]


def newest(connection: sa.Connection, limit: int, *, before: int | None = None) -> list[Decision]:
    """The newest decisions about any records, newest first, of those in front of `before`. Raises UserError as `decisions_on` does."""
    number = suspense_decisions.c.decision_id
    query = sa.select(suspense_decisions).order_by(number.desc()).limit(limit)
    return [_read(each) for each in connection.execute(query if before is None else query.where(number < before))]


def of_event(connection: sa.Connection, event_key: bytes) -> list[Decision]:
    """Decisions about all records of an event, oldest first."""
    row = suspense_decisions.c
    query = sa.select(suspense_decisions).join_from(suspense_decisions, suspense, suspense.c.suspense_id == row.suspense_id)
    found = connection.execute(query.where(suspense.c.event_key == event_key).order_by(row.decision_id)).all()
    return [_read(each) for each in found]


def plain(found: Decision) -> dict[str, Any]:
    """A decision for programs."""
    approved_by = None if found.approved_by is None else found.approved_by._asdict()
    return {**found._asdict(), "by": found.by._asdict(), "approved_by": approved_by}


def _read(row: sa.Row[Any]) -> Decision:
    if not is_as_written(suspense_decisions, row):
        message = f"the decision about record {row.suspense_id} in the store is not what was written: its hash differs"
        raise UserError(message, "put back the last good copy of the home folder")
    approved_by = None if row.approved_by is None else Operator(row.approved_by, row.approved_uid)
    by = Operator(row.by_name, row.by_uid)
    return Decision(row.suspense_id, row.kind, row.reason, by, approved_by, row.at_us, row.correction_id, row.commit_seq, row.decision_id)

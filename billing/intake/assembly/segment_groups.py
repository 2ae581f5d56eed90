"""Stored knowledge of groups of segments: the last state of each, and the decisions of people about those in suspense.

A group's name is that of `marks.group_names`. In suspense it has a key of its own, a hash of its name, which no stored row has.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.catalogue import kept_rows
from billing.store.tables import assemblies, suspense, suspense_decisions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

WAITING: Final = "waiting"  # states of table assemblies
ASSEMBLED: Final = "assembled"
SUSPENDED: Final = "suspended"
JOIN: Final = "join"  # rules: of groups that are put together to one event,
RESTART: Final = "restart"  # and of rows that are no groups, see `restarts`
MISSING_SEGMENT: Final = "missing_segment"  # reasons why a group is in suspense
SEGMENTS_DISAGREE: Final = "segments_disagree"
KEPT: Final = "kept"  # decisions: made from what is there
WRITTEN_OFF: Final = "written_off"  # never made
BY_ASSEMBLY: Final = "assembly"  # who decided what no person did
NO_ACCOUNT: Final = -1
_VALUES_A_QUERY: Final = 5000


class Past(NamedTuple):
    """The last state of a group."""

    source: str
    call_ref: str
    state: str
    missing: str
    segments: int
    first_us: int
    last_us: int
    deadline_us: int
    rule: str
    timeout_us: int

    @property
    def name(self) -> str:
        """See the module."""
        return f"{self.source}\n{self.call_ref}"


class InSuspense(NamedTuple):
    """A group's undecided row in suspense (0 if there is none) with its reason; and whether the group was kept or written off."""

    suspense_id: int = 0
    reason: str = ""
    decision: str = ""


def key_of(name: str, hash_key: bytes) -> bytes:
    """The key of a group in suspense."""
    return hashlib.blake2b(name.encode(), key=hash_key, digest_size=16, person=b"segment group").digest()


def pasts(connection: sa.Connection, names: Sequence[str]) -> dict[str, Past]:
    """The last state of groups, by name. Those that were never seen are left out."""
    row = assemblies.c
    found: dict[str, Past] = {}
    call_refs: dict[str, list[str]] = {}
    for name in names:
        source, _, call_ref = name.partition("\n")
        call_refs.setdefault(source, []).append(call_ref)
    for source, refs in call_refs.items():
        for chosen in _chunks(refs):
            of_source = sa.select(sa.func.max(row.assembly_id)).where(row.source == source, row.rule != RESTART)
            found |= _by_name(connection, of_source.where(row.call_ref.in_(chosen)).group_by(row.call_ref))
    return found


def overdue(connection: sa.Connection, now_us: int) -> dict[str, Past]:
    """Groups that wait, and need not any longer."""
    row, later = assemblies.c, assemblies.alias()
    is_newest = ~sa.exists().where(later.c.source == row.source, later.c.call_ref == row.call_ref, later.c.assembly_id > row.assembly_id)
    due = sa.select(row.assembly_id).where(row.state == WAITING, row.deadline_us <= now_us, row.segments > 0, is_newest)
    return _by_name(connection, due)


def waiting_totals(connection: sa.Connection, sources: Collection[str]) -> dict[str, Past]:
    """Groups of these sources that are joined and not assembled yet."""
    if not sources:
        return {}
    row = assemblies.c
    newest = _newest().where(row.source.in_(sources), row.rule == JOIN)
    return {name: past for name, past in _by_name(connection, newest).items() if past.state != ASSEMBLED}


def kept(connection: sa.Connection, hash_key: bytes) -> dict[str, Past]:
    """Groups that are still suspended, though a person decided to make them from what is there."""
    row, of = suspense.c, suspense_decisions.c
    join = suspense.join(suspense_decisions, of.suspense_id == row.suspense_id)
    query = sa.select(row.event_key).select_from(join).where(row.reason == MISSING_SEGMENT, of.kind == KEPT)
    keys = set(connection.execute(query).scalars())
    if not keys:
        return {}
    found = _by_name(connection, _newest()).items()
    return {name: past for name, past in found if past.state == SUSPENDED and key_of(name, hash_key) in keys}


def in_suspense(connection: sa.Connection, keys: Sequence[bytes]) -> dict[bytes, InSuspense]:
    """Rows that are or were in suspense under the keys of groups, with the decisions on them."""
    row, of = suspense.c, suspense_decisions.c
    known = sa.select(row.suspense_id).where(row.reason.in_((MISSING_SEGMENT, SEGMENTS_DISAGREE))).limit(1)
    if not keys or connection.execute(known).first() is None:
        return {}
    found: dict[bytes, InSuspense] = {}
    join = suspense.outerjoin(suspense_decisions, of.suspense_id == row.suspense_id)
    for chosen in _chunks(keys):
        query = sa.select(row.event_key, row.suspense_id, row.reason, of.kind).select_from(join).where(row.event_key.in_(chosen))
        for key, suspense_id, reason, kind in connection.execute(query.order_by(row.suspense_id, of.decision_id)):
            found[key] = _after(found.get(key, InSuspense()), suspense_id, reason, kind)
    return found


def _after(before: InSuspense, suspense_id: int, reason: str, kind: str | None) -> InSuspense:
    """Knowledge of a group after one more row of suspense, and a decision on it if there is one."""
    if kind is None:
        return InSuspense(suspense_id, reason, before.decision)
    return InSuspense(decision=kind if kind in {KEPT, WRITTEN_OFF} else before.decision)


def counts(connection: sa.Connection) -> dict[str, int]:
    """Number of groups in each state."""
    row = assemblies.c
    query = sa.select(row.state, sa.func.count()).where(row.assembly_id.in_(_newest()), row.rule != RESTART).group_by(row.state)
    return {state: int(groups) for state, groups in connection.execute(query)}


def changed(connection: sa.Connection, commit_seq: int) -> int:
    """Number of groups that a commit looked at."""
    query = sa.select(sa.func.count()).where(assemblies.c.commit_seq == commit_seq)
    return int(connection.execute(query).scalar_one())


def incomplete(connection: sa.Connection, limit: int) -> list[Past]:
    """Groups that wait or are suspended, those whose time is up first."""
    row = assemblies.c
    query = sa.select(*(row[name] for name in Past._fields)).where(row.assembly_id.in_(_newest()), row.state != ASSEMBLED)
    found = connection.execute(query.order_by(row.deadline_us, row.assembly_id).limit(limit))
    return [Past(*values) for values in found]


def record(connection: sa.Connection, decisions: Iterable[tuple[int, str, str]], commit_seq: int, now_us: int) -> None:
    """Add what assembly decides (suspense_id, kind, reason) about rows in suspense, within a transaction of the caller."""
    for suspense_id, kind, reason in decisions:
        values = {
            "suspense_id": suspense_id,
            "kind": kind,
            "reason": reason,
            "by_name": BY_ASSEMBLY,
            "by_uid": NO_ACCOUNT,
            "approved_by": None,
            "approved_uid": None,
            "at_us": now_us,
            "correction_id": None,
            "commit_seq": commit_seq,
        }
        kept_rows.add(connection, suspense_decisions, values)


def _newest() -> sa.Select[int]:
    """Query for the last row of every group."""
    return sa.select(sa.func.max(assemblies.c.assembly_id)).group_by(assemblies.c.source, assemblies.c.call_ref)


def _by_name(connection: sa.Connection, ids: Any) -> dict[str, Past]:  # noqa: ANN401 - a query of one column
    row = assemblies.c
    query = sa.select(*(row[name] for name in Past._fields)).where(row.assembly_id.in_(ids))
    pasts_ = [Past(*values) for values in connection.execute(query)]
    return {past.name: past for past in pasts_}


def _chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """The values in pieces that a query can name."""
    return (values[begin : begin + _VALUES_A_QUERY] for begin in range(0, len(values), _VALUES_A_QUERY))

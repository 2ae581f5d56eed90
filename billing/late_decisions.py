"""Decisions of people about usage that came too late for its bill, as stored.

A decision is about records of one account and subscription. It is valid until it is taken back; a record has one valid decision at most,
and no bill run prices it. Rows are only ever added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.charges.lines import Int64s
from billing.store import approvals, bulk, tables
from rating.schema import KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


BILLED, WRITTEN_OFF, TAKEN_BACK = "billed", "written_off", "taken_back"
LATE_BILL, LATE_WRITE_OFF = "late_usage_bill", "late_usage_write_off"  # kinds of proposals
COMMIT_KIND: Final = "late"
LIMIT: Final = "late_usage_limit_micros"


class Decision(msgspec.Struct, frozen=True):
    """A decision as stored. `account_key` None: records of no account; `currency` empty: of unknown worth. Amounts in micro-units."""

    decision_id: int
    kind: str
    account_key: int | None
    currency: str
    records: int
    worth_micros: int
    amount_micros: int
    adjustment_id: int | None
    reason: str
    by_name: str
    agreed_by: str  # the second person, empty where there was none
    at_us: int
    commit_seq: int


class Undone(msgspec.Struct, frozen=True):
    """A decision that was taken back: by whom, when and why. `kind`, `decided_by` and `records` are those of the decision."""

    decision_id: int
    kind: str
    decided_by: str
    records: int
    by_name: str
    at_us: int
    reason: str
    adjustment_id: int = 0  # the one that is retracted; 0: none
    account_id: str = ""
    currency: str = ""
    worth_micros: int = 0


class Decided(NamedTuple):
    """Records with a valid decision: key, start, the decision of each, and its worth at the decision."""

    keys: pa.Array[Any]
    start_us: Int64s
    decision_id: Int64s
    worth_micros: Int64s

    def holds(self, event_key: pa.ChunkedArray[Any]) -> npt.NDArray[np.bool_]:
        """A mask of the rows that are among them, for any version of a record: another version may begin at another time."""
        if not len(self.keys):
            return np.zeros(len(event_key), np.bool_)
        mask: Any = pc.is_in(event_key, value_set=self.keys)
        found: npt.NDArray[np.bool_] = mask.to_numpy()
        return found


class _Proposed(msgspec.Struct):
    """The records of a proposal, as its payload has them."""

    event_keys: tuple[str, ...]


def proposed(connection: sa.Connection) -> dict[str, approvals.Approval]:
    """Records (event keys as hexadecimal digits) on which a decision waits for another person, with its proposal: the oldest of several."""
    found: dict[str, approvals.Approval] = {}
    for each in approvals.list_all(connection):
        if each.kind in {LATE_BILL, LATE_WRITE_OFF}:
            found = dict.fromkeys(msgspec.json.decode(each.payload, type=_Proposed).event_keys, each) | found
    return found


def decided(connection: sa.Connection, seq: int, *, not_taken_back: bool = False) -> Decided:
    """Records with a decision that is valid as of `seq`; with `not_taken_back` only those whose decision is valid now, too."""
    row, event = tables.late_decisions.c, tables.late_decision_events
    query = sa.select(event.c.event_key, event.c.start_us, event.c.decision_id, event.c.worth_micros)
    query = query.join_from(event, tables.late_decisions, row.decision_id == event.c.decision_id).where(
        _stands(None if not_taken_back else seq)
    )
    found = bulk.read(connection, query.where(row.commit_seq <= seq).order_by(event.c.start_us, event.c.event_key))
    keys: Any = found["event_key"].combine_chunks()
    columns = (_integers(found[name]) for name in ("start_us", "decision_id", "worth_micros"))
    return Decided(pa.array(keys.to_pylist(), KEY), *columns)


def standing(connection: sa.Connection, seq: int) -> dict[int, Decision]:
    """The decisions that are valid as of `seq`, by number."""
    row = tables.late_decisions
    rows = connection.execute(sa.select(row).where(row.c.commit_seq <= seq, _stands(seq)).order_by(row.c.decision_id))
    return {int(each.decision_id): _of(each) for each in rows}


def find(connection: sa.Connection, decision_id: int) -> Decision | None:
    """One decision, valid or taken back; None for an unknown number."""
    row = tables.late_decisions
    found = connection.execute(sa.select(row).where(row.c.decision_id == decision_id)).first()
    return None if found is None else _of(found)


def records_of(connection: sa.Connection, decision_ids: Sequence[int]) -> dict[int, list[bytes]]:
    """The records (keys) of decisions, oldest first."""
    event, found = tables.late_decision_events.c, {int(each): list[bytes]() for each in decision_ids}
    query = sa.select(event.decision_id, event.event_key).where(event.decision_id.in_(list(found)))
    for decision_id, key in connection.execute(query.order_by(event.start_us, event.event_key)):
        found[int(decision_id)].append(bytes(key))
    return found


def undone_by(connection: sa.Connection, decision_id: int) -> Decision | None:
    """The act that took a decision back, if any."""
    row = tables.late_decisions
    found = connection.execute(sa.select(row).where(row.c.undoes == decision_id)).first()
    return None if found is None else _of(found)


def undone(connection: sa.Connection, seq: int) -> dict[int, Undone]:
    """The decisions that were taken back by `seq`, by number."""
    made, undoing, account = tables.late_decisions.c, tables.late_decisions.alias(), tables.accounts.c
    of_undoing = (undoing.c.by_name.label("undone_by"), undoing.c.at_us.label("undone_us"), undoing.c.reason.label("undone_why"))
    query = sa.select(tables.late_decisions, *of_undoing, account.account_id).select_from(tables.late_decisions)
    query = query.join(undoing, undoing.c.undoes == made.decision_id).outerjoin(tables.accounts, account.account_key == made.account_key)
    rows = connection.execute(query.where(undoing.c.commit_seq <= seq).order_by(made.decision_id)).all()
    return {int(each.decision_id): _undone(each) for each in rows}


def undone_on(connection: sa.Connection, seq: int) -> dict[bytes, tuple[Undone, ...]]:
    """Records (keys) with decisions that were taken back by `seq`, the oldest first."""
    acts, event = undone(connection, seq), tables.late_decision_events.c
    found: dict[bytes, tuple[Undone, ...]] = {}
    if acts:
        query = sa.select(event.event_key, event.decision_id).where(event.decision_id.in_(sorted(acts))).order_by(event.decision_id)
        for key, number in connection.execute(query):
            found[bytes(key)] = (*found.get(bytes(key), ()), acts[int(number)])
    return found


def retracted(connection: sa.Connection, seq: int) -> set[int]:
    """Adjustments (ids) of decisions that were taken back by `seq`: no run bills them."""
    row, undoing = tables.late_decisions.c, tables.late_decisions.alias()
    query = sa.select(row.adjustment_id).join_from(undoing, tables.late_decisions, row.decision_id == undoing.c.undoes)
    return set(connection.execute(query.where(undoing.c.commit_seq <= seq, row.adjustment_id.is_not(None))).scalars())


def reopened(connection: sa.Connection, after_seq: int, seq: int) -> tuple[pa.Array[Any], Int64s]:
    """Records (keys) whose decisions were taken back in (after_seq, seq], each with the commit of that act."""
    undoing, event = tables.late_decisions.c, tables.late_decision_events.c
    query = sa.select(event.event_key, undoing.commit_seq)
    query = query.join_from(tables.late_decisions, tables.late_decision_events, event.decision_id == undoing.undoes)
    rows = connection.execute(query.where(undoing.commit_seq > after_seq, undoing.commit_seq <= seq).order_by(undoing.commit_seq)).all()
    newest = {bytes(row.event_key): int(row.commit_seq) for row in rows}
    return pa.array(list(newest), KEY), np.array(list(newest.values()), np.int64)


def _stands(seq: int | None) -> sa.ColumnElement[bool]:
    """A condition for decisions that were not taken back by `seq`; None: by now."""
    undoing = tables.late_decisions.alias()
    gone = sa.select(undoing.c.undoes).where(undoing.c.undoes.is_not(None))
    if seq is not None:
        gone = gone.where(undoing.c.commit_seq <= seq)
    row = tables.late_decisions.c
    return sa.and_(row.kind != TAKEN_BACK, row.decision_id.not_in(gone))


def _of(row: Any) -> Decision:  # noqa: ANN401 -- a row of late_decisions
    return Decision(
        decision_id=int(row.decision_id),
        kind=row.kind,
        account_key=row.account_key,
        currency=row.currency or "",
        records=int(row.records),
        worth_micros=int(row.worth_micros),
        amount_micros=int(row.amount_micros),
        adjustment_id=row.adjustment_id,
        reason=row.reason,
        by_name=row.by_name,
        agreed_by=row.agreed_by or "",
        at_us=int(row.at_us),
        commit_seq=int(row.commit_seq),
    )


def _undone(row: Any) -> Undone:  # noqa: ANN401 -- a row of late_decisions, and the act that took it back
    by = (row.undone_by, int(row.undone_us), row.undone_why)
    worth = (row.currency or "", int(row.worth_micros))
    made = (int(row.decision_id), row.kind, row.by_name, int(row.records))
    return Undone(*made, *by, int(row.adjustment_id or 0), row.account_id or "", *worth)


def _integers(column: pa.ChunkedArray[Any]) -> Int64s:
    return np.asarray(column.to_numpy(), np.int64)

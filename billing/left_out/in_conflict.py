"""Records whose versions are in conflict, so that none counts: their rows in suspense, and the interim bill that has a version."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.intake import view
from billing.intake.marks import COMMIT_SEQ, CONFLICTING
from billing.left_out.on_interim_bills import OnInterimBill, on_interim_bills
from billing.runs.contracts.columns import int64
from billing.store.tables import suspense, suspense_decisions
from rating.schema import KEY

if TYPE_CHECKING:
    from collections.abc import Collection

    from billing.store.home import Home

_VERSION: Final = ("event_key", "source", "record_id", "start_us", "duration_us", "bytes_up", "bytes_down", "units", COMMIT_SEQ)


class InConflict(msgspec.Struct, frozen=True):
    """A record in conflict, with the start of its first version. `suspense_ids`: its rows in suspense, oldest first.

    `document`: the number of the interim bill that has a version, of `document_account_id`; empty where none has one. Then `duration_us`,
    `bytes` and `units` are those of that version.
    """

    event_key: str
    source: str
    record_id: str
    start_us: int
    suspense_ids: tuple[int, ...]
    document: str = ""
    document_account_id: str = ""
    duration_us: int = 0
    bytes: int = 0
    units: int = 0


def in_conflict(home: Home, seq: int, record_id: str, *, without: Collection[bytes] = ()) -> tuple[InConflict, ...]:
    """The records that a source calls `record_id` with versions in conflict as of `seq`, by time. `without`: keys of no interest."""
    with home.connect() as connection:
        keys = _waiting(connection, seq).keys() - set(without)
    rows = view.of_keys(home, ("event_key", "record_id"), seq, pa.array(sorted(keys), KEY))
    named: Any = pc.equal(rows["record_id"], pa.scalar(record_id))
    own: list[Any] = rows.filter(named)["event_key"].to_pylist()
    found = conflicts_of(home, seq, set(own))
    return tuple(msgspec.structs.replace(each, record_id=record_id) for each in found)


def conflicts_of(home: Home, seq: int, keys: Collection[bytes]) -> tuple[InConflict, ...]:
    """Those of some events whose versions are in conflict as of `seq`, in order of time."""
    if not keys:
        return ()
    with home.connect() as connection:
        ids = {key: numbers for key, numbers in _waiting(connection, seq).items() if key in keys}
    rows = view.of_keys(home, _VERSION, seq, pa.array(sorted(ids), KEY)).sort_by(COMMIT_SEQ)
    rows = rows.set_column(rows.column_names.index("start_us"), "start_us", pa.array(int64(rows["start_us"])))
    versions: dict[Any, list[dict[str, Any]]] = collections.defaultdict(list)
    for row in rows.to_pylist():
        versions[row["event_key"]].append(row)
    on = on_interim_bills(home, seq, ids.keys())
    found = (_of_versions(each, ids[key], on.get(key)) for key, each in versions.items())
    return tuple(sorted(found, key=lambda each: (each.start_us, each.event_key)))


def _waiting(connection: sa.Connection, seq: int) -> dict[Any, tuple[int, ...]]:
    """The rows in suspense of each event in conflict."""
    row, decision = suspense.c, suspense_decisions.c
    decided = sa.exists().where(decision.suspense_id == row.suspense_id, decision.commit_seq <= seq)
    query = sa.select(row.event_key, row.suspense_id).where(row.reason == CONFLICTING, row.event_key.is_not(None), row.commit_seq <= seq)
    found: dict[Any, tuple[int, ...]] = {}
    for key, number in connection.execute(query.where(~decided).order_by(row.suspense_id)):
        found[bytes(key)] = (*found.get(bytes(key), ()), int(number))
    return found


def _of_versions(versions: list[dict[str, Any]], ids: tuple[int, ...], on: OnInterimBill | None) -> InConflict:
    """A record of its `versions`, oldest first."""
    first = versions[0]
    found = InConflict(first["event_key"].hex(), first["source"], first["record_id"], first["start_us"], ids)
    billed = None if on is None else next((row for row in reversed(versions) if row[COMMIT_SEQ] <= on.known_seq), None)
    if on is None or billed is None:
        return found
    return msgspec.structs.replace(
        found,
        document=on.number,
        document_account_id=on.account_id,
        duration_us=billed["duration_us"] or 0,
        bytes=(billed["bytes_up"] or 0) + (billed["bytes_down"] or 0),
        units=billed["units"] or 0,
    )

"""One record with all that is known of it: why it waits and how to mend that, its bytes, its fields, its value, and what was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.intake import marks
from billing.store.tables import commits, suspense
from billing.suspense import deciding, raw, resolving
from billing.suspense.listing import Entry, entries
from billing.suspense.segments import segments
from billing.suspense.selection import Asking, Selection, refuse_unknown
from billing.suspense.valued import valued
from billing.suspense.waiting import GROUP_REASONS, MARKS, places, stored_rows
from mediation.reasons import EXPLANATIONS, Reason
from rating.errors import NotFoundError
from rating.schema import KEY, USAGE_V1

if TYPE_CHECKING:
    from billing.store.home import Home

# What a reason means and what mends it, where mediation.reasons does not say so.
_MEANINGS: Final = {
    marks.CONFLICTING: "versions of one record differ in what decides the charge; choose one with `usage suspense resolve`",
    marks.FUTURE_TIME: "it starts or ends later than this machine's clock allows; correct its time, or recycle it when its time has come",
    marks.TOO_OLD: "it is older than the time for which duplicates are known; recycle it if you know that it did not come before",
    "missing_segment": "segments of the call or session are missing, and their time is up; it becomes whole when they come in",
    "segments_disagree": "segments of one call or session contradict each other; correct the one that is wrong, or write it off by its id",
    "UNKNOWN_SUBSCRIPTION": "no subscription owns the served number at the start of the event; import who does, or correct the number",
    "UNKNOWN_PLAN": "the subscription's plan is in no published catalogue; publish it",
    "NO_VERSION": "no version of the plan's catalogue is in force at the start of the event; publish one, or correct the time",
    "NO_ZONE": "no rule of the plan holds for the destination; correct the number, or publish a version with such a rule",
    "NOT_SOLD": "the plan does not sell this; publish a version that does, or write the event off",
    "INVALID_NUMBER": "the destination is not a number; correct it",
    "CONTENT_AMOUNT_MISSING": "the price is a share of the content amount, and the event has none in the catalogue's currency",
    "QUANTITY_TOO_LARGE": "the quantity is beyond what can be priced; look at its source's units",
    "NEGATIVE_QUANTITY": "the quantity is below zero; look at its source",
    "TIME_OUT_OF_RANGE": "it starts before 2000 or after 2069; correct its time",
}


class Shown(msgspec.Struct, frozen=True):
    """A record in suspense. `raw_hex`: its first bytes; `fields`: what was read.

    `decisions`: what became of one that waits no more; of one that waits, what was decided on its event before. `came_again`: copies of a
    row that could not be read; they are duplicates in the books.
    """

    entry: Entry | None  # None: it waits no more
    reason: str
    meaning: str
    raw_text: str
    raw_hex: str
    raw_problem: str
    fields: dict[str, Any]
    versions: tuple[str, ...]
    differences: dict[str, tuple[Any, ...]]
    segments: tuple[dict[str, Any], ...]  # of a call that is not whole
    decisions: tuple[dict[str, Any], ...]
    came_again: int = 0


HEX_BYTES_MAX: Final = 256


def show(home: Home, identifier: str, asking: Asking, *, folders: bool = True) -> Shown:
    """The record of an id, as `listing` gives it. Raises NotFoundError where there is none.

    Without `folders`, files are called by their names alone.
    """
    records = valued(home, Selection(ids=(identifier,)), asking)
    if not records.table.num_rows:
        return _decided(home, identifier, folders=folders)
    (entry,) = entries(home, records, [0], asking.now_us)
    row: dict[str, Any] = records.table.slice(0, 1).to_pylist()[0]
    fields = _fields(home, asking.seq, row)
    data = _raw(home, row)
    data = data if folders else data.without_folders()
    told: dict[str, Any] = {"fields": fields, "versions": (), "differences": {}, "segments": ()}
    if row["reason"] in GROUP_REASONS and row["suspense_id"] is not None:
        told["segments"] = tuple(segments(home, Selection(ids=(identifier,)), asking).listed())
    if row["reason"] == marks.CONFLICTING:
        found = resolving.versions(home, asking.seq, row["suspense_id"])
        told |= {"versions": found.names, "differences": resolving.differences(home, found)}
    with home.connect() as connection:  # of the event, under the numbers that it had before
        said = deciding.of_event(connection, row["event_key"]) if row["event_key"] is not None else []
    decisions = tuple(deciding.plain(each) for each in said)
    return _shown(entry, row["reason"], data, told | {"came_again": _came_again(home, row["suspense_id"])}, decisions)


def meaning(reason: str) -> str:
    """Meaning of a reason and its remedy; empty for a reason without a description."""
    known = {str(each) for each in Reason}
    return EXPLANATIONS.get(Reason(reason), "") if reason in known else _MEANINGS.get(reason, "")


def _shown(entry: Entry | None, reason: str, data: raw.Raw, told: dict[str, Any], decisions: tuple[dict[str, Any], ...]) -> Shown:
    text = "" if data.data is None else raw.text_of(data.data)
    digits = "" if data.data is None else data.data[:HEX_BYTES_MAX].hex(" ")
    return Shown(entry, reason, meaning(reason), text, digits, data.problem, decisions=decisions, **told)


def _fields(home: Home, seq: int, row: dict[str, Any]) -> dict[str, Any]:
    """Fields that were read of a record, without empty ones."""
    if row["event_key"] is None:
        return {}
    among = stored_rows(home, seq, pa.array([row["event_key"]], KEY), USAGE_V1.names)
    (place,) = places(pa.array([row["event_key"]], KEY), pa.array([row["content_hash"]], KEY), among)
    if place is None:
        return {}
    values = among.slice(place, 1).set_column(among.schema.get_field_index("start_us"), "start_us", _instant(among, place))
    found: dict[str, Any] = values.to_pylist()[0]
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in found.items() if value is not None}


def _instant(rows: pa.Table, place: int) -> Any:  # noqa: ANN401 -- a column of Arrow
    """Start as text, to the microsecond."""
    return pc.strftime(rows["start_us"].slice(place, 1), "%Y-%m-%dT%H:%M:%SZ")


def _came_again(home: Home, suspense_id: int | None) -> int:
    if suspense_id is None:
        return 0
    with home.connect() as connection:
        query = sa.select(suspense.c.came_again).where(suspense.c.suspense_id == suspense_id)
        return int(connection.execute(query).scalar_one() or 0)


def _raw(home: Home, row: dict[str, Any]) -> raw.Raw:
    if row["suspense_id"] is not None:
        return raw.of_suspense(home, row["suspense_id"])
    return raw.at(home, raw.RawPlace(row["raw_file_id"], row["raw_offset"], row["raw_length"]))


def _decided(home: Home, identifier: str, *, folders: bool) -> Shown:
    """A record that waits no more, and why."""
    with home.connect() as connection:
        row = None
        if identifier.isascii() and identifier.isdecimal():
            query = sa.select(suspense, commits.c.at_us).join_from(suspense, commits, commits.c.commit_seq == suspense.c.commit_seq)
            row = connection.execute(query.where(suspense.c.suspense_id == int(identifier))).first()
        if row is None:
            refuse_unknown([identifier], [])
            raise NotFoundError(f"no record {identifier} waits", "`ratewright usage suspense` shows what does")
        said = deciding.decisions_on(connection, row.suspense_id)
    decisions = tuple(deciding.plain(each) for each in said)
    told: dict[str, Any] = {"fields": {}, "versions": (), "differences": {}, "segments": (), "came_again": row.came_again or 0}
    data = raw.of_suspense(home, row.suspense_id) if row.reason not in MARKS else raw.Raw(None, "this is a mark, and no record")
    return _shown(None, row.reason, data if folders else data.without_folders(), told, decisions)

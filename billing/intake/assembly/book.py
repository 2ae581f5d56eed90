"""The book of assembly: what the segments of assembled calls hold equals what was made of them.

Left: the stored segments of every group whose state is assembled, added up one by one. Of running totals each segment adds what it grew
by, and all of itself where it fell. A call with only both ends recorded holds the time between them. Right: the made rows that no later
look superseded. `rows` are the calls and sessions that made a row. Messages count one unit a message on the left, as their rule has it.
Shares nothing with mediation/assembly.
"""

from __future__ import annotations

import collections
import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from billing.intake import marks, view
from billing.intake.assembly.stored_segments import hidden_rows
from billing.intake.columns import QUANTITY_COLUMNS, Quantities
from billing.store.tables import assemblies
from rating.model import Service
from rating.schema import UsageFlag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from billing.store.home import Home

_COLUMNS: Final = (*marks.COLUMNS, *marks.SEGMENT_COLUMNS, "segment_first", "service", "start_us", *QUANTITY_COLUMNS)
_OF_ASSEMBLY: Final = int(UsageFlag.PARTIAL | UsageFlag.ASSEMBLED)
_MESSAGE: Final = "message"
_MOVED: Final = dt.timedelta(minutes=1)  # clocks and roundings move the begin of a session by less
_JOINED: Final = ("join", "message")  # rules that make one row of a group, even if it holds nothing
_Row = dict[str, Any]


class Sides(NamedTuple):
    """Both sides for one source."""

    absorbed: Quantities = Quantities()
    assembled: Quantities = Quantities()


def assembly_book(home: Home, seq: int) -> dict[str, Sides]:
    """Both sides as of `seq`, by source. Sources without anything assembled are left out."""
    with home.connect() as connection:
        rules = _assembled_groups(connection, seq)
        layers = marks.layers(connection, seq)
    if not rules:
        return {}
    segments: dict[str, list[_Row]] = collections.defaultdict(list)
    made: dict[str, list[_Row]] = collections.defaultdict(list)
    for table in view.steadily(lambda: list(_parts(home, seq))):
        hidden, superseded = hidden_rows(table, layers)
        names: Any = marks.group_names(table).to_pylist()
        for name, row, is_hidden, is_superseded in zip(names, table.to_pylist(), hidden.tolist(), superseded.tolist(), strict=True):
            if row["flags"] & UsageFlag.PARTIAL and not is_hidden and name in rules:
                segments[name].append(row)
            elif row["flags"] & UsageFlag.ASSEMBLED and not is_superseded and not row["flags"] & UsageFlag.RECYCLED:
                made[name].append(row)
    sides: dict[str, Sides] = collections.defaultdict(Sides)
    for name, rows in segments.items():
        _add(sides, name, Sides(absorbed=_held(rows, rules[name])))
    for name, rows in made.items():
        _add(sides, name, Sides(assembled=sum(map(_own, rows), Quantities())._replace(rows=1)))
    return dict(sides)


def _assembled_groups(connection: sa.Connection, seq: int) -> dict[str, str]:
    """The rule of every group whose state is assembled, by its name."""
    row = assemblies.c
    newest = sa.select(sa.func.max(row.assembly_id)).where(row.commit_seq <= seq).group_by(row.source, row.call_ref)
    query = sa.select(row.source, row.call_ref, row.rule).where(row.assembly_id.in_(newest), row.state == "assembled")
    return {f"{source}\n{call_ref}": rule for source, call_ref, rule in connection.execute(query)}


def _parts(home: Home, seq: int) -> Iterator[pa.Table]:
    """Segments and made rows, file by file."""
    with home.connect() as connection:
        files = view.stored(connection, 0, seq)
    for file in files:
        if file.partial_rows != 0:
            (part,) = view.parts(home, [file], _COLUMNS, 0, seq)
            yield part.filter(pa.array((part.column("flags").to_numpy() & _OF_ASSEMBLY) != 0))


def _add(sides: dict[str, Sides], name: str, more: Sides) -> None:
    source = name.partition("\n")[0]
    before = sides[source]
    sides[source] = Sides(before.absorbed + more.absorbed, before.assembled + more.assembled)


def _held(rows: list[_Row], rule: str) -> Quantities:
    """Quantities that the segments of one group hold together."""
    held = sum(_grown(rows) if rows[0]["flags"] & UsageFlag.CUMULATIVE else map(_own, rows), Quantities())
    if rule == _MESSAGE:
        held = held._replace(units=1)
    held = held._replace(duration_us=held.duration_us + _between_ends(rows))
    return held._replace(rows=int(rule in _JOINED or any(held[1:])))


def _between_ends(rows: list[_Row]) -> int:
    """The time of a voice call that has a recorded beginning and end, and no duration."""
    if rows[0]["service"] != Service.VOICE or any(row["duration_us"] is not None for row in rows):
        return 0
    first = [row["start_us"] for row in rows if row["flags"] & UsageFlag.FIRST]
    last = [row["start_us"] for row in rows if row["flags"] & UsageFlag.LAST]
    return (max(last) - min(first)) // dt.timedelta(microseconds=1) if first and last else 0


def _own(row: _Row) -> Quantities:
    volume = (row["bytes_up"] or 0) + (row["bytes_down"] or 0)
    return Quantities(1, row["duration_us"] or 0, row["units"] or 0, volume)


def _grown(rows: Iterable[_Row]) -> Iterator[Quantities]:
    """Quantities that each of some running totals adds to those before it."""
    last = dict.fromkeys(QUANTITY_COLUMNS, 0)
    before: _Row | None = None
    for row in sorted(rows, key=_place):
        if before is not None and _began_anew(row, before, last["duration_us"]):
            last = dict.fromkeys(QUANTITY_COLUMNS, 0)
        before = row
        told = {name: row[name] for name in QUANTITY_COLUMNS if row[name] is not None}
        grown = {name: value - (last[name] if value >= last[name] else 0) for name, value in told.items()}
        last |= told
        yield _own(dict.fromkeys(QUANTITY_COLUMNS) | grown)


def _began_anew(row: _Row, before: _Row, last_us: int) -> bool:
    """Return whether the equipment restarted between two totals: the time fell, or the session begins after the one before was taken."""
    if row["duration_us"] is None:
        return False
    if row["duration_us"] < last_us:
        return True
    is_later = row["start_us"] - before["start_us"] > _MOVED
    return (
        is_later
        and before["duration_us"] is not None
        and row["start_us"] >= before["start_us"] + dt.timedelta(microseconds=before["duration_us"])
    )


def _place(row: _Row) -> tuple[Any, ...]:
    """Sort key of a running total: by its number, else by when it was taken, the closing one last."""
    taken_at = row["start_us"] + dt.timedelta(microseconds=row["duration_us"] or 0)
    return row["segment_first"] or 0, bool(row["flags"] & UsageFlag.LAST), taken_at, row["duration_us"] or 0, row["event_key"]

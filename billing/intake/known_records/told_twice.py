"""Calls that two sources of a home tell: two tables, or two forms of record, of one switch, so that each call would bill twice.

No key shows it, since a record's key holds its source's name; the switch's own name of the call does, which both have. A file is compared
with what other sources have of its time, by a thousand of its calls at most. So if both tables of a switch are collected, the second file
shows it. Nothing is decided here.
"""

from __future__ import annotations

import bisect
import collections
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from billing.intake import view
from mediation.sources.model import Format

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.store.home import Home
    from mediation.sources.model import Source

CALLS_MAX: Final = 1000
_NEAR_US: Final = 3_600_000_000  # ringing, and clocks: how far the times of one call may lie apart in two tables
_PER_TRANSACTION: Final = Format.KAMAILIO_ACC  # its names of calls have the two tags behind them, a dash before each
_PER_CALL: Final = (Format.KAMAILIO_CDRS, Format.FREESWITCH, Format.FREESWITCH_JSON, Format.FREESWITCH_XML)


def told_twice(home: Home, source: Source, usage: pa.Table) -> Mapping[str, int]:
    """Number of the file's calls that count from another source as well, by its name. `usage`: the rows taken of the file."""
    if source.format not in {_PER_TRANSACTION, *_PER_CALL} or usage.num_rows == 0:
        return {}
    name = "call_ref" if source.format in {_PER_TRANSACTION, Format.KAMAILIO_CDRS} else "record_id"
    calls = pc.unique(usage.column(name).drop_null()).slice(0, CALLS_MAX).to_pylist()
    found: collections.Counter[str] = collections.Counter()
    for other, theirs in _of_others(home, source, usage, name).items():
        found[other] = sum(_is_there(str(call), theirs, source.format) for call in calls)
    return {other: count for other, count in sorted(found.items()) if count}


def _of_others(home: Home, source: Source, usage: pa.Table, name: str) -> dict[str, list[str]]:
    """Names that other sources give to their calls of the same time, sorted, by source."""
    start_us: Any = usage.column("start_us").cast(pa.int64())
    first_us, last_us = (int(found(start_us).as_py()) for found in (pc.min, pc.max))
    with home.connect() as connection:
        seq = home.head_seq(connection)
    rows = view.usage(home, ("source", name), seq, first_us - _NEAR_US, last_us + _NEAR_US)
    rows = rows.filter(pc.not_equal(rows["source"].cast(pa.string()), pa.scalar(source.name)))
    made: dict[str, list[str]] = {}
    for other in pc.unique(rows["source"].cast(pa.string())).to_pylist():
        mine = rows.filter(pc.equal(rows["source"].cast(pa.string()), pa.scalar(str(other))))
        made[str(other)] = sorted(str(text) for text in mine[name].to_pylist() if text)
    return made


def _is_there(call: str, others: list[str], format_: Format) -> bool:
    """Return whether a call is among the `others`: by its whole name, or by its name and the tags that one of them has behind it."""
    if _has(others, call):
        return True
    if format_ is Format.KAMAILIO_CDRS:
        place = bisect.bisect_left(others, f"{call}-")
        return place < len(others) and others[place].startswith(f"{call}-")
    if format_ is not _PER_TRANSACTION:
        return False
    dashes = [place for place, mark in enumerate(call) if mark == "-"]
    return any(_has(others, call[:place]) for place in dashes[:-1])


def _has(others: list[str], name: str) -> bool:
    place = bisect.bisect_left(others, name)
    return place < len(others) and others[place] == name

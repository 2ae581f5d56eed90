"""The owner of each number over time: new spans of an import beside those that are there. Whole columns.

Refuses two owners of one number at one instant. A span that was there without an end may be given one. A span without an end goes on as
long as its subscription does: where that ends, the number is free.
"""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from billing.accounts.handovers.known import NAME_ANOTHER, never_was
from billing.accounts.importing import stored
from billing.accounts.importing.comparing import filled, flat, joined, places, rows_of, taken
from billing.accounts.importing.step import Count
from billing.accounts.importing.stored import taken_back
from billing.store import tables
from rating.dates import NEVER, instant_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from billing.accounts.importing.sheets import Sheet
    from billing.accounts.importing.step import Importer

    Ints = NDArray[np.int64]


class _Spans(NamedTuple):
    """Spans of numbers, stored and given ones; `row` is the place in the sheet, -1 for a stored one."""

    served: Ints  # code of the number
    from_us: Ints
    to_us: Ints
    owner: Ints  # subscription_key
    row: Ints

    def at(self, rows: Ints) -> _Spans:
        return _Spans(*(column[rows] for column in self))

    def same_as_before(self, *names: str) -> NDArray[np.bool_]:
        """Return whether each row is equal to the one before it in these columns."""
        same = np.ones(len(self.served), np.bool_)
        same[:1] = False
        for name in names:
            column = getattr(self, name)
            same[1:] &= column[1:] == column[:-1]
        return same


def numbers(work: Importer) -> Count:
    """Add the spans of numbers.csv."""
    sheet = work.sheets["numbers"]
    usable = _reasonable(work, sheet)
    at = _owners(work, sheet)
    rows = np.flatnonzero(usable)
    end_us = np.append(_ends_us(work.subscriptions, work.accounts), NEVER)[at]
    spans, names = _together(work, sheet, rows[~_taken_back_since(work, sheet, rows, at, end_us)], at, end_us)
    spans = spans.at(np.lexsort((spans.row, spans.owner, spans.to_us, spans.from_us, spans.served)))
    repeated = spans.same_as_before("served", "from_us", "to_us", "owner")
    spans = spans.at(np.flatnonzero(~repeated))
    ended = _ended(spans)
    given = np.flatnonzero((spans.row >= 0) & (spans.owner > 0))
    fresh = spans.at(given[np.argsort(spans.row[given])])
    _refuse_overlaps(work, sheet, spans.at(np.flatnonzero(~ended)), names)
    to_us = pa.array(fresh.to_us, mask=fresh.to_us == NEVER)
    columns: dict[str, Any] = {"served_id": taken(names, fresh.served), "from_us": fresh.from_us}
    columns |= {"to_us": to_us, "subscription_key": fresh.owner}
    work.insert(tables.guiding_facts, columns)
    work.done("numbers")
    ends = int(ended.sum())
    return Count(len(fresh.row) - ends, len(rows) - len(fresh.row), ends)


def free(work: Importer) -> int:
    """End the spans of subscriptions whose end is in this import, and take back those that begin later, as a command does; their number."""
    if not work.ended:
        return 0
    subscriptions, spans = stored.subscriptions(work.connection, work.accounts), stored.spans(work.connection)
    end_us = _ends_us(subscriptions, work.accounts)[places(spans["subscription_key"], subscriptions["subscription_key"])]
    ended = np.isin(spans["subscription_key"].to_numpy(), np.array(sorted(work.ended), np.int64))
    rows = np.flatnonzero(ended & (spans["to_us"].to_numpy() > end_us))
    columns = {name: taken(spans[name], rows) for name in ("served_id", "from_us", "subscription_key")}
    work.insert(tables.guiding_facts, {**columns, "to_us": np.maximum(spans["from_us"].to_numpy(), end_us)[rows]})
    return len(rows)


def _ends_us(subscriptions: pa.Table, accounts: pa.Table) -> Ints:
    """The first instant without each subscription, NEVER where no end is known."""
    result = np.full(subscriptions.num_rows, NEVER)
    ends = flat(subscriptions["end"])
    rows = np.flatnonzero(ends.is_valid().to_numpy(zero_copy_only=False))
    account = places(taken(subscriptions["account_key"], rows), accounts["account_key"])
    zones = taken(accounts["timezone"], account).to_pylist()
    midnight_us = functools.cache(_midnight_us)
    result[rows] = [midnight_us(zone, day) for zone, day in zip(zones, taken(ends, rows).to_pylist(), strict=True)]
    return result


def _midnight_us(zone: str, day: str) -> int:
    """The instant at which a day begins."""
    begin = dt.datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    return instant_of(begin)


def _reasonable(work: Importer, sheet: Sheet) -> NDArray[np.bool_]:
    """Rows that end after they begin."""
    good = filled(sheet.table["to"], NEVER) > sheet.table["from"].to_numpy()
    for row in np.flatnonzero(~good).tolist():
        remedy = "to is the first instant that no longer counts; empty means no end"
        work.mistakes.add_row(sheet, int(sheet.lines()[row]), "", "to is not after from", remedy)
    return good


def _owners(work: Importer, sheet: Sheet) -> Ints:
    """The place of each row's subscription, -1 where there is none."""
    at = places(sheet.table["subscription_id"], work.subscriptions["subscription_id"])
    file = work.sheets["subscriptions"].file
    for row in np.flatnonzero(at < 0).tolist():
        subscription_id = sheet.table["subscription_id"][row].as_py()
        if not work.mistakes.may_hold(file, subscription_id):
            message = f"subscription {subscription_id} is unknown"
            remedy = f"add it to {file}, or correct the id"
            work.mistakes.add_row(sheet, int(sheet.lines()[row]), "subscription_id", message, remedy)
    for row in np.flatnonzero(np.append(taken_back(work.subscriptions), False)[at]).tolist():
        message = never_was(sheet.table["subscription_id"][row].as_py())
        work.mistakes.add_row(sheet, int(sheet.lines()[row]), "subscription_id", message, NAME_ANOTHER)
    return at


def _taken_back_since(work: Importer, sheet: Sheet, rows: Ints, at: Ints, end_us: Ints) -> NDArray[np.bool_]:
    """Return whether each row is a span that begins after the end of its subscription, and that this end took back: nothing is new."""
    result = np.zeros(len(rows), np.bool_)
    from_us = sheet.table["from"].to_numpy()[rows]
    late = np.flatnonzero(from_us >= end_us[rows])
    if len(late):
        owner = taken(work.subscriptions["subscription_key"], at[rows[late]])
        gone = stored.spans(work.connection, taken_back=True)
        as_stored = joined(*(gone[name] for name in ("served_id", "from_us", "subscription_key")))
        result[late] = places(joined(taken(sheet.table["served_id"], rows[late]), pa.array(from_us[late]), owner), as_stored) >= 0
    return result


def _together(work: Importer, sheet: Sheet, rows: Ints, at: Ints, ends_us: Ints) -> tuple[_Spans, pa.Array[Any]]:
    """Stored spans and the given ones of these rows, and the number of each code. An owner that is unknown has a number below zero."""
    known = stored.spans(work.connection)
    given = rows_of(sheet.table, rows)
    encoded = flat(pa.chunked_array([flat(known["served_id"]), flat(given["served_id"])])).dictionary_encode()
    to_us, from_us = filled(given["to"], NEVER), given["from"].to_numpy()
    end_us = ends_us[rows]
    to_us = np.where((to_us == NEVER) & (from_us < end_us), end_us, to_us)
    unknown = -1 - flat(given["subscription_id"]).dictionary_encode().indices.to_numpy().astype(np.int64)
    keys = np.append(work.subscriptions["subscription_key"].to_numpy(), 0)
    owner = np.where(at[rows] >= 0, keys[at[rows]], unknown)
    later = np.flatnonzero((to_us > end_us) & (from_us < end_us))
    if len(later):
        cut = [taken(given["served_id"], later), *(pa.array(each[later]) for each in (from_us, end_us, owner))]
        as_stored = joined(*(known[name] for name in ("served_id", "from_us", "to_us", "subscription_key")))
        was_cut = later[places(joined(*cut), as_stored) >= 0]  # by an end that was recorded since: the row is known
        to_us[was_cut] = end_us[was_cut]
    spans = _Spans(
        encoded.indices.to_numpy().astype(np.int64),
        np.concatenate([known["from_us"].to_numpy(), from_us]),
        np.concatenate([known["to_us"].to_numpy(), to_us]),
        np.concatenate([known["subscription_key"].to_numpy(), owner]),
        np.concatenate([np.full(known.num_rows, -1), rows]),
    )
    return spans, encoded.dictionary


def _ended(spans: _Spans) -> NDArray[np.bool_]:
    """Stored spans without an end whose end is in a given row. Spans are sorted by number, beginning and end."""
    ended = spans.same_as_before("served", "from_us", "owner")
    ended[1:] &= (spans.row[1:] < 0) & (spans.to_us[1:] == NEVER) & (spans.row[:-1] >= 0)
    return ended


def _refuse_overlaps(work: Importer, sheet: Sheet, spans: _Spans, names: pa.Array[Any]) -> None:
    if not len(spans.row):
        return
    overlap = spans.same_as_before("served")
    overlap[1:] &= (spans.from_us[1:] < spans.to_us[:-1]) & (np.maximum(spans.row[1:], spans.row[:-1]) >= 0)
    for second in np.flatnonzero(overlap).tolist():
        pair = (second - 1, second)
        late, other = pair[::-1] if spans.row[second] >= spans.row[second - 1] else pair
        line = int(sheet.lines()[spans.row[late]])
        where = sheet.where(int(sheet.lines()[spans.row[other]])) if spans.row[other] >= 0 else "an earlier import"
        message = f"{names[int(spans.served[late])]} belongs to {_name(work, sheet, spans, late)} while {where} gives it to "
        remedy = "let the spans of one number end before the next begins"
        work.mistakes.add_row(sheet, line, "", message + _name(work, sheet, spans, other), remedy)


def _name(work: Importer, sheet: Sheet, spans: _Spans, at: int) -> str:
    """The subscription that a span belongs to."""
    if spans.row[at] >= 0:
        return str(sheet.table["subscription_id"][int(spans.row[at])].as_py())
    place = int(np.searchsorted(work.subscriptions["subscription_key"].to_numpy(), spans.owner[at]))
    return str(work.subscriptions["subscription_id"][place].as_py())

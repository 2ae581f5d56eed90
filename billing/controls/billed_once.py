"""The book of events on bills: each is on one bill, also where its number or record changed after it was billed.

Charge files of all runs are read whole, some columns of them, and so are stored charges of interim bills. An event with charges of several
accounts or periods is looked at closely: all but one of these must be off their bills. Keys are compared by their first 64 bits, some at a
time, so that memory is bounded.
"""

from __future__ import annotations

import collections
import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.controls.book import Book, book, not_known
from billing.runs.contracts.columns import int64, key_halves, one_chunk
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.counted_runs import Looked, looked
from billing.runs.selection.event_charges import Charge, ChargeFilter
from billing.runs.selection.standing_charges import HomeAsOf, StandingCharges
from billing.store import tables
from billing.store.home import Home
from rating.dates import day_number
from rating.errors import UserError
from rating.schema import KEY
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from billing.charges.lines import Int64s

_NAME: Final = "charges: events on bills = events on one bill"
_COLUMNS: Final = ["event_key", OWNER, "status", "period_from"]
_SHOWN: Final = 5
_DAY_BITS: Final = 20  # of a day number, beside the key of an account
ROWS_AT_ONCE: Final = 20_000_000
_ROWS_FETCHED: Final = 100_000


class _Home(NamedTuple):
    home: Home
    connection: sa.Connection
    seq: int
    runs: list[Looked]


def billed_once_book(home: Home, connection: sa.Connection, seq: int) -> Book:
    """Events that runs have priced, as of `seq`, against those of them that are on one bill at most."""
    known = _Home(home, connection, seq, looked(connection, seq))
    try:
        events, candidates = _of_several_periods(known)
        twice = _twice(known, candidates)
    except (FileNotFoundError, UserError) as error:  # a charge file is gone: the books of its run say so as well
        return not_known(_NAME, error)
    named = list(_named(known, twice.items()))
    return book(_NAME, events, events - len(twice), "events", dict.fromkeys(named[:_SHOWN], 1))


def _of_several_periods(known: _Home) -> tuple[int, set[bytes]]:
    """The number of events with a charge, and the keys of those with charges of several accounts or periods."""
    manifest = tables.charge_manifest.c
    ids = [run.run_id for run in known.runs]
    rows = known.connection.execute(sa.select(sa.func.sum(manifest.rows)).where(manifest.run_id.in_(ids))).scalar() or 0
    interim = known.connection.execute(sa.select(sa.func.count()).select_from(tables.interim_charges)).scalar_one()
    parts = max(-(-(int(rows) + interim) // ROWS_AT_ONCE), 1)
    events, found = 0, set[bytes]()
    for part in range(parts):
        halves = [(first, place) for first, place, _ in _charges(known, parts, part)]
        if not halves:
            continue
        first, place = (np.concatenate(column) for column in zip(*halves, strict=True))
        pairs = np.unique(np.stack([first, place], axis=1), axis=0)
        keys, counts = np.unique(pairs[:, 0], return_counts=True)
        events += len(keys)
        several = keys[counts > 1]
        if several.size:
            for first, _, names in _charges(known, parts, part):
                keys_found: list[Any] = names.filter(pa.array(np.isin(first, several))).to_pylist()
                found.update(keys_found)
    return events, found


def _charges(known: _Home, parts: int, part: int) -> Iterator[tuple[Int64s, Int64s, pa.Array[Any]]]:
    """Yield the charges of one in `parts` of the events, file by file: first half of the key, account and period, and the key."""
    counting = Counting(known.connection, known.seq)
    for run in known.runs:
        for path in charge_paths(known.connection, run.run_id):
            charges = counting.billed(run.run_id, read_charges(known.home.path, [path], _COLUMNS))
            names = one_chunk(charges["event_key"])
            first, owner = key_halves(names)[:, 0], int64(charges[OWNER])
            wanted = (charges["status"].to_numpy() < int(REFUSALS_FROM)) & (owner > 0) & (first % parts == part)
            days = int64(charges["period_from"].cast(pa.int32()))
            yield first[wanted], (owner[wanted] << _DAY_BITS) + days[wanted], names.filter(pa.array(wanted))
    row = tables.interim_charges.c
    of_interims = known.connection.execute(sa.select(row.event_key, row.account_key, row.period_from).order_by(row.run_id, row.event_key))
    for lot in of_interims.partitions(_ROWS_FETCHED):
        keys, owners, dates = zip(*lot, strict=True)
        names = pa.array([bytes(key) for key in keys], KEY)
        first, place = key_halves(names)[:, 0], (np.array(owners, np.int64) << _DAY_BITS) + _day_numbers(dates)
        wanted = first % parts == part
        yield first[wanted], place[wanted], names.filter(pa.array(wanted))


def _day_numbers(dates: Sequence[str]) -> Int64s:
    return np.array([day_number(dt.date.fromisoformat(date)) for date in dates], np.int64)


def _twice(known: _Home, candidates: set[bytes]) -> dict[bytes, list[Charge]]:
    """Events on several bills, with their charges."""
    if not candidates:
        return {}
    charges = StandingCharges(HomeAsOf(known.home, known.connection, known.seq), ChargeFilter(frozenset(candidates)))
    found = collections.defaultdict[bytes, list[Charge]](list)
    for charge in sorted(charges.standing(lambda _: True)):
        found[charge.event_key].append(charge)
    return {key: of_event for key, of_event in found.items() if len(of_event) > 1}


def _named(known: _Home, twice: Iterable[tuple[bytes, list[Charge]]]) -> Iterator[str]:
    account = tables.accounts.c
    for key, charges in twice:
        keys = {charge.account_key for charge in charges}
        ids = known.connection.execute(sa.select(account.account_id).where(account.account_key.in_(keys)).order_by(account.account_id))
        yield f"{key.hex()} is on {len(charges)} bills, of {', '.join(ids.scalars())}"

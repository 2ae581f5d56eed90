"""Differences of versions on the list of late usage: what a closed period bills of a record, and what counts of it.

The worth of a difference is that of the version that counts, less that of the billed version: each alone, by the tariff of its time. Where
only one of the two is of the account, what was billed is the charge as its run computed it.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.accounts import picture
from billing.accounts.facts import in_chunks
from billing.intake.marks import SUPERSEDED
from billing.left_out.judging import CODES
from billing.left_out.telling import UnbilledRecord, tell_of
from billing.left_out.versions import NONE
from billing.runs.contracts.counted_charges import Counting
from billing.runs.contracts.counted_runs import looked
from billing.runs.selection.left_out import LeftOut
from billing.store import tables
from billing.suspense.estimate import BASIS_NAMES
from rating.schema import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing.left_out.versions import Difference, Differences
    from billing.store.home import Home
    from billing.suspense.estimate import Estimates, Estimator


AS_CHARGED: Final = "charge"  # basis of the worth of what is billed and counts no more


class Version(msgspec.Struct, frozen=True):
    """One version of a record: duration in microseconds, bytes and units. `worth_micros` None: a decision gave the worth."""

    start_us: int
    duration_us: int
    bytes: int
    units: int
    worth_micros: int | None = None


class Versions(msgspec.Struct, frozen=True):
    """The versions of a record (`event_key`) that a closed period bills and that counts; None: nothing is billed, or counts.

    `counts_elsewhere`: the version that counts is of another subscription, and an entry of its own.
    """

    event_key: str
    billed: Version | None
    counts: Version | None
    counts_elsewhere: bool = False


class Entry(NamedTuple):
    """A difference as the list has it."""

    told: UnbilledRecord
    versions: Versions
    worth: tuple[int, str, str, str, str]  # micros, currency, basis, catalogue, tax class


def entries(home: Home, seq: int, found: Differences, estimator: Estimator) -> Iterator[Entry]:
    """An entry for each difference, with the worth by the tariffs of now."""
    if not found.found:
        return
    worth, owners, billed = estimator.estimates(found.rows), estimator.owners(found.rows), _accounts(home, found)
    for each, told in zip(found.found, told_of(home, seq, found), strict=True):
        entry = _entry(found, each, told, worth, estimator)
        if each.billed == NONE:
            yield entry._replace(told=msgspec.structs.replace(told, **owners[each.counts]._asdict()))
            continue
        account_id, timezone, currency = billed.of_key[each.account_key]
        whose = {"account_id": account_id, "timezone": timezone, "subscription_id": billed.subscriptions.get(each.subscription_key, "")}
        entry = entry._replace(told=msgspec.structs.replace(told, **whose))
        yield entry if each.counts != NONE else entry._replace(worth=(entry.worth[0], currency, AS_CHARGED, "", ""))


def told_of(home: Home, seq: int, found: Differences) -> Sequence[UnbilledRecord]:
    """The words about the record of each difference, by the key of the difference."""
    if not found.found:
        return ()
    usage = found.rows.take(pa.array([each.row for each in found.found], pa.int64()))
    usage = usage.set_column(0, usage.schema.field("event_key"), pa.array([each.key for each in found.found], KEY))
    assert usage.schema.names[0] == "event_key"
    reason = np.full(usage.num_rows, CODES[LeftOut.CLOSED], np.int8)
    told = tell_of(home, seq, usage, reason, np.array([each.run_id for each in found.found], np.int64))
    with home.connect() as connection:
        first = _FirstRuns(connection, seq, found, told)
        return tuple(msgspec.structs.replace(each, run_id=first.of(of.event_key, each)) for of, each in zip(found.found, told, strict=True))


class _FirstRuns:
    """The runs that first left bills as they were, after versions of their records had changed."""

    def __init__(self, connection: sa.Connection, seq: int, found: Differences, told: Sequence[UnbilledRecord]) -> None:
        self._runs, self._counting = looked(connection, seq)[::-1], Counting(connection, seq)
        self._keys = picture.account_keys(connection, {each.account_id for each in told if each.account_id})
        self._customers = picture.load(connection, self._keys.values(), seq).customers
        mark, events = tables.suspense.c, sorted({each.event_key for each in found.found})
        self._changed: dict[bytes, int] = {}
        for lot in in_chunks(events):
            query = sa.select(mark.event_key, sa.func.max(mark.commit_seq)).where(mark.event_key.in_(lot), mark.reason != SUPERSEDED)
            rows = connection.execute(query.where(mark.commit_seq <= seq).group_by(mark.event_key))
            self._changed.update((bytes(key), int(commit)) for key, commit in rows)

    def of(self, event_key: bytes, told: UnbilledRecord) -> int:
        """The oldest run of the account since the change that found its period closed; where none is known, the one that tells of it."""
        if not told.account_id or not told.closed_since:
            return told.run_id
        key, since = self._keys[told.account_id], dt.date.fromisoformat(told.closed_since)
        customer, changed = self._customers[key], self._changed.get(event_key, 0)
        own = (run for run in self._runs if run.pinned_seq >= changed and run.bill_date >= since and customer.is_edge(run.bill_date))
        named = (run for run in own if run.only is None or told.account_id in run.only)
        return next((run.run_id for run in named if not self._counting.gone(run.run_id, [key])), told.run_id)


def versions_of(found: Differences, each: Difference, billed_micros: int | None = None, counts_micros: int | None = None) -> Versions:
    """Both versions of a difference."""
    billed, counts = _version(found.rows, each.billed, billed_micros), _version(found.rows, each.counts, counts_micros)
    elsewhere = counts is None and each.event_key in found.counting
    return Versions(each.event_key.hex(), billed, counts, elsewhere)


def _entry(found: Differences, each: Difference, told: UnbilledRecord, worth: Estimates, estimator: Estimator) -> Entry:
    """The entry of a difference, by its estimates."""
    is_whole = NONE not in {each.billed, each.counts}
    counts = 0 if each.counts == NONE else int(worth.micros[each.counts])
    billed = int(worth.micros[each.billed]) if is_whole else each.charge_micros
    versions = versions_of(found, each, billed if each.billed != NONE else None, counts if each.counts != NONE else None)
    row = each.billed if each.counts == NONE else each.counts
    return Entry(told, versions, (counts - billed, worth.currency_of(row), BASIS_NAMES[worth.basis[row]], *estimator.taxed_as(worth, row)))


class _Billed(NamedTuple):
    of_key: dict[int, tuple[str, str, str]]  # id, clock and currency of an account
    subscriptions: dict[int, str]


def _accounts(home: Home, found: Differences) -> _Billed:
    """The accounts and subscriptions that were billed, by key."""
    account, subscription = tables.accounts.c, tables.subscriptions.c
    known, columns = _Billed({}, {}), (account.account_key, account.account_id, account.timezone, account.currency)
    with home.connect() as connection:
        for lot in in_chunks(sorted({each.account_key for each in found.found})):
            query = sa.select(*columns).where(account.account_key.in_(lot))
            known.of_key.update({int(key): (name, zone, currency) for key, name, zone, currency in connection.execute(query)})
        for lot in in_chunks(sorted({each.subscription_key for each in found.found})):
            held = sa.select(subscription.subscription_key, subscription.subscription_id).where(subscription.subscription_key.in_(lot))
            known.subscriptions.update({int(key): str(name) for key, name in connection.execute(held)})
    return known


def _version(rows: pa.Table, row: int, worth_micros: int | None) -> Version | None:
    if row == NONE:
        return None
    names = ("duration_us", "bytes_up", "bytes_down", "units")
    duration, up, down, units = (int(_value(rows, name, row) or 0) for name in names)
    return Version(int(rows["start_us"].cast(pa.int64())[row].as_py()), duration, up + down, units, worth_micros)


def _value(rows: pa.Table, name: str, row: int) -> Any:  # noqa: ANN401 -- a value of Arrow
    return rows[name][row].as_py()

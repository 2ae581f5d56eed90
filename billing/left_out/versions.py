"""Records that a closed period bills otherwise than they count: another version counts since, or none.

A period may close between a choice among versions and the run that would have corrected its bill. The bill is final then. Of what it
holds the version that it billed is one side of a difference, and the version that counts is the other. Where both are of one subscription
they are one difference, else two: what was billed, and what counts. Differences of calls and sessions that assembly changed are others
(`billing.left_out.changed`). A difference is open until a person decides on it, by a key of its own: the record stays what it is.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing import late_decisions
from billing.accounts import picture, still_open
from billing.guiding import Guide
from billing.intake import marks, view
from billing.intake.marks import COMMIT_SEQ
from billing.left_out.off_bills import off_bills
from billing.left_out.taken_off import taken_off
from billing.runs.charge_files import micros_of
from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.counted_runs import all_looked, looked
from billing.runs.contracts.fact_columns import integers
from billing.runs.contracts.uninvoiced_accounts import DaysForTests
from billing.store import bulk, tables
from rating.dates import BEFORE_ALL
from rating.schema import KEY, USAGE_V1, UsageFlag
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from billing.store.home import Home

NONE: Final = -1
_COLUMNS: Final = (*USAGE_V1.names, COMMIT_SEQ)
_CHARGE: Final = ("event_key", OWNER, "subscription_id", "status", "period_from", "charge_micros")
_WAITS: Final = (marks.CONFLICTING, marks.FUTURE_TIME, marks.TOO_OLD)
_OF_ASSEMBLY: Final = int(UsageFlag.ASSEMBLED | UsageFlag.PARTIAL)
_NOTHING: Final = bytes(16)  # in the place of a version that there is not


class Difference(NamedTuple):
    """One difference, by its own key. `billed`, `counts`: rows of `Differences.rows`, NONE where one side is nothing.

    `account_key`, `subscription_key` and `charge_micros` are those of the charge, 0 where nothing is billed. `run_id`: the newest run,
    which left the bill as it is.
    """

    key: bytes
    event_key: bytes
    billed: int
    counts: int
    run_id: int
    account_key: int = 0
    subscription_key: int = 0
    charge_micros: int = 0

    @property
    def row(self) -> int:
        """The row that tells of it: that which is billed, else that which counts."""
        return self.counts if self.billed == NONE else self.billed


class Differences(NamedTuple):
    """Differences in order of time. `rows`: stored versions, as USAGE_V1 with the commit of each. `counting`: events that count by now."""

    rows: pa.Table
    found: tuple[Difference, ...]
    counting: frozenset[bytes] = frozenset()


class _Charge(NamedTuple):
    """The newest charge of an event, as a run made it that pinned a commit."""

    account_key: int
    subscription_key: int
    period_from: dt.date
    micros: int
    pinned_seq: int


def differences(home: Home, seq: int, only: Collection[bytes] | None = None) -> Differences:
    """The differences of all records as of `seq`, or of `only` these events, decided on or not. Periods are closed as of now.

    While versions are in doubt the choice comes first.
    """
    rows, of_event, charges = _final(home, seq, only)
    contents: list[Any] = rows["content_hash"].to_pylist()
    with home.connect() as connection:
        doubtful = _in_doubt(connection, seq) if of_event else set()
        run_id = max((run.run_id for run in looked(connection, seq)), default=0)
    sides = {
        key: (billed, counts)
        for key, (billed, counts) in of_event.items()
        if key not in doubtful and (counts == NONE or contents[counts] != contents[billed])
    }
    owners = _owners(home, seq, rows)
    found = [each for key, side in sides.items() for each in _of_event(rows, side, charges[key], owners, run_id)]
    start_us = int64(rows["start_us"])
    counting = frozenset(key for key, (_, counts) in sides.items() if counts != NONE)
    return Differences(rows, tuple(sorted(found, key=lambda each: (int(start_us[each.row]), each.key))), counting)


def open_differences(home: Home, seq: int) -> Differences:
    """The differences without a decision."""
    found = differences(home, seq)
    if not found.found:
        return found
    with home.connect() as connection:
        decided = set(late_decisions.decided(connection, seq).keys.to_pylist())
    return found._replace(found=tuple(each for each in found.found if each.key not in decided))


def as_billed(home: Home, seq: int) -> marks.Versions | None:
    """The stored row that a final bill has of each record which lost versions since, for any version that counts now; None: there is none.

    Decided on or not, and in doubt or not: later versions are for people to bill.
    """
    rows, of_event, _ = _final(home, seq)
    if not of_event:
        return None
    keys, commits = sorted(of_event), int64(rows[COMMIT_SEQ])
    return marks.Versions(marks.keys_array(keys), commits[[of_event[key][0] for key in keys]])


def of_keys(home: Home, seq: int, wanted: Collection[bytes]) -> Differences:
    """Differences of these keys, whether they stand or not: a void may have opened the period of one that was decided on."""
    if not wanted:
        return Differences(view.schema_of(_COLUMNS).empty_table(), ())
    with home.connect() as connection:
        marked = sa.select(tables.suspense.c.event_key).where(tables.suspense.c.event_key.is_not(None), tables.suspense.c.commit_seq <= seq)
        keys = sorted({bytes(key) for key in connection.execute(marked).scalars()})
        run_id = max((run.run_id for run in looked(connection, seq)), default=0)
        hidden = marks.hidden(connection, seq)
    rows = view.of_keys(home, _COLUMNS, seq, marks.keys_array(keys))
    events, contents = _texts(rows, "event_key"), _texts(rows, "content_hash")
    of_event: dict[bytes, dict[bytes, int]] = {}
    for row, (event, content) in enumerate(zip(events, contents, strict=True)):
        of_event.setdefault(event, {_NOTHING: NONE}).setdefault(content, row)
    pairs = (
        Difference(_key(event, billed, counts), event, at, to, run_id)
        for event, versions in of_event.items()
        for billed, at in versions.items()
        for counts, to in versions.items()
        if billed != counts
    )
    counting = frozenset(events[row] for row in np.flatnonzero(~marks.is_hidden(rows, hidden)).tolist())
    return Differences(rows, tuple(each for each in pairs if each.key in wanted), counting)


class _Final(NamedTuple):
    """Events on final bills that lost versions since: rows, and those that are billed and that count (NONE: none does) of each."""

    rows: pa.Table
    of_event: dict[bytes, tuple[int, int]]
    charges: dict[bytes, _Charge]


def _final(home: Home, seq: int, only: Collection[bytes] | None = None) -> _Final:
    """Such events, all of them or those of `only`."""
    with home.connect() as connection:
        changed = _changed(connection, seq)
        changed = changed if only is None else {key: commit for key, commit in changed.items() if key in only}
        charges = _charges(home, connection, seq, changed) if changed else {}
    off: list[Any] = [*taken_off(home, seq, charges).to_pylist(), *off_bills(home, seq, charges).to_pylist()] if charges else []
    for key in set(off):
        charges.pop(key)
    rows = view.of_keys(home, _COLUMNS, seq, marks.keys_array(sorted(charges)))
    with home.connect() as connection:
        sides = _sides(connection, seq, rows, charges)
        closed = _closed(connection, seq, {charges[key] for key in sides})
    return _Final(rows, {key: side for key, side in sides.items() if charges[key] in closed}, charges)


def _changed(connection: sa.Connection, seq: int) -> dict[bytes, int]:
    """Events that lost versions, by people or a later file, after a run had read their time; each with the last such commit."""
    row = tables.suspense.c
    query = sa.select(row.event_key, row.commit_seq, row.start_us).where(row.event_key.is_not(None), row.reason != marks.SUPERSEDED)
    found = bulk.read(connection, query.where(row.commit_seq <= seq).order_by(row.commit_seq))
    if not found.num_rows:
        return {}
    commits, start_us = (integers(found[name], BEFORE_ALL) for name in ("commit_seq", "start_us"))
    is_late = start_us < all_looked(connection).ends_us(commits)  # marks of homes before r0003 have no start
    keys: list[Any] = found["event_key"].filter(pa.array(is_late)).to_pylist()
    return {bytes(key): seq for key, seq in zip(keys, commits[is_late].tolist(), strict=True)}


def _charges(home: Home, connection: sa.Connection, seq: int, changed: dict[bytes, int]) -> dict[bytes, _Charge]:
    """The newest charge of each event that was priced, where it changed since."""
    found, rest, counting = dict[bytes, _Charge](), dict(changed), Counting(connection, seq)
    for run in looked(connection, seq):
        wanted = pc.field("event_key").isin(marks.keys_array(sorted(rest)))
        charges = counting.billed(run.run_id, read_charges(home.path, charge_paths(connection, run.run_id), _CHARGE, wanted))
        micros = int64(micros_of(charges["charge_micros"])).tolist()
        for charge, charge_micros in zip(charges.drop_columns(["charge_micros"]).to_pylist(), micros, strict=True):
            key = charge["event_key"]
            if rest.pop(key) > run.pinned_seq and charge["status"] < int(REFUSALS_FROM):
                found[key] = _Charge(charge[OWNER], charge["subscription_id"], charge["period_from"], charge_micros, run.pinned_seq)
        if not rest:
            break
    return found


def _sides(connection: sa.Connection, seq: int, rows: pa.Table, charges: dict[bytes, _Charge]) -> dict[bytes, tuple[int, int]]:
    """The rows of each event that are billed and that count, without calls and sessions that assembly changed."""
    events = _texts(rows, "event_key")
    commits, hidden = int64(rows[COMMIT_SEQ]), marks.is_hidden(rows, marks.hidden(connection, seq))
    of_assembly = (rows["flags"].to_numpy() & _OF_ASSEMBLY) != 0
    billed: dict[bytes, int] = {}
    counts = {events[row]: row for row in np.flatnonzero(~hidden).tolist()}
    for row in np.argsort(commits, kind="stable").tolist():
        if commits[row] <= charges[events[row]].pinned_seq:
            billed[events[row]] = row
    sides = {key: (row, counts.get(key, NONE)) for key, row in billed.items()}
    return {key: (row, now) for key, (row, now) in sides.items() if not (of_assembly[row] or (now != NONE and of_assembly[now]))}


def _in_doubt(connection: sa.Connection, seq: int) -> set[bytes]:
    """Events with a row that waits for a decision."""
    row, decision = tables.suspense.c, tables.suspense_decisions.c
    decided = sa.exists().where(decision.suspense_id == row.suspense_id, decision.commit_seq <= seq)
    query = sa.select(row.event_key).where(row.event_key.is_not(None), row.reason.in_(_WAITS), row.commit_seq <= seq, ~decided)
    return {bytes(key) for key in connection.execute(query).scalars()}


def _closed(connection: sa.Connection, seq: int, charges: Collection[_Charge]) -> set[_Charge]:
    """Those charges whose period no later bill corrects, without those of accounts for tests."""
    keys = sorted({charge.account_key for charge in charges})
    tests = DaysForTests(connection, keys, seq)
    open_from = {key: still_open.open_from(connection, picture.load(connection, [key]), key) for key in keys}
    return {
        charge
        for charge in charges
        if charge.period_from < open_from[charge.account_key] and not tests.holds(charge.account_key, charge.period_from)
    }


def _owners(home: Home, seq: int, rows: pa.Table) -> Sequence[int]:
    """The subscription that owns each row by the facts as of now; below zero: none does."""
    if not rows.num_rows:
        return ()
    owners: list[int] = Guide(home, seq).resolve(one_chunk(rows["served_id"]), int64(rows["start_us"])).tolist()
    return owners


def _of_event(rows: pa.Table, side: tuple[int, int], charge: _Charge, owners: Sequence[int], run_id: int) -> Iterator[Difference]:
    billed, counts = side
    event: Any = rows["event_key"][billed].as_py()
    old: Any = rows["content_hash"][billed].as_py()
    new: Any = _NOTHING if counts == NONE else rows["content_hash"][counts].as_py()
    whose = charge.account_key, charge.subscription_key, charge.micros
    if counts == NONE or owners[counts] == charge.subscription_key:
        yield Difference(_key(event, old, new), event, billed, counts, run_id, *whose)
        return
    yield Difference(_key(event, old, _NOTHING), event, billed, NONE, run_id, *whose)
    yield Difference(_key(event, _NOTHING, new), event, NONE, counts, run_id)


def _key(event: bytes, billed: bytes, counts: bytes) -> bytes:
    """The key by which people decide on a difference: of the event and both versions."""
    return hashlib.blake2b(b"versions" + event + billed + counts, digest_size=KEY.byte_width).digest()


def _texts(rows: pa.Table, name: str) -> list[Any]:
    values: list[Any] = rows[name].to_pylist()
    return values

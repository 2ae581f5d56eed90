"""Usage that stays on a bill though a later commit places it elsewhere: another version of its record is kept, or its number moved.

The next run of the account that was billed takes such usage off where the period is open then: it is billed where it belongs now. Where
the period is closed by then, its bill is final and the usage stays on it. Where the other place is in an open period, it would be billed
twice.
"""

from __future__ import annotations

import bisect
import collections
import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.intake.marks import SUPERSEDED
from billing.runs.contracts.columns import index_of, int64, one_chunk
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.fact_columns import day_number, day_of
from billing.runs.contracts.facts import EPOCH_INSTANT, MICROSECOND
from billing.runs.selection import next_bills
from billing.store import settings, tables
from rating.schema import KEY
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing.runs.contracts.contracts import Contracts
    from billing.runs.contracts.facts import Account
    from billing.runs.selection.scope import Scope
    from billing.store.home import Home

COUNTED: Final = ("numbered", "posted")
CYCLE: Final = "cycle"
_COLUMNS: Final = ["event_key", OWNER, "status", "period_from"]
_DAY_US: Final = 86_400_000_000
_PERIOD_DAYS_MIN: Final = 28
_PERIOD_DAYS_MAX: Final = 62  # a cycle, or a stub on the way to another bill day


class Run(NamedTuple):
    """A run of the cycle that counts."""

    run_id: int
    bill_date: dt.date
    pinned_seq: int


class _Changes(NamedTuple):
    """Commits that placed usage elsewhere, rising: by event key, and by index of the account that had a number before."""

    of_events: Mapping[bytes, list[int]]
    of_accounts: Mapping[int, list[int]]
    first_day: dt.date  # no such usage began before


def counted_runs(connection: sa.Connection, seq: int) -> list[Run]:
    """The runs of the cycle that count as of `seq`, the newest first."""
    run = tables.bill_runs.c
    query = sa.select(run.run_id, run.bill_date, run.pinned_seq).where(run.state.in_(COUNTED), run.commit_seq <= seq)
    query = query.where(sa.func.coalesce(run.kind, CYCLE) == CYCLE).order_by(run.run_id.desc())
    return [Run(row.run_id, dt.date.fromisoformat(row.bill_date), row.pinned_seq) for row in connection.execute(query)]


def find(home: Home, seq: int, contracts: Contracts, scope: Scope) -> set[bytes]:
    """Keys of the events that stay on the bill of a closed period, as of `seq`. Others may be among them that no open period holds."""
    assert scope.window is not None
    with home.connect() as connection:
        runs = counted_runs(connection, seq)
        reopen = settings.integer(connection, "reopen_periods_max", seq=seq)
        changes = _changes(connection, seq, contracts, scope, runs, reopen) if runs else None
        if changes is None:
            return set()
        counting = Counting(connection, seq)
        paths = {run.run_id: charge_paths(connection, run.run_id) for run in runs if run.bill_date > changes.first_day}
    final = _Final(contracts, scope, reopen)
    found = set[bytes]()
    ahead = set(changes.of_events)
    for run in runs:
        if run.run_id not in paths:
            continue
        accounts = pa.array(contracts.facts.account_keys[list(changes.of_accounts)], pa.int64())
        wanted = pc.field("event_key").isin(pa.array(sorted(ahead), KEY)) | pc.field(OWNER).isin(accounts)
        wanted &= pc.field("period_from") >= changes.first_day
        charges = counting.billed(run.run_id, read_charges(home.path, paths[run.run_id], _COLUMNS, wanted))
        found |= _final_of(run, charges, changes, ahead, final)
    return found


def _final_of(run: Run, charges: pa.Table, changes: _Changes, ahead: set[bytes], final: _Final) -> set[bytes]:
    """Those of the charges of one run that are final. Events are no longer `ahead` once a run had them, the newest first."""
    accounts = final.contracts.facts.account_index(int64(charges[OWNER])).tolist()
    days = int64(charges["period_from"].cast(pa.int32()))
    priced = charges["status"].to_numpy() < int(REFUSALS_FROM)
    names: list[Any] = one_chunk(charges["event_key"]).to_pylist()
    found = set[bytes]()
    for row, key in enumerate(names):
        account = accounts[row]
        if account < 0 or (key in changes.of_events and key not in ahead):
            continue
        ahead.discard(key)
        commits = sorted({*changes.of_events.get(key, ()), *changes.of_accounts.get(account, ())})
        later = bisect.bisect_right(commits, run.pinned_seq)
        if priced[row] and later < len(commits) and int(days[row]) < final.open_day(account, commits[later]):
            found.add(key)
    return found


class _Final:
    """The first day of the oldest period that was open to a run that knew a change, by account."""

    def __init__(self, contracts: Contracts, scope: Scope, reopen: int) -> None:
        self.contracts = contracts
        self._scope = scope
        self._reopen = reopen
        self._known: dict[tuple[int, int], int] = {}

    def open_day(self, account: int, commit_seq: int) -> int:
        """By the first run of an account (index) after a commit, done or to come, as a day number; the largest number: nothing is open."""
        if (account, commit_seq) not in self._known:
            self._known[account, commit_seq] = self._open_day(account, commit_seq)
        return self._known[account, commit_seq]

    def _open_day(self, index: int, commit_seq: int) -> int:
        facts, scope, covered = self.contracts.facts, self._scope, self._scope.covered_by
        account = facts.accounts[index]
        done = () if covered is None else covered.ever[int(covered.of[index])]
        date = next((run.bill_date for run in done if run.pinned_seq >= commit_seq), None)
        calendar = int(scope.calendar[index])
        if date is None and calendar >= 0:
            return _local_day(account, int(scope.open_us[calendar]))
        through = None if covered is None else covered.coverages[int(covered.of[index])]
        date = next_bills.date_of(account, through and through.through) if date is None else date
        first = next_bills.oldest_open(account, date, self._reopen)
        return first if calendar < 0 else min(first, day_number(scope.calendars[calendar][0].start))  # a void may have opened it again


def _local_day(account: Account, instant_us: int) -> int:
    return day_number((EPOCH_INSTANT + instant_us * MICROSECOND).astimezone(ZoneInfo(account.timezone)).date())


def _changes(  # noqa: PLR0913, PLR0917 -- as of when, and what is open
    connection: sa.Connection, seq: int, contracts: Contracts, scope: Scope, runs: Sequence[Run], reopen: int
) -> _Changes | None:
    """The changes since the window began of usage that is old enough to be on the bill of a closed period; None where there are none."""
    assert scope.window is not None
    commit = tables.commits.c
    first = sa.select(sa.func.min(commit.commit_seq)).where(commit.at_us >= scope.window.from_us, commit.commit_seq <= seq)
    since = max(connection.execute(first).scalar() or seq + 1, runs[-1].pinned_seq + 1)
    last_day = scope.bill_date + dt.timedelta(days=_PERIOD_DAYS_MAX - reopen * _PERIOD_DAYS_MIN)  # of what is closed at the next run
    until_us = contracts.midnights.instant_us("UTC", last_day)
    of_events, first_us = _versions(connection, since, seq, until_us)
    of_accounts = _owners_before(connection, since, seq, until_us, contracts)
    if not of_events and not of_accounts:
        return None
    first_day = min(first_us, scope.window.from_us) // _DAY_US - _PERIOD_DAYS_MAX
    return _Changes(of_events, of_accounts, day_of(first_day))


def _versions(connection: sa.Connection, since: int, seq: int, until_us: int) -> tuple[dict[bytes, list[int]], int]:
    """Marks in [since, seq], not of assembly, by event that has a version which began before an instant; and the first such beginning."""
    row = tables.suspense.c
    marked = sa.select(row.event_key).where(row.event_key.is_not(None), row.reason != SUPERSEDED)
    marked = marked.where(row.commit_seq >= since, row.commit_seq <= seq)
    query = sa.select(row.event_key, row.commit_seq, row.start_us).where(row.event_key.in_(marked), row.commit_seq <= seq)
    commits: dict[bytes, set[int]] = collections.defaultdict(set)
    first_us: dict[bytes, int] = {}
    for key, commit_seq, start_us in connection.execute(query):
        commits[bytes(key)].add(commit_seq)
        told_us = 0 if start_us is None else start_us  # marks of homes before r0003 have no start
        first_us[bytes(key)] = min(told_us, first_us.get(bytes(key), told_us))
    old = {key: sorted(commits[key]) for key, us in first_us.items() if us < until_us}
    return old, min((first_us[key] for key in old), default=until_us)


def _owners_before(connection: sa.Connection, since: int, seq: int, until_us: int, contracts: Contracts) -> dict[int, list[int]]:
    """By account (index) that had a number: the commits in [since, seq] that gave it to another one from before an instant on."""
    fact = tables.guiding_facts.c
    several = sa.select(fact.served_id).where(fact.commit_seq <= seq).group_by(fact.served_id)
    several = several.having(sa.func.count(sa.distinct(fact.subscription_key)) > 1)
    moved = sa.select(fact.served_id).where(fact.commit_seq >= since, fact.commit_seq <= seq, fact.from_us < until_us)
    query = sa.select(fact.served_id, fact.subscription_key, fact.commit_seq)
    query = query.where(fact.served_id.in_(moved), fact.served_id.in_(several), fact.commit_seq <= seq)
    facts = contracts.facts
    told: dict[str, list[tuple[int, int]]] = collections.defaultdict(list)
    for served_id, subscription_key, commit_seq in connection.execute(query.order_by(fact.commit_seq)):
        told[served_id].append((subscription_key, commit_seq))
    keys = sorted({key for each in told.values() for key, _ in each})
    place = index_of(facts.subscription_keys, np.array(keys, np.int64))
    owner = {key: int(facts.subscription_account[at]) for key, at in zip(keys, place.tolist(), strict=True) if at >= 0}
    commits: dict[int, set[int]] = collections.defaultdict(set)
    for each in told.values():
        for key, of_owner in each:
            if key in owner:
                commits[owner[key]].update(_later(each, of_owner, since))
    return {account: sorted(numbers) for account, numbers in commits.items() if numbers}


def _later(told: Iterable[tuple[int, int]], commit_seq: int, since: int) -> Iterable[int]:
    return (number for _, number in told if number > commit_seq and number >= since)

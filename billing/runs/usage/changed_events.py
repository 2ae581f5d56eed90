"""Usage that stays on a bill though a later commit places it elsewhere: another version of its record is kept, or its number moved.

The next run of the account that was billed takes such usage off where the period is open then: it is billed where it belongs now. Where
the period is closed by then, its bill is final and the usage stays on it. Where the other place is in an open period, it would be billed
twice. A charge is on a bill as long as no later run has computed its period without it.
"""

from __future__ import annotations

import collections
import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.intake.marks import SUPERSEDED
from billing.runs.contracts.columns import index_of, int64, one_chunk
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.counted_runs import Looked, looked
from billing.runs.contracts.fact_columns import day_number, day_of
from billing.runs.contracts.uninvoiced_accounts import DaysForTests
from billing.runs.selection import next_bills
from billing.runs.selection.computed_again import computed_again
from billing.store import settings, tables
from rating.schema import KEY
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from billing.runs.contracts.contracts import Contracts
    from billing.runs.selection.scope import Scope
    from billing.store.home import Home

_COLUMNS: Final = ["event_key", OWNER, "status", "period_from"]
_DAY_US: Final = 86_400_000_000
_PERIOD_DAYS_MIN: Final = 28
_PERIOD_DAYS_MAX: Final = 62  # a cycle, or a stub on the way to another bill day
_NEVER_US: Final = np.iinfo(np.int64).max
_Charge = tuple[bytes, int, int]  # event, index of its account, first day of its period


class _Changes(NamedTuple):
    """Usage that a later commit may have placed elsewhere: events, and all of accounts (indices) that had a number before."""

    of_events: frozenset[bytes]
    of_accounts: tuple[int, ...]
    first_day: dt.date  # no such usage began before


def find(home: Home, seq: int, contracts: Contracts, scope: Scope) -> set[bytes]:
    """Keys of the events that stay on the bill of a closed period, as of `seq`. Others may be among them that no open period holds."""
    assert scope.window is not None
    with home.connect() as connection:
        runs = looked(connection, seq)
        reopen = settings.integer(connection, "reopen_periods_max", seq=seq)
        changes = _changes(connection, seq, contracts, scope, runs, reopen) if runs else None
        if changes is None:
            return set()
        bills = _Bills(home, connection, seq, contracts, [run for run in runs if run.bill_date > changes.first_day], changes)
        opens = _Opens(contracts, scope, reopen)
        return {charge[0] for charge in bills.standing(lambda account, day: day < opens.first_day(account))}


class _Bills:
    """Charges of such usage by runs, the newest first."""

    def __init__(  # noqa: PLR0913, PLR0917 -- charges, and what they are judged by
        self, home: Home, connection: sa.Connection, seq: int, contracts: Contracts, runs: Sequence[Looked], changes: _Changes
    ) -> None:
        self._home, self._connection, self._facts, self._runs = home, connection, contracts.facts, runs
        self._counting = Counting(connection, seq)
        self._again: dict[int, Mapping[int, set[int]]] = {}
        owners = pa.array(self._facts.account_keys[list(changes.of_accounts)], pa.int64())
        wanted = pc.field("event_key").isin(pa.array(sorted(changes.of_events), KEY)) | pc.field(OWNER).isin(owners)
        wanted &= pc.field("period_from") >= changes.first_day
        self._charges = [self._priced(run, wanted) for run in runs]
        keys = self._facts.account_keys[sorted({account for charges in self._charges for _, account, _ in charges})]
        self._tests = DaysForTests(connection, keys.tolist(), seq)

    def standing(self, asked: Callable[[int, int], bool]) -> set[_Charge]:
        """The charges that are on a bill, of the accounts and periods that are `asked` for."""
        found = set[_Charge]()
        for place, charges in enumerate(self._charges):
            for charge in charges - found:
                _, account, day = charge
                if asked(account, day) and not self._is_for_tests(account, day) and not self._is_taken_off(place, charge):
                    found.add(charge)
        return found

    def _priced(self, run: Looked, wanted: Any) -> set[_Charge]:  # noqa: ANN401 -- an expression of Arrow
        paths = charge_paths(self._connection, run.run_id)
        charges = self._counting.billed(run.run_id, read_charges(self._home.path, paths, _COLUMNS, wanted))
        accounts = self._facts.account_index(int64(charges[OWNER])).tolist()
        days = int64(charges["period_from"].cast(pa.int32())).tolist()
        priced = (charges["status"].to_numpy() < int(REFUSALS_FROM)).tolist()
        keys: list[Any] = one_chunk(charges["event_key"]).to_pylist()
        rows = zip(keys, accounts, days, priced, strict=True)
        return {(key, account, day) for key, account, day, is_priced in rows if is_priced and account >= 0}

    def _is_for_tests(self, account: int, day: int) -> bool:
        return self._tests.holds(int(self._facts.account_keys[account]), day_of(day))

    def _is_taken_off(self, place: int, charge: _Charge) -> bool:
        """True where a newer run than that at `place` computed the period again, without this charge."""
        _, account, day = charge
        key = int(self._facts.account_keys[account])
        newer = (number for number in range(place) if charge not in self._charges[number])
        return any(day in self._computed_again(number).get(key, ()) for number in newer)

    def _computed_again(self, number: int) -> Mapping[int, set[int]]:
        if number not in self._again:
            self._again[number] = computed_again(self._home, self._connection, self._runs[number], self._counting).again
        return self._again[number]


class _Opens:
    """The first day of each account that this run computes, or that its next run opens: a charge from there on is no matter of the past."""

    def __init__(self, contracts: Contracts, scope: Scope, reopen: int) -> None:
        self._facts = contracts.facts
        self._scope = scope
        self._reopen = reopen
        self._known: dict[int, int] = {}

    def first_day(self, account: int) -> int:
        """As a day number; by index of the account."""
        if account not in self._known:
            self._known[account] = self._first_day(account)
        return self._known[account]

    def _first_day(self, index: int) -> int:
        calendar = int(self._scope.calendar[index])
        if calendar >= 0:
            return day_number(self._scope.calendars[calendar][0].start)
        account, covered = self._facts.accounts[index], self._scope.covered_by
        coverage = None if covered is None else covered.coverages[int(covered.of[index])]
        held = self._facts.agreed.holds
        holds = [
            span for other, spans in held.items() if self._facts.account_unit[other] == self._facts.account_unit[index] for span in spans
        ]
        date = next_bills.date_of(account, coverage and coverage.through, holds, self._scope.bill_date)
        first = next_bills.oldest_open(account, date, self._reopen)
        reopened = None if coverage is None else coverage.reopened_from
        return first if reopened is None else min(first, day_number(reopened))


def _changes(  # noqa: PLR0913, PLR0917 -- as of when, and what is open
    connection: sa.Connection, seq: int, contracts: Contracts, scope: Scope, runs: Sequence[Looked], reopen: int
) -> _Changes | None:
    """The changes since the window began of usage that is old enough to be on the bill of a closed period; None where there are none."""
    assert scope.window is not None
    commit = tables.commits.c
    first = sa.select(sa.func.min(commit.commit_seq)).where(commit.at_us >= scope.window.from_us, commit.commit_seq <= seq)
    since = max(connection.execute(first).scalar() or seq + 1, runs[-1].pinned_seq + 1)
    latest = max(scope.bill_date, *(run.bill_date for run in runs))
    last_day = latest + dt.timedelta(days=_PERIOD_DAYS_MAX - reopen * _PERIOD_DAYS_MIN)  # of what is closed at the next run
    until_us = contracts.midnights.instant_us("UTC", last_day)
    of_events, first_us = _versions(connection, since, seq, until_us)
    of_accounts = _owners_before(connection, since, seq, until_us, contracts)
    if not of_events and not of_accounts:
        return None
    first_day = min(first_us, scope.window.from_us) // _DAY_US - _PERIOD_DAYS_MAX
    return _Changes(of_events, of_accounts, day_of(first_day))


def _versions(connection: sa.Connection, since: int, seq: int, until_us: int) -> tuple[frozenset[bytes], int]:
    """Events marked in [since, seq], not by assembly, that have a version which began before an instant; and the first such beginning."""
    row = tables.suspense.c
    marked = sa.select(row.event_key).where(row.event_key.is_not(None), row.reason != SUPERSEDED)
    marked = marked.where(row.commit_seq >= since, row.commit_seq <= seq)
    query = sa.select(row.event_key, row.start_us).where(row.event_key.in_(marked), row.commit_seq <= seq)
    first_us: dict[bytes, int] = {}
    for key, start_us in connection.execute(query):
        told_us = 0 if start_us is None else start_us  # marks of homes before r0003 have no start
        first_us[bytes(key)] = min(told_us, first_us.get(bytes(key), told_us))
    old = frozenset(key for key, us in first_us.items() if us < until_us)
    return old, min((first_us[key] for key in old), default=until_us)


def _owners_before(connection: sa.Connection, since: int, seq: int, until_us: int, contracts: Contracts) -> tuple[int, ...]:
    """Accounts (indices) that ever had a number whose owner or end a commit in [since, seq] tells anew, from before an instant on."""
    fact = tables.guiding_facts.c
    told_again = sa.select(fact.served_id).where(fact.commit_seq <= seq).group_by(fact.served_id).having(sa.func.count() > 1)
    new = sa.select(fact.served_id).where(fact.commit_seq >= since, fact.commit_seq <= seq)
    columns = (fact.served_id, fact.subscription_key, fact.from_us, fact.to_us, fact.commit_seq)
    query = sa.select(*columns).where(fact.served_id.in_(new), fact.served_id.in_(told_again), fact.commit_seq <= seq)
    owners: dict[str, set[int]] = collections.defaultdict(set)
    ends: dict[tuple[str, int, int], int] = {}  # of each span as it was told last
    moved = set[str]()
    for number, subscription_key, from_us, to_us, commit_seq in connection.execute(query.order_by(fact.commit_seq, fact.fact_id)):
        span, end = (number, subscription_key, from_us), _NEVER_US if to_us is None else to_us
        changed_us = min(ends[span], end) if span in ends else from_us
        owners[number].add(subscription_key)
        ends[span] = end
        if commit_seq >= since and changed_us < until_us:
            moved.add(number)
    keys = sorted({key for number in moved for key in owners[number]})
    facts = contracts.facts
    place = index_of(facts.subscription_keys, np.array(keys, np.int64))
    return tuple(sorted(set(facts.subscription_account[place[place >= 0]].tolist())))

"""Usage that is on a bill though a later commit places it elsewhere: another version of its record is kept, or its number moved.

It stays on that bill until a run of the account that was billed takes it off. A run does so where the period is open to it. Where the
period is closed by then, the bill is final. A run of the account that has the usage by now leaves it out until then, and stores that it
did (`pending_periods`): its next run computes the period again. So usage is on one bill at any time. `standing_charges` says which charges
are on a bill.
"""

from __future__ import annotations

import collections
import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import sqlalchemy as sa

from billing.intake.marks import SUPERSEDED
from billing.runs.contracts.columns import index_of
from billing.runs.contracts.counted_runs import LookedUntil, looked
from billing.runs.selection.event_charges import ChargeFilter
from billing.runs.selection.interim_charges import interim_looks
from billing.runs.selection.standing_charges import HomeAsOf, StandingCharges
from billing.store import tables
from rating.dates import DAY_US, NEVER, day_number, day_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.runs.contracts.contracts import Contracts
    from billing.runs.contracts.counted_runs import Pinned
    from billing.runs.contracts.facts import Facts
    from billing.runs.selection.event_charges import Charge
    from billing.runs.selection.scope import Scope
    from billing.store.home import Home

_PERIOD_DAYS_MAX: Final = 62  # a cycle, or a stub on the way to another bill day


class Elsewhere(NamedTuple):
    """Usage on bills of accounts or periods that it may have left since.

    `stays`: keys of the events that this run leaves there. `moving`: keys of those on bills of periods that this run computes again, each
    with the account (key) that was billed. Others may be among both that have their place where they are billed.
    """

    stays: set[bytes]
    moving: dict[bytes, int]


class _Changes(NamedTuple):
    """Usage that a later commit may have placed elsewhere: events, and all of accounts (indices) that had a number before."""

    of_events: frozenset[bytes]
    of_accounts: tuple[int, ...]
    first_day: dt.date  # no such usage began before


def find(home: Home, seq: int, contracts: Contracts, scope: Scope, *, by_arrival: bool) -> Elsewhere:
    """The usage on bills that may have its place elsewhere as of `seq`. `by_arrival`: late usage may be billed where it arrives."""
    assert scope.window is not None
    with home.connect() as connection:
        runs: list[Pinned] = [*looked(connection, seq), *interim_looks(connection, seq)]
        changes = _changes(connection, seq, contracts, scope, runs, by_arrival=by_arrival) if runs else None
        if changes is None:
            return Elsewhere(set(), {})
        owners = frozenset[int](contracts.facts.account_keys[list(changes.of_accounts)].tolist())
        charges = StandingCharges(HomeAsOf(home, connection, seq), ChargeFilter(changes.of_events, owners, changes.first_day))
        computed = _ComputedDays(contracts.facts, scope, {charge.account_key for charge in charges.all()})
        stays = {charge.event_key for charge in charges.standing(lambda charge: not computed.holds(charge))}
    moving = (charge for charge in charges.all() if computed.holds(charge) and charge.event_key not in stays)
    return Elsewhere(stays, {charge.event_key: charge.account_key for charge in moving})


class _ComputedDays:
    """The days of each account (key) that this run computes, from the first period to the end of the last."""

    def __init__(self, facts: Facts, scope: Scope, account_keys: set[int]) -> None:
        keys = np.array(sorted(account_keys), np.int64)
        index = facts.account_index(keys)
        spans = [*(range(day_number(periods[0].start), day_number(periods[-1].end)) for periods in scope.calendars), range(0)]
        calendars: list[int] = np.append(scope.calendar, -1)[index].tolist()
        self._days = {key: spans[calendar] for key, calendar in zip(keys.tolist(), calendars, strict=True)}

    def holds(self, charge: Charge) -> bool:
        """Return whether the run computes the period of a charge."""
        return charge.day in self._days[charge.account_key]


def _changes(  # noqa: PLR0913 -- as of when, and what is open
    connection: sa.Connection, seq: int, contracts: Contracts, scope: Scope, runs: Sequence[Pinned], *, by_arrival: bool
) -> _Changes | None:
    """The changes since the window began of usage that a run may have billed before; None where there are none."""
    assert scope.window is not None
    commit = tables.commits.c
    first = sa.select(sa.func.min(commit.commit_seq)).where(commit.at_us >= scope.window.from_us, commit.commit_seq <= seq)
    since = max(connection.execute(first).scalar() or seq + 1, min(run.pinned_seq for run in runs) + 1)
    looked_until = LookedUntil(runs)
    of_events, first_us = _versions(connection, since, seq, looked_until)
    of_accounts, moved_us = _owners_before(connection, since, seq, looked_until, contracts)
    if not of_events and not of_accounts:
        return None
    first_us = min(first_us, moved_us if by_arrival else max(moved_us, scope.window.from_us))
    first_day = max(first_us // DAY_US - _PERIOD_DAYS_MAX, day_number(dt.date.min))
    return _Changes(of_events, of_accounts, day_of(first_day))


def _versions(connection: sa.Connection, since: int, seq: int, looked_until: LookedUntil) -> tuple[frozenset[bytes], int]:
    """Events marked in [since, seq], not by assembly, with a version that may have been billed before; and the first beginning of any."""
    row = tables.suspense.c
    marked = sa.select(row.event_key, sa.func.max(row.commit_seq).label("seq")).where(row.event_key.is_not(None), row.reason != SUPERSEDED)
    marks = marked.where(row.commit_seq >= since, row.commit_seq <= seq).group_by(row.event_key).subquery()
    query = sa.select(row.event_key, row.start_us, marks.c.seq).join_from(tables.suspense, marks, row.event_key == marks.c.event_key)
    first_us: dict[bytes, int] = {}
    mark_seqs: dict[bytes, int] = {}
    for key, start_us, mark_seq in connection.execute(query.where(row.commit_seq <= seq)):
        told_us = 0 if start_us is None else start_us  # marks of homes before r0003 have no start
        first_us[bytes(key)] = min(told_us, first_us.get(bytes(key), told_us))
        mark_seqs[bytes(key)] = mark_seq
    ends_us = looked_until.ends_us(np.array(list(mark_seqs.values()), np.int64)).tolist()
    found = frozenset(key for key, end_us in zip(mark_seqs, ends_us, strict=True) if first_us[key] < end_us)
    return found, min((first_us[key] for key in found), default=NEVER)


def _owners_before(
    connection: sa.Connection, since: int, seq: int, looked_until: LookedUntil, contracts: Contracts
) -> tuple[tuple[int, ...], int]:
    """Accounts (indices) that ever had a number whose owner or end a commit in [since, seq] changes, from before its last bill on.

    And the first instant that such a commit changes.
    """
    fact = tables.guiding_facts.c
    told_again = sa.select(fact.served_id).where(fact.commit_seq <= seq).group_by(fact.served_id).having(sa.func.count() > 1)
    new = sa.select(fact.served_id).where(fact.commit_seq >= since, fact.commit_seq <= seq)
    columns = (fact.served_id, fact.subscription_key, fact.from_us, fact.to_us, fact.commit_seq)
    query = sa.select(*columns).where(fact.served_id.in_(new), fact.served_id.in_(told_again), fact.commit_seq <= seq)
    owners: dict[str, set[int]] = collections.defaultdict(set)
    ends: dict[tuple[str, int, int], int] = {}  # of each span as it was told last
    changes = list[tuple[str, int, int]]()
    for number, subscription_key, from_us, to_us, commit_seq in connection.execute(query.order_by(fact.commit_seq, fact.fact_id)):
        span, end = (number, subscription_key, from_us), NEVER if to_us is None else to_us
        changed_us = min(ends[span], end) if span in ends else from_us
        owners[number].add(subscription_key)
        ends[span] = end
        if commit_seq >= since:
            changes.append((number, changed_us, commit_seq))
    ends_us = looked_until.ends_us(np.array([commit_seq for _, _, commit_seq in changes], np.int64)).tolist()
    before = [(number, changed_us) for (number, changed_us, _), end_us in zip(changes, ends_us, strict=True) if changed_us < end_us]
    moved = {number for number, _ in before}
    keys = sorted({key for number in moved for key in owners[number]})
    facts = contracts.facts
    place = index_of(facts.subscription_keys, np.array(keys, np.int64))
    indices = sorted(set(facts.subscription_account[place[place >= 0]].tolist()))
    return tuple(indices), min((changed_us for _, changed_us in before), default=NEVER)

"""Amounts that each run's periods left of allowances that roll over, in the table `carried_allowances`.

A run prices only open periods. The period before the oldest of them is closed, and nothing changes what it left: the last run in which it
was open computed that. So every run stores what each of its periods leaves, zeros as well, and a row that says so where it leaves
nothing. The next run finds it for any oldest open period, and nothing older. Rows are written with the numbering of a run: one that is
resumed or made again replaces none.

A re-rating stores what its periods leave of what it corrects, of some subscriptions and shared allowances. It says so with a `word` of
each, which takes the place of what runs before it knew of these and of nothing else. Its rows are those of the last run of its job. They
count until a document of the job is void at any account of the rating unit.

Rows of a run that was undone for an account, and of what was computed on top of it, count no more (`billing.accounts.undone`).
"""

from __future__ import annotations

import collections
import datetime as dt
import functools
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.accounts import covering, undone
from billing.accounts.covering import RERATE, later_runs
from billing.allocations.items import CHUNK
from billing.charges.grants import AllowanceKey
from billing.charges.rollover import SHARED, Left, nothing_left
from billing.runs.contracts.counted_runs import Gone
from billing.runs.contracts.facts import load
from billing.store import bulk, tables
from billing.store.voids import VOIDED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from billing.accounts.covering import KnownBy
    from billing.runs.contracts.facts import Facts
    from billing.runs.selection.scope import Scope

_ANY: Final = AllowanceKey("", 0)
CLASHING: Final = "what it has left of an allowance was worked out twice"


def stored(
    connection: sa.Connection, facts: Facts, chosen: Scope, before_run: int | None = None, *, known: KnownBy | None = None
) -> list[Left]:
    """Amounts that accounts have left at the date on which their oldest computed period begins, as the last run knew them.

    `before_run`: as that run knew them; `known`: the limit of known documents, and of runs by the dates of theirs.
    """
    found = _counting(connection, facts, set(chosen.begins(facts).items()), before_run, known)
    return [left for of_account in found.values() for left in of_account]


def counts(connection: sa.Connection, facts: Facts, lefts: Sequence[Left]) -> bool:
    """Return whether the amounts that a re-rating leaves are those that count as left already."""
    given = {left for left in lefts if left.amount}
    about = {_topic(left) for left in lefts if _is_word(left)}
    found = _counting(connection, facts, {(account, end) for account, end, *_ in about})
    return given == {left for of_account in found.values() for left in of_account if left.amount and _topic(left) in about}


def _counting(
    connection: sa.Connection,
    facts: Facts,
    ends: Collection[tuple[int, dt.date]],
    before_run: int | None = None,
    known: KnownBy | None = None,
) -> dict[tuple[int, dt.date], list[Left]]:
    """Amounts that accounts (keys) had left at the ends of periods, as the last run knew them."""
    row = tables.carried_allowances.c
    if not ends:
        return {}
    query = sa.select(tables.carried_allowances).where(row.period_end.in_({day.isoformat() for _, day in ends}))
    if before_run is not None:
        query = query.where(row.run_id < before_run)
    later = later_runs(connection, known.until) if known is not None else set()
    reratings = _reratings(connection)
    void = _void(connection, facts, reratings, before_run, known) if reratings else set()
    void |= _undone(connection, facts, {account_key for account_key, _ in ends}, before_run, known)
    found: dict[tuple[int, dt.date], list[Left]] = {}
    last: dict[tuple[int, dt.date], int] = {}
    for each in connection.execute(query.order_by(row.run_id, row.serves_to)):  # a word comes before what takes the place of others
        at = (each.account_key, dt.date.fromisoformat(each.period_end))
        if at not in ends or each.run_id in later or (each.run_id, each.account_key) in void:
            continue
        key = AllowanceKey(each.identity, each.allowance_id)
        left = Left(at[0], each.subscription_key, each.plan, key, at[1], dt.date.fromisoformat(each.serves_to), each.quantity)
        if each.run_id in reratings:
            if _is_word(left):
                found[at] = [other for other in found.get(at, []) if _topic(other) != _topic(left)]
        elif last.get(at) != each.run_id:
            last[at], found[at] = each.run_id, []
        found.setdefault(at, []).append(left)
    return found


def word(account_key: int, subscription_key: int, period_end: dt.date, key: AllowanceKey = _ANY) -> Left:
    """Says that a re-rating speaks of all that a subscription had left then, or of what a rating unit had left of an allowance."""
    return nothing_left(account_key, period_end)._replace(subscription_key=subscription_key, key=key)


def store(connection: sa.Connection, run_id: int, lefts: Sequence[Left]) -> None:
    """Store what a re-rating leaves, with the last run of its job."""
    if lefts:
        columns = pa.Table.from_pylist(rows(run_id, lefts))
        bulk.insert(connection, tables.carried_allowances, {name: columns[name] for name in columns.column_names})


def clashing(lefts: Iterable[Left]) -> dict[int, str]:
    """Accounts (keys) that a run has two amounts of one leftover for, and the reason: a mistake of ours, for which they are put aside."""
    counts = collections.Counter(left._replace(plan="", amount=0) for left in lefts)
    return {left.account_key: CLASHING for left, count in counts.items() if count > 1}


def rows(run_id: int, lefts: Iterable[Left]) -> list[dict[str, object]]:
    """Rows of the table."""
    return [
        {
            "run_id": run_id,
            "account_key": left.account_key,
            "subscription_key": left.subscription_key,
            "identity": left.key.identity,
            "allowance_id": left.key.allowance_id,
            "period_end": left.period_end.isoformat(),
            "serves_to": left.serves_to.isoformat(),
            "plan": left.plan,
            "quantity": left.amount,
        }
        for left in lefts
    ]


def _is_word(left: Left) -> bool:
    return left.serves_to == left.period_end


def _topic(left: Left) -> tuple[int, dt.date, int, AllowanceKey]:
    """The subject of a word, and of what it takes the place of: all of a subscription, or an allowance of a rating unit."""
    return left.account_key, left.period_end, left.subscription_key, left.key if left.subscription_key == SHARED else _ANY


def _reratings(connection: sa.Connection) -> dict[int, int]:
    """Re-ratings, each with its pinned commit."""
    run = tables.bill_runs.c
    return {row.run_id: row.pinned_seq for row in connection.execute(sa.select(run.run_id, run.pinned_seq).where(run.kind == RERATE))}


def _undone(
    connection: sa.Connection, facts: Facts, account_keys: Collection[int], before_run: int | None, known: KnownBy | None
) -> set[tuple[int, int]]:
    """Runs and accounts for which they were undone, and those that were computed on top of these."""
    if not undone.load(connection):
        return set()
    some = sorted(account_keys) if len(account_keys) <= CHUNK else None
    history = covering.load(connection, before_run=before_run, known=known, account_keys=some)
    seqs = dict(zip(facts.account_keys.tolist(), facts.account_seq.tolist(), strict=True))
    gone = Gone(connection, history, seqs)
    return {(run_id, key) for key in account_keys for run_id in gone.runs(key)}


def _void(
    connection: sa.Connection, facts: Facts, reratings: Mapping[int, int], before_run: int | None, known: KnownBy | None
) -> set[tuple[int, int]]:
    """Runs of re-ratings and accounts for which they do not count: a document of the job is void in the rating unit.

    Nor do those that were computed on top of it before the void.
    """
    invoice, event, run = tables.invoices, tables.invoice_events.c, tables.bill_runs.c
    own, other = tables.rerate_decisions.alias("own"), tables.rerate_decisions.alias("other")
    first = sa.select(sa.func.min(other.c.run_id)).where(other.c.job_id == own.c.job_id).scalar_subquery()
    query = sa.select(first, invoice.c.account_key, event.commit_seq).join_from(tables.invoice_events, invoice)
    query = query.join(own, own.c.run_id == invoice.c.run_id).where(event.kind == VOIDED)
    if known is not None:
        query = query.where(event.commit_seq <= known.as_of, event.on_date <= known.until.isoformat())
    elif before_run is not None:
        query = query.where(event.commit_seq <= sa.select(run.pinned_seq).where(run.run_id == before_run).scalar_subquery())
    found: set[tuple[int, int]] = set()
    units = _Units(connection, facts)
    for job_run, account_key, void_seq in connection.execute(query).all():
        of_unit = units.of(account_key, reratings[job_run])
        runs = [run_id for run_id, pinned_seq in reratings.items() if run_id >= job_run and pinned_seq < void_seq]
        found |= {(run_id, key) for run_id in runs for key in of_unit}
    return found


class _Units:
    """Rating units as they were: an account may have joined since."""

    def __init__(self, connection: sa.Connection, facts: Facts) -> None:
        self._now = facts
        self._as_of = functools.cache(lambda seq: load(connection, seq))

    def of(self, account_key: int, seq: int) -> list[int]:
        """The keys of the accounts of a unit as of a commit. Who is alone now was alone before."""
        now = _members(self._now, account_key)
        return now if len(now) == 1 else _members(self._as_of(seq), account_key)


def _members(facts: Facts, account_key: int) -> list[int]:
    unit = facts.account_unit[facts.account_keys == account_key]
    found: list[int] = facts.account_keys[np.isin(facts.account_unit, unit)].tolist()
    return found

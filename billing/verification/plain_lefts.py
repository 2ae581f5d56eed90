"""Allowances left by earlier runs to the periods with which a run begins, read from `carried_allowances` in plain code.

Nothing here is of `billing.runs.usage`, nor of `billing.accounts.covering` and `undone`, by which runs read the same rows. The rules:
- A run knows the rows of runs before it. Of those about one account and day the rows of the last run hold.
- A row of a run counts no more that was undone for the account by the commit that the run was pinned to. Nor does one of a run that was
  computed after the undone one and before the undoing.
- A re-rating replaces what was left of the topics that it names: all of a subscription, or one allowance of a rating unit. A row that
  serves no day names a topic.
- A re-rating does not count for the accounts of a rating unit in which a document of its job is void by that commit. Nor does one that was
  computed on top of it before the void.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.charges.grants import AllowanceKey
from billing.charges.rollover import SHARED, Left
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

At = tuple[int, dt.date]  # an account (key), and the day on which a period ended
_RERATE: Final = "rerate"
_COUNTED: Final = ("numbered", "posted")
_NOT_LEFT_OUT: Final = "test"  # of accounts that a run put aside: their periods are computed all the same
_RELATIONS: Final = {"payer": "payer", "sponsor": "sponsor", "pool": "root"}  # kind of fact: the field that names the other account


class _Undo(NamedTuple):
    """A run that was undone, by which commit, and for whom; None: for all that took part."""

    run_id: int
    seq: int
    accounts: set[int] | None


def stored(connection: sa.Connection, run: Any, begins: Mapping[int, dt.date]) -> list[Left]:  # noqa: ANN401 -- a row of bill_runs
    """The quantities that accounts (keys) had left as their oldest computed periods began, as a run knew them."""
    row = tables.carried_allowances
    days = sorted({day.isoformat() for day in begins.values()})
    query = sa.select(row).where(row.c.run_id < run.run_id, row.c.period_end.in_(days)).order_by(row.c.run_id, row.c.serves_to)
    found: dict[At, dict[int, list[Left]]] = {}
    for each in connection.execute(query) if days else ():
        at = (each.account_key, dt.date.fromisoformat(each.period_end))
        if begins.get(at[0]) == at[1]:
            key = AllowanceKey(each.identity, each.allowance_id)
            left = Left(at[0], each.subscription_key, each.plan, key, at[1], dt.date.fromisoformat(each.serves_to), each.quantity)
            found.setdefault(at, {}).setdefault(each.run_id, []).append(left)
    reratings = _runs(connection, tables.bill_runs.c.kind == _RERATE)
    gone = _undone(connection, run, {at[0] for at in found}) | _void(connection, run, reratings)
    return [left for at, by_run in found.items() for left in _holding(at, by_run, reratings, gone)]


def first_billed(connection: sa.Connection, run: Any, account_key: int, end: dt.date) -> int | None:  # noqa: ANN401 -- a row of bill_runs
    """The commit that the first run before a run was pinned to of those that billed an account's period up to `end`; None: none did."""
    gone, before = _undone(connection, run, {account_key}), tables.bill_runs.c
    standing = _took_part(connection, run.run_id, {account_key})[account_key] - {run_id for run_id, _ in gone}
    pins = _runs(connection, before.bill_date >= end.isoformat())
    return next((pinned for run_id, pinned in pins.items() if run_id in standing), None)


def _holding(at: At, by_run: Mapping[int, Sequence[Left]], reratings: Mapping[int, int], gone: set[tuple[int, int]]) -> list[Left]:
    """The rows that hold of those about one account and day, by run in the order of runs."""
    counting = {run_id: lefts for run_id, lefts in by_run.items() if (run_id, at[0]) not in gone}
    last = max((run_id for run_id in counting if run_id not in reratings), default=-1)
    found = list(counting.get(last, ()))
    for run_id in sorted(each for each in counting if each in reratings and each > last):
        topics = {_topic(left) for left in counting[run_id] if left.serves_to == left.period_end}
        found = [left for left in found if _topic(left) not in topics] + list(counting[run_id])
    return found


def _topic(left: Left) -> tuple[int, AllowanceKey | None]:
    return left.subscription_key, left.key if left.subscription_key == SHARED else None


def _runs(connection: sa.Connection, *which: sa.ColumnElement[bool]) -> dict[int, int]:
    """Runs, oldest first, and the commit that each was pinned to."""
    run = tables.bill_runs.c
    query = sa.select(run.run_id, run.pinned_seq).where(*which).order_by(run.run_id)
    return {row.run_id: row.pinned_seq for row in connection.execute(query)}


def _undone(connection: sa.Connection, run: Any, accounts: set[int]) -> set[tuple[int, int]]:  # noqa: ANN401 -- a row of bill_runs
    """Runs and accounts for which these count no more."""
    undo, named = tables.run_undos.c, tables.run_undo_accounts.c
    query = sa.select(undo.undo_id, undo.run_id, undo.commit_seq, undo.restricted).where(undo.kind == "undone")
    undos: list[_Undo] = []
    for undo_id, run_id, seq, restricted in connection.execute(query.where(undo.commit_seq <= run.pinned_seq).order_by(undo.undo_id)).all():
        of = connection.execute(sa.select(named.account_key).where(named.undo_id == undo_id)).scalars() if restricted else None
        undos.append(_Undo(run_id, seq, None if of is None else set(of)))
    if not undos:
        return set()
    took_part, pins = _took_part(connection, run.run_id, accounts), _runs(connection)
    found: set[tuple[int, int]] = set()
    for key in accounts:
        left = set(took_part[key])
        for each in undos:
            if each.run_id in left and (each.accounts is None or key in each.accounts):
                cut = {run_id for run_id, pinned in pins.items() if run_id >= each.run_id and pinned < each.seq}
                left -= cut
                found |= {(run_id, key) for run_id in cut}
    return found


def _took_part(connection: sa.Connection, before_run: int, accounts: set[int]) -> dict[int, set[int]]:
    """By account the runs of the cycle before a run in which it took part."""
    run, named, aside, account = tables.bill_runs.c, tables.run_accounts.c, tables.quarantine.c, tables.accounts.c
    query = sa.select(run.run_id, run.pinned_seq, run.restricted).where(run.state.in_(_COUNTED), run.run_id < before_run)
    runs = connection.execute(query.where(run.kind == "cycle")).all()
    named_by = {tuple(each) for each in connection.execute(sa.select(named.run_id, named.account_key))}
    put_aside = sa.select(aside.run_id, aside.account_key).where(aside.kind != _NOT_LEFT_OUT)
    left_out = {tuple(each) for each in connection.execute(put_aside)}
    known = {key: seq for key, seq in connection.execute(sa.select(account.account_key, account.commit_seq)) if key in accounts}
    return {
        key: {
            each.run_id
            for each in runs
            if each.pinned_seq >= seq and (each.run_id, key) not in left_out and (not each.restricted or (each.run_id, key) in named_by)
        }
        for key, seq in known.items()
    }


def _void(connection: sa.Connection, run: Any, reratings: Mapping[int, int]) -> set[tuple[int, int]]:  # noqa: ANN401 -- a row of bill_runs
    """Re-ratings (run ids) and accounts for which they do not count."""
    invoice, event, decided = tables.invoices.c, tables.invoice_events.c, tables.rerate_decisions.c
    jobs = {run_id: job for run_id, job in connection.execute(sa.select(decided.run_id, decided.job_id)) if run_id is not None}
    query = sa.select(invoice.run_id, invoice.account_key, event.commit_seq)
    query = query.join_from(tables.invoice_events, tables.invoices, invoice.invoice_key == event.invoice_key)
    query = query.where(event.kind == "voided", event.commit_seq <= run.pinned_seq, invoice.run_id.in_(list(jobs)))
    found: set[tuple[int, int]] = set()
    for run_id, account_key, void_seq in connection.execute(query).all() if jobs else ():
        first = min(other for other, job in jobs.items() if job == jobs[run_id])
        members = _unit(connection, account_key, reratings[first])
        later = [other for other, pinned in reratings.items() if other >= first and pinned < void_seq]
        found |= {(other, key) for other in later for key in members}
    return found


def _unit(connection: sa.Connection, account_key: int, seq: int) -> set[int]:
    """The accounts of a rating unit as of a commit: all that any fact ever joined, one that was retracted as well."""
    account, fact = tables.accounts.c, tables.account_facts.c
    of, told = tables.subscriptions.c, tables.subscription_facts.c
    keys = {
        name: key for key, name in connection.execute(sa.select(account.account_key, account.account_id).where(account.commit_seq <= seq))
    }
    own = sa.select(fact.account_key, fact.kind, fact.detail).where(fact.commit_seq <= seq, fact.kind.in_(list(_RELATIONS)))
    split = sa.select(of.account_key, told.kind, told.detail).join_from(tables.subscription_facts, tables.subscriptions)
    pairs = [*connection.execute(own), *connection.execute(split.where(told.commit_seq <= seq, told.kind == "payer", of.commit_seq <= seq))]
    return _joined(account_key, ((key, keys.get(json.loads(detail)[_RELATIONS[kind]])) for key, kind, detail in pairs))


def _joined(start: int, pairs: Iterable[tuple[int, int | None]]) -> set[int]:
    """All that a chain of pairs joins to a start."""
    beside: dict[int, set[int]] = {}
    for one, other in pairs:
        if other is not None:
            beside.setdefault(one, set()).add(other)
            beside.setdefault(other, set()).add(one)
    found, ahead = {start}, [start]
    while ahead:
        fresh = beside.get(ahead.pop(), set()) - found
        found |= fresh
        ahead.extend(fresh)
    return found

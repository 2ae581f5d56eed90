"""Stored data of dunning: accounts with their policies, steps that count, and bars. Steps of a run that was undone do not count."""

from __future__ import annotations

import collections
import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.accounts.facts import account_facts
from billing.dunning.states import Taken
from billing.dunning_policy import CLEAR
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Collection

UNDO_ASKED, UNDONE = "undo_asked", "undone"  # kinds of decisions
BAR, UNBAR = "bar_outgoing", "unbar"  # kinds of facts
COMMIT_KIND: Final = "dunning"


class Account(NamedTuple):
    """Fields of an account that dunning needs. `policy`: the name of the policy that is valid for it on a date."""

    account_key: int
    account_id: str
    currency: str
    policy: str


def accounts(connection: sa.Connection, as_of: dt.date, account_id: str | None = None) -> list[Account]:
    """All accounts or one, in the order of their ids. Terms that hold on the date name the policy before the account does."""
    account = tables.accounts.c
    columns = (account.account_key, account.account_id, account.currency, account.dunning_policy)
    query = sa.select(*columns).order_by(account.account_id)
    rows = connection.execute(query if account_id is None else query.where(account.account_id == account_id)).all()
    agreed = {
        fact.subject: str(fact.detail.dunning_policy)
        for fact in account_facts(connection, kinds=("terms",), keys=None if account_id is None else [row.account_key for row in rows])
        if fact.detail.dunning_policy is not None and fact.holds_on(as_of)
    }
    return [Account(row.account_key, row.account_id, row.currency, agreed.get(row.account_key, row.dunning_policy)) for row in rows]


def undone_runs() -> sa.Select[Any]:
    """Numbers of the runs that were undone."""
    decision = tables.dunning_decisions.c
    return sa.select(decision.run_id).where(decision.kind == UNDONE)


def taken_steps(
    connection: sa.Connection, account_keys: Collection[int] | None = None, *, before_seq: int | None = None
) -> dict[int, list[Taken]]:
    """The steps that count since each account was last clear, oldest first, by account key. An account that is clear has none.

    `before_seq`: of commits before that one.
    """
    step, run = tables.dunning_steps.c, tables.dunning_runs.c
    undone = sa.select(run.commit_seq).where(run.run_id.in_(undone_runs()))
    query = sa.select(step.account_key, step.level, step.action, step.as_of).where(step.commit_seq.not_in(undone)).order_by(step.step_id)
    if account_keys is not None:
        query = query.where(step.account_key.in_(account_keys))
    if before_seq is not None:
        query = query.where(step.commit_seq < before_seq)
    found: dict[int, list[Taken]] = collections.defaultdict(list)
    for account_key, level, action, as_of in connection.execute(query):
        if level == CLEAR:
            found.pop(account_key, None)
        else:
            found[account_key].append(Taken(level, action, dt.date.fromisoformat(as_of)))
    return found


def barred(connection: sa.Connection, account_key: int | None = None) -> set[int]:
    """Accounts, or the one account, for which the fact learned last is a bar."""
    fact = tables.account_facts.c
    query = sa.select(fact.account_key, fact.kind).where(fact.kind.in_((BAR, UNBAR))).order_by(fact.fact_id)
    if account_key is not None:
        query = query.where(fact.account_key == account_key)
    last = {row.account_key: row.kind for row in connection.execute(query)}
    return {key for key, kind in last.items() if kind == BAR}

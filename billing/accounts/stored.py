"""The facts as they lie in the store: read whole before an import, written in bulk by it."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.accounts.facts import ends_learned_later
from billing.accounts.rows import AccountRow, NumberRow, SubscriptionRow
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NEVER_US: Final = 2**63 - 1
ACCOUNT_FIELDS: Final = AccountRow._fields[2:]


class Known(NamedTuple):
    """What the store holds before an import."""

    accounts: dict[str, tuple[Any, ...]]  # account_id -> key, then the fields
    account_ids: dict[int, str]
    subscriptions: dict[str, tuple[int, str, str, str, str | None]]  # subscription_id -> key, account_id, plan, from_date, to_date
    spans: dict[str, list[Span]]  # served_id -> who has it when


class Span(NamedTuple):
    """Who has a number from when to when."""

    from_us: int
    to_us: int
    subscription_id: str
    line: int  # 0 for one that is stored already


class Files(NamedTuple):
    """Rows of the three files."""

    accounts: list[AccountRow]
    subscriptions: list[SubscriptionRow]
    numbers: list[NumberRow]
    ends: list[SubscriptionRow]  # of subscriptions that are there, with the end that is new


def read_known(connection: sa.Connection) -> Known:
    """Everything that an import must agree with."""
    account = tables.accounts.c
    rows = connection.execute(sa.select(account.account_id, account.account_key, *(account[name] for name in ACCOUNT_FIELDS))).all()
    account_ids: dict[int, str] = {row[1]: row[0] for row in rows}
    subscription = tables.subscriptions.c
    first_plan: dict[int, str] = {}
    plan = tables.plan_facts.c
    for key, name in connection.execute(sa.select(plan.subscription_key, plan.plan).order_by(plan.from_date, plan.commit_seq)):
        first_plan.setdefault(key, name)
    subscriptions = {}
    subscription_ids: dict[int, str] = {}
    ends = ends_learned_later(connection)
    for key, name, account_key, from_date, to_date in connection.execute(
        sa.select(
            subscription.subscription_key,
            subscription.subscription_id,
            subscription.account_key,
            subscription.from_date,
            subscription.to_date,
        )
    ):
        subscriptions[name] = (key, account_ids[account_key], first_plan[key], from_date, ends.get(key, to_date))
        subscription_ids[key] = name
    spans: dict[str, list[Span]] = collections.defaultdict(list)
    fact = tables.guiding_facts.c
    learned = sa.select(fact.served_id, fact.from_us, fact.to_us, fact.subscription_key).order_by(fact.commit_seq)
    latest = {(served_id, from_us): (to_us, key) for served_id, from_us, to_us, key in connection.execute(learned)}
    for (served_id, from_us), (to_us, key) in latest.items():
        spans[served_id].append(Span(from_us, NEVER_US if to_us is None else to_us, subscription_ids[key], 0))
    return Known({row[0]: tuple(row[1:]) for row in rows}, account_ids, subscriptions, spans)


def store(connection: sa.Connection, known: Known, fresh: Files, commit_seq: int) -> None:
    """Add the rows of `fresh`, none of which is there yet: new ones, and ends of those that had none."""
    account_keys = {name: fields[0] for name, fields in known.accounts.items()}
    next_account = max(account_keys.values(), default=0) + 1
    account_keys.update((row.account_id, next_account + index) for index, row in enumerate(fresh.accounts))
    subscription_keys = {name: fields[0] for name, fields in known.subscriptions.items()}
    next_subscription = max(subscription_keys.values(), default=0) + 1
    subscription_keys.update((row.subscription_id, next_subscription + index) for index, row in enumerate(fresh.subscriptions))

    _insert(connection, tables.accounts, (_account(row, account_keys, commit_seq) for row in fresh.accounts))
    _insert(
        connection,
        tables.subscriptions,
        (
            {
                "subscription_key": subscription_keys[row.subscription_id],
                "subscription_id": row.subscription_id,
                "account_key": account_keys[row.account_id],
                "from_date": row.from_date,
                "to_date": row.to_date,
                "commit_seq": commit_seq,
            }
            for row in fresh.subscriptions
        ),
    )
    _insert(
        connection,
        tables.plan_facts,
        (
            {
                "subscription_key": subscription_keys[row.subscription_id],
                "plan": row.plan,
                "from_date": row.from_date,
                "commit_seq": commit_seq,
            }
            for row in fresh.subscriptions
        ),
    )
    ends = (
        {"subscription_key": subscription_keys[row.subscription_id], "to_date": row.to_date, "commit_seq": commit_seq} for row in fresh.ends
    )
    _insert(connection, tables.subscription_ends, ends)
    _insert(
        connection,
        tables.guiding_facts,
        (
            {
                "served_id": row.served_id,
                "subscription_key": subscription_keys[row.subscription_id],
                "from_us": row.from_us,
                "to_us": row.to_us,
                "commit_seq": commit_seq,
            }
            for row in fresh.numbers
        ),
    )


def _account(row: AccountRow, account_keys: Mapping[str, int], commit_seq: int) -> dict[str, Any]:
    fields = row._asdict()
    del fields["line"]
    return {"account_key": account_keys[row.account_id], **fields, "commit_seq": commit_seq}


def _insert(connection: sa.Connection, table: sa.Table, rows: Iterable[dict[str, Any]]) -> None:
    values = list(rows)
    if values:
        connection.execute(table.insert(), values)

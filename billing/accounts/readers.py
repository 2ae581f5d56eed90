"""The facts as Arrow tables, as of a sequence number, for those who calculate with all of them.

Dates are date32 in the account's zone, half open; a missing end is null. Every table is sorted by its key.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import sqlalchemy as sa

from billing.accounts.facts import ends_learned_later
from billing.store import tables
from rating.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.store.home import Home

_Columns = dict[str, pa.DataType]
_ACCOUNTS: Final[_Columns] = {
    "account_key": pa.int64(),
    "account_id": pa.string(),
    "name": pa.string(),
    "currency": pa.string(),
    "timezone": pa.string(),
    "bill_day": pa.int64(),
    "language": pa.string(),
    "opened_on": pa.date32(),
    "billed_through": pa.date32(),
    "dunning_policy": pa.string(),
    "payment_days": pa.int64(),
}
_SUBSCRIPTIONS: Final[_Columns] = {
    "subscription_key": pa.int64(),
    "subscription_id": pa.string(),
    "account_key": pa.int64(),
    "from_date": pa.date32(),
    "to_date": pa.date32(),
}
_PLAN_FACTS: Final[_Columns] = {"subscription_key": pa.int64(), "plan": pa.string(), "from_date": pa.date32(), "commit_seq": pa.int64()}
_ACCOUNT_FACTS: Final[_Columns] = {
    "account_key": pa.int64(),
    "kind": pa.string(),
    "from_date": pa.date32(),
    "detail": pa.string(),
    "commit_seq": pa.int64(),
}


def read_accounts(connection: sa.Connection, seq: int) -> pa.Table:
    """Every account known as of `seq`, by account_key."""
    return _read(connection, tables.accounts, _ACCOUNTS, seq, ("account_key",))


def read_subscriptions(connection: sa.Connection, seq: int) -> pa.Table:
    """Every subscription known as of `seq`, by subscription_key, with the end known by then."""
    table = _read(connection, tables.subscriptions, _SUBSCRIPTIONS, seq, ("subscription_key",))
    ends = {key: dt.date.fromisoformat(day) for key, day in ends_learned_later(connection, seq).items()}
    pairs = zip(table["subscription_key"].to_numpy().tolist(), table["to_date"].to_pylist(), strict=True)
    to_date = pa.array([ends.get(key, day) for key, day in pairs], pa.date32())
    return table.set_column(table.column_names.index("to_date"), "to_date", to_date)


def read_plan_facts(connection: sa.Connection, seq: int) -> pa.Table:
    """Which plan a subscription has from which date on, by subscription and date; of two facts for one date the later commit holds."""
    return _read(connection, tables.plan_facts, _PLAN_FACTS, seq, ("subscription_key", "from_date", "commit_seq"))


def read_account_facts(connection: sa.Connection, seq: int) -> pa.Table:
    """Bars and their end, by account, date and commit."""
    return _read(connection, tables.account_facts, _ACCOUNT_FACTS, seq, ("account_key", "from_date", "commit_seq"))


def timezone_of(home: Home, account_id: str) -> str:
    """The time zone of one account. Raises NotFoundError when there is no such account."""
    account = tables.accounts.c
    with home.connect() as connection:
        zone = connection.execute(sa.select(account.timezone).where(account.account_id == account_id)).scalar_one_or_none()
    if zone is None:
        raise NotFoundError(f"no account has the id {account_id}", "give the id as it stands in accounts.csv")
    return str(zone)


def _read(connection: sa.Connection, table: sa.Table, columns: _Columns, seq: int, order: Sequence[str]) -> pa.Table:
    query = sa.select(*(table.c[name] for name in columns)).where(table.c.commit_seq <= seq).order_by(*(table.c[name] for name in order))
    rows = connection.execute(query).all()
    values: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    arrays = [_column(each, data_type) for each, data_type in zip(values, columns.values(), strict=True)]
    return pa.table(arrays, names=list(columns))


def _column(values: Sequence[Any], data_type: pa.DataType) -> pa.Array[Any]:
    if pa.types.is_date32(data_type):
        return pa.array(values, pa.string()).cast(data_type)
    return pa.array(values, data_type)

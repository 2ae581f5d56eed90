"""The stored data that an import must agree with: whole tables as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.accounts.facts import ends_learned_later
from billing.accounts.importing.comparing import filled, flat, less, places, taken
from billing.accounts.layouts import ACCOUNTS
from billing.store import bulk, tables
from rating.dates import NEVER

if TYPE_CHECKING:
    from numpy.typing import NDArray

ACCOUNT_FIELDS: Final = tuple(ACCOUNTS.columns)


def accounts(connection: sa.Connection) -> pa.Table:
    """account_key and the columns of accounts.csv, by key."""
    column = tables.accounts.c
    query = sa.select(column.account_key, *(column[name] for name in ACCOUNT_FIELDS)).order_by(column.account_key)
    return bulk.read(connection, query)


def subscriptions(connection: sa.Connection, accounts: pa.Table) -> pa.Table:
    """Subscriptions by key: subscription_key, account_key and the columns of subscriptions.csv.

    Beside them `first_plan`, as it was first recorded, and `end`, which facts may have recorded later than `to_date`.
    """
    column = tables.subscriptions.c
    columns = (column.subscription_key, column.subscription_id, column.account_key, column.from_date, column.to_date)
    table = bulk.read(connection, sa.select(*columns, column.transferred_from).order_by(column.subscription_key))
    keys = table["subscription_key"].to_numpy()
    first, last = _first_plans(connection, keys)
    before = table["transferred_from"]
    none = before.is_null().to_numpy()
    origin = np.where(none, 0, np.searchsorted(keys, filled(before, 0)))
    account = np.searchsorted(accounts["account_key"].to_numpy(), table["account_key"].to_numpy())
    added = {
        "account_id": taken(accounts["account_id"], account),
        "plan": last,
        "first_plan": first,
        "end": _ends(connection, table),
        "transferred_from": taken(table["subscription_id"], origin, none),
    }
    for name, values in added.items():
        index = table.schema.get_field_index(name)
        table = table.set_column(index, name, values) if index >= 0 else table.append_column(name, values)
    return table


def taken_back(subscriptions: pa.Table) -> NDArray[np.bool_]:
    """Return whether each subscription ends on its first day: its handover was taken back, and it never was."""
    never: NDArray[np.bool_] = ~less(subscriptions["from_date"], subscriptions["end"]) & subscriptions["end"].is_valid().to_numpy()
    return never


def plan_changes(connection: sa.Connection) -> pa.Table:
    """Plan by subscription_key and from_date, in that order; of one date the plan learned last."""
    table = _plans(connection)
    keys, days = table["subscription_key"].to_numpy(), flat(table["from_date"]).dictionary_encode().indices.to_numpy()
    last = np.append((keys[1:] != keys[:-1]) | (days[1:] != days[:-1]), True)[: len(keys)]
    return table.filter(pa.array(last))


def spans(connection: sa.Connection, *, taken_back: bool = False) -> pa.Table:
    """The spans of numbers: served_id, from_us, to_us (NEVER for ever), subscription_key. Empty spans are left out.

    `taken_back`: these alone.
    """
    fact = tables.guiding_facts.c
    query = sa.select(fact.served_id, fact.from_us, fact.to_us, fact.subscription_key)
    table = bulk.read(connection, query.order_by(fact.served_id, fact.from_us, fact.commit_seq, fact.fact_id))
    ids, from_us = flat(table["served_id"]).dictionary_encode().indices.to_numpy(), table["from_us"].to_numpy()
    to_us = filled(table["to_us"], NEVER)
    last = np.append((ids[1:] != ids[:-1]) | (from_us[1:] != from_us[:-1]), True)[: len(ids)]
    table = table.set_column(2, "to_us", pa.array(to_us))
    return table.filter(pa.array(last & ((to_us > from_us) != taken_back)))


def next_key(connection: sa.Connection, column: sa.Column[int]) -> int:
    """The smallest key that nothing has yet, above all others."""
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(column), 0))).scalar_one()) + 1


def _plans(connection: sa.Connection) -> pa.Table:
    plan = tables.plan_facts.c
    query = sa.select(plan.subscription_key, plan.from_date, plan.plan)
    return bulk.read(connection, query.order_by(plan.subscription_key, plan.from_date, plan.commit_seq, plan.fact_id))


def _first_plans(connection: sa.Connection, keys: NDArray[np.int64]) -> tuple[Any, Any]:
    """The plan of the earliest date of each subscription: as it was recorded first, and as it was recorded last."""
    table = _plans(connection)
    of, days = table["subscription_key"].to_numpy(), flat(table["from_date"]).dictionary_encode().indices.to_numpy()
    start = np.searchsorted(of, keys)
    assert bool(np.all(of[start] == keys)), "a subscription without a plan"
    ends = np.flatnonzero(np.append((of[1:] != of[:-1]) | (days[1:] != days[:-1]), True)[: len(of)])
    last = ends[np.searchsorted(ends, start)] if len(start) else start
    plans = flat(table["plan"]).dictionary_encode()
    return taken(plans, start).cast(pa.string()), taken(plans, last).cast(pa.string())


def _ends(connection: sa.Connection, table: pa.Table) -> Any:  # noqa: ANN401 -- an array, or a value of any type
    """The first day without service of each subscription, from facts."""
    later = ends_learned_later(connection)
    if not later:
        return flat(table["to_date"])
    told = places(table["subscription_key"], pa.array(list(later), pa.int64()))
    every = pa.concat_arrays([pa.array(list(later.values()), pa.string()), flat(table["to_date"])])
    return taken(every, np.where(told >= 0, told, len(later) + np.arange(len(told))))

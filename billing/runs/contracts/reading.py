"""Reading the tables of customers as columns, as of a sequence number.

Nothing here handles accounts one by one, but for those that have facts of their own.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.accounts import facts as dated
from billing.charges.lines import Int64s
from billing.runs.contracts import agreements, contract_profiles
from billing.runs.contracts.agreements import Agreed
from billing.runs.contracts.columns import index_of, one_chunk
from billing.runs.contracts.fact_columns import coded, days, integers
from billing.store import bulk, tables
from rating.dates import NEVER_DAY, day_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing.accounts.facts import Fact


_WORDS: Final = ("currency", "timezone", "language", "legal_entity", "category")
_BETWEEN: Final = "\x1f"  # no word holds it


class StoredAccounts(NamedTuple):
    """`table`: the accounts in the order of their ids. Columns are in that order."""

    table: pa.Table
    keys: Int64s
    first_day: Int64s  # that this store bills
    agreed: Agreed


class StoredSubscriptions(NamedTuple):
    """In the order of their keys. `account`: index."""

    keys: Int64s
    ids: pa.Array[Any]
    account: Int64s
    found: contract_profiles.PatternIndex


def accounts(connection: sa.Connection, seq: int, of_subscriptions: Iterable[Fact]) -> StoredAccounts:
    """Accounts known as of `seq`, and the agreements with them; `of_subscriptions`: facts about subscriptions, also as of `seq`."""
    account = tables.accounts.c
    words: list[sa.ColumnElement[str]] = [sa.func.coalesce(account[name], "") for name in _WORDS]
    said = functools.reduce(lambda left, right: left.concat(_BETWEEN).concat(right), words)
    columns = (account.account_key, account.account_id, said.label("said"), account.bill_day, account.opened_on, account.billed_through)
    query = sa.select(*columns, account.payment_days, account.commit_seq).where(account.commit_seq <= seq)
    table = _parted(bulk.read_by(connection, query, account.account_key))
    table = table.take(pc.sort_indices(table, [("account_id", "ascending")])).combine_chunks()
    first_day = days(table["billed_through"])
    first_day = np.where(first_day == NEVER_DAY, days(table["opened_on"]), first_day)
    keys = integers(table["account_key"])
    return StoredAccounts(table, keys, first_day, _agreed(connection, seq, table, of_subscriptions))


def subscriptions(connection: sa.Connection, seq: int, account_keys: Int64s, facts: Sequence[Fact]) -> StoredSubscriptions:
    """Subscriptions known as of `seq`, with their patterns; `facts`: those about them, also as of `seq`."""
    column = tables.subscriptions.c
    query = sa.select(column.subscription_key, column.subscription_id, column.account_key, column.from_date, column.to_date)
    query = query.add_columns(column.transferred_from).where(column.commit_seq <= seq)
    table = bulk.read_by(connection, query, column.subscription_key)
    table = table.take(pc.sort_indices(table, [("subscription_key", "ascending")])).combine_chunks()
    keys = integers(table["subscription_key"])
    end_day = days(table["to_date"])
    ends = agreements.ends(facts)
    place = index_of(keys, np.array(list(ends), np.int64))
    for index, fact in zip(place.tolist(), ends.values(), strict=True):
        if index >= 0:
            end_day[index] = day_number(fact.from_date) if fact.kind == "end" else NEVER_DAY
    plan_facts, names = _plan_facts(connection, seq, keys)
    given = integers(table["transferred_from"], 0)[days(table["from_date"]) < end_day]  # no handover that was taken back
    transferred_out = {key for key, fact in ends.items() if fact.detail.transferred and fact.kind == "end"} | set(given.tolist()) - {0}
    own = _own(facts, keys, transferred_out, table)
    order = np.argsort(account_keys, kind="stable")
    account = order[index_of(account_keys[order], integers(table["account_key"]))] if len(order) else np.zeros(0, np.int64)
    found = contract_profiles.find(days(table["from_date"]), end_day, plan_facts, names, own)
    return StoredSubscriptions(keys, one_chunk(table["subscription_id"]), account, found)


def _parted(table: pa.Table) -> pa.Table:
    """The words that accounts have in common, as columns of their own: read as one text, since a database gives texts out one by one."""
    code, distinct = coded(table["said"])
    parts = [text.split(_BETWEEN) for text in distinct]
    indices = pa.array(code, pa.int32())
    for place, name in enumerate(_WORDS):
        values = pa.array([part[place] for part in parts], pa.string())
        table = table.append_column(name, values.take(indices))
    return table.drop_columns(["said"])


def _agreed(connection: sa.Connection, seq: int, table: pa.Table, of_subscriptions: Iterable[Fact]) -> Agreed:
    """The agreements with accounts; NOTHING, without a further query, where no account has, or had, any fact."""
    payers = [fact for fact in of_subscriptions if fact.kind == "payer"]
    fact, payer = tables.account_facts.c, tables.subscription_facts.c
    told = (
        sa.select(fact.fact_id).where(fact.commit_seq <= seq, fact.kind.in_(agreements.ACCOUNT_KINDS)),
        sa.select(payer.fact_id).where(payer.commit_seq <= seq, payer.kind == "payer"),
    )
    if all(connection.execute(query.limit(1)).first() is None for query in told):
        return agreements.NOTHING
    place = {key: index for index, key in enumerate(integers(table["account_key"]).tolist())}
    by_id = {account_id: index for index, account_id in enumerate(table["account_id"].to_pylist())}
    imported = {index: category for index, category in enumerate(table["category"].to_pylist()) if category}
    return agreements.load(connection, seq, place, lambda account_id: by_id.get(account_id, agreements.NOBODY), payers, imported)


def of_subscriptions(connection: sa.Connection, seq: int) -> list[Fact]:
    """Facts about subscriptions that hold as of `seq`."""
    return dated.subscription_facts(connection, seq, kinds=agreements.SUBSCRIPTION_KINDS)


def _plan_facts(connection: sa.Connection, seq: int, keys: Int64s) -> tuple[contract_profiles.PlanFacts, list[str]]:
    """Plan facts by subscription index and date, the one learned last of each date; and the names of plans."""
    fact = tables.plan_facts.c
    query = sa.select(fact.subscription_key, fact.from_date, fact.plan, fact.commit_seq, fact.fact_id).where(fact.commit_seq <= seq)
    table = bulk.read_by(connection, query, fact.fact_id)
    subscription, from_day = index_of(keys, integers(table["subscription_key"])), days(table["from_date"])
    plan, names = coded(table["plan"])
    order = np.lexsort((integers(table["fact_id"]), integers(table["commit_seq"]), from_day, subscription))
    subscription, from_day, plan = subscription[order], from_day[order], plan[order]
    last = np.ones(len(order), np.bool_)
    last[:-1] = (subscription[1:] != subscription[:-1]) | (from_day[1:] != from_day[:-1])
    last &= subscription >= 0
    first = np.searchsorted(subscription[last], np.arange(len(keys) + 1))
    return contract_profiles.PlanFacts(first, from_day[last], plan[last]), names


def _own(facts: Iterable[Fact], keys: Int64s, transferred_out: set[int], table: pa.Table) -> dict[int, contract_profiles.Own]:
    """The facts of single subscriptions, by index."""
    by_key: dict[int, list[Fact]] = {}
    for fact in facts:
        if fact.kind in {"pause", "outage", "terms", "discount"}:
            by_key.setdefault(fact.subject, []).append(fact)
    transferred_in = set(keys[table["transferred_from"].is_valid().to_numpy()].tolist())
    touched = np.array(sorted(by_key.keys() | transferred_in | transferred_out), np.int64)
    return {
        index: contract_profiles.Own(tuple(by_key.get(key, ())), key in transferred_in, key in transferred_out)
        for index, key in zip(index_of(keys, touched).tolist(), touched.tolist(), strict=True)
        if index >= 0
    }

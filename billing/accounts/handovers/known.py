"""Handovers: which subscription went to another owner, as which subscription of that one, and from which day on.

A handover is a subscription that names the one before it in `transferred_from`, however it was recorded: by `transfer`, or by the columns
of an import. The flag `transferred` of an end waives fees, and says nothing about who has the subscription: the new owner may be a customer
of another home. A handover that was taken back is none: the subscription of the new owner has an end that says `taken_back`.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing.accounts import facts
from billing.accounts.facts import in_chunks
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from billing.accounts.facts import Fact


NAME_ANOTHER: Final = "name the subscription of the owner before; another handover of it needs another id"


class Handover(NamedTuple):
    """The subscription of the next owner: its key and id, the first day on which that one has it, and the commit that recorded it."""

    key: int
    subscription_id: str
    from_date: dt.date
    commit_seq: int


class Pair(NamedTuple):
    """A subscription that was handed over, the first day without it (None: no end is known), and its handover."""

    key: int
    subscription_id: str
    ends: dt.date | None
    given: Handover

    @property
    def is_apart(self) -> bool:
        """Return whether days have two owners, or none. One without an end is billed beside the next one until its end is known."""
        return self.ends is not None and self.ends != self.given.from_date


def handovers(connection: sa.Connection, keys: Collection[int], seq: int | None = None) -> dict[int, Handover]:
    """The handover of each of these subscriptions (keys) that has one, as known as of `seq` (None: now); the first of several."""
    row = tables.subscriptions.c
    columns = (row.transferred_from, row.subscription_key, row.subscription_id, row.from_date, row.commit_seq)
    found: dict[int, list[Handover]] = {}
    for lot in in_chunks(sorted(keys)):
        query = sa.select(*columns).where(row.transferred_from.in_(lot)).order_by(row.subscription_key)
        for before, key, name, day, commit_seq in connection.execute(query if seq is None else query.where(row.commit_seq <= seq)):
            found.setdefault(before, []).append(Handover(key, name, dt.date.fromisoformat(day), commit_seq))
    if not found:
        return {}
    taken_back = _taken_back(connection, {each.key for every in found.values() for each in every}, seq)
    standing = {before: [each for each in every if each.key not in taken_back] for before, every in found.items()}
    return {before: every[0] for before, every in standing.items() if every}


def pairs(connection: sa.Connection, keys: Collection[int] | None = None) -> list[Pair]:
    """All handovers that were not taken back, oldest first: an owner before with each next one. `keys`: of these owners before alone."""
    old, new = tables.subscriptions.alias().c, tables.subscriptions.c
    columns = (old.subscription_key, old.subscription_id, old.to_date)
    of_new = (new.subscription_key, new.subscription_id, new.from_date, new.commit_seq)
    query = sa.select(*columns, *of_new).where(old.subscription_key == new.transferred_from).order_by(new.subscription_key)
    lots = [query] if keys is None else [query.where(new.transferred_from.in_(lot)) for lot in in_chunks(sorted(keys))]
    rows = [tuple(row) for lot in lots for row in connection.execute(lot)]
    taken_back = _taken_back(connection, {row[3] for row in rows}, None)
    ends = facts.deciding_ends(facts.subscription_facts(connection, kinds=facts.END_KINDS, keys={row[0] for row in rows}))
    found = []
    for key, name, to_date, next_key, next_name, day, commit_seq in rows:
        end = ends.get(key)
        ends_on = dt.date.fromisoformat(to_date) if to_date else None
        if end is not None:
            ends_on = end.from_date if end.kind == "end" else None
        if next_key not in taken_back:
            found.append(Pair(key, name, ends_on, Handover(next_key, next_name, dt.date.fromisoformat(day), commit_seq)))
    return found


def is_taken_back(known: Iterable[Fact]) -> bool:
    """Return whether the handover by which a subscription began was taken back, by the facts about it."""
    return any(fact.kind == "end" and fact.detail.taken_back for fact in known)


def is_taken_back_of(key: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """The same as a condition of a query on subscriptions, by their key. What took a handover back is not retracted."""
    fact = tables.subscription_facts.c
    told = fact.detail.contains('"taken_back":true', autoescape=True)  # a text inside of it has its quotes escaped
    return sa.exists().where(fact.subscription_key == key, fact.kind == "end", told)


def never_was(subscription_id: str) -> str:
    """The text on a subscription whose handover was taken back."""
    return f"the handover by which {subscription_id} began was taken back: it never was"


def take_back(given: Handover) -> str:
    """The part of a remedy that takes a handover back."""
    return f"where the handover is a mistake: `ratewright accounts untransfer {given.subscription_id} --reason ...`"


def _taken_back(connection: sa.Connection, keys: Collection[int], seq: int | None) -> set[int]:
    known = facts.subscription_facts(connection, seq, kinds=("end",), keys=keys)
    return {fact.subject for fact in known if is_taken_back([fact])}

"""Ageing of receivables: the amounts that customers owe as of a date, by the days that they are past due.

Everything counts by its own date (`billing.allocations.as_of`), so the sum of an account is the balance of its receivable through that
date. Days past due are counted from the due date, or from those of the parts of an instalment plan that was agreed by then. On the due date
itself nothing is past due. Amounts are micro-units; credit that settles nothing is shown apart: credit documents, payments, deposits that
were released.
"""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing.allocations.as_of import standing
from billing.allocations.items import CHUNK, plan_parts
from billing.allocations.spread import OpenItem, in_parts
from billing.controls.documents import waiting_query
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BUCKETS: Final = (0, 30, 60, 90)  # not due, 1 .. 30 days past due, 31 .. 60, 61 .. 90, more


class Item(NamedTuple):
    """An invoice, or a part of one, that is not settled; with `open_micros` below zero credit that settles nothing, by number or id."""

    account_id: str
    entity: str
    currency: str
    number: str
    due_on: dt.date
    open_micros: int


class Aged(NamedTuple):
    """The amounts that one account owes in one currency, by bucket; `credit_micros` (0 or below) is credit that settles nothing."""

    account_id: str
    entity: str
    currency: str
    buckets: tuple[int, ...]
    credit_micros: int

    @property
    def total_micros(self) -> int:
        """All that is owed less credit."""
        return sum(self.buckets) + self.credit_micros


def aged(items: Iterable[Item], as_of: dt.date, limits: Sequence[int] = BUCKETS) -> list[Aged]:
    """The items by account, entity and currency, each in the bucket of its days past due. Pure."""
    sums: dict[tuple[str, str, str], list[int]] = {}
    for item in items:
        row = sums.setdefault((item.account_id, item.entity, item.currency), [0] * (len(limits) + 2))
        if item.open_micros < 0:
            row[-1] += item.open_micros
        else:
            row[bucket_of((as_of - item.due_on).days, limits)] += item.open_micros
    return [Aged(*key, tuple(row[:-1]), row[-1]) for key, row in sorted(sums.items())]


def bucket_of(days_past_due: int, limits: Sequence[int] = BUCKETS) -> int:
    """Index of the bucket: 0 up to limits[0] days, and so on; the last one has no limit."""
    return sum(days_past_due > limit for limit in limits)


def bucket_names(limits: Sequence[int] = BUCKETS) -> list[str]:
    """The names of the buckets: `not due`, `1-30`, .. `over 90`."""
    middle = [f"{low + 1}-{high}" for low, high in itertools.pairwise(limits)]
    return ["not due", *middle, f"over {limits[-1]}"]


def items(connection: sa.Connection, as_of: dt.date, account_id: str | None = None) -> list[Item]:
    """Items not settled at the end of `as_of`, by account and due date; below zero for credit. Of a plan one item a part."""
    stood = standing(connection, as_of, waiting_query(connection), account_id)
    documents = connection.execute(stood.documents).all()
    keys = [row.invoice_key for row in documents] if len(documents) <= CHUNK else None
    parts = plan_parts(connection, keys, agreed_by=as_of)
    account = tables.accounts.c
    named = sa.select(account.account_key, account.account_id)
    accounts = connection.execute(named if account_id is None else named.where(account.account_id == account_id))
    name = {row.account_key: row.account_id for row in accounts}
    found = []
    for row in documents:
        item = OpenItem(row.account_key, row.invoice_key, row.number, dt.date.fromisoformat(row.due_on), int(row.micros))
        found += [
            Item(name[row.account_key], row.entity or "", row.currency, row.number, part.due_on, part.open_micros)
            for part in in_parts(item, parts.get(row.invoice_key, ()))
        ]
    for row in connection.execute(stood.money):
        came_on = dt.date.fromisoformat(row.came_on)
        found.append(Item(name[row.account_key], row.entity or "", row.currency, row.credit_id, came_on, -int(row.micros)))
    return sorted(found, key=lambda item: (item.account_id, item.due_on, item.number))

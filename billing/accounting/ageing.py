"""Ageing of receivables: what customers owe as of a date, by how long it is past due.

An invoice counts with what was not settled at the end of that date: settlements count by the instant at which they were recorded (UTC),
invoices by the date of issue, void ones from the day they were made void no longer. Days past due are counted from the due date;
on the due date itself nothing is past due. Amounts are micro-units; credit that is not allocated is told apart.
"""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BUCKETS: Final = (0, 30, 60, 90)  # not due, 1 .. 30 days past due, 31 .. 60, 61 .. 90, more
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Item(NamedTuple):
    """An invoice that is not settled. `open_micros` is negative for a credit document."""

    account_id: str
    entity: str
    currency: str
    number: str
    due_on: dt.date
    open_micros: int


class Aged(NamedTuple):
    """What one account owes in one currency, by bucket; `credit_micros` (0 or below) is in credit documents."""

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
    """What the buckets are called: `not due`, `1-30`, .. `over 90`."""
    middle = [f"{low + 1}-{high}" for low, high in itertools.pairwise(limits)]
    return ["not due", *middle, f"over {limits[-1]}"]


def items(connection: sa.Connection, as_of: dt.date, account_id: str | None = None) -> list[Item]:
    """What was not settled at the end of `as_of` (UTC), by account and due date."""
    end_us = ((dt.datetime(as_of.year, as_of.month, as_of.day, tzinfo=dt.UTC) + dt.timedelta(days=1)) - _EPOCH) // dt.timedelta(
        microseconds=1
    )
    invoice, account = tables.invoices.c, tables.accounts.c
    settled = _settled(end_us)
    used = _used(end_us)
    open_micros = (invoice.total_micros - sa.func.coalesce(settled.c.amount_micros, 0) + sa.func.coalesce(used.c.amount_micros, 0)).label(
        "open_micros"
    )
    query = (
        sa.select(account.account_id, invoice.legal_entity, invoice.currency, invoice.number, invoice.due_on, open_micros)
        .join_from(tables.invoices, tables.accounts)
        .outerjoin(settled, settled.c.invoice_key == invoice.invoice_key)
        .outerjoin(used, used.c.credit_id == invoice.number)
        .where(invoice.issued_on <= as_of.isoformat(), invoice.invoice_key.not_in(_void(as_of)))
        .order_by(account.account_id, invoice.due_on, invoice.number)
    )
    if account_id is not None:
        query = query.where(account.account_id == account_id)
    return [
        Item(row[0], row[1] or "", row[2], row[3], dt.date.fromisoformat(row[4]), int(row[5]))
        for row in connection.execute(query)
        if row[5] != 0
    ]


def _settled(end_us: int) -> sa.Subquery:
    """What was settled of each invoice."""
    row = tables.settlements.c
    query = sa.select(row.invoice_key, sa.cast(sa.func.sum(row.amount_micros), tables.INT64).label("amount_micros"))
    return _recorded(query, end_us).group_by(row.invoice_key).subquery()


def _used(end_us: int) -> sa.Subquery:
    """What was used of each credit document."""
    row = tables.settlements.c
    query = sa.select(row.credit_id, sa.cast(sa.func.sum(row.amount_micros), tables.INT64).label("amount_micros"))
    return _recorded(query.where(row.credit_kind == "invoice"), end_us).group_by(row.credit_id).subquery()


def _recorded(query: sa.Select[tuple[object, int]], end_us: int) -> sa.Select[tuple[object, int]]:
    commit = tables.commits.c
    return query.join(tables.commits, commit.commit_seq == tables.settlements.c.commit_seq).where(commit.at_us < end_us)


def _void(as_of: dt.date) -> sa.Select[tuple[int]]:
    event = tables.invoice_events.c
    return sa.select(event.invoice_key).where(event.kind == "voided", event.on_date <= as_of.isoformat())

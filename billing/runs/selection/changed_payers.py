"""Lines of usage that a run took off one payer's bill and put on another's: each of both documents may be void by itself."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from billing.accounts.facts import in_chunks
from billing.store import tables
from billing.store.voids import void_commits
from rating.dates import NEVER, day_number

if TYPE_CHECKING:
    from collections.abc import Collection

    from billing.runs.selection.event_charges import Line


class PayerChange(NamedTuple):
    """The commits that made void the document that takes off, and the one that puts on: NEVER for none."""

    off_seq: int
    on_seq: int


def changed_payers(connection: sa.Connection, seq: int, account_keys: Collection[int]) -> dict[tuple[int, int, Line], PayerChange]:
    """Such lines of accounts (keys) where one of the documents is void as of `seq`, by run, first day of the period, and line.

    Only documents that bill for others are asked, and those that give back: there are few void ones of them.
    """
    invoice, line, owner = tables.invoices.c, tables.invoice_lines.c, tables.subscriptions.c
    void = void_commits(seq)
    of_line = (line.subscription_key, line.price_id, line.period_from)
    asked = (
        sa.select(invoice.run_id, *of_line, owner.account_key)
        .select_from(tables.invoices)
        .join(void, void.c.invoice_key == invoice.invoice_key)
    )
    asked = asked.join(tables.invoice_lines, line.invoice_key == invoice.invoice_key)
    asked = asked.join(tables.subscriptions, owner.subscription_key == line.subscription_key)
    asked = asked.where(line.kind == "usage", (invoice.account_key != owner.account_key) | (line.amount_micros < 0)).distinct()
    wanted = {tuple(row[:4]) for row in connection.execute(asked) if row.account_key in account_keys}
    found: dict[tuple[int, int, Line], PayerChange] = {}
    for run_id in sorted({run_id for run_id, *_ in wanted}):
        subscriptions = sorted({subscription for number, subscription, *_ in wanted if number == run_id})
        for key, off_seq, on_seq in both_sides(connection, run_id, subscriptions, seq):
            if (run_id, *key) in wanted:
                subscription, price_id, period_from = key
                day = day_number(dt.date.fromisoformat(period_from))
                found[run_id, day, (subscription, price_id)] = PayerChange(off_seq, on_seq)
    return found


def both_sides(
    connection: sa.Connection, run_id: int, subscription_keys: Collection[int], seq: int
) -> list[tuple[tuple[int, int, str], int, int]]:
    """Lines of usage that a run has below zero on one document, and above zero on another: subscription, price and first day of each.

    With the commits that made these documents void as of `seq`, NEVER for none: of that which takes off, and of the other.
    """
    invoice, line = tables.invoices.c, tables.invoice_lines.c
    void = void_commits(seq)
    columns = (line.subscription_key, line.price_id, line.period_from, invoice.invoice_key, void.c.void_seq)
    query = sa.select(*columns, sa.cast(sa.func.sum(line.amount_micros), tables.INT64)).select_from(tables.invoices)
    query = query.join(tables.invoice_lines, line.invoice_key == invoice.invoice_key)
    query = query.outerjoin(void, void.c.invoice_key == invoice.invoice_key)
    query = query.where(invoice.run_id == run_id, line.kind == "usage").group_by(*columns)
    lots = [query.where(line.subscription_key.in_(lot)) for lot in in_chunks(sorted(subscription_keys))]
    sides: dict[tuple[int, int, str], dict[bool, int]] = {}
    for subscription, price_id, period_from, _, void_seq, micros in (row for lot in lots for row in connection.execute(lot)):
        of_line = sides.setdefault((int(subscription), int(price_id), period_from), {})
        is_on = micros > 0
        of_line[is_on] = max(NEVER if void_seq is None else int(void_seq), of_line.get(is_on, 0))
    return [(key, of_line[False], of_line[True]) for key, of_line in sorted(sides.items()) if len(of_line) > 1]

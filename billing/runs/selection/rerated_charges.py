"""Charges of usage on documents of re-ratings. They bill usage as the last run of its account knew it, where a void document had it.

A re-rating keeps no charges by event. It has those that this run has, of the subscriptions and periods of its lines.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from billing.accounts import covering
from billing.runs.selection.interim_charges import USAGE_KINDS
from billing.store import tables
from billing.store.voids import void_commits
from rating.dates import NEVER, day_number

if TYPE_CHECKING:
    from billing.runs.selection.event_charges import Charge


class OnDocument(NamedTuple):
    """The number of a document, and the commit that made it void: NEVER for none."""

    number: str
    void_seq: int


class RerateRun(NamedTuple):
    """Documents of a re-rating, which know others as of `pinned_seq`.

    `documents`: by account and subscription (keys), and by the first day of a period that they have lines of.
    """

    run_id: int
    bill_date: dt.date
    pinned_seq: int
    documents: Mapping[tuple[int, int, int], OnDocument]

    def document(self, charge: Charge, subscription_key: int) -> OnDocument | None:
        """The document with a charge, if it was due."""
        return self.documents.get((charge.account_key, subscription_key, charge.day))


def rerate_runs(connection: sa.Connection, seq: int, *, since: dt.date = dt.date.min) -> list[RerateRun]:
    """The documents of re-ratings with lines of usage of periods that end after `since`, void ones as well, as of `seq`; oldest first."""
    invoice, run, line, owner = tables.invoices.c, tables.bill_runs.c, tables.invoice_lines.c, tables.subscriptions.c
    void = void_commits(seq)
    of_line = (owner.account_key, line.subscription_key, line.period_from)
    columns = (run.run_id, run.bill_date, invoice.commit_seq, invoice.number, void.c.void_seq, *of_line)
    query = sa.select(*columns).select_from(tables.invoices).join(tables.bill_runs, run.run_id == invoice.run_id)
    query = query.join(tables.invoice_lines, line.invoice_key == invoice.invoice_key)
    query = query.join(tables.subscriptions, owner.subscription_key == line.subscription_key)
    query = query.outerjoin(void, void.c.invoice_key == invoice.invoice_key)
    query = query.where(run.kind == covering.RERATE, line.kind.in_(USAGE_KINDS), invoice.commit_seq <= seq)
    found: dict[int, RerateRun] = {}
    documents: dict[int, dict[tuple[int, int, int], OnDocument]] = {}
    for row in connection.execute(query.where(line.period_to > since.isoformat()).distinct().order_by(run.run_id)):
        of_run = documents.setdefault(row.run_id, {})
        found.setdefault(row.run_id, RerateRun(row.run_id, dt.date.fromisoformat(row.bill_date), row.commit_seq - 1, of_run))
        key = (int(row.account_key), int(row.subscription_key), day_number(dt.date.fromisoformat(row.period_from)))
        void_seq = NEVER if row.void_seq is None else int(row.void_seq)
        of_run[key] = max(OnDocument(row.number, void_seq), of_run.get(key, OnDocument("", 0)), key=lambda each: each.void_seq)
    return list(found.values())

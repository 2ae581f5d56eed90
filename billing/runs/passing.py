"""Accounts of which bills of a later date stand: a run of an earlier date passes them by.

They are those of invoices, and not of what runs covered: who had nothing to pay, or whose bill is void, has nothing to be taken back.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from billing.accounts.covering import CYCLE, VOIDED
from billing.runs.columns import index_of
from billing.runs.deciding import Together
from billing.runs.fact_columns import day_number, integers
from billing.store import bulk, tables

if TYPE_CHECKING:
    from billing.runs.facts import Facts


def billed_later(connection: sa.Connection, facts: Facts, bill_date: dt.date, seq: int) -> dict[int, str]:
    """Accounts (indices) of which an invoice stands, as of `seq`, of a run of a later date; and the last such date (ISO)."""
    invoice, run, event = tables.invoices.c, tables.bill_runs.c, tables.invoice_events.c
    later = sa.and_(run.bill_date > bill_date.isoformat(), sa.func.coalesce(run.kind, CYCLE) == CYCLE)
    if connection.execute(sa.select(run.run_id).where(later).limit(1)).first() is None:
        return {}
    void = sa.select(event.invoice_key).where(event.kind == VOIDED, event.commit_seq <= seq)
    query = sa.select(invoice.account_key, sa.func.max(run.bill_date).label("bill_date"))
    query = query.join_from(tables.invoices, tables.bill_runs, run.run_id == invoice.run_id).where(later, invoice.commit_seq <= seq)
    query = query.where(invoice.invoice_key.not_in(void)).group_by(invoice.account_key)
    rows = bulk.read(connection, query)
    order = facts.account_keys.argsort(kind="stable")
    place = index_of(facts.account_keys[order], integers(rows["account_key"]))
    assert (place >= 0).all(), "an invoice of an account that is not known"
    return dict(zip(order[place].tolist(), rows["bill_date"].to_pylist(), strict=True))


def last_with(connection: sa.Connection, facts: Facts, index: int, first_day: dt.date, bill_date: dt.date, seq: int) -> dt.date:  # noqa: PLR0913, PLR0917 -- whom, when, as of when
    """The first date from `bill_date` on by which bills of nobody are later with whom an account (index) is billed from `first_day` on."""
    open_day = np.full(len(facts.account_keys), day_number(first_day), np.int64)
    others = Together(facts, bill_date, open_day, looked_at_seq=np.zeros(len(open_day), np.int64)).with_others([index])
    later = billed_later(connection, facts, bill_date, seq)
    return max((dt.date.fromisoformat(later[each]) for each in others if each in later), default=bill_date)

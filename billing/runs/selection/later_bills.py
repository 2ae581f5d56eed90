"""Accounts that already have a valid invoice of a later bill date: a run of an earlier date skips them.

Invoices decide, and not what runs covered: an account that had nothing to pay, or whose bill is void, has nothing to be taken back.
Interim bills are made of what was known by their date, so they skip every account that had more billed or voided since.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from billing.accounts.covering import CYCLE, RERATE, THRESHOLD, later_runs
from billing.runs.contracts.fact_columns import integers
from billing.runs.selection.due_accounts import Together
from billing.store import bulk, tables
from billing.store.voids import VOIDED, voided
from rating.dates import NEVER, day_number

if TYPE_CHECKING:
    import pyarrow as pa

    from billing.runs.contracts.facts import Facts


def billed_later(connection: sa.Connection, facts: Facts, bill_date: dt.date, seq: int) -> dict[int, str]:
    """Accounts (indices) with an invoice of a run of a later date that is valid as of `seq`; and the last such date (ISO)."""
    invoice, run = tables.invoices.c, tables.bill_runs.c
    later = sa.and_(run.bill_date > bill_date.isoformat(), run.kind == CYCLE)
    if connection.execute(sa.select(run.run_id).where(later).limit(1)).first() is None:
        return {}
    query = sa.select(invoice.account_key, sa.func.max(run.bill_date).label("bill_date"))
    query = query.join_from(tables.invoices, tables.bill_runs, run.run_id == invoice.run_id).where(later, invoice.commit_seq <= seq)
    query = query.where(invoice.invoice_key.not_in(voided(as_of=seq))).group_by(invoice.account_key)
    return _by_index(bulk.read(connection, query), facts)


def known_later(connection: sa.Connection, facts: Facts, day: dt.date, seq: int) -> dict[int, str]:
    """Accounts (indices) whose documents changed after `day`, as of `seq`, and all ever to be billed with one; the last such date (ISO).

    Counted are valid documents of the cycle, of interim runs and of re-ratings, and voids. A credit note by hand is none of them: a bill
    that does not know it has less to bill.
    """
    invoice, run, event = tables.invoices.c, tables.bill_runs.c, tables.invoice_events.c
    interim = sa.select(run.run_id).where(run.kind == THRESHOLD, run.bill_date > day.isoformat())
    first_run = min(later_runs(connection, day) | set(connection.execute(interim).scalars()), default=NEVER)
    made = sa.select(invoice.account_key, invoice.issued_on.label("date"))
    made = made.join_from(tables.invoices, tables.bill_runs, run.run_id == invoice.run_id)
    made = made.where(run.kind.in_((CYCLE, THRESHOLD, RERATE)), invoice.invoice_key.not_in(voided(as_of=seq)))
    made = made.where(invoice.run_id >= first_run, invoice.issued_on > day.isoformat(), invoice.commit_seq <= seq)
    ended = sa.select(invoice.account_key, event.on_date.label("date")).join_from(tables.invoice_events, tables.invoices)
    ended = ended.where(
        event.kind == VOIDED, event.commit_seq <= seq, event.on_date > day.isoformat(), invoice.issued_on <= day.isoformat()
    )
    dated = sa.union_all(made, ended).subquery().c
    query = sa.select(dated.account_key, sa.func.max(dated.date).label("date")).group_by(dated.account_key)
    last = _by_index(bulk.read(connection, query), facts)
    ever = np.zeros(len(facts.account_keys), np.int64)
    together = Together(facts, dt.date.max, open_day=ever, looked_at_seq=ever)
    found: dict[int, str] = {}
    for date in sorted(set(last.values())):
        found |= dict.fromkeys(together.with_others(index for index, own in last.items() if own == date), date)
    return found


def last_with(connection: sa.Connection, facts: Facts, index: int, first_day: dt.date, bill_date: dt.date, seq: int) -> dt.date:  # noqa: PLR0913, PLR0917 -- whom, when, as of when
    """The latest of `bill_date` and the dates of valid bills of all accounts that one (index) is billed with from `first_day` on."""
    open_day = np.full(len(facts.account_keys), day_number(first_day), np.int64)
    others = Together(facts, bill_date, open_day, looked_at_seq=np.zeros(len(open_day), np.int64)).with_others([index])
    later = billed_later(connection, facts, bill_date, seq)
    return max((dt.date.fromisoformat(later[each]) for each in others if each in later), default=bill_date)


def _by_index(rows: pa.Table, facts: Facts) -> dict[int, str]:
    """Dates (the second column) by account index instead of account key (the first one)."""
    account = facts.account_index(integers(rows["account_key"]))
    assert (account >= 0).all(), "an invoice of an account that is not known"
    return dict(zip(account.tolist(), rows.column(1).to_pylist(), strict=True))

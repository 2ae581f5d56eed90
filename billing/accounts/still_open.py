"""The day from which later bills may still correct an account: the first of its open periods, as the next run will find them.

They are the periods not billed yet, at most `reopen_periods_max` before the latest, and those that a void invoice opened again. The open
periods of other members of the rating unit are among them (`billing.runs.selection.due_accounts`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from billing.accounts import covering
from billing.charges.periods import open_periods, period_of
from billing.store import settings, tables

if TYPE_CHECKING:
    import datetime as dt

    from billing.accounts.covering import History
    from billing.accounts.picture import Customer, Picture


def latest_run(connection: sa.Connection) -> dt.date | None:
    """The latest bill date of the cycle."""
    return covering.load(connection, account_keys=()).latest


def open_from(connection: sa.Connection, picture: Picture, key: int, bill_date: dt.date | None = None) -> dt.date:
    """The first day of an account that is still open. `picture`: its rating unit; `bill_date`: of a run after the next one."""
    members = picture.unit_of(key)
    history = covering.load(connection, account_keys=members)
    account = tables.accounts.c
    query = sa.select(account.account_key, account.commit_seq).where(account.account_key.in_(members))
    seqs = {row.account_key: int(row.commit_seq) for row in connection.execute(query)}
    reopen = settings.integer(connection, "reopen_periods_max")
    firsts = {each: _first(picture.customers[each], history, seqs[each], reopen, bill_date) for each in members}
    customer, of_unit = picture.customers[key], min(firsts.values())
    period = customer.period_of(max(of_unit, customer.billed_from))
    return firsts[key] if period is None else min(firsts[key], period.start)


def running_to(connection: sa.Connection, customer: Customer, today: dt.date) -> dt.date:
    """The first day after the running period of an account, on its clock; where runs are ahead of the day, after that of the latest."""
    latest = latest_run(connection) or today
    running = period_of(max(latest, today, customer.billed_from), customer.billed_from, customer.bill_days)
    assert running is not None
    return running.end


def _first(customer: Customer, history: History, account_seq: int, reopen_periods_max: int, bill_date: dt.date | None) -> dt.date:
    """The first open day of one account for itself, as if it were not closed."""
    coverage = covering.coverage(*history.of(customer.key, account_seq))
    begins = customer.billed_from
    running = period_of(max(history.latest or begins, begins), begins, customer.bill_days)
    assert running is not None
    end = running.end if bill_date is None else max(running.end, bill_date)
    periods = open_periods(begins, customer.bill_days, end, coverage and coverage.closed_to, reopen_periods_max)
    return periods[0].start

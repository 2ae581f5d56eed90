"""The next bill of an account, and the periods that are open to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.charges.periods import open_periods
from billing.runs.contracts.fact_columns import NEVER_DAY, day_number
from billing.runs.selection.due_accounts import date_after

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from billing.charges.proration import Span
    from billing.runs.contracts.facts import Account


def date_of(account: Account, through: dt.date | None, holds: Sequence[Span], otherwise: dt.date) -> dt.date | None:
    """The bill date of the next run of an account that is billed `through` a date; `otherwise` of one that is closed and billed.

    `holds`: those of its rating unit. None: it is held without an end.
    """
    if through is not None and account.closed_on is not None and through >= account.closed_on:
        return otherwise
    date = date_after(account.billed_from, account.all_bill_days, through or account.billed_from)
    while keeping := [span for span in holds if span.holds_on(date)]:
        if any(span.end is None for span in keeping):
            return None
        date = date_after(account.billed_from, account.all_bill_days, date)
    return date


def oldest_open(account: Account, date: dt.date | None, reopen_periods_max: int) -> int:
    """The first day (number) of the oldest period that a run of a date opens of an account that is billed by then.

    NEVER_DAY: there is none, or no run.
    """
    if date is None:
        return NEVER_DAY
    periods = open_periods(account.billed_from, account.all_bill_days, date, date, reopen_periods_max, account.closed_on)
    return day_number(periods[0].start) if periods else NEVER_DAY

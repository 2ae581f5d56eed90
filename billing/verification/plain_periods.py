"""Periods that a run computed of accounts whose periods hang together, read from the rows that it stored.

Of a rating unit with an allowance that outlives its period, a run stores in `carried_allowances` what each computed period leaves. It says
so where one leaves nothing. So the end of the oldest computed period is stored. All later periods that ended by the bill date were
computed. Where allowances are shared and do not outlive their period, nothing is stored. There the oldest period is that in which any
event was billed, since nothing goes from one period to the next.

Nothing here is of `billing.runs.selection`: which periods an account has follows from its facts (`plain_facts`).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from billing.charges.periods import Period, ended_by
from billing.charges.rollover import Left, by_owner
from billing.store import tables
from billing.verification import plain_lefts

if TYPE_CHECKING:
    from collections.abc import Collection

    from billing.verification.plain_facts import PlainFacts

Lefts = dict[tuple[int, int], list[Left]]  # by account and subscription


class PlainPeriods:
    """The computed periods of some accounts (keys), and what was left to the first of each. `run`: a row of bill_runs."""

    def __init__(self, connection: sa.Connection, run: Any, facts: PlainFacts, account_keys: Collection[int]) -> None:  # noqa: ANN401 -- as above
        row, wanted = tables.carried_allowances.c, set(account_keys)
        self._facts = facts
        self._bill_date = dt.date.fromisoformat(run.bill_date)
        query = sa.select(row.account_key, sa.func.min(row.period_end)).where(row.run_id == run.run_id).group_by(row.account_key)
        ends = {key: dt.date.fromisoformat(end) for key, end in connection.execute(query) if key in wanted} if wanted else {}
        self._told = {key: self._ended(key, end) for key, end in ends.items()}
        begins = {key: periods[0].start for key, periods in self._told.items() if periods}
        self.lefts: Lefts = by_owner(plain_lefts.stored(connection, run, begins))

    def of(self, account_key: int, first: dt.date) -> list[Period]:
        """The computed periods of an account, oldest first. `first`: a day of the oldest one in which any event of a group is billed."""
        told = self._told.get(account_key)
        return told if told is not None else self._ended(account_key, first + dt.timedelta(days=1))

    def _ended(self, account_key: int, since: dt.date) -> list[Period]:
        """Periods of an account that ended by the bill date, and not before a day."""
        account, found = self._facts.account(account_key), list[Period]()
        for period in ended_by(account.billed_from, account.all_bill_days, self._bill_date, account.closed_on):
            if period.end < since:
                break
            found.append(period)
        return found[::-1]

"""A calendar month as the one period of every account, for any bill day: on the clock of each account.

That makes two tariffs comparable over all customers at once: fees and grants are those of whole months. It is not what bills of accounts
with another bill day than the 1st show. The part of a month before an account is billed by this store is left out, as in a bill.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import sqlalchemy as sa

from billing.charges.periods import Period, always, next_bill_date
from billing.runs.contracts.fact_columns import groups
from billing.runs.selection.open_periods import Calendar, Calendars, side_by_side
from billing.runs.selection.scope import Scope, Window, first_instants
from billing.store.tables import accounts
from rating.dates import day_number, day_of
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.runs.contracts.facts import Facts
    from billing.runs.contracts.midnights import Midnights

_TEXT: Final = re.compile(r"(20[0-6][0-9])-(0[1-9]|1[0-2])")


class Month(NamedTuple):
    """A calendar month."""

    year: int
    number: int

    @property
    def first(self) -> dt.date:
        """Its first day."""
        return dt.date(self.year, self.number, 1)

    @property
    def after(self) -> dt.date:
        """The first day of the next one."""
        return next_bill_date(self.first, 1)

    def __str__(self) -> str:
        """Such as 2026-10."""
        return f"{self.year}-{self.number:02}"


def parse(text: str) -> Month:
    """A month as people write it. Raises UserError for anything else."""
    found = _TEXT.fullmatch(text)
    if found is None:
        raise UserError(f'"{text}" is not a month', "write year and month, such as 2026-10", exit_status=2)
    return Month(int(found[1]), int(found[2]))


def by_month(facts: Facts) -> Facts:
    """The facts with the first as bill day of every account: what goes by the bill periods of a customer goes by months."""
    return dataclasses.replace(facts, account_bill_days=np.zeros(len(facts.account_keys), np.int64), bill_days=[always(1)])


def window_of(connection: sa.Connection, seq: int, month: Month, midnights: Midnights) -> Window:
    """Window from the begin of the month on the first clock of any account to its end on the last; empty where there is no account."""
    zone, known = accounts.c.timezone, accounts.c.commit_seq
    zones = connection.execute(sa.select(zone).where(known <= seq).distinct()).scalars().all()
    begins, ends = ([midnights.instant_us(each, day) for each in zones] for day in (month.first, month.after))
    return Window(min(begins, default=0), max(ends, default=0))


def scope_of(facts: Facts, month: Month, midnights: Midnights) -> Scope:
    """The scope of a run whose only period, for every account that is billed in it, is `month`."""
    first, after = day_number(month.first), day_number(month.after)
    begins = np.maximum(facts.account_first_day, first)
    code, models = groups([facts.account_zone, np.minimum(begins, after)])
    calendars, numbers = Calendars(), []
    for model in models.tolist():
        start, zone = day_of(min(int(begins[model]), after)), facts.zones[facts.account_zone[model]]
        period = Period(start, month.after, month.first)
        numbers.append(calendars.number(Calendar(zone, always(1), (period,), period, None)) if start < month.after else -1)
    arrays = side_by_side(calendars.all, midnights)
    windows_ = [Window(int(each[0]), int(each[1])) for each in arrays.bounds_us]
    window = Window(min(each.from_us for each in windows_), max(each.to_us for each in windows_)) if windows_ else None
    accounts = len(facts.account_keys)
    return Scope(
        month.after,
        [list(each.periods) for each in calendars.all],
        np.array(numbers, np.int64)[code] if numbers else np.zeros(0, np.int64),
        np.full(accounts, -1, np.int64),
        first_instants(facts, facts.account_first_day, midnights),
        facts.account_first_day,
        *arrays,
        [None] * len(calendars.all),
        window,
        None,
        np.zeros(accounts, np.bool_),
        {},
    )

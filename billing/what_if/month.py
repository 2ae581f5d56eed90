"""A calendar month as the one period of every account, whatever its bill day: on the clock of each account.

That makes two tariffs comparable over all customers at once: fees and grants are those of whole months. It is not what bills of accounts
with another bill day than the 1st show. The part of a month before an account is billed by this store is left out, as in a bill.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import sqlalchemy as sa

from billing.charges.periods import Period, next_bill_date
from billing.runs.facts import day_number
from billing.runs.scope import Scope, Window
from billing.store.tables import accounts
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.runs.facts import Facts, Midnights

_TEXT: Final = re.compile(r"(20[0-6][0-9])-(0[1-9]|1[0-2])")
_NEVER: Final = np.iinfo(np.int64).max


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


def window_of(connection: sa.Connection, seq: int, month: Month, midnights: Midnights) -> Window:
    """From where the month begins on the first clock of any account to where it ends on the last; nothing where there is no account."""
    zone, known = accounts.c.timezone, accounts.c.commit_seq
    zones = connection.execute(sa.select(zone).where(known <= seq).distinct()).scalars().all()
    begins, ends = ([midnights.instant_us(each, day) for each in zones] for day in (month.first, month.after))
    return Window(min(begins, default=0), max(ends, default=0))


def scope_of(facts: Facts, month: Month, midnights: Midnights) -> Scope:
    """The scope of a run whose only period, for every account that is billed in it, is `month`."""
    whole = [Period(month.first, month.after, month.first)]
    periods = [
        []
        if each.billed_from >= month.after
        else whole
        if each.billed_from <= month.first
        else [Period(each.billed_from, month.after, month.first)]
        for each in facts.accounts
    ]
    zones = sorted({each.timezone for each in facts.accounts})
    row_of = {zone: row for row, zone in enumerate(zones)}
    bounds = [[midnights.instant_us(zone, month.first), midnights.instant_us(zone, month.after), _NEVER] for zone in zones]
    bounds_us = np.array(bounds, np.int64).reshape(-1, 3)
    window = Window(int(bounds_us[:, 0].min()), int(bounds_us[:, 1].max())) if zones else None
    return Scope(
        month.after,
        periods,
        [None] * len(periods),
        np.array([row_of[each.timezone] if own else -1 for each, own in zip(facts.accounts, periods, strict=True)], np.int64),
        np.array([midnights.instant_us(each.timezone, each.billed_from) for each in facts.accounts], np.int64),
        np.array([day_number(each.billed_from) for each in facts.accounts], np.int64),
        bounds_us,
        np.full((len(zones), 1), day_number(month.first), np.int64),
        np.full((len(zones), 1), day_number(month.after), np.int64),
        window,
    )

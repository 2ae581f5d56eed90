"""The contract facts as of a sequence number, as dense arrays: accounts, their subscriptions, and who has which plan when.

Accounts stand in the order of `account_id`, the order in which invoices are numbered; an account's place in it is its *index*.
Subscriptions stand in the order of their keys. Of two plan facts with the same date the one learned later holds.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import sqlalchemy as sa

from billing.accounts.facts import ends_learned_later
from billing.charges.lines import Int64s
from billing.charges.proration import Span
from billing.store import tables

EPOCH = dt.date(1970, 1, 1)
EPOCH_INSTANT = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)


class Account(NamedTuple):
    """One payer. `billed_from` is the first local date that this store bills."""

    account_key: int
    account_id: str
    name: str
    currency: str
    timezone: str
    bill_day: int
    language: str
    billed_from: dt.date
    payment_days: int
    commit_seq: int


class Subscription(NamedTuple):
    """One subscription: the span in which it is active, and the plans it has from which local dates on."""

    subscription_key: int
    subscription_id: str
    account: int  # index
    active: Span
    plans: tuple[tuple[dt.date, str], ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Facts:
    """Everything a run needs to know about customers."""

    accounts: list[Account]
    subscriptions: list[Subscription]
    account_keys: Int64s  # by index
    subscription_keys: Int64s  # ascending
    subscription_account: Int64s  # index of the account of each subscription


def load(connection: sa.Connection, seq: int) -> Facts:
    """Facts committed at or before `seq`."""
    accounts = _accounts(connection, seq)
    index_of = {account.account_key: index for index, account in enumerate(accounts)}
    subscriptions = _subscriptions(connection, seq, index_of)
    return Facts(
        accounts,
        subscriptions,
        np.array([account.account_key for account in accounts], np.int64),
        np.array([subscription.subscription_key for subscription in subscriptions], np.int64),
        np.array([subscription.account for subscription in subscriptions], np.int64),
    )


def day_number(day: dt.date) -> int:
    """Days since 1970-01-01, as in a date32 column."""
    return (day - EPOCH).days


def day_of(number: int) -> dt.date:
    """The date of a day number."""
    return EPOCH + dt.timedelta(days=number)


class Midnights:
    """Instants at which local dates begin, remembered, since a run asks for the same few over and over."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, dt.date], int] = {}

    def instant_us(self, zone: str, day: dt.date) -> int:
        """First instant of `day` in `zone`. Where the clock skips midnight, the instant of the change."""
        known = self._known.get((zone, day))
        if known is None:
            midnight = dt.datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
            known = (midnight - EPOCH_INSTANT) // MICROSECOND
            self._known[zone, day] = known
        return known

    def day_us(self, zone: str, day: dt.date) -> tuple[int, int]:
        """First instant of `day` in `zone`, and of the day after."""
        return self.instant_us(zone, day), self.instant_us(zone, day + dt.timedelta(days=1))


class _Days(dict[str, dt.date]):
    """Dates by their ISO text, each read once: a million facts have a few hundred."""

    def __missing__(self, text: str) -> dt.date:
        self[text] = day = dt.date.fromisoformat(text)
        return day


def _accounts(connection: sa.Connection, seq: int) -> list[Account]:
    account, days = tables.accounts.c, _Days()
    columns = (account.account_key, account.account_id, account.name, account.currency, account.timezone, account.bill_day)
    more = (account.language, sa.func.coalesce(sa.func.nullif(account.billed_through, ""), account.opened_on))
    query = sa.select(*columns, *more, account.payment_days, account.commit_seq).where(account.commit_seq <= seq)
    accounts = [Account(*row[:7], days[row[7]], row[8], row[9]) for row in connection.execute(query)]
    return sorted(accounts, key=lambda account: account.account_id)


def _subscriptions(connection: sa.Connection, seq: int, index_of: dict[int, int]) -> list[Subscription]:
    plans, ends, days = _plans(connection, seq), ends_learned_later(connection, seq), _Days()
    column = tables.subscriptions.c
    query = sa.select(column.subscription_key, column.subscription_id, column.account_key, column.from_date, column.to_date)
    rows = connection.execute(query.where(column.commit_seq <= seq).order_by(column.subscription_key))
    return [
        Subscription(
            key,
            subscription_id,
            index_of[account_key],
            Span(days[from_date], _date(ends.get(key, to_date))),
            tuple(sorted(plans.get(key, {}).items())),
        )
        for key, subscription_id, account_key, from_date, to_date in rows
    ]


def _date(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def _plans(connection: sa.Connection, seq: int) -> dict[int, dict[dt.date, str]]:
    table = tables.plan_facts
    columns = (table.c.subscription_key, table.c.from_date, table.c.plan)
    learned_in_order = sa.select(*columns).where(table.c.commit_seq <= seq).order_by(table.c.commit_seq, table.c.fact_id)
    plans: dict[int, dict[dt.date, str]] = {}
    days = _Days()
    for subscription_key, from_date, plan in connection.execute(learned_in_order):
        plans.setdefault(subscription_key, {})[days[from_date]] = plan
    return plans

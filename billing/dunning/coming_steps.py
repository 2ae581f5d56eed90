"""Coming steps of an account: what runs of each day from a date on would take, if nothing were paid, billed or promised any more.

A state changes only on some days, and no others are looked at. An item is past due for as long as a step wants, or the step before it was
taken long enough ago. Or a promise is over, or another policy holds.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from billing.accounts.facts import account_facts
from billing.allocations import open_items, unallocated
from billing.dunning.running import CLEARED
from billing.dunning.states import Taken, state
from billing.dunning.steps import accounts, taken_steps
from billing.dunning_policy import CLEAR, policies
from billing.payments.promises import open_rests
from billing.store import tables
from rating.dates import day_after
from rating.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from billing.allocations import OpenItem
    from billing.dunning.steps import Account
    from billing.dunning_policy import Policy
    from billing.store.home import Home

DAYS: dt.timedelta = dt.timedelta(days=366)  # how far it looks ahead


class Coming(msgspec.Struct, frozen=True):
    """A step on a day. `action`: remind, bar_outgoing, or clear."""

    on: str
    level: int
    action: str
    overdue_micros: int


def coming(home: Home, account_id: str, as_of: dt.date) -> list[Coming]:
    """The steps that come from a date on, in their order; that of the date itself is the first, where one is due. Raises NotFoundError."""
    with home.connect() as connection:
        found = accounts(connection, as_of, account_id)
        if not found:
            raise NotFoundError(f"no account has the id {account_id}", "give the id as in accounts.csv")
        return _steps(connection, found[0], as_of)


def _steps(connection: sa.Connection, account: Account, as_of: dt.date) -> list[Coming]:
    key = [account.account_key]
    items, known = open_items(connection, key), policies(connection)
    credit = sum(each.left_micros for each in unallocated(connection, key))
    taken = list(taken_steps(connection, key).get(account.account_key, []))
    days, last = {as_of, *_days(connection, account, items, known, as_of)}, as_of + DAYS
    steps = []
    while days:
        day = min(days)
        days.discard(day)
        policy = known.get(accounts(connection, day, account.account_id)[0].policy)
        if policy is None or day > last:
            break
        promised = open_rests(connection, day, key).get(account.account_key, 0)
        now = state(items, credit, policy, day, taken=taken, promised_micros=promised)
        before = (taken[-1].level, taken[-1].action) if taken else (CLEAR, "")
        if (now.level, now.action) != before:
            steps.append(Coming(day.isoformat(), now.level, now.action or CLEARED, now.overdue_micros))
            taken = [*taken, Taken(now.level, now.action, day)] if now.level else []
            days |= {day + dt.timedelta(days=each.days_after) for each in policy.steps if each.days_after}
    return steps


def _days(
    connection: sa.Connection, account: Account, items: Iterable[OpenItem], known: Mapping[str, Policy], as_of: dt.date
) -> set[dt.date]:
    """The days after a date on which the state may change without a step before."""
    waits = {step.days_past_due for policy in known.values() for step in policy.steps}
    found = {item.due_on + dt.timedelta(days=days) for item in items for days in {1, *waits}}
    since = {step.days_after for policy in known.values() for step in policy.steps}
    steps = taken_steps(connection, [account.account_key]).get(account.account_key, [])
    found |= {each.on + dt.timedelta(days=days) for each in steps for days in since}
    promise = tables.promises.c
    due = connection.execute(sa.select(promise.due_on).where(promise.account_key == account.account_key)).scalars()
    found |= {day_after(dt.date.fromisoformat(day)) for day in due}
    for fact in account_facts(connection, kinds=("terms",), keys=[account.account_key]):
        found |= {day for day in (fact.from_date, fact.to_date) if day is not None}
    return {day for day in found if as_of < day <= as_of + DAYS}

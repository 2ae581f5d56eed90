"""Accounts one by one, for people who look."""

from __future__ import annotations

import collections
import difflib
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from billing.accounts.facts import ends_learned_later
from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.store.home import Home


class AccountLine(msgspec.Struct, frozen=True):
    """One account and how many subscriptions it has."""

    account_id: str
    name: str
    currency: str
    timezone: str
    bill_day: int
    language: str
    opened_on: str
    billed_through: str | None
    dunning_policy: str
    payment_days: int
    subscriptions: int


class SubscriptionLine(msgspec.Struct, frozen=True):
    """One subscription with its newest plan and every number it has had."""

    subscription_id: str
    plan: str
    from_date: str
    to_date: str | None
    numbers: list[str]


class FactLine(msgspec.Struct, frozen=True):
    """What was decided about an account, from a date on."""

    kind: str
    from_date: str
    detail: str


class AccountDetail(msgspec.Struct, frozen=True):
    """All of one account."""

    account: AccountLine
    subscriptions: list[SubscriptionLine]
    facts: list[FactLine]


_ACCOUNT = tables.accounts.c
_SUBSCRIPTION = tables.subscriptions.c
_COUNT = (
    sa.select(sa.func.count()).where(_SUBSCRIPTION.account_key == _ACCOUNT.account_key).select_from(tables.subscriptions).scalar_subquery()
)
_LINE = sa.select(*(_ACCOUNT[name] for name in AccountLine.__struct_fields__[:-1]), _COUNT)


def count_accounts(home: Home) -> int:
    """How many accounts there are."""
    with home.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(tables.accounts)).scalar_one())


def list_accounts(home: Home, limit: int | None = None) -> list[AccountLine]:
    """Accounts by id."""
    with home.connect() as connection:
        return [AccountLine(*row) for row in connection.execute(_LINE.order_by(_ACCOUNT.account_id).limit(limit))]


def show_account(home: Home, account_id: str) -> AccountDetail:
    """All of the account `account_id`. Raises UserError when there is none."""
    with home.connect() as connection:
        row = connection.execute(_LINE.where(_ACCOUNT.account_id == account_id)).one_or_none()
        if row is None:
            raise _unknown(connection, account_id)
        key = connection.execute(sa.select(_ACCOUNT.account_key).where(_ACCOUNT.account_id == account_id)).scalar_one()
        fact = tables.account_facts.c
        facts = connection.execute(
            sa.select(fact.kind, fact.from_date, fact.detail).where(fact.account_key == key).order_by(fact.from_date, fact.fact_id)
        )
        return AccountDetail(AccountLine(*row), _subscriptions(connection, key), [FactLine(*each) for each in facts])


def _subscriptions(connection: sa.Connection, account_key: int) -> list[SubscriptionLine]:
    plan, guiding = tables.plan_facts.c, tables.guiding_facts.c
    rows = connection.execute(
        sa.select(_SUBSCRIPTION.subscription_key, _SUBSCRIPTION.subscription_id, _SUBSCRIPTION.from_date, _SUBSCRIPTION.to_date)
        .where(_SUBSCRIPTION.account_key == account_key)
        .order_by(_SUBSCRIPTION.subscription_id)
    ).all()
    keys = [row[0] for row in rows]
    plan_facts = connection.execute(
        sa.select(plan.subscription_key, plan.plan).where(plan.subscription_key.in_(keys)).order_by(plan.from_date, plan.commit_seq)
    )
    plans: dict[int, str] = {row[0]: row[1] for row in plan_facts}  # the last one stays
    numbers: dict[int, list[str]] = collections.defaultdict(list)
    for key, served_id in connection.execute(
        sa.select(guiding.subscription_key, guiding.served_id)
        .where(guiding.subscription_key.in_(keys))
        .group_by(guiding.subscription_key, guiding.served_id, guiding.from_us)  # an end learned later is a fact of its own
        .order_by(guiding.from_us, guiding.served_id)
    ):
        numbers[key].append(served_id)
    ends = ends_learned_later(connection)
    return [SubscriptionLine(name, plans[key], from_date, ends.get(key, to_date), numbers[key]) for key, name, from_date, to_date in rows]


def _unknown(connection: sa.Connection, account_id: str) -> UserError:
    ids = connection.execute(sa.select(_ACCOUNT.account_id)).scalars()
    close = difflib.get_close_matches(account_id, list(ids), n=1)
    remedy = f"did you mean {close[0]}?" if close else "`ratewright accounts list` shows the ids"
    return UserError(f"account {account_id} is unknown", remedy)

"""Allowances of one account, and what is left of them now, to answer a customer's question. Provisional, stored nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from billing.charges.rollover import SHARED
from billing.left_out.for_good import never_billed
from billing.runs.settlement.unbilled import unbilled
from billing.runs.usage.allowance_balances import Balances
from billing.store import tables
from rating.dates import day_after, local_date
from rating.errors import NotFoundError

if TYPE_CHECKING:
    from billing.runs.contracts.contracts import Contracts
    from billing.store.home import Home


class Left(msgspec.Struct, frozen=True):
    """Rest of one quantity, in `unit` (`rating.model.QuantityUnit`). `subscription_id` empty: subscriptions have it together."""

    subscription_id: str
    allowance: str
    granted: int
    left: int
    unit: int
    expires_on: str


def allowances_left(home: Home, account_id: str, now_us: int) -> list[Left]:
    """Balances of the periods that run today on the clock of an account: of whole grants, by subscription, the earliest end first."""
    account, subscription = tables.accounts.c, tables.subscriptions.c
    with home.connect() as connection:
        row = connection.execute(sa.select(account.account_key, account.timezone).where(account.account_id == account_id)).one_or_none()
        if row is None:
            raise NotFoundError(f"no account has the id {account_id}", "`ratewright accounts list` shows all ids")
        own = sa.select(subscription.subscription_key, subscription.subscription_id).where(subscription.account_key == row.account_key)
        names = {int(key): str(name) for key, name in connection.execute(own)} | {SHARED: ""}
    today = local_date(now_us, row.timezone)
    made: list[Balances] = []

    def balances_for(contracts: Contracts) -> Balances:
        made.append(Balances(contracts, today))
        return made[0]

    unbilled(home, day_after(today), only={account_id}, balances_for=balances_for, never_billed=never_billed)
    found = [
        Left(
            names[each.subscription_key],
            each.allowance.name,
            each.granted,
            each.left,
            int(each.allowance.unit),
            each.expires_on.isoformat(),
        )
        for balances in made
        for each in balances.found
        if row.account_key in each.account_keys and each.subscription_key in names
    ]
    return sorted(found, key=lambda each: (each.subscription_id, each.expires_on, each.allowance))

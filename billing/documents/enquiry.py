"""What one account has run up by now and no invoice has: for whoever answers a customer's question. Provisional, stored nowhere."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from billing.charges.lines import Kind
from billing.clocks import local_date
from billing.invoicing.drafts import KIND_NAMES, iso
from billing.runs import by_hand, totals
from billing.runs.unbilled import unbilled
from billing.store import tables
from rating.errors import NotFoundError

if TYPE_CHECKING:
    from billing.store.home import Home


class Charge(msgspec.Struct, frozen=True):
    """One charge; `amount_micros` net of tax. `period_to` is the end that the period will have."""

    subscription_id: str  # empty: of the account itself
    kind: str
    text: str
    period_from: str
    period_to: str
    events: int
    quantity: int
    free_quantity: int
    quantity_unit: int
    currency: str
    amount_micros: int


class Enquiry(msgspec.Struct, frozen=True):
    """What is not billed of the days before `through`."""

    account_id: str
    through: str
    lines: tuple[Charge, ...]
    net_micros: dict[str, int]


def enquire(home: Home, account_id: str, through: dt.date | None, now_us: int) -> Enquiry:
    """What an account will pay, by subscription and charge, for the days before `through` (None: today on its clock is the last one)."""
    with home.connect() as connection:
        account = tables.accounts.c
        query = sa.select(account.account_key, account.timezone, account.language).where(account.account_id == account_id)
        row = connection.execute(query).one_or_none()
        by_hand_rows = by_hand.counting(connection, home.head_seq(connection))
    if row is None:
        raise NotFoundError(f"no account has the id {account_id}", "`ratewright accounts list` shows all ids")
    day = through or local_date(row.timezone, now_us) + dt.timedelta(days=1)
    found = unbilled(home, day, only={account_id}, as_if_closed=True)
    contracts, language = found.contracts, row.language.partition("-")[0]
    own_texts, price_list = totals.names(contracts, by_hand_rows), contracts.price_list
    names = _subscriptions(home, found.lines["subscription_key"].tolist())
    charges = []
    for line in found.lines[found.lines["account_key"] == row.account_key]:
        key = (int(line["kind"]), int(line["price_id"]))
        text = own_texts.get(key) or price_list.price_text(price_list.identities[int(line["catalogue"])], key[1], language)
        events, used, free, unit = (int(line[name]) for name in ("events", "quantity", "free_quantity", "quantity_unit"))
        dates = (iso(int(line["period_from"])), iso(int(line["period_to"])))
        currency = found.currencies.names[int(line["currency"])]
        name = names.get(int(line["subscription_key"]), "")
        charges.append(Charge(name, KIND_NAMES[Kind(key[0])], text, *dates, events, used, free, unit, currency, int(line["amount_micros"])))
    sums: dict[str, int] = {}
    for charge in charges:
        sums[charge.currency] = sums.get(charge.currency, 0) + charge.amount_micros
    return Enquiry(account_id, day.isoformat(), tuple(charges), sums)


def _subscriptions(home: Home, keys: list[int]) -> dict[int, str]:
    """Ids of subscriptions that lines are of, whoever has them."""
    subscription = tables.subscriptions.c
    query = sa.select(subscription.subscription_key, subscription.subscription_id)
    with home.connect() as connection:
        return {int(key): name for key, name in connection.execute(query.where(subscription.subscription_key.in_(sorted(set(keys)))))}

"""Small import folders and catalogues, written by hand."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from billing import catalogue
from rating.model import Catalogue, Plan, TaxClass, TaxRate

if TYPE_CHECKING:
    from pathlib import Path

    from billing.store.home import Home

NOW_US = 1_772_323_200_000_000
HEADERS = {
    "accounts": "account_id,name,currency,timezone,bill_day,language,opened_on,billed_through,dunning_policy,payment_days",
    "subscriptions": "subscription_id,account_id,plan,from_date,to_date",
    "numbers": "served_id,subscription_id,from,to",
    "account_facts": "account_id,kind,from_date,to_date,detail",
    "subscription_facts": "subscription_id,kind,from_date,to_date,detail",
}
ACCOUNTS = [
    "A1,Li Wei,CNY,Asia/Shanghai,1,zh,2026-01-15,,standard,20",
    "A2,Ann Lee,CNY,Asia/Shanghai,31,en,2026-01-15,2026-02-01,standard,14",
]
SUBSCRIPTIONS = ["S1,A1,mobile/smart-m,2026-01-15,", "S2,A2,mobile/smart-m,2026-01-15,2026-06-01"]
NUMBERS = [
    "8613800000001,S1,2026-01-15T00:00:00+08:00,2026-03-01T00:00:00+08:00",
    "8613800000001,S2,2026-03-10T00:00:00+08:00,",
    "8613800000002,S2,2026-01-15T00:00:00+08:00,",
]


def write(
    folder: Path,
    accounts: list[str] = ACCOUNTS,
    subscriptions: list[str] = SUBSCRIPTIONS,
    numbers: list[str] = NUMBERS,
    **facts: list[str],
) -> Path:
    """The three files with these lines below their headers, and files of `facts`."""
    folder.mkdir(exist_ok=True)
    for name, lines in {"accounts": accounts, "subscriptions": subscriptions, "numbers": numbers, **facts}.items():
        (folder / f"{name}.csv").write_text("\n".join([HEADERS[name], *lines]) + "\n", encoding="utf-8")
    return folder


def a_catalogue(version: int = 1, *, identity: str = "mobile", currency: str = "CNY", title: str = "Smart M") -> Catalogue:
    """A catalogue with one plan that sells nothing."""
    return Catalogue(
        identity=identity,
        version=version,
        currency=currency,
        minor_digits=2,
        timezone="Asia/Shanghai",
        effective_from_us=version * 1_000_000,
        zones=(),
        calendars=(),
        prices=(),
        plans=(Plan("smart-m", (), {"en": title}),),
        tax_classes=(TaxClass("standard", 1, (TaxRate(dt.date(2020, 1, 1), 60_000),)),),
        disclosure={"en": "no surprises"},
    )


def publish(home: Home) -> None:
    """Make the plans known."""
    catalogue.publish(home, a_catalogue(), NOW_US)
    catalogue.publish(home, a_catalogue(identity="euro", currency="EUR"), NOW_US)

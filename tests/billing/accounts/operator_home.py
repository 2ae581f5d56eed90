"""A small operator for the tests of accounts: two catalogues, and accounts imported from text.

Plans: mobile/basic (10.00 a month in arrears, 5.00 for activation, 12 months, 4.00 for each that is left), mobile/plus (30.00 in advance,
a shared and an own allowance that roll over, add-on travel), mobile/old (not sold after 2025), euro/basic in EUR.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from billing import accounts, catalogue
from billing.accounts import entities
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.store.home import Home
from rating.model import (
    AddOn,
    Allowance,
    Catalogue,
    FeeOccasion,
    FeeTiming,
    OneOffFee,
    Plan,
    QuantityUnit,
    RecurringFee,
    Service,
    ServiceTerms,
    TaxClass,
    TaxRate,
)

if TYPE_CHECKING:
    from pathlib import Path

NOW_US = 1_772_323_200_000_000  # 2026-03-01T00:00:00Z
ANN = Operator("ann", 1001)
ASKED = Asked(ANN, NOW_US)
DRY = Asked(ANN, NOW_US, dry_run=True)

# What every test finds. B1 and B2 bill on the 15th, T1 is in another zone, E1 in another currency, W1 was billed elsewhere before.
ACCOUNTS = """
account_id,name,currency,timezone,bill_day,language,opened_on,billed_through,dunning_policy,payment_days,legal_entity,category
A1,Li Wei,CNY,Asia/Shanghai,1,zh,2025-10-01,,standard,20,,
A2,Ann Lee,CNY,Asia/Shanghai,1,en,2025-10-01,,standard,14,,
A3,Bo Zhang,CNY,Asia/Shanghai,1,zh,2025-10-01,,standard,20,north,staff
B1,Chen Yu,CNY,Asia/Shanghai,15,zh,2025-10-15,,standard,20,,
B2,Du Fei,CNY,Asia/Shanghai,15,zh,2025-10-15,,standard,20,,
T1,Tom Ray,CNY,Europe/Berlin,1,en,2025-10-01,,standard,20,,
E1,Eva Ott,EUR,Asia/Shanghai,1,de,2025-10-01,,standard,20,,
W1,Wu Min,CNY,Asia/Shanghai,1,zh,2020-01-01,2026-01-01,standard,20,,test
"""
SUBSCRIPTIONS = """
subscription_id,account_id,plan,from_date,to_date
A1-1,A1,mobile/basic,2025-10-01,
A1-2,A1,mobile/plus,2025-10-01,
A2-1,A2,mobile/basic,2025-10-01,2026-06-01
B1-1,B1,mobile/basic,2025-10-15,
B2-1,B2,mobile/basic,2025-10-15,
W1-1,W1,mobile/plus,2020-01-01,
"""
NUMBERS = """
served_id,subscription_id,from,to
8613800000001,A1-1,2025-10-01T00:00:00+08:00,
8613800000002,A1-2,2025-10-01T00:00:00+08:00,
8613800000003,A2-1,2025-10-01T00:00:00+08:00,2026-06-01T00:00:00+08:00
8613800000004,B1-1,2025-10-15T00:00:00+08:00,
"""


def make(folder: Path, **files: str) -> Home:
    """A home with the catalogues and accounts; `files` take the place of the three, or come to them."""
    home = Home.open(folder / "home", create=True)
    for each in catalogues():
        catalogue.publish(home, each, NOW_US - 1)
    entities.add(home, entities.Entity("north", "North Ltd", "N", "NC"), ASKED)
    accounts.import_files(home, write(folder / "in", **files), NOW_US, by=ANN)
    return home


def write(folder: Path, **files: str) -> Path:
    """CSV files with these texts."""
    folder.mkdir(exist_ok=True)
    for name, text in ({"accounts": ACCOUNTS, "subscriptions": SUBSCRIPTIONS, "numbers": NUMBERS} | files).items():
        (folder / f"{name}.csv").write_text(text.lstrip(), encoding="utf-8")
    return folder


def catalogues() -> list[Catalogue]:
    """What is sold."""
    mobile = _catalogue("mobile", "CNY", (_basic(), *_plus(), _old()))
    return [mobile, _catalogue("euro", "EUR", (_basic(),))]


def day(text: str) -> dt.date:
    """A date."""
    return dt.date.fromisoformat(text)


def _catalogue(identity: str, currency: str, plans: tuple[Plan, ...]) -> Catalogue:
    return Catalogue(
        identity=identity,
        version=1,
        currency=currency,
        minor_digits=2,
        timezone="Asia/Shanghai",
        effective_from_us=1_000_000,
        zones=(),
        calendars=(),
        prices=(),
        plans=plans,
        tax_classes=(
            TaxClass("standard", 1, (TaxRate(dt.date(2020, 1, 1), 60_000),)),
            TaxClass("reduced", 2, (TaxRate(dt.date(2020, 1, 1), 30_000),)),
        ),
        disclosure={"en": "no surprises"},
    )


def _basic() -> Plan:
    fee = RecurringFee(200, "Basic", 200, 5000, "standard", 10_000_000)
    start = OneOffFee(300, "Activation", 300, 5001, "standard", 5_000_000)
    early = OneOffFee(301, "Early end", 301, 5001, "standard", 4_000_000, FeeOccasion.EARLY_END, per_remaining_month=True)
    return Plan("basic", (), {"en": "Basic"}, recurring=(fee,), one_offs=(start, early), terms=ServiceTerms(minimum_months=12))


def _plus() -> tuple[Plan, Plan]:
    fee = RecurringFee(201, "Plus", 201, 5000, "standard", 30_000_000, FeeTiming.ADVANCE)
    own = Allowance(1, "minutes", (Service.VOICE,), QuantityUnit.MILLISECOND, 6_000_000, ("*",), rollover_periods=2)
    shared = Allowance(2, "family data", (Service.DATA,), QuantityUnit.BYTE, 10**9, ("*",), rollover_periods=1, shared=True)
    lapsing = Allowance(3, "messages", (Service.SMS,), QuantityUnit.MESSAGE, 100, ("*",))
    plus = Plan("plus", (), {"en": "Plus"}, (own, shared, lapsing), (fee,))
    travel = AddOn("travel", {"en": "Travel"}, recurring=(RecurringFee(202, "Travel", 202, 5000, "standard", 8_000_000),))
    with_travel = Plan(
        "plus+travel", (), {"en": "Plus and Travel"}, (own, shared, lapsing), (fee, *travel.recurring), base="plus", add_ons=("travel",)
    )
    return plus, with_travel


def _old() -> Plan:
    return Plan("old", (), {"en": "Old"}, sold_to=dt.date(2025, 12, 31))

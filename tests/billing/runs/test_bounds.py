"""Bounds of a bill as a table: what is due now, what was billed before, and why the account is put aside. Amounts in cents."""

from __future__ import annotations

import datetime as dt
from typing import Final, NamedTuple

import numpy as np
import pytest

from billing.charges.charge_keys import Kind
from billing.charges.lines import LINE, Lines
from billing.charges.reconcile import differences
from billing.runs.settlement import bounds
from billing.runs.settlement.bounds import CREDIT, FOREIGN, NEGATIVE, TOO_LARGE, Limits
from rating.dates import day_number

OCTOBER, NOVEMBER, DECEMBER = (day_number(dt.date(2025, month, 1)) for month in (10, 11, 12))
CENT: Final = 10_000
LIMITS: Final = Limits(lines_per_day_max=1, days_ahead_max=62)
CNY, EUR = 0, 1
NOBODY: Final = np.zeros(0, np.int64)


class Row(NamedTuple):
    """A line of account 1."""

    kind: Kind
    cents: int
    price: int = 1
    begins: int = OCTOBER
    ends: int = NOVEMBER
    subscription: int = 7
    currency: int = CNY


def _lines(rows: list[Row]) -> Lines:
    lines = np.zeros(len(rows), LINE)
    for place, row in enumerate(rows):
        values = {"account_key": 1, "kind": int(row.kind), "price_id": row.price, "currency": row.currency, "period_from": row.begins}
        values |= {"period_to": row.ends, "subscription_key": row.subscription, "amount_micros": row.cents * CENT, "events": 1}
        for name, value in values.items():
            lines[name][place] = value
    return lines


FEE, USAGE, VOLUME, DISCOUNT, BY_HAND, TAX = Kind.RECURRING, Kind.USAGE, Kind.VOLUME, Kind.DISCOUNT, Kind.ADJUSTMENT, Kind.TAX
CASES = [
    # what is about, due now, billed before, reason
    ("a first bill", [Row(FEE, 1000), Row(TAX, 60, 0)], [], None),
    ("a correction of what was billed", [Row(USAGE, 400)], [Row(USAGE, 1000)], None),
    ("all of it is given back", [], [Row(USAGE, 1000), Row(FEE, 500)], None),
    ("more is given back than was billed", [Row(USAGE, -1)], [Row(USAGE, 1000)], CREDIT),
    ("a fresh period below nothing", [Row(USAGE, 100), Row(FEE, -101)], [], NEGATIVE),
    ("a fresh period of nothing", [Row(USAGE, 100), Row(DISCOUNT, -100, 2)], [], None),
    ("volume lowers what usage cost", [Row(USAGE, 100), Row(VOLUME, -30, 2)], [], None),
    ("volume comes later, in a billed period", [Row(USAGE, 110), Row(VOLUME, -30, 2)], [Row(USAGE, 100)], None),
    ("a discount takes more than all there is", [Row(USAGE, 100), Row(DISCOUNT, -150, 2)], [Row(USAGE, 100)], CREDIT),
    ("a tier takes off more than the usage", [Row(USAGE, 100), Row(VOLUME, -130, 2)], [], NEGATIVE),
    ("and in a period with a fee", [Row(VOLUME, -130, 2)], [Row(FEE, 100)], CREDIT),
    ("a credit by hand has its reason", [Row(BY_HAND, -5000)], [], None),
    ("and beside a bill", [Row(BY_HAND, -5000), Row(FEE, 1000)], [Row(FEE, 1000)], None),
    ("a plan in another currency", [Row(FEE, 1000, currency=EUR)], [], FOREIGN),
    ("beyond the limit of money", [Row(VOLUME, 10**14), Row(USAGE, 1)], [], TOO_LARGE),
    ("fees of the next period", [Row(FEE, 1000, begins=NOVEMBER, ends=DECEMBER)], [], None),
    ("far ahead", [Row(FEE, 1000, begins=NOVEMBER + 63, ends=NOVEMBER + 93)], [], "a charge begins more than 62 days after the bill date"),
    ("a line a day", [Row(USAGE, 1, price) for price in range(31)], [], None),
    ("more lines than days", [Row(USAGE, 1, price) for price in range(32)], [],
     "a subscription has 32 lines in 31 days: more than 1 a day"),
    ("of several subscriptions", [Row(USAGE, 1, price, subscription=price % 2 + 1) for price in range(40)], [], None),
]  # fmt: skip


@pytest.mark.parametrize(("about", "due", "billed", "reason"), CASES, ids=[case[0] for case in CASES])
def test_bounds(about: str, due: list[Row], billed: list[Row], reason: str | None) -> None:
    before = _lines(billed)
    found = differences(_lines(due), before)
    own = np.full(len(found.lines), CNY)
    assert bounds.broken(found, before, own, NOBODY, NOVEMBER, LIMITS) == ({1: reason} if reason else {}), about


OFF_BY_HAND = [
    # a discount (price 2) may be off charges by hand (price 9): the smaller of the two sums does not count; 10 + 200 - 20 = 190 is due
    ("10 % off a charge by hand", [Row(FEE, 1000), Row(BY_HAND, 20_000, 9), Row(DISCOUNT, -2000, 2)], [], None),
    ("all of it is off, and there is no fee", [Row(BY_HAND, 2000, 9), Row(DISCOUNT, -2000, 2)], [], None),
    ("a cent more than all there is", [Row(BY_HAND, 2000, 9), Row(DISCOUNT, -2001, 2)], [], NEGATIVE),
    ("off fees and charges at once", [Row(FEE, 1000), Row(BY_HAND, 2000, 9), Row(DISCOUNT, -3000, 2)], [], None),
    ("and a cent more", [Row(FEE, 1000), Row(BY_HAND, 2000, 9), Row(DISCOUNT, -3001, 2)], [], NEGATIVE),
    ("two charges and two discounts",
     [Row(BY_HAND, 500, 8), Row(BY_HAND, 500, 9), Row(DISCOUNT, -600, 2), Row(DISCOUNT, -400, 3)], [], None),
    ("a credit by hand gets nothing off", [Row(BY_HAND, -2000, 9), Row(FEE, 100), Row(DISCOUNT, -101, 2)], [], NEGATIVE),
    ("and takes nothing from a charge", [Row(BY_HAND, -5000, 8), Row(BY_HAND, 2000, 9), Row(DISCOUNT, -200, 2)], [], None),
    ("a charge by hand hides no fee below nothing", [Row(FEE, -1), Row(BY_HAND, 2000, 9)], [], NEGATIVE),
    ("nor a fee beside a smaller discount", [Row(FEE, -1), Row(BY_HAND, 2000, 9), Row(DISCOUNT, -200, 2)], [], NEGATIVE),
    ("nor a discount of another period",
     [Row(FEE, 100), Row(DISCOUNT, -101, 2), Row(BY_HAND, 2000, 9, begins=NOVEMBER, ends=DECEMBER)], [], NEGATIVE),
    # the same in a period that is billed: what is due in all may not be below nothing
    ("a charge comes later", [Row(FEE, 1000), Row(BY_HAND, 20_000, 9), Row(DISCOUNT, -2000, 2)], [Row(FEE, 1000)], None),
    ("the discount comes later", [Row(FEE, 1000), Row(BY_HAND, 20_000, 9), Row(DISCOUNT, -2000, 2)],
     [Row(FEE, 1000), Row(BY_HAND, 20_000, 9)], None),
    ("the discount grows", [Row(FEE, 1000), Row(BY_HAND, 20_000, 9), Row(DISCOUNT, -4000, 2)],
     [Row(FEE, 1000), Row(BY_HAND, 20_000, 9), Row(DISCOUNT, -2000, 2)], None),
    ("the fee is given back beside it", [Row(BY_HAND, 20_000, 9), Row(DISCOUNT, -2000, 2)],
     [Row(FEE, 1000), Row(BY_HAND, 20_000, 9), Row(DISCOUNT, -2000, 2)], None),
    ("and a cent of usage more than that", [Row(USAGE, -1), Row(BY_HAND, 20_000, 9), Row(DISCOUNT, -2000, 2)],
     [Row(FEE, 1000), Row(BY_HAND, 20_000, 9), Row(DISCOUNT, -2000, 2)], CREDIT),
    ("the charge is gone, and so is its discount", [Row(FEE, 1000)],
     [Row(FEE, 1000), Row(BY_HAND, 20_000, 9), Row(DISCOUNT, -2000, 2)], None),
    ("the charge is gone, and its discount grows", [Row(FEE, 1000), Row(DISCOUNT, -2001, 2)],
     [Row(FEE, 1000), Row(BY_HAND, 20_000, 9), Row(DISCOUNT, -2000, 2)], CREDIT),
    ("a discount of more than fee and charge", [Row(FEE, 1000), Row(BY_HAND, 2000, 9), Row(DISCOUNT, -3001, 2)], [Row(FEE, 1000)], CREDIT),
]  # fmt: skip


@pytest.mark.parametrize(("about", "due", "billed", "reason"), OFF_BY_HAND, ids=[case[0] for case in OFF_BY_HAND])
def test_bounds_of_discounts_off_charges_by_hand(about: str, due: list[Row], billed: list[Row], reason: str | None) -> None:
    before = _lines(billed)
    found = differences(_lines(due), before)
    own = np.full(len(found.lines), CNY)
    assert bounds.broken(found, before, own, NOBODY, NOVEMBER, LIMITS) == ({1: reason} if reason else {}), about


PAID_BY_ANOTHER = [
    # the usage of the tier may be on the bill of another; the rest as above
    ("a tier takes off usage", [Row(VOLUME, -40, 2)], [], None),
    ("and beside a fee that is smaller", [Row(FEE, 30), Row(VOLUME, -40, 2)], [], None),
    ("and beside usage of its own that is less", [Row(USAGE, 10), Row(VOLUME, -40, 2)], [], None),
    ("and of a period of which a smaller fee was billed", [Row(VOLUME, -40, 2)], [Row(FEE, 30)], None),
    ("a fee is given back beside it", [Row(VOLUME, -40, 2)], [Row(FEE, 1000), Row(VOLUME, -40, 2)], None),
    ("from now on another pays the usage", [Row(VOLUME, -40, 2)], [Row(USAGE, 200), Row(VOLUME, -40, 2)], None),
    ("more than the fee is given back", [Row(FEE, -1), Row(VOLUME, -40, 2)], [Row(FEE, 1000), Row(VOLUME, -40, 2)], CREDIT),
    ("a fee below nothing", [Row(FEE, -1), Row(VOLUME, -40, 2)], [], NEGATIVE),
]


@pytest.mark.parametrize(("about", "due", "billed", "reason"), PAID_BY_ANOTHER, ids=[case[0] for case in PAID_BY_ANOTHER])
def test_bounds_of_who_is_billed_with_others(about: str, due: list[Row], billed: list[Row], reason: str | None) -> None:
    before = _lines(billed)
    found = differences(_lines(due), before)
    own = np.full(len(found.lines), CNY)
    together = np.array([1], np.int64)
    assert bounds.broken(found, before, own, together, NOVEMBER, LIMITS) == ({1: reason} if reason else {}), about

"""A discount over a fee in advance and a least amount at the end of October: of which the first is billed ahead and the second is not.

One customer since the first period began, whose plan has a fee of 31.00 in advance and a least amount of 62.00 that is not divided by days;
`with_fees` counts the fee toward it. Each bill has fees of two periods and a least amount of the first one. With bill day 15, of the period
of 15 October 17.00 of the fee is earned and 34.00 of the least amount due. Amounts are hundredths of the currency, without tax.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from billing import catalogue, invoicing
from billing.accounts import agreements, kinds
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents import enquiry
from rating.model import Commitment, CommitmentCounts, FeeTiming, Plan, RecurringFee, Service, UsageRule
from tests.billing.accounting.test_ahead import CALLS, CENT, FEES, LEAST, OFF, at, ended, told
from tests.billing.runs.world import NATIONAL, START_US, price_of, shop

if TYPE_CHECKING:
    from tests.billing.runs.world import World

BOTH, USED_TOO = ("recurring", "commitment"), ("recurring", "usage", "commitment")


class Row(NamedTuple):
    """A discount, what it is off and what is told after the bill; what is held and owed at the end of October, and its revenue."""

    discount: str
    of_kinds: tuple[str, ...]
    plan: str
    after: str
    deferred: dict[int, int]
    unbilled: dict[int, int]
    revenue: int
    why: str


ROWS = (
    Row("10 %", BOTH, "alone", "", {FEES: 1400, OFF: -140}, {LEAST: 3400, OFF: -340}, 12960, "27.90 + 55.80, 15.30 and 30.60"),
    Row("10 %", BOTH[:1], "alone", "", {FEES: 1400, OFF: -140}, {LEAST: 3400}, 13920, "27.90 + 62.00, 15.30 and 34.00"),
    Row("10 %", BOTH[1:], "alone", "", {FEES: 1400}, {LEAST: 3400, OFF: -340}, 13440, "31.00 + 55.80, 17.00 and 30.60"),
    Row("10 %", BOTH, "with_fees", "", {FEES: 1400, OFF: -140}, {LEAST: 1870, OFF: -187}, 9072, "58.59 + 27.90; 15.30 + 16.83"),
    Row("10 %", BOTH[:1], "with_fees", "", {FEES: 1400, OFF: -140}, {LEAST: 1870}, 9600, "62.00; 15.30 + 18.70"),
    Row("10 %", BOTH[1:], "with_fees", "", {FEES: 1400}, {LEAST: 1700, OFF: -170}, 9120, "31.00 + 27.90; 17.00 + 15.30"),
    Row("5.00", BOTH, "alone", "", {FEES: 1400, OFF: -226}, {LEAST: 3400}, 13626, "a fixed amount is off the fee: 88.00, 14.26 and 34.00"),
    Row("5.00", BOTH, "with_fees", "", {FEES: 1400, OFF: -226}, {LEAST: 1974}, 9600, "62.00; 14.26 + 19.74"),
    Row("10 %", USED_TOO, "alone", "call", {FEES: 1400, OFF: -140}, {CALLS: 100, LEAST: 3310, OFF: -341}, 12969, "0.90 counts: 33.10"),
    Row("10 %", BOTH, "alone", "pause 10-20 10-25", {FEES: 1900, OFF: -190}, {LEAST: 3400, OFF: -340}, 12510, "12.00 is earned"),
    Row("10 %", BOTH, "alone", "end 10-25", {FEES: 2100, OFF: -210}, {LEAST: 3400, OFF: -340}, 12330, "10.00 is earned"),
    Row("10 %", BOTH, "alone", "close 11-10", {FEES: 3100, OFF: -310}, {FEES: 1700, LEAST: 4054, OFF: -575}, 13549, "62 x 17/26"),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.discount} {'+'.join(row.of_kinds)} {row.plan} {row.after}")
def test_each_discount(world: World, row: Row) -> None:
    opened(world, row.plan, "2025-09-15")
    at(world, "2025-10-14")
    agreed(world, row.discount, row.of_kinds)
    world.bill("2025-10-15")
    at(world, "2025-10-16")
    told(world, row.after)
    assert ended(world) == (row.deferred, row.unbilled, row.revenue), row.why


@pytest.mark.parametrize(("plan", "least", "off", "revenue"), [("alone", 6200, -620, 16740), ("with_fees", 3410, -341, 11718)])
def test_of_a_period_that_is_over_nothing_is_ahead(world: World, plan: str, least: int, off: int, revenue: int) -> None:
    """Bill day 1: in October 27.90 x 2 and 90 % of what is missing in September are billed, and as much is missing in October."""
    opened(world, plan, "2025-09-01")
    at(world, "2025-09-30")
    agreed(world, "10 %", BOTH)
    world.bill("2025-10-01")
    assert ended(world) == ({}, {LEAST: least, OFF: off}, revenue)


def test_tax_in_prices_is_taken_out_of_each_part(world: World) -> None:
    """6 % out of 27.90: 29.24 - 2.92; out of 15.30: 16.04 - 1.61; out of 45.90, all that is due: 16.04 + 32.07 - 4.81."""
    opened(world, "alone", "2025-09-15", tax_inclusive=True)
    at(world, "2025-10-14")
    agreed(world, "10 %", BOTH)
    world.bill("2025-10-15")
    assert ended(world) == ({FEES: 1320, OFF: -131}, {LEAST: 3207, OFF: -320}, 10528 - 1189 + 2887)


@pytest.mark.parametrize(
    ("plan", "least", "off", "revenue"),
    [
        ("alone", 34_00, -3_00, 112_00 - 13_00 + 31_00),
        ("with_fees", 19_00, -2_00, 87_00 - 13_00 + 17_00),
    ],
)
def test_each_part_is_rounded_to_its_minor_unit(world: World, plan: str, least: int, off: int, revenue: int) -> None:
    """Yen have none. 10 percent off 31 are 3, off 17 are 2: of the 3 that were billed 1 is ahead. What is missing to 34 has the rest."""
    opened(world, plan, "2025-09-15", currency="JPY", minor_digits=0)
    at(world, "2025-10-14")
    agreed(world, "10 %", BOTH)
    world.bill("2025-10-15")
    assert ended(world) == ({FEES: 14_00, OFF: -1_00}, {LEAST: least, OFF: off}, revenue)


def test_a_customer_who_asks_is_told_the_discount_off_the_least_amount(world: World) -> None:
    """If the account closed on 1 November: 62.00 whole and 6.20 off it; of the fee 14.00 are given back, and 1.40 of its discount."""
    opened(world, "alone", "2025-09-15")
    at(world, "2025-10-14")
    agreed(world, "10 %", BOTH)
    world.bill("2025-10-15")
    asked = enquiry.enquire(world.home, "a", dt.date(2025, 11, 1), world.tick())
    found = sorted((each.kind, each.amount_micros // CENT) for each in asked.lines)
    assert found == [("commitment", 6200), ("discount", -480), ("recurring", -1400)]
    at(world, "2025-10-31")
    agreements.close(world.home, Asked(Operator("clerk", 1), world.tick()), "a", dt.date(2025, 11, 1), "")
    world.bill("2025-11-01")
    assert invoicing.get_invoice(world.home, world.numbers()[-1]).summary.net_micros // CENT == 6200 - 480 - 1400


def opened(world: World, plan: str, opened_on: str, *, currency: str = "CNY", **changes: Any) -> None:  # noqa: ANN401 -- fields of a catalogue
    rules = (UsageRule(Service.VOICE, "national", "Calls"),)
    fee = RecurringFee(301, "fee", 1, FEES, "standard", 3100 * CENT, FeeTiming.ADVANCE)
    counting = (("alone", CommitmentCounts.USAGE), ("with_fees", CommitmentCounts.USAGE_AND_FEES))
    plans = tuple(
        Plan(name, rules, {"en": name}, (), (fee,), commitments=(Commitment(330, name, 60, LEAST, "standard", 6200 * CENT, counts, False),))
        for name, counts in counting
    )
    prices = (price_of(NATIONAL, "Calls", 10, 10 * CENT),)
    sold = shop(1, START_US, identity="least", currency=currency, prices=prices, plans=plans, **changes)
    catalogue.publish(world.home, sold, world.tick())
    world.account("a", bill_day=int(opened_on[-2:]), opened_on=opened_on, currency=currency)
    world.subscription("s", "a", f"least/{plan}", "8613800000001", from_date=opened_on)


def agreed(world: World, discount: str, of_kinds: tuple[str, ...]) -> None:
    """10 percent or 5.00 off lines of these kinds, since before the first period."""
    ppm, cents = (100_000, 0) if discount == "10 %" else (0, 500)
    detail = kinds.DiscountFact("less", ppm, cents * CENT, of_kinds, (), 90, OFF)
    asked = Asked(Operator("clerk", 1), world.tick())
    agreements.agree(world.home, asked, "a", "discount", dt.date(2025, 9, 1), None, detail)

"""What of fees in advance and of discounts is earned at the end of a month, and what is deferred or unbilled: a row a life.

One customer with bill day 15 since 15 September: the bill of 15 October has two months in advance, the second one to 14 November. Fees:
`by_days` 31.00, `double` 62.00, `whole` 31.00 that is not divided by days, and `later` the same in arrears; a call is 0.10 a minute.
Amounts are cents, without tax.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import pytest

from billing import catalogue, invoicing
from billing.accounting import balances, closing, unbilled
from billing.accounting.month_end import month_of
from billing.accounts import agreements, kinds, lifecycle
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.closed_months import Who
from billing.documents import crediting, enquiry
from rating.model import FeeTiming, Plan, RecurringFee, Service, UsageRule
from tests.billing.runs.world import NATIONAL, START_US, Call, price_of, shop

if TYPE_CHECKING:
    from rating.model import Catalogue
    from tests.billing.runs.world import World

CENT = 10_000
FEES, CALLS, OFF = 400, 4010, 500


class Row(NamedTuple):
    """A life: what is told before the bill of 15 October and after it, what is held and owed at the end of October, and its revenue."""

    plan: str
    before: str
    after: str
    deferred: dict[int, int]
    unbilled: dict[int, int]
    revenue: int
    why: str


# of the first month, 15 September to 14 October, 31.00 is revenue of October, when it is billed
ROWS = (
    Row("by_days", "", "", {FEES: 1400}, {}, 4800, "31 + 17 of 31"),
    Row("by_days", "pause 10-15 10-25", "", {FEES: 1400}, {}, 3800, "21.00 was billed from 25 October on: 14 of 21 days are ahead"),
    Row("by_days", "end 10-25", "", {}, {}, 4100, "10.00 was billed for 15 to 24 October"),
    Row("by_days", "close 11-10", "", {FEES: 900}, {}, 4800, "26.00 was billed to 9 November, when the account closes"),
    Row("by_days", "", "pause 10-20 10-25", {FEES: 1900}, {}, 4300, "of 31.00 there are 12 days used; 5.00 will be credited"),
    Row("by_days", "", "end 10-25", {FEES: 2100}, {}, 4100, "10.00 is earned, 21.00 will be credited"),
    Row("by_days", "", "change double 10-25", {FEES: 2100}, {FEES: 1400}, 5500, "31 + 10 + 62 x 7/31: the new plan is not billed yet"),
    Row("by_days", "", "close 10-20", {FEES: 3100}, {FEES: 500}, 3600, "5.00 is earned, and will be billed as 5.00 - 31.00"),
    Row("whole", "", "", {FEES: 1400}, {}, 4800, "evenly over its period"),
    Row("by_days", "percent", "", {FEES: 1400, OFF: -140}, {}, 4320, "27.90 + 27.90 x 17/31 = 43.20"),
    Row("whole", "percent", "", {FEES: 1400, OFF: -140}, {}, 4320, "a percentage goes with what it is off"),
    Row("by_days", "percent; pause 10-15 10-25", "", {FEES: 1400, OFF: -140}, {}, 3420, "27.90 + 2.10 and 10 % off 7.00: 27.90 + 6.30"),
    Row("by_days", "percent", "change double 10-25", {FEES: 2100, OFF: -210}, {FEES: 1400, OFF: -140}, 4950, "90 % of 55.00"),
    Row("by_days", "percent", "close 10-20", {FEES: 3100, OFF: -310}, {FEES: 500, OFF: -50}, 3240, "90 % of 36.00"),
    Row("by_days", "percent", "call", {FEES: 1400, OFF: -140}, {CALLS: 100, OFF: -10}, 4410, "43.20 + 0.90, which is not billed"),
    Row("by_days", "", "percent", {FEES: 1400}, {OFF: -170}, 4630, "told after the bill: 3.10 off the billed month are November's"),
    Row("by_days", "fixed", "", {FEES: 1400, OFF: -226}, {}, 4026, "5.00 a period: 26.00 + 17.00 - 5.00 x 17/31"),
    Row("by_days", "", "fixed", {FEES: 1400}, {OFF: -274}, 4526, "5.00 x 17/31 of the second month; the first one is November's"),
    Row("by_days", "fixed", "close 11-10", {FEES: 3100, OFF: -500}, {FEES: 1700, OFF: -327}, 3973, "5.00 x 17/26: to 9 November"),
    Row("whole", "", "close 11-10", {FEES: 3100}, {FEES: 2027}, 5127, "31 + 31 x 17/26: its period ends with the account"),
    Row("whole", "percent", "close 11-10", {FEES: 3100, OFF: -310}, {FEES: 2027, OFF: -203}, 4614, "27.90 + 20.27 - 2.03"),
    Row("later", "", "", {}, {FEES: 1700}, 4800, "evenly over its period, billed or not"),
    Row("later", "", "end 10-25", {}, {FEES: 1700}, 4800, "due whole however few days it is for"),
    Row("later", "", "close 11-10", {}, {FEES: 2027}, 5127, "31 + 31 x 17/26"),
    Row("later", "percent", "", {}, {FEES: 1700, OFF: -170}, 4320, "27.90 + 15.30"),
    Row("later", "fixed", "", {}, {FEES: 1700, OFF: -274}, 4026, "26.00 + 17.00 - 5.00 x 17/31"),
    Row("later", "fixed 4000", "", {}, {FEES: 1700, OFF: -1700}, 0, "40.00 x 17/31 is 21.94: more than there is"),
    Row("by_days", "", "credit 310 outside", {FEES: 1260}, {}, 4630, "3.10 of the second month as goodwill, evenly: 1.40 is ahead"),
    Row("by_days", "", "credit 310 advance", {FEES: 1090}, {}, 4800, "what counts as not billed is billed again: no revenue is lost"),
    Row("by_days", "", "credit 2100 advance", {}, {FEES: 700}, 4800, "of 31.00 only 10.00 stands billed, and 17.00 is due"),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.plan} {row.before}/{row.after}")
def test_each_life(world: World, row: Row) -> None:
    opened(world, row.plan)
    at(world, "2025-10-14")
    told(world, row.before)
    world.bill("2025-10-15")
    at(world, "2025-10-16")
    told(world, row.after)
    assert ended(world) == (row.deferred, row.unbilled, row.revenue), row.why
    at(world, "2025-11-15")
    world.bill("2025-11-15")
    assert ended(world) == (row.deferred, row.unbilled, row.revenue), "the bill of November changes nothing in October"


LIVES = (
    ("", ""),
    ("pause 10-15 10-25", ""),
    ("", "pause 10-20 10-25"),
    ("end 10-25", ""),
    ("", "end 10-25"),
    ("", "change double 10-25"),
    ("percent; pause 10-15 10-25", "call"),
    ("percent", "change double 10-25; call"),
    ("percent; payer", "call"),
    ("percent", "credit 310 advance"),
)


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("life", LIVES, ids="/".join)
def test_what_is_earned_is_what_all_bills_come_to_if_the_account_closes_then(
    world: World, life: tuple[str, str], *, inclusive: bool
) -> None:
    opened(world, "by_days", inclusive=inclusive)
    for day, acts in zip(("2025-10-14", "2025-10-16"), life, strict=True):
        at(world, day)
        told(world, acts)
        if day == "2025-10-14":
            world.bill("2025-10-15")
    *_, earned = ended(world)
    at(world, "2025-10-31")
    told(world, "close 11-01")
    world.bill("2025-11-01")
    assert sum(each.net_micros for each in invoicing.list_invoices(world.home)) // CENT == earned


def test_a_discount_is_a_fixed_amount_where_it_is_agreed_as_one(world: World) -> None:
    """Of a customer who ends on 25 October with 10 percent off, 21.00 - 2.10 are held; of another with 5.00 off, 14.00 - 2.26."""
    opened(world, "by_days")
    world.subscription("t", "b", "ahead/by_days", "8613800000002", from_date="2025-09-15")
    at(world, "2025-10-14")
    told(world, "percent; fixed_of_b")
    world.bill("2025-10-15")
    at(world, "2025-10-16")
    told(world, "end 10-25")
    deferred, owed, _ = ended(world)
    assert (deferred, owed) == ({FEES: 3500, OFF: -436}, {})


def test_a_fee_goes_by_days_as_the_version_says_that_charged_it(world: World) -> None:
    """`whole` goes by days since 10 October: of the month that begins on 15 October 10.00 is earned where it ends on the 25th."""
    opened(world, "whole")
    at(world, "2025-10-01")
    since_us = int(dt.datetime.fromisoformat("2025-10-10T00:00+08:00").timestamp()) * 1_000_000
    catalogue.publish(world.home, sold(2, since_us, whole_by_days=True), world.tick())
    at(world, "2025-10-14")
    world.bill("2025-10-15")
    at(world, "2025-10-16")
    told(world, "end 10-25")
    assert ended(world) == ({FEES: 2100}, {}, 4100)


def test_a_customer_who_asks_is_told_what_a_bill_would_have(world: World) -> None:
    """If the account closed then: the fee whole, and 5.00 off it. At the end of a month both are earned evenly."""
    opened(world, "later")
    at(world, "2025-10-14")
    told(world, "fixed")
    world.bill("2025-10-15")
    asked = enquiry.enquire(world.home, "a", dt.date(2025, 11, 1), world.tick())
    assert [each.amount_micros // CENT for each in asked.lines] == [3100, -500]
    at(world, "2025-10-31")
    told(world, "close 11-01")
    world.bill("2025-11-01")
    assert [each.net_micros // CENT for each in invoicing.list_invoices(world.home)][-1] == 2600


def ended(world: World) -> tuple[dict[int, int], dict[int, int], int]:
    """What closing October would bring accounts to, and the revenue of October then."""
    month = month_of("2025-10")
    entries = closing.close(
        world.home, month, "", unbilled.targets(world.home, month), "", Who("clerk", 1, world.tick()), dry_run=True
    ).entries
    deferred, owed = ({each.code: each.target_micros // CENT for each in entries if each.kind == kind} for kind in ("deferred", "unbilled"))
    invoiced = invoiced_cents(world)
    return deferred, owed, invoiced - sum(deferred.values()) + sum(owed.values())


def invoiced_cents(world: World) -> int:
    with world.home.connect() as connection:
        lines = balances.trial_balance(connection, through=dt.date(2025, 10, 31))
    return -sum(each.balance_micros for each in lines if each.account.startswith("revenue:")) // CENT


def opened(world: World, plan: str, *, inclusive: bool = False) -> None:
    catalogue.publish(world.home, sold(tax_inclusive=inclusive), world.tick())
    world.account("a", bill_day=15, opened_on="2025-09-15")
    world.account("b", bill_day=15, opened_on="2025-09-15")
    world.subscription("s", "a", f"ahead/{plan}", "8613800000001", from_date="2025-09-15")


def sold(version: int = 1, since_us: int = START_US, *, whole_by_days: bool = False, tax_inclusive: bool = False) -> Catalogue:
    rules = (UsageRule(Service.VOICE, "national", "Calls"),)
    ahead, later = FeeTiming.ADVANCE, FeeTiming.ARREARS
    fees_sold = (
        ("by_days", 31, ahead, True),
        ("double", 62, ahead, True),
        ("whole", 31, ahead, whole_by_days),
        ("later", 31, later, False),
    )
    fees = [
        RecurringFee(300 + code, name, code, FEES, "standard", units * 100 * CENT, timing, prorate=by_days)
        for code, (name, units, timing, by_days) in enumerate(fees_sold)
    ]
    plans = tuple(Plan(fee.name, rules, {"en": fee.name}, (), (fee,)) for fee in fees)
    prices = (price_of(NATIONAL, "Calls", 10, 10 * CENT),)
    return shop(version, since_us, identity="ahead", prices=prices, plans=plans, tax_inclusive=tax_inclusive)


def told(world: World, acts: str) -> None:
    """What somebody says or does on the day on which the clock stands."""
    for act in filter(None, acts.split("; ")):
        word, *rest = act.split()
        asked = Asked(Operator("clerk", 1), world.tick())
        days = [dt.date.fromisoformat(f"2025-{each}") for each in rest if "-" in each]
        if word == "pause":
            lifecycle.pause(world.home, asked, "s", days[0], days[1], "")
        elif word == "end":
            lifecycle.end(world.home, asked, "s", days[0], "")
        elif word == "close":
            agreements.close(world.home, asked, "a", days[0], "")
        elif word == "change":
            lifecycle.change_plan(world.home, asked, "s", f"ahead/{rest[0]}", days[0])
        elif word == "call":
            world.take(Call("8613800000001", "2025-10-20T10:00", 600))
        elif word == "payer":
            detail = kinds.PayerFact("b", ("recurring",))
            agreements.agree_for(world.home, asked, "s", "payer", dt.date(2025, 9, 15), None, detail)
        elif word == "credit":
            credit(world, int(rest[0]), rest[1])
        else:
            percent_ppm, micros = (100_000, 0) if word == "percent" else (0, int(rest[0]) * CENT if rest else 500 * CENT)
            less = kinds.DiscountFact("less", percent_ppm, micros, (), (), 90, OFF)
            agreements.agree(world.home, asked, "b" if word == "fixed_of_b" else "a", "discount", dt.date(2025, 9, 15), None, less)


def credit(world: World, cents: int, effect: str) -> None:
    """A part of the second month, given back on 16 October."""
    lines = [each for each in invoicing.get_invoice(world.home, "R-0000000001").lines if each.kind == "recurring"]
    (place,) = (each.line_no for each in lines if each.period_to == "2025-11-15")
    wanted = crediting.Wanted("note", "R-0000000001", place, cents * CENT, effect, "goodwill")
    crediting.credit(world.home, wanted, Who("clerk", 1, world.tick()), on=dt.date(2025, 10, 16))


def at(world: World, day: str) -> None:
    world.now_us = int(dt.datetime.fromisoformat(day + "T04:00+00:00").timestamp()) * 1_000_000

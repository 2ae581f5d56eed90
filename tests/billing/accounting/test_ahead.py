"""What of fees in advance and of discounts is earned at the end of a month, and what is deferred or unbilled: a row a life.

One customer with bill day 15 since 15 September: the bill of 15 October has two months in advance, the second one to 14 November. Fees:
`by_days` 31.00, `double` 62.00, `whole` 31.00 that is not divided by days, and `later` the same in arrears; a call is 0.10 a minute.
`cheaper` has the fee of `by_days` and 10 percent off, `dearer` that of `later` at 62.00. Plans without fees have a least amount: `least`
62.00 and `more` 93.00 of one commitment that is not divided by days, `least_by_days` 62.00. Amounts are cents, without tax.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest

from billing import catalogue, invoicing
from billing.accounting import balances, closing, unbilled
from billing.accounting.month_end import month_of
from billing.accounts import agreements, kinds, lifecycle
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents import crediting, enquiry
from billing.ledger.closed_months import Who
from rating.model import Commitment, FeeTiming, InvoiceDiscount, Plan, RecurringFee, Service, TaxClass, TaxRate, UsageRule
from tests.billing.runs.world import NATIONAL, START_US, Call, price_of, shop

if TYPE_CHECKING:
    from rating.model import Catalogue
    from tests.billing.runs.world import World

CENT = 10_000
FEES, CALLS, OFF, LEAST = 400, 4010, 500, 600


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
    Row("later", "", "change dearer 10-25", {}, {FEES: 3400}, 6500, "31 + 62 x 17/31: due whole at its last amount"),
    Row("later", "", "change dearer 11-05", {}, {FEES: 3400}, 6500, "31 + 62 x 17/31: as far as is known"),
    Row("later", "", "change by_days 11-05", {}, {FEES: 1700}, 4800, "due whole, though it ends before the period"),
    Row("by_days", "", "change later 11-05", {FEES: 1400}, {}, 4800, "the fee that begins in November has no day in October"),
    Row("later", "percent", "", {}, {FEES: 1700, OFF: -170}, 4320, "27.90 + 15.30"),
    Row("later", "fixed", "", {}, {FEES: 1700, OFF: -274}, 4026, "26.00 + 17.00 - 5.00 x 17/31"),
    Row("later", "fixed 4000", "", {}, {FEES: 1700, OFF: -1700}, 0, "40.00 x 17/31 is 21.94: more than there is"),
    Row("by_days", "percent 11-01", "", {FEES: 1400, OFF: -140}, {}, 4630, "holds on 14 November: 31 + 27.90 x 17/31"),
    Row("by_days", "percent 09-15 11-01", "", {FEES: 1400}, {}, 4490, "no longer holds on 14 November: 27.90 + 17.00"),
    Row("by_days", "own_percent 11-01", "", {FEES: 1400, OFF: -140}, {}, 4630, "the same agreed with the subscription"),
    Row("by_days", "own_percent 09-15 11-01", "", {FEES: 1400}, {}, 4490, "the same agreed with the subscription"),
    Row("by_days", "", "percent 11-01", {FEES: 1400}, {OFF: -170}, 4630, "told after the bill: the next one has 3.10 off, 1.70 of October"),
    Row("by_days", "fixed 11-01", "", {FEES: 1400, OFF: -226}, {}, 4526, "31 + 17 - 5.00 x 17/31"),
    Row("by_days", "percent 11-01; close 11-10", "", {FEES: 900, OFF: -90}, {}, 4630, "holds on 9 November, when the account closes"),
    Row("by_days", "percent 11-10; close 11-10", "", {FEES: 900}, {}, 4800, "begins after the last day of the account"),
    Row("by_days", "change cheaper 11-05", "", {FEES: 1400, OFF: -140}, {}, 4630, "the discount of the last plan of the period"),
    Row("by_days", "", "change cheaper 11-05", {FEES: 1400}, {OFF: -170}, 4630, "the same, told after the bill"),
    Row("least", "", "call", {}, {LEAST: 3300, CALLS: 100}, 9600, "62.00 of the first month, 62 x 17/31 = 34.00, of which 1.00 is used"),
    Row("least_by_days", "", "call", {}, {LEAST: 3300, CALLS: 100}, 9600, "the same by days"),
    Row("least", "", "close 11-10", {}, {LEAST: 4054}, 10254, "62 + 62 x 17/26: its period ends with the account"),
    Row("least", "", "end 10-25", {}, {LEAST: 3400}, 9600, "due whole however few days it is for"),
    Row("least", "pause 10-15 10-25", "", {}, {LEAST: 3400}, 9600, "the days of a pause do not make it less"),
    Row("least", "pause 10-15 11-05", "", {}, {}, 6200, "no day of October counts"),
    Row("least", "", "change more 10-25", {}, {LEAST: 5100}, 11300, "62 + 93 x 17/31: due whole at its last amount"),
    Row("least", "", "change more 11-05", {}, {LEAST: 5100}, 11300, "62 + 93 x 17/31: so far as is known"),
    Row("by_days", "", "change least 11-05", {FEES: 1400}, {}, 4800, "the least amount has no day in October"),
    Row("least_by_days", "", "change by_days 10-25", {}, {LEAST: 2000, FEES: 700}, 8900, "62 + 62 x 10/31 + 31 x 7/31"),
    Row("least", "percent 11-01 of commitments", "", {}, {LEAST: 3400, OFF: -340}, 9260, "62 + 34.00 and 10 % off it"),
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


def test_accounts_that_bill_on_one_day_may_close_on_different_ones(world: World) -> None:
    """10 percent from 10 November: nothing off 26.00 of one that closes then (9.00 are ahead), 1.40 of the 14.00 ahead of the other."""
    opened(world, "by_days")
    world.subscription("t", "b", "ahead/by_days", "8613800000002", from_date="2025-09-15")
    at(world, "2025-10-14")
    told(world, "close 11-10; own_percent 11-10; percent_of_t 11-10")
    world.bill("2025-10-15")
    assert ended(world) == ({FEES: 900 + 1400, OFF: -140}, {}, 4800 + 4630)


RATES = (
    Row("by_days", "", "", {FEES: 1239}, {}, 4429, "of 27.43 with 13 % in the price 15.04 is earned; 29.25 of the first month with 6 %"),
    Row("by_days", "", "call", {FEES: 1239}, {CALLS: 89}, 4518, "17.00 + 1.00 without 13 % in them: 15.93"),
    Row("by_days", "percent", "", {FEES: 1239, OFF: -124}, {}, 3986, "27.90 without 6 %: 26.32; 17.00 - 1.70 without 13 %: 13.54"),
    Row("least", "", "", {}, {LEAST: 3009}, 8858, "62.00 without 6 %: 58.49; 62 x 17/31 = 34.00 without 13 %: 30.09"),
    Row("by_days", "close 11-01", "", {}, {}, 4529, "closes before the rate changes: 17.00 without 6 %, 16.04"),
    Row("by_days", "exempt 11-01", "", {FEES: 1400}, {}, 4625, "exempt on 14 November: 29.25 + 17.00"),
)  # fmt: skip


@pytest.mark.parametrize("row", RATES, ids=lambda row: f"{row.plan} {row.before}/{row.after}")
def test_the_tax_in_prices_is_that_of_the_last_day_of_the_whole_period(world: World, row: Row) -> None:
    """It is 6 percent, and 13 since 1 November."""
    rates = (TaxRate(dt.date(2020, 1, 1), 60_000), TaxRate(dt.date(2025, 11, 1), 130_000))
    classes = (TaxClass("standard", 1, rates),)
    catalogue.publish(world.home, shop(2, START_US + 1, tax_classes=classes), world.tick())  # both catalogues must agree
    opened(world, row.plan, inclusive=True, tax_classes=classes)
    at(world, "2025-10-14")
    told(world, row.before)
    world.bill("2025-10-15")
    at(world, "2025-10-16")
    told(world, row.after)
    assert ended(world) == (row.deferred, row.unbilled, row.revenue), row.why


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


ASKED = (
    ("later", "fixed", [3100, -500], "the fee whole, and 5.00 off it: at the end of a month both are earned evenly"),
    ("later", "percent 11-01", [3100], "the discount begins after the last day: at the end of a month it is that of the whole period"),
    ("least", "", [6200], "the least amount whole"),
    ("by_days", "", [-1400], "of 31.00 in advance 17 days are used: the final bill gives back the rest"),
    ("by_days", "close 11-01", [], "31.00 for the whole month was never billed"),
    ("by_days", "percent", [-1400, 140], "and takes back its share of the discount"),
    ("by_days", "pause 10-20 10-25", [-1400], "the pause is known before the bill: 26.00 are billed, of which 12.00 are used"),
    ("whole", "", [], "a fee that is not divided by days is kept whole"),
)
TOLD_AFTER = (
    ("by_days", "pause 10-20 10-25", [-1900], "a pause told after the bill is given back as well"),
    ("by_days", "close 11-01", [1700, -3100], "the closing is known: used days stand on a line of their own"),
    ("by_days", "end 10-25", [-2100], "the subscription ends before the account closes"),
)


@pytest.mark.parametrize(
    ("plan", "before", "after", "lines", "why"),
    [*((plan, before, "", *rest) for plan, before, *rest in ASKED), *((plan, "", after, *rest) for plan, after, *rest in TOLD_AFTER)],
)
def test_a_customer_who_asks_is_told_what_a_bill_would_have_if_the_account_closed(  # noqa: PLR0913, PLR0917 -- a row
    world: World, plan: str, before: str, after: str, lines: list[int], why: str
) -> None:
    opened(world, plan)
    at(world, "2025-10-14")
    told(world, before)
    world.bill("2025-10-15")
    at(world, "2025-10-16")
    told(world, after)
    asked = enquiry.enquire(world.home, "a", dt.date(2025, 11, 1), world.tick())
    assert [each.amount_micros // CENT for each in asked.lines] == lines, why
    at(world, "2025-10-31")
    told(world, "" if "close 11-01" in {before, after} else "close 11-01")
    made = len(world.numbers())
    world.bill("2025-11-01")
    assert sum(each.net_micros // CENT for each in invoicing.list_invoices(world.home)[made:]) == sum(lines), why


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


def opened(world: World, plan: str, *, inclusive: bool = False, **changes: Any) -> None:  # noqa: ANN401 -- fields of a catalogue
    catalogue.publish(world.home, sold(tax_inclusive=inclusive, **changes), world.tick())
    world.account("a", bill_day=15, opened_on="2025-09-15")
    world.account("b", bill_day=15, opened_on="2025-09-15")
    world.subscription("s", "a", f"ahead/{plan}", "8613800000001", from_date="2025-09-15")


def sold(
    version: int = 1,
    since_us: int = START_US,
    *,
    whole_by_days: bool = False,
    tax_inclusive: bool = False,
    **changes: Any,  # noqa: ANN401 -- fields of a catalogue
) -> Catalogue:
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
    off = InvoiceDiscount(320, "cheaper", 90, OFF, 100_000)
    least = [("least", 330, 62, False), ("more", 330, 93, False), ("least_by_days", 331, 62, True)]
    plans = (
        *(Plan(fee.name, rules, {"en": fee.name}, (), (fee,)) for fee in fees),
        Plan("dearer", rules, {"en": "dearer"}, (), (msgspec.structs.replace(fees[3], amount_micros=6200 * CENT),)),
        Plan("cheaper", rules, {"en": "cheaper"}, (), (fees[0],), invoice_discounts=(off,)),
        *(
            Plan(name, rules, {"en": name}, (), commitments=(committed(name, price_id, units, by_days=by_days),))
            for name, price_id, units, by_days in least
        ),
    )
    prices = (price_of(NATIONAL, "Calls", 10, 10 * CENT),)
    return shop(version, since_us, identity="ahead", prices=prices, plans=plans, tax_inclusive=tax_inclusive, **changes)


def committed(name: str, price_id: int, units: int, *, by_days: bool) -> Commitment:
    return Commitment(price_id, name, 60, LEAST, "standard", units * 100 * CENT, prorate=by_days)


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
            agreed(world, asked, word, rest)


def agreed(world: World, asked: Asked, word: str, rest: list[str]) -> None:
    """A discount (percent, own_percent, fixed) or an exemption, from 15 September or the first date on, to the second."""
    days = [dt.date.fromisoformat(f"2025-{each}") for each in rest if "-" in each] or [dt.date(2025, 9, 15)]
    from_date, to_date = (*days, None)[:2]
    cents = next((int(each) for each in rest if each.isdigit()), 500)
    less = discount(0, cents) if word.startswith("fixed") else discount(100_000, 0, ("commitment",) if "commitments" in rest else ())
    if word == "exempt":
        agreements.agree(world.home, asked, "a", "tax", from_date, to_date, kinds.TaxFact(("standard",)))
    elif word in {"own_percent", "percent_of_t"}:
        agreements.agree_for(world.home, asked, "t" if word == "percent_of_t" else "s", "discount", from_date, to_date, less)
    else:
        agreements.agree(world.home, asked, "b" if word == "fixed_of_b" else "a", "discount", from_date, to_date, less)


def discount(percent_ppm: int, cents: int, of_kinds: tuple[str, ...] = ()) -> kinds.DiscountFact:
    return kinds.DiscountFact("less", percent_ppm, cents * CENT, of_kinds, (), 90, OFF)


def credit(world: World, cents: int, effect: str) -> None:
    """A part of the second month, given back on 16 October."""
    lines = [each for each in invoicing.get_invoice(world.home, "R-0000000001").lines if each.kind == "recurring"]
    (place,) = (each.line_no for each in lines if each.period_to == "2025-11-15")
    wanted = crediting.CreditRequest("note", "R-0000000001", place, cents * CENT, effect, "goodwill")
    crediting.credit(world.home, wanted, Who("clerk", 1, world.tick()), on=dt.date(2025, 10, 16))


def at(world: World, day: str) -> None:
    world.now_us = int(dt.datetime.fromisoformat(day + "T04:00+00:00").timestamp()) * 1_000_000

"""Diaries: what happens on which day, and what the next invoice says. Amounts in cents (fen)."""

from __future__ import annotations

import datetime as dt
import os
import platform
from zoneinfo import ZoneInfo

import msgspec
import pytest
import sqlalchemy as sa

from billing import catalogue, invoicing
from billing.controls import books
from billing.documents import voiding
from billing.runs import cycle, lock, states
from billing.runs.refused_events import refusals
from billing.store import tables
from billing.store.home import Home
from billing.verification.rerate_sample import rerate
from rating.errors import UserError
from rating.model import InvoiceDiscount, LateUsage, Rate, Step
from tests.billing.documents import clerk
from tests.billing.runs.world import PREMIUM, START_US, Call, World, instant_us, price_of, shop

OCTOBER = ("2025-10-01", "2025-11-01")
NOVEMBER = ("2025-11-01", "2025-12-01")
DECEMBER = ("2025-12-01", "2026-01-01")
PREMIUM_NUMBER = 8690000000001


@pytest.fixture
def anna(world: World) -> World:
    """One account on plan basic since October."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    return world


def balanced(world: World) -> bool:
    return [book for book in books(world.home) if not book.ok] == []


def test_a_first_bill(anna: World) -> None:
    anna.take(
        Call("1001", "2025-10-05T10:00:00", 15 * 60),  # free: 15 of 20 minutes
        Call("1001", "2025-10-06T10:00:00", 8 * 60 + 1),  # 9 minutes begun: 5 free, 4 at 0.10
        Call("1001", "2025-10-07T10:00:00", 30, PREMIUM_NUMBER),  # 1 minute at 2.005
    )
    report = anna.bill("2025-11-01")
    assert (report.state, report.invoices, report.events) == ("posted", 1, {"RATED": 2, "ZERO_RATED": 1})
    assert anna.lines("R-0000000001") == [
        ("Basic", *OCTOBER, 1, 1000),
        ("National calls", *OCTOBER, 2, 40),
        ("Premium calls", *OCTOBER, 1, 201),  # 2.005 rounds up
        ("Tax standard 6 %", *OCTOBER, 0, 74),  # 6 % of 12.41
    ]
    summary = invoicing.get_invoice(anna.home, "R-0000000001").summary
    assert (summary.issued_on, summary.due_on, summary.total_micros) == ("2025-11-01", "2025-11-15", 13_150_000)
    assert balanced(anna)


def test_the_same_run_again_bills_nothing(anna: World) -> None:
    anna.take(Call("1001", "2025-10-05T10:00:00", 1500))
    first = anna.bill("2025-11-01")
    again = anna.bill("2025-11-01")
    assert (first.invoices, again.invoices, again.state) == (1, 0, "posted")
    assert again.run_id != first.run_id
    assert balanced(anna)


def test_late_usage_is_a_line_of_the_next_invoice_that_names_its_period(anna: World) -> None:
    anna.take(Call("1001", "2025-10-05T10:00:00", 25 * 60))
    anna.bill("2025-11-01")
    anna.take(Call("1001", "2025-10-30T10:00:00", 3 * 60), Call("1001", "2025-11-02T10:00:00", 60))
    anna.bill("2025-12-01")
    assert anna.lines("R-0000000002") == [
        ("National calls, correction for 2025-10-01 to 2025-10-31", *OCTOBER, 1, 30),
        ("Basic", *NOVEMBER, 1, 1000),
        ("National calls", *NOVEMBER, 1, 0),
        ("Tax standard 6 %, correction for 2025-10-01 to 2025-10-31", *OCTOBER, 0, 2),
        ("Tax standard 6 %", *NOVEMBER, 0, 60),
    ]
    assert [line.corrects for line in invoicing.get_invoice(anna.home, "R-0000000002").lines] == [True, False, False, True, False]
    assert balanced(anna)


def test_late_usage_that_comes_first_moves_the_allowance(anna: World) -> None:
    """A late call early in the month takes the free minutes that a later call had: only money moves, and only by what it is worth."""
    anna.take(Call("1001", "2025-10-20T10:00:00", 20 * 60), Call("1001", "2025-10-21T10:00:00", 60, PREMIUM_NUMBER))
    anna.bill("2025-11-01")
    anna.take(Call("1001", "2025-10-02T10:00:00", 10 * 60))
    anna.bill("2025-12-01")
    assert anna.lines("R-0000000002")[0] == ("National calls, correction for 2025-10-01 to 2025-10-31", *OCTOBER, 1, 100)


def test_an_end_that_is_learned_after_the_bill_gives_back_what_was_billed_for_the_days_after_it(world: World) -> None:
    """Plus: 30.00 a month in arrears, 3.00 in advance. The end on 16 November is told in December, after November was billed."""
    world.account("ben")
    world.subscription("ben-1", "ben", "shop/plus", "1002")
    world.take(Call("1002", "2025-11-10T10:00:00", 60), Call("1002", "2025-11-16T00:00:00", 60))
    world.bill("2025-12-01")
    world.end("ben-1", "2025-11-16")
    assert world.bill("2026-01-01").events == {"RATED": 1, "UNKNOWN_SUBSCRIPTION": 1}
    correction, given_back = "correction for 2025-11-01 to 2025-11-30", "correction for 2025-12-01 to 2025-12-31"
    assert world.lines("R-0000000002") == [
        (f"Plus, {correction}", *NOVEMBER, 0, -1500),
        (f"Line rent, {correction}", *NOVEMBER, 0, -150),
        (f"National calls, {correction}", *NOVEMBER, -1, -10),
        (f"Line rent, {given_back}", *DECEMBER, -1, -300),
        (f"Tax standard 6 %, {correction}", *NOVEMBER, 0, -99),  # 6 % of 33.20 was 1.99, of 16.60 it is 1.00
        (f"Tax standard 6 %, {given_back}", *DECEMBER, 0, -18),
    ]
    assert balanced(world)
    assert rerate(world.home, None, 10, 1).disagreements == 0
    assert balanced(world)


def test_a_late_file_can_be_billed_on_the_same_date(anna: World) -> None:
    anna.bill("2025-11-01")
    anna.take(Call("1001", "2025-10-05T10:00:00", 21 * 60))
    assert anna.bill("2025-11-01").invoices == 1
    assert anna.lines("R-0000000002")[0] == ("National calls, correction for 2025-10-01 to 2025-10-31", *OCTOBER, 1, 10)


def test_a_run_made_again_bills_the_same_accounts_and_no_others(anna: World) -> None:
    """Ben's bill day has not come again: late usage of his waits, however often the run of another bill day is made."""
    anna.account("ben", bill_day=15)
    anna.subscription("ben-1", "ben", "shop/plus", "1002")
    anna.bill("2025-11-01")
    anna.take(Call("1002", "2025-10-05T10:00:00", 60))
    anna.bill("2025-12-01")
    anna.take(Call("1002", "2025-10-20T10:00:00", 60))
    assert [anna.bill("2025-12-10").invoices for _ in range(3)] == [0, 0, 0]
    assert anna.bill("2025-12-15").invoices == 1
    assert anna.lines(anna.numbers("ben")[-1])[0] == (
        "National calls, correction for 2025-10-15 to 2025-11-14", "2025-10-15", "2025-11-15", 1, 10,
    )  # fmt: skip
    assert balanced(anna)


@pytest.mark.parametrize("made_anew", [False, True])
def test_a_run_of_an_earlier_date_that_came_later_hides_nothing(anna: World, made_anew: bool) -> None:  # noqa: FBT001 -- a column
    """October is billed by the run of the 15th, which came first: that of the 1st finds nothing. What comes late is billed all the same."""
    for date in ("2025-11-15", "2025-11-01"):
        anna.bill(date)
    if made_anew:
        clerk.void(anna, "R-0000000001", "2025-11-20")
        voiding.reissue(anna.home, "R-0000000001", clerk.who(anna))
    anna.take(Call("1001", "2025-10-05T10:00:00", 21 * 60))
    anna.bill("2025-11-15")
    anna.take(Call("1001", "2025-10-06T10:00:00", 2 * 60))
    anna.bill("2025-12-01")
    calls = [cents for number in anna.numbers() for text, *_, cents in anna.lines(number) if text.startswith("National")]
    assert calls == [10, 20], "20 minutes of October are free"
    assert balanced(anna)


def test_a_conflict_after_the_bill_is_credited(anna: World) -> None:
    anna.take(Call("1001", "2025-10-05T10:00:00", 25 * 60, key="x"), Call("1001", "2025-10-06T10:00:00", 120))
    anna.bill("2025-11-01")
    anna.take(Call("1001", "2025-10-05T10:00:00", 26 * 60, key="x"))  # another version: both wait for a decision
    anna.bill("2025-12-01")
    assert anna.lines("R-0000000002")[0] == ("National calls, correction for 2025-10-01 to 2025-10-31", *OCTOBER, -1, -70)
    assert balanced(anna)


def test_usage_older_than_the_open_periods_stays_unbilled(anna: World) -> None:
    for date in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"):
        anna.bill(date)
    anna.take(Call("1001", "2025-10-05T10:00:00", 30 * 60), Call("1001", "2025-11-05T10:00:00", 30 * 60))
    report = anna.bill("2026-03-01")
    lines = anna.lines("R-0000000005")
    assert lines[0] == ("National calls, correction for 2025-11-01 to 2025-11-30", *NOVEMBER, 1, 100)
    assert not any(line[1] == "2025-10-01" for line in lines)
    assert report.left_out["closed"] == 0, "October lies before the window and is not even read"


def test_a_change_of_plan_in_the_middle_of_a_month(world: World) -> None:
    world.account("ben")
    world.subscription("ben-1", "ben", "shop/basic", "1002")
    world.plan("ben-1", "shop/plus", "2025-10-11")
    world.take(
        Call("1002", "2025-10-10T23:59:59", 7 * 60),  # basic: 20 x 10/31 = 6.45 minutes free
        Call("1002", "2025-10-11T00:00:00", 2 * 60),  # plus: nothing free
    )
    world.bill("2025-11-01")
    assert world.lines("R-0000000001") == [
        ("Basic", *OCTOBER, 1, 323),  # 10.00 x 10/31
        ("Plus", *OCTOBER, 1, 2032),  # 30.00 x 21/31
        ("Line rent", *OCTOBER, 1, 203),  # 3.00 x 21/31
        ("National calls", *OCTOBER, 2, 25),  # 7:00 - 6:27.096 at 0.10 a minute: 0.054840, and 0.20
        ("Line rent", *NOVEMBER, 1, 300),
        ("Tax standard 6 %", *OCTOBER, 0, 155),
        ("Tax standard 6 %", *NOVEMBER, 0, 18),
    ]


def test_a_leading_stub_and_an_account_that_leaves(world: World) -> None:
    world.account("cora", bill_day=15, opened_on="2025-10-10")
    world.subscription("cora-1", "cora", "shop/plus", "1003", from_date="2025-10-10", to_date="2025-11-20")
    world.bill("2025-10-15")
    assert world.lines("R-0000000001")[:3] == [
        ("Plus", "2025-10-10", "2025-10-15", 1, 500),  # 30.00 x 5/30: of the period that ends at the first bill date
        ("Line rent", "2025-10-10", "2025-10-15", 1, 50),
        ("Line rent", "2025-10-15", "2025-11-15", 1, 300),
    ]
    world.bill("2025-11-15")
    world.take(Call("1003", "2025-11-19T12:00:00", 60), Call("1003", "2025-11-20T12:00:00", 60))
    report = world.bill("2025-12-15")
    assert world.lines("R-0000000003")[:2] == [
        ("Plus", "2025-11-15", "2025-12-15", 1, 500),  # 5/30 of the period that starts at the last bill date
        ("National calls", "2025-11-15", "2025-12-15", 1, 10),
    ]
    assert report.events == {"RATED": 1, "UNKNOWN_SUBSCRIPTION": 1}, "the call after the end belongs to nobody"
    assert world.bill("2026-01-15").invoices == 0


def test_a_fee_in_advance_is_credited_when_the_end_is_learned_late(world: World) -> None:
    world.account("dora")
    world.subscription("dora-1", "dora", "shop/plus", "1004")
    world.bill("2025-11-01")
    world.execute("UPDATE subscriptions SET to_date = '2025-11-11'")  # as a later fact would say
    world.bill("2025-12-01")
    assert world.lines("R-0000000002") == [
        ("Plus", *NOVEMBER, 1, 1000),
        ("Line rent, correction for 2025-11-01 to 2025-11-30", *NOVEMBER, 0, -200),
        ("Tax standard 6 %", *NOVEMBER, 0, 48),  # of both, and so more of it: no correction
    ]


def test_what_is_more_of_a_period_that_was_billed_in_part_is_no_correction(world: World) -> None:
    """10 % off the fee in advance was billed with it; the fee in arrears brings more of the same discount and tax. Then the end is told."""
    tenth = InvoiceDiscount(500, "loyalty", 50, 5000, 100_000)
    plans = (shop().plans[0], msgspec.structs.replace(shop().plans[1], invoice_discounts=(tenth,)))
    catalogue.publish(world.home, shop(2, START_US + 1, plans=plans), world.tick())
    world.account("dora")
    world.execute("UPDATE accounts SET language = 'zh'")
    world.subscription("dora-1", "dora", "shop/plus", "1004")
    world.bill("2025-11-01")
    world.bill("2025-12-01")
    assert [(text, cents) for text, *_, cents in world.lines("R-0000000002")] == [
        ("Plus", 3000), ("loyalty", -300), ("Line rent", 300), ("loyalty", -30), ("Tax standard 6 %", 162), ("Tax standard 6 %", 16),
    ]  # fmt: skip
    world.end("dora-1", "2025-12-01")
    world.bill("2026-01-01")
    of_december = "(更正 2025-12-01 至 2025-12-31)"
    assert [(text, cents) for text, *_, cents in world.lines("R-0000000003")] == [
        (f"Line rent {of_december}", -300), (f"loyalty {of_december}", 30), (f"Tax standard 6 % {of_december}", -16),
    ]  # fmt: skip


def test_bill_days_and_zones(world: World) -> None:
    """Each account is billed at its own day and midnight; the others wait."""
    world.account("early", bill_day=1, timezone="Asia/Shanghai")
    world.account("late", bill_day=31, timezone="America/New_York")
    world.subscription("e", "early", "shop/plus", "1")
    world.subscription("l", "late", "shop/plus", "2")
    before_midnight = "2025-11-01T11:59:59"  # Shanghai: one second before midnight in New York on 1 November
    world.take(Call("2", before_midnight, 60), Call("1", "2025-10-31T23:59:59", 60), Call("1", "2025-11-01T00:00:00", 60))
    first = world.bill("2025-11-01")
    assert (first.invoices, first.events) == (2, {"RATED": 1})
    assert world.lines(world.numbers("early")[0])[2] == ("National calls", *OCTOBER, 1, 10)
    assert world.lines(world.numbers("late")[0])[0][1:3] == ("2025-10-01", "2025-10-31")
    second = world.bill("2025-11-30")
    assert second.invoices == 1, "only the account whose period ended on the 30th"
    assert second.left_out["other_run"] == 2
    assert ("National calls", "2025-10-31", "2025-11-30", 1, 10) in world.lines(world.numbers("late")[1])


def test_a_catalogue_that_starts_within_the_first_day_is_charged_from_that_day(world: World) -> None:
    """Midnight of 1 October in Berlin is six in the morning in Shanghai: the day has its fee and its free minutes all the same."""
    starts_us = int(dt.datetime(2025, 10, 1, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()) * 1_000_000
    catalogue.publish(world.home, shop(1, starts_us, identity="berlin"), world.tick())
    world.account("anna")
    world.subscription("s", "anna", "berlin/basic", "1")
    world.take(Call("1", "2025-10-01T05:59:59", 60), Call("1", "2025-10-01T06:00:00", 60), Call("1", "2025-10-05T12:00:00", 20 * 60))
    report = world.bill("2025-11-01")
    assert report.events == {"NO_VERSION": 1, "RATED": 1, "ZERO_RATED": 1}
    assert world.lines("R-0000000001")[:2] == [("Basic", *OCTOBER, 1, 1000), ("National calls", *OCTOBER, 2, 10)]
    assert rerate(world.home, None, 10, 1).disagreements == 0


def test_an_account_imported_with_billed_through_is_billed_from_there(world: World) -> None:
    world.account("eve", opened_on="2020-05-05", billed_through="2025-10-01")
    world.subscription("eve-1", "eve", "shop/basic", "1005", from_date="2020-05-05")
    world.take(Call("1005", "2025-09-30T23:00:00", 3600), Call("1005", "2025-10-01T00:00:00", 60))
    world.bill("2025-11-01")
    assert world.lines("R-0000000001")[:2] == [("Basic", *OCTOBER, 1, 1000), ("National calls", *OCTOBER, 1, 0)]


def test_several_missed_months_come_on_one_invoice(anna: World) -> None:
    anna.bill("2026-01-01")
    summary = invoicing.get_invoice(anna.home, "R-0000000001").summary
    assert (summary.period_from, summary.period_to, summary.net_micros) == ("2025-10-01", "2026-01-01", 30_000_000)


def test_a_refused_event_is_billed_when_its_cause_is_mended(anna: World) -> None:
    anna.take(Call("777", "2025-10-05T10:00:00", 60 * 30), Call("1001", "2025-10-05T10:00:00", 60, 44123456))
    report = anna.bill("2025-11-01")
    assert report.events == {"UNKNOWN_SUBSCRIPTION": 1, "NO_ZONE": 1}
    assert refusals(anna.home).counts == {"UNKNOWN_SUBSCRIPTION": 1, "NO_ZONE": 1}
    assert [row.served_id for row in refusals(anna.home, reason="UNKNOWN_SUBSCRIPTION").rows] == ["777"]
    anna.own("777", "anna-1")
    assert anna.bill("2025-12-01").events == {"RATED": 1, "NO_ZONE": 1}
    assert anna.lines("R-0000000002")[0][1:] == (*OCTOBER, 1, 100)
    assert balanced(anna)


def test_unanswered_and_absorbed_calls_are_never_priced(anna: World) -> None:
    anna.take(Call("1001", "2025-10-05T10:00:00", 60 * 90, flags=1), Call("1001", "2025-10-06T10:00:00", 60 * 90, flags=2))
    assert anna.bill("2025-11-01").events == {}
    assert balanced(anna)


def test_a_new_version_of_the_tariff_holds_from_its_instant_and_keeps_the_key(anna: World) -> None:
    prices = (shop().prices[0], price_of(PREMIUM, "Premium calls", 11, 3_000_000))
    catalogue.publish(anna.home, shop(2, instant_us("2025-10-16T00:00:00"), prices=prices), anna.tick())
    anna.take(Call("1001", "2025-10-15T23:59:59", 60, PREMIUM_NUMBER), Call("1001", "2025-10-16T00:00:00", 60, PREMIUM_NUMBER))
    anna.bill("2025-11-01")
    assert anna.lines("R-0000000001")[1] == ("Premium calls", *OCTOBER, 2, 501), "2.005 + 3.000 on one line, rounded once"


def test_a_correction_of_the_tariff_is_a_difference(anna: World) -> None:
    anna.take(Call("1001", "2025-10-20T10:00:00", 60, PREMIUM_NUMBER))
    anna.bill("2025-11-01")
    prices = (shop().prices[0], price_of(PREMIUM, "Premium calls", 11, 1_000_000))
    catalogue.publish(anna.home, shop(2, START_US + 1, prices=prices), anna.tick())
    anna.bill("2025-12-01")
    assert anna.lines("R-0000000002")[0] == ("Premium calls, correction for 2025-10-01 to 2025-10-31", *OCTOBER, 0, -101)


def test_a_plan_that_waives_late_usage(world: World) -> None:
    """Late calls are never billed, a late credit is; the current period is billed as ever."""
    plans = tuple(msgspec.structs.replace(plan, late_usage=LateUsage.WAIVE) for plan in shop().plans)
    catalogue.publish(world.home, shop(2, START_US + 1, plans=plans), world.tick())
    world.account("gina")
    world.subscription("gina-1", "gina", "shop/plus", "1006")
    world.take(Call("1006", "2025-10-05T10:00:00", 600, key="x"), Call("1006", "2025-10-06T10:00:00", 60))
    world.bill("2025-11-01")
    world.take(Call("1006", "2025-10-07T10:00:00", 1200), Call("1006", "2025-11-07T10:00:00", 120))
    world.bill("2025-12-01")
    usage = [line for line in world.lines("R-0000000002") if line[0].startswith("National")]
    assert usage == [("National calls", *NOVEMBER, 1, 20)]
    assert balanced(world)
    world.take(Call("1006", "2025-10-05T10:00:00", 601, key="x"))  # a conflict takes out what was billed in time
    world.bill("2026-01-01")
    corrections = [line for line in world.lines("R-0000000003") if line[0].startswith("National calls, correction")]
    assert corrections == [("National calls, correction for 2025-10-01 to 2025-10-31", *OCTOBER, -1, -100)]
    assert balanced(world)


def test_what_comes_in_during_a_run_belongs_to_the_next(anna: World) -> None:
    anna.take(Call("1001", "2025-10-05T10:00:00", 25 * 60))
    with anna.home.connect() as connection:
        seq = anna.home.head_seq(connection)
    anna.take(Call("1001", "2025-10-06T10:00:00", 60 * 60))
    computed = cycle.compute(anna.home, dt.date(2025, 11, 1), seq, threads=1)
    assert [line.events for line in computed.settlement.drafts.structs()[0].lines if line.kind == "usage"] == [1]


def test_a_preview_writes_nothing(anna: World) -> None:
    anna.account("bert")
    anna.subscription("bert-1", "bert", "shop/basic", "1009")
    before = _everything(anna)
    day, order = dt.date(2025, 11, 1), cycle.Order(accounts=frozenset({"anna"}))
    found = cycle.preview(anna.home, day, anna.begun(day), order=order)
    assert found.account_ids == ("anna",)
    assert found.drafts[0].net_micros == 10_000_000
    assert _everything(anna) == before


def test_an_account_that_breaks_an_invariant_is_put_aside_and_the_rest_is_billed(anna: World) -> None:
    anna.account("euro", currency="EUR")
    anna.subscription("euro-1", "euro", "shop/basic", "1008")
    report = anna.bill("2025-11-01")
    assert (report.invoices, report.quarantined) == (1, {"euro": "a plan is priced in another currency than the account's"})
    assert anna.numbers() == ["R-0000000001"]
    assert balanced(anna)
    anna.execute("UPDATE accounts SET currency = 'CNY' WHERE account_id = 'euro'")
    assert anna.bill("2025-12-01").invoices == 2
    assert [line[:2] for line in anna.lines(anna.numbers("euro")[0])][:2] == [("Basic", "2025-10-01"), ("Basic", "2025-11-01")]


def test_sums_beyond_the_limit_of_money_put_the_account_aside(world: World) -> None:
    rate = Rate("any", (Step(0, 0, 1, 1),), 1, connect_fee_micros=4 * 10**17)
    prices = (shop().prices[0], msgspec.structs.replace(shop().prices[1], rates=(rate,)))
    catalogue.publish(world.home, shop(2, START_US + 1, prices=prices), world.tick())
    world.account("rich")
    world.subscription("rich-1", "rich", "shop/plus", "1001")
    world.take(*(Call("1001", f"2025-10-{day:02d}T10:00:00", 60, PREMIUM_NUMBER) for day in (5, 6, 7)))
    report = world.bill("2025-11-01")
    assert (report.invoices, report.quarantined) == (0, {"rich": "a sum of charges is beyond the limit of money"})
    assert balanced(world)


def test_threads_do_not_matter(world: World) -> None:
    for place in range(9):
        world.account(f"a{place}")
        world.subscription(f"s{place}", f"a{place}", "shop/basic", f"{place}")
    world.take(*(Call(f"{n % 9}", f"2025-10-{1 + n % 30:02d}T{n % 24:02d}:00:00", 60 * (n % 40) + 1) for n in range(300)))
    computed = [cycle.compute(world.home, dt.date(2025, 11, 1), 10_000, threads=threads) for threads in (1, 2, 7)]
    drafts = [each.settlement.drafts.structs() for each in computed]
    assert drafts[0] == drafts[1] == drafts[2]
    assert len(drafts[0]) == 9


def test_one_run_at_a_time(anna: World) -> None:
    """Whoever comes second is told who holds the home."""
    since_us = instant_us("2025-11-01T08:00:00", "UTC")
    with lock.only_run(anna.home, "the run of 2025-11-01", since_us), pytest.raises(UserError) as caught:
        anna.bill("2025-11-01")
    held = f"the run of 2025-11-01, process {os.getpid()} on {platform.node()} since 2025-11-01 08:00:00 UTC"
    assert caught.value.message == f"another process is working on {anna.home.path}: {held}"
    assert anna.bill("2025-11-01").invoices == 1


def test_an_unfinished_run_of_another_date_comes_first(anna: World) -> None:
    unfinished(anna, "2025-11-01")
    with pytest.raises(UserError, match="bill run of 2025-11-01 is not finished") as caught:
        anna.bill("2025-12-01")
    assert caught.value.remedy == (
        "finish it first: ratewright bill run --date 2025-11-01; or abandon it: ratewright bill abandon --date 2025-11-01"
    )


def test_a_run_of_a_wrong_date_that_was_interrupted_can_be_forgotten_until_it_has_numbered(anna: World) -> None:
    unfinished(anna, "2026-11-01")
    assert cycle.abandon(anna.home, dt.date(2026, 11, 1), states.Step(anna.tick())) == 1
    assert (anna.bill("2025-11-01").invoices, balanced(anna)) == (1, True)
    with pytest.raises(UserError, match="no bill run of 2025-11-01 is unfinished"):
        cycle.abandon(anna.home, dt.date(2025, 11, 1), states.Step(anna.tick()))
    anna.execute("UPDATE bill_runs SET state = 'numbered' WHERE bill_date = '2025-11-01'")
    with pytest.raises(UserError, match="has numbered its invoices"):
        cycle.abandon(anna.home, dt.date(2025, 11, 1), states.Step(anna.tick()))


def test_an_earlier_date_after_a_later_one_bills_nothing(anna: World) -> None:
    anna.bill("2025-12-01")
    report = anna.bill("2025-11-01")
    assert (report.accounts, report.invoices, report.state) == (0, 0, "posted")
    assert balanced(anna)


def test_a_run_of_an_earlier_date_does_not_swallow_what_came_late(anna: World) -> None:
    """The run of 1 November is made again after that of Ben's bill day: Anna is in neither, and her late call waits for December."""
    anna.account("ben", bill_day=15)
    anna.subscription("ben-1", "ben", "shop/plus", "1002")
    anna.bill("2025-11-01")
    anna.bill("2025-11-15")
    anna.take(Call("1001", "2025-10-05T10:00:00", 21 * 60))
    assert anna.bill("2025-11-01").invoices == 0
    anna.bill("2025-12-01")
    assert anna.lines(anna.numbers("anna")[-1])[0] == ("National calls, correction for 2025-10-01 to 2025-10-31", *OCTOBER, 1, 10)
    assert balanced(anna)


def unfinished(world: World, bill_date: str) -> None:
    """A run that was interrupted while it computed."""
    values = {"bill_date": bill_date, "pinned_seq": 1, "state": "computing", "started_us": 0, "commit_seq": 1, "kind": "cycle"}
    with world.home.begin() as connection:
        connection.execute(tables.bill_runs.insert().values(run_id=1, **values))


def _everything(world: World) -> dict[str, int]:
    with world.home.connect() as connection:
        return {
            name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for name, table in tables.metadata.tables.items()
        }


def test_a_run_that_waited_is_not_held_against_what_others_committed_meanwhile(anna: World) -> None:
    """It looked at the clock before it waited."""
    asked_us = anna.begun(dt.date(2025, 11, 1))
    with Home.open(anna.home.path) as other, other.begin() as connection:
        other.next_commit_seq(connection, "payment", asked_us + 60 * 1_000_000)
    assert cycle.preview(anna.home, dt.date(2025, 11, 1), asked_us).refused == ""
    assert cycle.run(anna.home, dt.date(2025, 11, 1), asked_us).invoices == 1

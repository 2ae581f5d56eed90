"""Itemised usage that adds up to its lines, what is not billed yet, and bills out of the ordinary."""

from __future__ import annotations

import csv
import datetime as dt
import json
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from billing import catalogue
from billing.accounts.kinds import TaxFact
from billing.documents import adjusting, alarms
from billing.documents.enquiry import enquire
from billing.documents.explaining import explain
from billing.documents.usage_list import usage_list
from billing.store import tables
from rating.errors import NotFoundError, UserError
from rating.model import LateUsage
from server.cli.app import main
from tests.billing.documents.clerk import CENT, customer, void, who, wrong
from tests.billing.runs.world import START_US, Call, World, instant_us, shop

if TYPE_CHECKING:
    from pathlib import Path

FIRST = "R-0000000001"


@pytest.fixture
def anna(world: World) -> World:
    return customer(world)


def baseline(world: World, month: str, cents: int) -> None:
    key = world.key("accounts", "account_key", "account_id", "anna")
    world._add(tables.baselines, account_key=key, month=month, amount_micros=cents * CENT)  # noqa: SLF001 -- a fact, as an import would bring it


def test_every_record_behind_a_line(anna: World) -> None:
    anna.bill("2025-11-01")
    found = usage_list(anna.home, FIRST)
    assert [
        (each.text, each.number, each.other, each.quantity // 1000, each.free_quantity // 1000, each.charge_micros)
        for each in found.records
    ] == [
        ("National calls", "1001", "8613900000001", 1800, 1200, 100 * CENT),
        ("Premium calls", "1001", "8690000000001", 60, 0, 2_005_000),
    ]
    assert [(each.records, each.charge_micros, each.amount_micros // CENT) for each in found.lines] == [
        (1, 1_000_000, 100),
        (1, 2_005_000, 201),
    ]


def test_the_records_add_up_to_what_is_billed_also_after_corrections(anna: World) -> None:
    anna.bill("2025-11-01")
    anna.take(Call("1001", "2025-10-02T10:00:00", 7 * 60), *(Call("1001", f"2025-11-0{day}T09:00:00", 8 * 60) for day in range(1, 6)))
    anna.bill("2025-12-01")
    for number in anna.numbers():
        found = usage_list(anna.home, number)
        assert [each.charge_micros for each in found.lines] == [each.exact_micros for each in found.lines]
    assert [(each.records, each.amount_micros // CENT) for each in found.lines] == [(2, 70), (5, 200)]
    assert len(usage_list(anna.home, "R-0000000002", "anna-1").records) == 7
    with pytest.raises(NotFoundError, match="R-0000000002 has no usage of ben-1"):
        usage_list(anna.home, "R-0000000002", "ben-1")


@pytest.mark.slow
def test_the_records_of_prices_that_hold_their_tax(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """30.00 + 3.00 + 1.00 of ten minutes: 34.00 / 1.06 = 32.08. Of the call 0.9434 is without tax, and it takes the odd cent: 0.95."""
    from server.cli.app import main  # noqa: PLC0415 -- heavy, for this test alone

    world = World(tmp_path / "home", catalogues=[shop(tax_inclusive=True)])
    world.account("anna")
    world.subscription("a1", "anna", "shop/plus", "1001")
    world.take(Call("1001", "2025-10-05T10:00:00", 600))
    world.bill("2025-11-01")
    (line,) = usage_list(world.home, FIRST).lines
    world.home.close()
    assert (line.charge_micros, line.exact_micros, line.amount_micros // CENT) == (1_000_000, 943_396, 95)
    assert main(["invoice", "usage", FIRST, "--home", str(world.home.path)]) == 0
    assert f"line {line.line_no}: its prices hold tax; without it all that was billed of its charges is 0.943396" in capsys.readouterr().out


def test_lines_of_two_revenue_codes_have_their_own_records(anna: World) -> None:
    """From 15 October national calls are another revenue. Of 30 minutes of 5 October 20 are free; 5 minutes of the 20th cost 0.50."""
    changed = tuple(msgspec.structs.replace(each, revenue_code=each.revenue_code + 80) for each in shop().prices)
    catalogue.publish(anna.home, shop(2, instant_us("2025-10-15T00:00:00"), prices=changed), anna.tick())
    anna.take(Call("1001", "2025-10-20T10:00:00", 5 * 60))
    anna.bill("2025-11-01")
    found = usage_list(anna.home, FIRST)
    assert [(each.text, each.records, each.charge_micros // CENT, each.amount_micros // CENT) for each in found.lines] == [
        ("National calls", 1, 100, 100),
        ("National calls", 1, 50, 50),
        ("Premium calls", 1, 200, 201),
    ]


def test_records_that_another_account_pays_for_by_now(anna: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Told in November: the boss has paid for anna since 1 October. Her invoice of December takes all of October back."""
    from server.cli.app import main  # noqa: PLC0415 -- heavy, for this test alone

    anna.account("boss")
    anna.subscription("boss-1", "boss", "shop/basic", "1009")
    anna.take(Call("1001", "2025-10-06T10:00:00", 60, key="of the free minutes"))
    anna.bill("2025-11-01")
    fact = {"kind": "payer", "from_date": "2025-10-01", "to_date": None, "detail": '{"payer":"boss"}', "by_name": "clerk", "by_uid": 1}
    anna._add(tables.account_facts, account_key=anna.key("accounts", "account_key", "account_id", "anna"), **fact)  # noqa: SLF001 -- a fact
    anna.bill("2025-12-01")
    found = {name: usage_list(anna.home, anna.numbers(name)[-1]) for name in ("anna", "boss")}
    assert {name: [each.charge_micros for each in of.records] for name, of in found.items()} == {
        "anna": [],
        "boss": [100 * CENT, 10 * CENT, 2_005_000],
    }
    assert [(each.records, each.charge_micros, each.exact_micros, each.amount_micros // CENT) for each in found["anna"].lines] == [
        (0, 0, 0, -110),
        (0, 0, 0, -201),
    ]
    assert [(each.records, each.charge_micros, each.exact_micros, each.amount_micros // CENT) for each in found["boss"].lines] == [
        (2, 1_100_000, 1_100_000, 110),
        (1, 2_005_000, 2_005_000, 201),
    ]
    assert main(["invoice", "usage", anna.numbers("anna")[-1], "--home", str(anna.home.path)]) == 0
    said = "line 2: this charge is no longer on this invoice; its records are on the invoice of the account that pays it"
    assert said in capsys.readouterr().out


def test_the_list_as_a_file(anna: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from server.cli.app import main  # noqa: PLC0415 -- heavy, for this test alone

    anna.bill("2025-11-01")
    file, home = tmp_path / "usage.csv", ["--home", str(anna.home.path)]
    assert main(["invoice", "usage", FIRST, "--csv", str(file), *home]) == 0
    assert main(["invoice", "usage", FIRST, "--csv", str(file), *home]) == 2
    assert "usage.csv is there already" in capsys.readouterr().err
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    assert [(row["time"], row["quantity"], row["free"], row["charge"]) for row in rows] == [
        ("2025-10-05 10:00:00", "1800", "1200", "1.00"),
        ("2025-10-07 10:00:00", "60", "0", "2.005"),
    ]
    capsys.readouterr()
    assert main(["invoice", "show", FIRST, "--json", *home]) == 0
    assert json.loads(capsys.readouterr().out)["after"]["credit_notes"] == []
    assert main(["bill", "unbilled", "anna", "--date", "2025-11-11", *home]) == 0
    assert "3.33" in capsys.readouterr().out


def test_what_is_not_billed_yet(anna: World) -> None:
    """Ten days of November: a third of the fee, and a call of 25 minutes of which a third of 20 minutes is free by then."""
    anna.bill("2025-11-01")
    anna.take(Call("1001", "2025-11-03T10:00:00", 25 * 60), Call("1001", "2025-11-20T10:00:00", 60))
    found = enquire(anna.home, "anna", dt.date(2025, 11, 11), anna.tick())
    assert [(each.subscription_id, each.text, each.period_to, each.events, each.amount_micros // CENT) for each in found.lines] == [
        ("anna-1", "Basic", "2025-12-01", 1, 333),
        ("anna-1", "National calls", "2025-12-01", 1, 183),
    ]
    assert found.net_micros == {"CNY": 516 * CENT}
    with pytest.raises(NotFoundError, match="no account has the id eve"):
        enquire(anna.home, "eve", None, anna.tick())


def test_what_is_not_billed_yet_stands_in_the_order_of_the_bill(anna: World) -> None:
    """The lines of one subscription are beside each other, with October's late call first; the credit of the account itself is last.

    By 11 November: 0.70 for seven minutes of October beyond those that are free; ten days of 10.00 and of 30.00; 25 minutes less a third
    of 20; twenty days of the line rent of 3.00, paid ahead, are given back.
    """
    anna.subscription("anna-2", "anna", "shop/plus", "1002")
    anna.bill("2025-11-01")
    anna.take(
        Call("1001", "2025-10-20T10:00:00", 7 * 60), Call("1001", "2025-11-03T10:00:00", 25 * 60), Call("1002", "2025-11-03T10:00:00", 60)
    )
    wanted = adjusting.AdjustmentRequest("A1", "anna", dt.date(2025, 11, 3), -100 * CENT, "goodwill", "", "shop", "standard")
    adjusting.add(anna.home, wanted, who(anna))
    found = enquire(anna.home, "anna", dt.date(2025, 11, 11), anna.tick())
    assert [(each.subscription_id, each.kind, each.text, each.amount_micros // CENT) for each in found.lines] == [
        ("anna-1", "usage", "National calls", 70),
        ("anna-1", "recurring", "Basic", 333),
        ("anna-1", "usage", "National calls", 183),
        ("anna-2", "recurring", "Plus", 1000),
        ("anna-2", "recurring", "Line rent", -200),
        ("anna-2", "usage", "National calls", 10),
        ("", "adjustment", "Goodwill", -100),
    ]


def test_a_divided_fee_that_is_not_billed_yet_says_its_own_days(anna: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten days of Basic less a pause of two of them, then Plus from the 11th on: as a bill says it, in text, JSON and both languages."""
    fact = {"subscription_key": 1, "kind": "pause", "from_date": "2025-11-03", "to_date": "2025-11-05", "detail": "{}"}
    anna._add(tables.subscription_facts, **fact, by_name="clerk", by_uid=1)  # noqa: SLF001 -- a fact, as an import would bring it
    anna.bill("2025-11-01")
    anna.plan("anna-1", "shop/plus", "2025-11-11")
    found = {each.text: each for each in enquire(anna.home, "anna", dt.date(2025, 11, 16), anna.tick()).lines}
    assert [(each.from_date, each.to_date) for each in found["Basic"].days] == [("2025-11-01", "2025-11-03"), ("2025-11-05", "2025-11-11")]
    assert [(each.from_date, each.to_date) for each in found["Plus"].days] == [("2025-11-11", "2025-11-16")]
    assert (found["Plus"].period_from, found["Plus"].period_to) == ("2025-11-01", "2025-12-01")
    assert (found["Basic"].amount_micros, found["Plus"].amount_micros) == (267 * CENT, 500 * CENT)
    home = ["--home", str(anna.home.path)]
    assert main(["bill", "unbilled", "anna", "--date", "2025-11-16", *home]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "anna-1 Basic 2025-11-01 .. 2025-11-02, 2025-11-05 .. 2025-11-10 2.67" in text
    assert "anna-1 Plus 2025-11-11 .. 2025-11-15 5.00" in text
    assert main(["bill", "unbilled", "anna", "--date", "2025-11-16", "--language", "zh", *home]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "截至 2025-11-15 尚未出账" in text
    assert "2025-11-01 .. 2025-11-02, 2025-11-05 .. 2025-11-10 2.67" in text
    assert main(["bill", "unbilled", "anna", "--date", "2025-11-16", "--json", *home]) == 0
    told = json.loads(capsys.readouterr().out)["lines"]
    assert [each["days"] for each in told if each["text"] == "Plus"] == [[{"from_date": "2025-11-11", "to_date": "2025-11-16"}]]


def test_late_usage_of_a_billed_period_is_not_billed_yet(anna: World) -> None:
    """Seven minutes more of October, in which the free ones are used up: what the next bill has as well."""
    anna.bill("2025-11-01")
    anna.take(Call("1001", "2025-10-20T10:00:00", 7 * 60))
    found = enquire(anna.home, "anna", dt.date(2025, 11, 11), anna.tick())
    assert [(each.text, each.period_from, each.events, each.amount_micros // CENT) for each in found.lines] == [
        ("National calls", "2025-10-01", 1, 70),
        ("Basic", "2025-11-01", 1, 333),
    ]
    anna.bill("2025-12-01")
    assert ("National calls, correction for 2025-10-01 to 2025-10-31", "2025-10-01", "2025-11-01", 1, 70) in anna.lines("R-0000000002")


def test_late_usage_that_is_waived_is_owed_by_nobody(anna: World) -> None:
    basic, plus = shop().plans
    plans = (msgspec.structs.replace(basic, late_usage=LateUsage.WAIVE), plus)
    catalogue.publish(anna.home, shop(2, START_US, corrects=1, plans=plans), anna.tick())
    anna.bill("2025-11-01")
    anna.take(Call("1001", "2025-10-20T10:00:00", 7 * 60))
    found = enquire(anna.home, "anna", dt.date(2025, 11, 11), anna.tick())
    assert [(each.text, each.amount_micros // CENT) for each in found.lines] == [("Basic", 333)]
    wanted = adjusting.AdjustmentRequest("A1", "anna", dt.date(2025, 10, 20), -100 * CENT, "goodwill", "", "shop", "standard")
    adjusting.add(anna.home, wanted, who(anna))
    anna.bill("2025-12-01")
    tax = next(each for each in explain(anna.home, "R-0000000002").lines if each.kind == "tax" and each.amount_micros < 0)
    assert tax.sentences == ("6 % of 12.01 = 0.72", f"{FIRST} has 0.78 of it", "due 0.72, billed before 0.78: now -0.06")


def test_what_an_exempt_account_owes_is_without_tax(world: World) -> None:
    """Prices hold 6 % of tax; who pays none pays what they say, a third of 10.00 by 10 November."""
    catalogue.publish(world.home, shop(identity="gross", tax_inclusive=True), world.tick())
    world.account("anna")
    world.subscription("anna-1", "anna", "gross/basic", "1001")
    key = world.key("accounts", "account_key", "account_id", "anna")
    detail = msgspec.json.encode(TaxFact(exempt=("standard",), certificate="A")).decode()
    fact = {"account_key": key, "kind": "tax", "from_date": "2025-10-01", "to_date": None, "detail": detail}
    world._add(tables.account_facts, **fact, by_name="clerk", by_uid=1)  # noqa: SLF001 -- a fact, as an import would bring it
    world.bill("2025-11-01")
    assert world.lines(FIRST) == [("Basic", "2025-10-01", "2025-11-01", 1, 1000)]
    found = enquire(world.home, "anna", dt.date(2025, 11, 11), world.tick())
    assert [(each.text, each.amount_micros // CENT) for each in found.lines] == [("Basic", 333)]


# earlier months in cents, the bill, and what was exceeded
@pytest.mark.parametrize(
    ("months", "bill", "expected"),
    [
        ((100, 100, 100), 500, None),
        ((100, 100, 100), 501, 500),
        ((300,), 1501, 1500),
        ((0, 0, 0), 200, None),  # five times nothing is the floor, here 200
        ((0, 0, 0), 201, 200),
        ((0, 0, 1), 2, 1),  # 5 x 1 / 3 = 1.67
        ((100, 200), 751, 750),
        ((-50, 0, 0), 201, 200),
        ((), 100_000, None),
        ((10, 10, 11), 52, 51),  # 5 x 31 / 3 = 51.67
        ((10, 10, 11), 51, None),
        ((9 * 10**17, 9 * 10**17, 9 * 10**17), 10**18, None),
    ],
)
def test_the_rule(months: tuple[int, ...], bill: int, expected: int | None) -> None:
    limit = int(alarms.limits(np.array([sum(months)]), np.array([len(months)]), 5, 200)[0])
    assert (limit if bill > limit else None) == expected


def test_a_bill_out_of_the_ordinary_is_told_once(anna: World) -> None:
    for month, cents in (("2025-07", 100_000), ("2025-08", 1000), ("2025-09", 1000)):
        baseline(anna, month, cents)
    anna.bill("2025-11-01")  # 13.79 against (1000 + 10 + 10) / 3
    assert alarms.raise_alarms(anna.home, 1, who(anna)) == 0
    anna.take(*(Call("1001", f"2025-11-{day:02}T10:00:00", 3600, 8690000000001) for day in range(1, 4)))
    run = anna.bill("2025-12-01").run_id  # 180 minutes at 2.005, and 10.00: 393.15 with tax; 13.79, 10.00 and 10.00 before
    assert (alarms.raise_alarms(anna.home, run, who(anna)), alarms.raise_alarms(anna.home, run, who(anna))) == (1, 0)
    alarm = alarms.list_all(anna.home)[0]
    assert (alarm.account_id, alarm.period_from, alarm.reached_micros // CENT, alarm.limit_micros // CENT) == (
        "anna",
        "2025-11-01",
        39315,
        5631,
    )
    with pytest.raises(UserError, match="needs a reason"):
        alarms.decide(anna.home, alarm.alarm_id, "dismissed", "", who(anna))
    assert [alarms.decide(anna.home, alarm.alarm_id, "told", "by phone", who(anna)) for _ in range(2)] == [True, False]
    assert (alarms.list_all(anna.home, only_open=True), alarms.list_all(anna.home)[0].state) == ([], "told")
    assert wrong(anna) == []


def test_a_void_invoice_is_no_month_before(anna: World) -> None:
    """It is billed again with November: 13.79 for October, once, and 10.00 and 600 minutes at 2.005 for November, 1285.78 with tax."""
    anna.bill("2025-11-01")
    void(anna, FIRST)
    anna.take(Call("1001", "2025-11-02T10:00:00", 36_000, 8690000000001))
    run = anna.bill("2025-12-01").run_id
    assert alarms.raise_alarms(anna.home, run, who(anna)) == 1
    alarm = alarms.list_all(anna.home)[0]
    assert (alarm.period_from, alarm.reached_micros // CENT, alarm.limit_micros // CENT) == ("2025-11-01", 128578, 5 * 1379)

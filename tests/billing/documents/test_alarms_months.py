"""Alarms month by month: documents over several months, interim bills in the runs of others, and months that were imported."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue
from billing.accounts.kinds import PayerFact
from billing.documents import adjusting, alarms, following, interim
from billing.rerate.request import request
from rating.model import BillThreshold, FeeTiming, Plan
from tests.billing.documents.clerk import ANA, BEN, CENT, credit, tell, void, who, wrong
from tests.billing.documents.test_alarms import call
from tests.billing.rerate.test_rerate import apply
from tests.billing.runs.world import NATIONAL, PLUS_FEE, START_US, Call, instant_us, price_of, shop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.billing.runs.world import World


def abnormal(world: World) -> list[tuple[str, str, int, int]]:
    """(account, period, cents reached, cents allowed) of every bill out of the ordinary."""
    found = [each for each in alarms.list_all(world.home) if each.kind == alarms.KIND]
    return [(each.account_id, each.period_from, each.reached_micros // CENT, each.limit_micros // CENT) for each in found]


def bill(world: World, *dates: str) -> None:
    for date in dates:
        following.follow_up(world.home, world.bill(date).run_id, who(world))


def steady(world: World, opened_on: str) -> World:
    """Anna pays 150.00 a month, 159.00 with tax."""
    basic, plus = shop().plans
    fee = msgspec.structs.replace(plus.recurring[0], price_id=PLUS_FEE, amount_micros=150_000_000, timing=FeeTiming.ARREARS)
    plans = (basic, msgspec.structs.replace(plus, recurring=(fee,)))
    catalogue.publish(world.home, shop(2, START_US + 1, plans=plans), world.tick())
    world.account("anna", opened_on=opened_on)
    world.subscription("anna-1", "anna", "shop/plus", "1001", from_date=opened_on)
    return world


def test_after_a_hold_each_month_is_a_bill_of_its_own(world: World) -> None:
    """The invoice of 1 November is for June to October. 300 minutes at 2.005 make August 796.59; five times 159.00 is 795.00."""
    steady(world, "2025-03-01")
    bill(world, "2025-04-01", "2025-05-01", "2025-06-01")
    assert call("accounts hold anna --from 2025-07-01 --to 2025-10-01 --reason dispute", world) == 0
    world.now_us = instant_us("2030-01-01T12:00:00")
    world.take(Call("1001", "2025-08-05T10:00:00", 300 * 60, 8690000000001))
    bill(world, "2025-07-01", "2025-08-01", "2025-09-01", "2025-10-01")
    assert abnormal(world) == []
    bill(world, "2025-11-01")
    assert abnormal(world) == [("anna", "2025-08-01", 79659, 79500)]
    bill(world, "2025-12-01", "2026-01-01")
    assert len(abnormal(world)) == 1, "August to October are months like November"
    assert wrong(world) == []


def test_a_re_rating_of_several_months_lowers_each_of_them(world: World) -> None:
    """1,500 minutes a month are 193.98 with 33.00 of fees and tax, and 50.88 at 0.01 a minute; with 140 at 2.005 November is 348.42."""
    world.account("anna", opened_on="2025-07-01")
    world.subscription("anna-1", "anna", "shop/plus", "1001", from_date="2025-07-01")
    world.take(*(Call("1001", f"2025-{month:02}-05T10:00:00", 1500 * 60) for month in range(7, 12)))
    world.take(Call("1001", "2025-11-07T10:00:00", 140 * 60, 8690000000001))
    bill(world, "2025-08-01", "2025-09-01", "2025-10-01", "2025-11-01")
    cheaper = tuple(price_of(NATIONAL, each.name, 10, 10_000) if each.price_id == NATIONAL else each for each in shop().prices)
    world.now_us = instant_us("2025-11-20T12:00:00")
    catalogue.publish(world.home, shop(2, START_US, prices=cheaper, corrects=1), world.tick())
    assert apply(world, request("shop/plus", 2, "2025-07..2025-10"), "2025-11-20").figures.net_micros == {"CNY": -4 * 13500 * CENT}
    bill(world, "2025-12-01")
    assert abnormal(world) == [("anna", "2025-11-01", 34842, 5 * 5088)]
    assert wrong(world) == []


def test_void_bills_that_the_next_run_bills_again(world: World) -> None:
    """July to September with October: 636.00, four times 159.00."""
    steady(world, "2025-06-01")
    bill(world, "2025-07-01", "2025-08-01", "2025-09-01", "2025-10-01")
    for number in ("R-0000000004", "R-0000000003", "R-0000000002"):
        void(world, number, "2025-10-05")
    bill(world, "2025-11-01", "2025-12-01")
    assert abnormal(world) == []


def test_void_bills_that_are_issued_anew_beside_a_later_one(world: World) -> None:
    """June to August at once, 477.00, as a second document of September."""
    steady(world, "2025-05-01")
    bill(world, "2025-06-01", "2025-07-01", "2025-08-01", "2025-09-01", "2025-10-01")
    for number in ("R-0000000002", "R-0000000003", "R-0000000004"):
        void(world, number, "2025-10-05")
    assert call("invoice reissue R-0000000002", world) == 0
    bill(world, "2025-11-01", "2025-12-01")
    assert abnormal(world) == []
    assert wrong(world) == []


def talkative(world: World) -> World:
    """Bert pays for calls alone, at once when they reach 50.00: 1,500 minutes of November, 159.00 with tax. October was nothing.

    Carl has bills of 10.60, on day 15.
    """
    limit = (BillThreshold(1, "fifty", 50_000_000),)
    plans = (*shop().plans, Plan("bare", shop().plans[0].rules, {"en": "Bare"}, bill_thresholds=limit))
    catalogue.publish(world.home, shop(2, START_US, plans=plans, corrects=1), world.tick())
    world.account("bert")
    world.subscription("bert-1", "bert", "shop/bare", "1002")
    world.account("carl", bill_day=15, opened_on="2025-10-15")
    world.subscription("carl-1", "carl", "shop/basic", "1003", from_date="2025-10-15")
    bill(world, "2025-11-01", "2025-11-15")
    world.take(Call("1002", "2025-11-03T10:00:00", 1500 * 60))
    assert interim.run(world.home, dt.date(2025, 11, 5), who(world, on=dt.date(2025, 11, 5))).invoices == 1
    return world


def give_back(world: World, cents: int) -> None:
    wanted = adjusting.AdjustmentRequest("A1", "bert", dt.date(2025, 11, 10), -cents * CENT, "goodwill", "", "shop", "standard")
    for person in (ANA, BEN):
        adjusting.add(world.home, wanted, who(world, person))


# given back, and what the bill of the month comes to with the interim one
@pytest.mark.parametrize(("cents", "expected"), [(10_000, []), (5000, [("bert", "2025-11-01", 15900 - 5300, 10000)])])
def test_an_interim_bill_waits_for_the_bill_of_its_account(world: World, cents: int, expected: list[tuple[str, str, int, int]]) -> None:
    """The runs of others do not judge it, before that bill or after it."""
    talkative(world)
    give_back(world, cents)
    assert call("bill run --date 2025-12-01 --accounts carl", world) == 0
    assert abnormal(world) == []
    assert call("bill run --date 2025-12-01 --accounts bert", world) == 0
    assert abnormal(world) == expected
    bill(world, "2025-12-15")
    assert abnormal(world) == expected


def test_an_interim_bill_that_was_credited(world: World) -> None:
    talkative(world)
    assert credit(world, world.numbers("bert")[-1], None, None).total_micros == -15900 * CENT
    bill(world, "2025-12-01")
    assert abnormal(world) == []


def test_an_interim_bill_of_an_account_on_hold(world: World) -> None:
    """The first run after the hold judges it, though nothing was left to bill."""
    talkative(world)
    assert call("accounts hold bert --from 2025-11-20 --to 2025-12-09 --reason dispute", world) == 0
    bill(world, "2025-12-01")
    assert abnormal(world) == []
    bill(world, "2025-12-15")
    assert abnormal(world) == [("bert", "2025-11-01", 15900, 10000)]


def test_a_bill_much_older_than_the_others_has_its_own_months_before(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three bills are many here. Anna's of September, 796.59, is compared with June, which is read of no other account."""
    monkeypatch.setattr(alarms, "CHUNK", 2)
    monkeypatch.setattr(alarms, "_OLD_BILLS", 3)
    steady(world, "2025-06-01")
    bill(world, "2025-07-01", "2025-08-01", "2025-09-01")
    assert call("accounts hold anna --from 2025-09-15 --to 2025-10-01 --reason dispute", world) == 0
    world.now_us = instant_us("2030-01-01T12:00:00")
    for name in ("bert", "carl"):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/basic", name)
    world.take(Call("1001", "2025-09-05T10:00:00", 300 * 60, 8690000000001))
    bill(world, "2025-10-01", "2025-11-01")
    assert abnormal(world) == [("anna", "2025-09-01", 79659, 79500)]


ACCOUNTS = """account_id,name,currency,timezone,bill_day,language,opened_on,billed_through,dunning_policy,payment_days,legal_entity
anna,Anna,CNY,Asia/Shanghai,1,en,2024-05-01,2025-10-01,standard,14,
bert,Bert,HKD,Asia/Shanghai,1,en,2024-05-01,2025-10-01,standard,14,north
carl,Carl,HKD,Asia/Shanghai,1,en,2024-05-01,2025-10-01,standard,14,north
dora,Dora,CNY,Asia/Shanghai,1,en,2024-05-01,2025-10-01,standard,14,north
"""
SUBSCRIPTIONS = """subscription_id,account_id,plan,from_date,to_date
anna-1,anna,shop/basic,2024-05-01,
bert-1,bert,harbour/basic,2024-05-01,
carl-1,carl,harbour/basic,2024-05-01,
dora-1,dora,shop/basic,2024-05-01,
"""
NUMBERS = "served_id,subscription_id,from,to\n" + "".join(
    f"{number},{name}-1,2024-05-01T00:00:00+08:00,\n" for number, name in enumerate(("anna", "bert", "carl", "dora"), 1001)
)
BASELINES = """account_id,month,amount
anna,2025-06,900.00
anna,2025-07,4.00
anna,2025-08,2.00
anna,2025-09,6.00
bert,2025-07,4.00
bert,2025-08,2.00
bert,2025-09,7.00
carl,2025-09,4.00
"""


def test_imported_months_of_two_currencies_and_entities(world: World, tmp_path: Path) -> None:
    """Each has 5 minutes at 2.005 in October: 10.03 and 10.00, 21.23 with tax. Five times 4.00 is 20.00; a third of 13.00 is 4.33.

    Dora has no month before. Of November anna has 18 minutes, 36.09 and 10.00, 48.86 with tax, after 2.00, 6.00 and 21.23.
    """
    catalogue.publish(world.home, shop(identity="harbour", currency="HKD"), world.tick())
    sheets = {"accounts": ACCOUNTS, "subscriptions": SUBSCRIPTIONS, "numbers": NUMBERS, "baselines": BASELINES}
    for name, text in sheets.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    assert call("accounts entity add north --name North --invoice-prefix N --credit-prefix NC", world) == 0
    assert call(f"accounts import {tmp_path}", world) == 0
    world.now_us = instant_us("2030-01-01T12:00:00")
    world.take(*(Call(str(number), "2025-10-05T10:00:00", 5 * 60, 8690000000001) for number in range(1001, 1005)))
    world.take(Call("1001", "2025-11-05T10:00:00", 18 * 60, 8690000000001))
    bill(world, "2025-11-01")
    assert abnormal(world) == [("anna", "2025-10-01", 2123, 2000), ("carl", "2025-10-01", 2123, 2000)]
    assert [each.currency for each in alarms.list_all(world.home)] == ["CNY", "HKD"]
    bill(world, "2025-12-01")
    assert abnormal(world)[2:] == [("anna", "2025-11-01", 4886, 4871)]
    assert wrong(world) == []


def test_an_interim_bill_over_two_months_is_compared_in_each(world: World) -> None:
    """Anna pays for ben, who has bill day 15: 127.20 for his 1,200 minutes of 15 October on, 1,272.00 for her 12,000 of November.

    October has 127.20 after three months of nothing: the floor is 100.00. Five times the mean of 0.00, 0.00 and 127.20 is 212.00.
    """
    basic, plus = shop().plans
    pay = msgspec.structs.replace(plus, name="pay", recurring=(), bill_thresholds=(BillThreshold(1, "fifty", 50_000_000),))
    catalogue.publish(world.home, shop(2, START_US + 1, plans=(basic, plus, pay)), world.tick())
    for account_id, bill_day, number in (("anna", 1, "1001"), ("ben", 15, "1002")):
        world.account(account_id, bill_day=bill_day, opened_on="2025-06-01")
        world.subscription(f"{account_id}-1", account_id, "shop/pay", number, from_date="2025-06-01")
    tell(world, "ben", "payer", PayerFact("anna"), "2025-06-01")
    bill(world, "2025-11-01")
    world.take(Call("1002", "2025-10-16T10:00:00", 1_200 * 60), Call("1001", "2025-11-05T10:00:00", 12_000 * 60))
    interim.run(world.home, dt.date(2025, 11, 6), who(world, on=dt.date(2025, 11, 6)))
    bill(world, "2025-11-15", "2025-12-01", "2025-12-15")
    assert abnormal(world) == [("anna", "2025-10-15", 12720, 10000), ("anna", "2025-11-01", 127200, 21200)]

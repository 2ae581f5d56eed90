"""Bills out of the ordinary: months of nothing count, the floor after them, and interim bills as part of their period's bill."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from billing import catalogue
from billing.documents import alarms, following, interim
from rating.model import BillThreshold, Plan
from server.cli.app import main
from tests.billing.documents.clerk import CENT, credit, void, who, wrong
from tests.billing.runs.world import START_US, Call, shop
from tests.billing.second_person import set_by_two

if TYPE_CHECKING:
    import pytest

    from tests.billing.runs.world import World


def sleeper(world: World) -> World:
    """Bert has a plan without fees from August on, and a call of 60 minutes in November: 120.30, with 6 % tax 127.52."""
    plans = (*shop().plans, Plan("bare", shop().plans[0].rules, {"en": "Bare"}))
    catalogue.publish(world.home, shop(2, START_US, plans=plans, corrects=1), world.tick())
    world.account("bert", opened_on="2025-08-01")
    world.subscription("bert-1", "bert", "shop/bare", "1002", from_date="2025-08-01")
    for date in ("2025-09-01", "2025-10-01", "2025-11-01"):
        world.bill(date)
    return world


def test_a_month_without_an_invoice_is_one_of_nothing(world: World) -> None:
    sleeper(world)
    world.take(Call("1002", "2025-11-05T10:00:00", 3600, 8690000000001))
    run = world.bill("2025-12-01").run_id
    assert alarms.raise_alarms(world.home, run, who(world)) == 1
    alarm = alarms.list_all(world.home)[0]
    assert (alarm.reached_micros // CENT, alarm.limit_micros // CENT) == (12752, 10000), "more than the floor of 100.00"
    world.take(Call("1002", "2025-12-05T10:00:00", 7200, 8690000000001))
    run = world.bill("2026-01-01").run_id
    # 240.60 and 14.44 tax, against five times a third of 127.52: 212.53
    assert alarms.raise_alarms(world.home, run, who(world)) == 1
    alarm = alarms.list_all(world.home)[1]
    assert (alarm.reached_micros // CENT, alarm.limit_micros // CENT) == (25504, 21253)
    assert wrong(world) == []


def test_the_floor_is_a_setting(world: World) -> None:
    sleeper(world)
    set_by_two(world.home, "abnormal_bill_floor_micros", "130000000", world.tick)
    world.take(Call("1002", "2025-11-05T10:00:00", 3600, 8690000000001))
    assert alarms.raise_alarms(world.home, world.bill("2025-12-01").run_id, who(world)) == 0


def test_a_first_bill_has_nothing_to_be_compared_with(world: World) -> None:
    sleeper(world)
    world.account("carl", opened_on="2025-11-01")
    world.subscription("carl-1", "carl", "shop/bare", "1003", from_date="2025-11-01")
    world.take(Call("1003", "2025-11-05T10:00:00", 36_000, 8690000000001))
    assert alarms.raise_alarms(world.home, world.bill("2025-12-01").run_id, who(world)) == 0


def heavy(world: World) -> World:
    """Anna on plus (33.00 a month, 34.98 with tax, and 3.00 ahead), whose usage is billed at once when it reaches 50.00."""
    basic, plus = shop().plans
    plans = (basic, msgspec.structs.replace(plus, bill_thresholds=(BillThreshold(1, "fifty", 50_000_000),)))
    catalogue.publish(world.home, shop(2, START_US + 1, plans=plans), world.tick())
    world.account("anna", opened_on="2025-10-01")
    world.subscription("anna-1", "anna", "shop/plus", "1001", from_date="2025-10-01")
    world.bill("2025-11-01")  # 30.00 + 3.00 + 3.00 = 36.00, 38.16 with tax
    return world


def test_interim_bills_are_part_of_the_bill_of_their_period(world: World) -> None:
    """1,500 minutes are 150.00, 159.00 with tax, billed in mid-cycle; then fees of 33.00, 34.98 with tax. Five times 38.16 is 190.80."""
    heavy(world)
    world.take(Call("1001", "2025-11-03T10:00:00", 1500 * 60))
    assert interim.run(world.home, dt.date(2025, 11, 5), who(world, on=dt.date(2025, 11, 5))).invoices == 1
    run = world.bill("2025-12-01").run_id
    assert alarms.raise_alarms(world.home, run, who(world)) == 1
    alarm = alarms.list_all(world.home)[-1]
    assert (alarm.kind, alarm.account_id, alarm.period_from) == (alarms.KIND, "anna", "2025-11-01")
    assert (alarm.reached_micros // CENT, alarm.limit_micros // CENT) == (15900 + 3498, 19080)
    assert alarms.raise_alarms(world.home, run, who(world)) == 0, "once"


def test_an_interim_bill_after_which_nothing_was_left(world: World) -> None:
    """Bert has a plan without fees: all that he used was billed in mid-cycle, and the run makes no invoice for him."""
    limit = (BillThreshold(1, "fifty", 50_000_000),)
    plans = (*shop().plans, Plan("bare", shop().plans[0].rules, {"en": "Bare"}, bill_thresholds=limit))
    catalogue.publish(world.home, shop(2, START_US, plans=plans, corrects=1), world.tick())
    world.account("bert", opened_on="2025-10-01")
    world.subscription("bert-1", "bert", "shop/bare", "1002", from_date="2025-10-01")
    world.bill("2025-11-01")
    world.take(Call("1002", "2025-11-03T10:00:00", 1500 * 60))
    assert interim.run(world.home, dt.date(2025, 11, 5), who(world, on=dt.date(2025, 11, 5))).invoices == 1
    assert alarms.raise_alarms(world.home, world.bill("2025-12-01").run_id, who(world)) == 1
    alarm = alarms.list_all(world.home)[-1]
    assert (alarm.reached_micros // CENT, alarm.limit_micros // CENT) == (15900, 10000), "October was a month of nothing"
    assert alarms.raise_alarms(world.home, world.bill("2026-01-01").run_id, who(world)) == 0
    assert wrong(world) == []


def loud(world: World) -> World:
    """Anna pays 10.60 a month for three months, and has a call of 10 hours in January: 10.00 + 1203.00, 1285.78 with tax."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    for date in ("2025-11-01", "2025-12-01", "2026-01-01"):
        following.follow_up(world.home, world.bill(date).run_id, who(world))
    world.take(Call("1001", "2026-01-05T10:00:00", 36_000, 8690000000001))
    return world


def told(world: World) -> list[tuple[str, int, int]]:
    """(period, cents reached, cents allowed) of every alarm."""
    return [(each.period_from, each.reached_micros // CENT, each.limit_micros // CENT) for each in alarms.list_all(world.home)]


def call(command: str, world: World) -> int:
    return main([*command.split(), "--home", str(world.home.path)])


def test_all_invoices_of_a_period_are_its_bill(world: World) -> None:
    """15 minutes at 2.005 are 30.08, with the fee and 6 % tax 42.48; 20 more are 40.10, 42.51 with tax. Five times 10.60 is 53.00."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    for date in ("2025-11-01", "2025-12-01", "2026-01-01"):
        following.follow_up(world.home, world.bill(date).run_id, who(world))
    world.take(Call("1001", "2026-01-05T10:00:00", 15 * 60, 8690000000001))
    assert alarms.raise_alarms(world.home, world.bill("2026-02-01").run_id, who(world)) == 0
    world.take(Call("1001", "2026-01-06T10:00:00", 20 * 60, 8690000000001))
    assert alarms.raise_alarms(world.home, world.bill("2026-02-01").run_id, who(world)) == 1
    assert told(world) == [("2026-01-01", 4248 + 4251, 5300)]
    assert wrong(world) == []


def test_credit_notes_lower_the_months_that_they_are_of(world: World) -> None:
    """50 minutes at 2.005 are 100.25: 116.87 a month with fee and 6 % tax, of which 106.27 are given back; five times 10.60 is 53.00."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    bills = {"2025-10": "2025-11-01", "2025-11": "2025-12-01", "2025-12": "2026-01-01", "2026-01": "2026-02-01"}
    world.take(*(Call("1001", f"{month}-05T10:00:00", 50 * 60, 8690000000001) for month in bills))
    runs = [world.bill(date).run_id for date in bills.values()]
    assert [alarms.raise_alarms(world.home, run, who(world)) for run in runs] == [0, 0, 0, 0], "alike in all months"
    void(world, "R-0000000004", "2026-02-02")
    for number in ("R-0000000001", "R-0000000002", "R-0000000003"):
        assert credit(world, number, 2, None, on="2026-02-02", reference=number).total_micros == -10627 * CENT
    run = world.bill("2026-02-01").run_id
    assert alarms.raise_alarms(world.home, run, who(world)) == 1
    assert told(world) == [("2026-01-01", 11687, 5300)]
    assert wrong(world) == []


def test_a_credit_note_of_an_interim_bill_lowers_the_bill_of_its_period(world: World) -> None:
    """As above, 159.00 in mid-cycle and 34.98 after it; 150.00 and its tax are given back."""
    heavy(world)
    world.take(Call("1001", "2025-11-03T10:00:00", 1500 * 60))
    assert interim.run(world.home, dt.date(2025, 11, 5), who(world, on=dt.date(2025, 11, 5))).invoices == 1
    assert credit(world, world.numbers("anna")[-1], 1, None).total_micros == -15900 * CENT
    assert alarms.raise_alarms(world.home, world.bill("2025-12-01").run_id, who(world)) == 0
    assert wrong(world) == []


def test_a_run_that_nobody_followed_up_is_followed_up_with_the_next(world: World) -> None:
    left = loud(world).bill("2026-02-01").run_id  # and somebody was stopped here
    assert (told(world), following.left_at(world.home, dt.date(2026, 2, 1))) == ([], left)
    later = world.bill("2026-03-01").run_id
    followed = following.follow_up(world.home, later, who(world))
    assert [(each.run_id, each.alarms) for each in followed] == [(left, 1), (later, 0)]
    assert told(world) == [("2026-01-01", 128578, 5300)]
    assert [each.run_id for each in following.follow_up(world.home, later, who(world))] == [later], "once, unless it is asked for"
    assert len(told(world)) == 1


def test_a_run_that_was_stopped_when_it_was_posted_is_resumed(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    loud(world).bill("2026-02-01")
    assert call("bill run --date 2026-02-01 --resume", world) == 0
    shown = capsys.readouterr().out
    assert "4 for 2026-02-01, posted (resumed)" in shown
    assert "books of this run balance" in shown
    assert "bills out of the ordinary: 1" in shown
    assert told(world) == [("2026-01-01", 128578, 5300)]
    assert call("bill run --date 2026-02-01 --resume", world) == 1
    assert "no bill run of 2026-02-01 is unfinished" in capsys.readouterr().err


def test_what_is_issued_anew_is_compared_as_well(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The call comes in when the bill of January is void."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    for date in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"):
        following.follow_up(world.home, world.bill(date).run_id, who(world))
    void(world, "R-0000000004", "2026-02-02")
    world.take(Call("1001", "2026-01-05T10:00:00", 36_000, 8690000000001))
    assert call("invoice reissue R-0000000004", world) == 0
    assert "bills out of the ordinary: 1" in capsys.readouterr().out
    assert told(world) == [("2026-01-01", 128578, 5300)]
    assert wrong(world) == []

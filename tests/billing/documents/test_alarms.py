"""Bills out of the ordinary: months of nothing count, the floor after them, and interim bills as part of their period's bill."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from billing import catalogue
from billing.documents import alarms, interim
from billing.store import settings
from rating.model import BillThreshold, Plan
from tests.billing.documents.clerk import CENT, who, wrong
from tests.billing.runs.world import START_US, Call, shop

if TYPE_CHECKING:
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
    settings.put(world.home, "abnormal_bill_floor_micros", "130000000", "ana", 1001, world.tick())
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
    assert interim.run(world.home, dt.date(2025, 11, 5), who(world)).invoices == 1
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
    assert interim.run(world.home, dt.date(2025, 11, 5), who(world)).invoices == 1
    assert alarms.raise_alarms(world.home, world.bill("2025-12-01").run_id, who(world)) == 1
    alarm = alarms.list_all(world.home)[-1]
    assert (alarm.reached_micros // CENT, alarm.limit_micros // CENT) == (15900, 10000), "October was a month of nothing"
    assert alarms.raise_alarms(world.home, world.bill("2026-01-01").run_id, who(world)) == 0
    assert wrong(world) == []

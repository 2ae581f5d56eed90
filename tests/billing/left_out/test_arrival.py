"""Late usage of a plan that bills it with the period of its arrival: the run that is promised is the one that bills it."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

import datetime as dt

import pytest

from billing import catalogue
from billing.enquiries.usage import find
from billing.enquiries.usage_rows import Instants as Ever
from billing.left_out.words import sentences
from billing.runs import cycle
from billing.runs.start import Order
from billing.verification.explain_line import explain_record
from rating.model import LateUsage
from tests.billing.runs.test_pools_and_late import arrive
from tests.billing.runs.test_promises import a_plan, selling
from tests.billing.runs.world import Call, World

pytestmark = pytest.mark.slow
NUMBER = "8613900000001"
ARRIVAL = "It came late, and its plan bills it with the period of its arrival: 2026-02-01 to 2026-02-28."
ARRIVAL_ZH = "该记录迟到，资费计划在其到达的账期计费：2026-02-01 至 2026-02-28。"


@pytest.fixture
def late(world: World) -> World:
    """A call of 20 January came on 10 February; bills of January were made."""
    catalogue.publish(world.home, selling(a_plan("arriving", late_usage=LateUsage.ARRIVAL_PERIOD)), world.tick())
    for name, plan in (("anna", "arriving"), ("bert", "plus")):
        world.account(name)
        world.subscription(f"{name}-1", name, f"shop/{plan}", NUMBER if name == "anna" else "8613900000002")
    for date in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"):
        world.bill(date)
    arrive(world, "2026-02-10T12:00:00", Call(NUMBER, "2026-01-20T10:00:00", 180, key="late"))
    return world


def test_the_next_run_is_that_of_its_arrival(late: World) -> None:
    (told,) = explain_record(late.home, "late").left_out
    assert sentences(told)[3:] == [
        ARRIVAL,
        "No run has read it yet; the next one of its account is that of 2026-03-01.",
        "A run of 2026-03-01 or later bills it.",
    ]
    assert next_bill_date(late) == "2026-03-01"
    late.bill("2026-03-01")
    assert explain_record(late.home, "late").left_out == ()


def test_a_run_that_did_not_have_its_account_leaves_it_to_that_of_its_arrival(late: World) -> None:
    late.catch_up()
    day = dt.date(2026, 2, 20)
    cycle.run(late.home, day, late.begun(day), order=Order(accounts=frozenset({"bert"})))
    (told,) = explain_record(late.home, "late").left_out
    run = told.run_id
    assert sentences(told)[3:] == [
        ARRIVAL,
        f"The account was not among those of run {run}; a run of 2026-03-01 or later that has it bills the record.",
    ]
    assert sentences(told, "zh")[3:] == [
        ARRIVAL_ZH,
        f"该账户不在第 {run} 次出账范围内；2026-03-01 或之后包含该账户的出账将计费。",
    ]


def next_bill_date(world: World) -> str:
    (record,) = find(world.home, NUMBER, Ever()).records
    return record.next_bill_date

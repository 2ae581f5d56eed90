"""Usage that a plan does not bill since it came late stays so told when its period is closed, and no choice of many records bills it."""

from __future__ import annotations

import pytest

from billing import catalogue
from billing.enquiries.usage import find
from billing.enquiries.usage_rows import Instants as Ever
from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.left_out.words import head
from billing.too_late.listing import listed
from billing.verification.explain_line import explain_record
from rating.errors import UserError
from rating.model import LateUsage
from server.cli.usage.find import state_in_words
from tests.billing.runs.test_pools_and_late import arrive
from tests.billing.runs.test_promises import a_plan, selling
from tests.billing.runs.world import Call, World
from tests.billing.too_late.late_world import CENT, decide, wrong

pytestmark = pytest.mark.slow
WAIVED = "it came after the bill of its period, and its plan waives that"
TOO_LATE = "it came later than its plan bills"
PLANS = (a_plan("waiving", late_usage=LateUsage.WAIVE), a_plan("strict", late_usage_days_max=30))
NUMBERS = {"waiving": "8613900000001", "strict": "8613900000002", "plain": "8613900000003"}


@pytest.fixture
def closed(world: World) -> World:
    """Calls of 20 January came on 10 March; their period is closed by the run of June."""
    catalogue.publish(world.home, selling(*PLANS), world.tick())
    for name, number in NUMBERS.items():
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/plus" if name == "plain" else f"shop/{name}", number)
        world.take(Call(number, "2026-01-10T10:00:00", 60, key=f"{name} in time"))
    for date in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01"):
        world.bill(date)
    of_two = [Call(NUMBERS[name], "2026-01-20T10:00:00", 180, key=f"{name} late") for name in ("waiving", "strict")]
    arrive(world, "2026-03-10T12:00:00", *of_two)
    for date in ("2026-04-01", "2026-05-01", "2026-06-01"):
        world.bill(date)
    arrive(world, "2026-06-10T12:00:00", Call(NUMBERS["plain"], "2026-01-21T10:00:00", 120, key="plain late"))
    world.bill("2026-07-01")
    return world


def test_the_first_reason_stays_when_the_period_is_closed(closed: World) -> None:
    listed_as = {  # with the run that left it out first
        each.record.record_id: (each.record.reason.value, each.record.run_id) for each in listed(closed.home, closed.now_us).records
    }
    assert listed_as == {"waiving late": ("waived", 6), "strict late": ("too_late", 6), "plain late": ("closed", 9)}
    for name, words in (("waiving", WAIVED), ("strict", TOO_LATE)):
        (told,) = explain_record(closed.home, f"{name} late").left_out
        assert head(told) == f"{words}, for good"
        found = next(each for each in find(closed.home, NUMBERS[name], Ever()).records if each.record_id == f"{name} late")
        assert state_in_words(found, "en") == f"too late: {words}"


def test_a_choice_by_month_or_account_leaves_out_what_the_plan_does_not_bill(closed: World) -> None:
    done = decide(closed, BILLED, month="2026-01", dry_run=True)
    assert (done.records, done.values) == (1, {"CNY": 20 * CENT})
    assert {each.record_id: each.why for each in done.left_alone} == {
        "waiving late": "its plan waives usage that comes after its bill",
        "strict late": "its plan bills nothing that comes so late",
    }
    assert {each.remedy for each in done.left_alone} == {"name the record to bill it all the same, or write it off"}
    with pytest.raises(UserError, match="record waiving late cannot be billed: its plan waives usage"):
        decide(closed, BILLED, account="waiving")
    assert decide(closed, BILLED, "waiving late", dry_run=True).values == {"CNY": 30 * CENT}, "it is named"
    assert decide(closed, WRITTEN_OFF, month="2026-01", dry_run=True).records == 3


def test_what_came_when_its_period_was_closed_is_waived_all_the_same(closed: World) -> None:
    """No run looked at it before its period was closed: the plan promises the customer that usage after its bill is not charged."""
    in_time = Call(NUMBERS["waiving"], "2026-06-20T10:00:00", 60, key="waiving again in time")
    calls = [Call(NUMBERS[name], "2026-01-22T10:00:00", 240, key=f"{name} closed") for name in NUMBERS]
    arrive(closed, "2026-07-10T12:00:00", *calls, in_time)
    run = closed.bill("2026-08-01")
    reasons = {each.record.record_id: each.record.reason.value for each in listed(closed.home, closed.now_us).records}
    assert {name: reasons[f"{name} closed"] for name in NUMBERS} == {"waiving": "waived", "strict": "too_late", "plain": "closed"}
    (told,) = explain_record(closed.home, "waiving closed").left_out
    assert (head(told), told.run_id, told.period_from) == (f"{WAIVED}, for good", run.run_id, "2026-01-01")
    found = next(each for each in find(closed.home, NUMBERS["waiving"], Ever()).records if each.record_id == "waiving closed")
    assert state_in_words(found, "en") == f"too late: {WAIVED}"
    done = decide(closed, BILLED, month="2026-01", dry_run=True)
    assert {each.record_id for each in done.left_alone} == {"waiving late", "strict late", "waiving closed", "strict closed"}
    assert decide(closed, BILLED, "waiving closed", dry_run=True).values == {"CNY": 40 * CENT}, "it is named"
    assert wrong(closed) == set()


def test_what_was_billed_elsewhere_is_closed_and_not_waived(world: World) -> None:
    """Another system billed the days before the account came here: no bill is known that the usage came after."""
    catalogue.publish(world.home, selling(*PLANS), world.tick())
    world.account("waiving", billed_through="2026-01-01")
    world.subscription("waiving-1", "waiving", "shop/waiving", NUMBERS["waiving"])
    world.bill("2026-02-01")
    arrive(world, "2026-02-10T12:00:00", Call(NUMBERS["waiving"], "2025-12-20T10:00:00", 180, key="x"))
    world.bill("2026-03-01")
    assert [each.record.reason.value for each in listed(world.home, world.now_us).records] == ["closed"]

"""Usage that no run bills any more is in no month's unbilled revenue: waived by its plan, of a closed period, refused, decided on.

A row is a call of one minute at 0.10, on a plan with a fee. Runs are of the first days of months. Each opens three periods
before its latest. The end of the call's month is asked when all of this has happened, and once more when later runs have billed theirs.
"""

from __future__ import annotations

import datetime as dt
import itertools

import msgspec
import pytest

from billing import catalogue
from billing.accounting import unbilled
from billing.accounting.month_end import month_of
from billing.documents.enquiry import enquire
from billing.too_late import deciding
from billing.too_late.choosing import Choice
from billing.too_late.results import LateAct
from rating.model import LateUsage
from tests.billing.runs.test_pools_and_late import arrive
from tests.billing.runs.world import START_US, Call, World, shop
from tests.billing.too_late.late_world import again, late, who

pytestmark = pytest.mark.slow
CALLS, NUMBER = 4010, "8613800000001"
RUNS = ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01")

TABLE = """
plan     begun       came        runs  cents  why
plus     2025-10-20  2025-10-25  1     10     in time
plus     2025-10-20  2025-11-03  1     10     after the bill of October, and the next one has it
plus     2025-10-20  2025-11-03  2     10     the same, when the next one has billed it
plus     2025-10-20  2026-01-20  3     10     the run of February is the last that opens October
plus     2025-10-20  2026-02-03  4     0      closed: the run of March does not open October, and none has looked yet
plus     2025-10-20  2026-02-03  5     0      closed, and the run of March has left it out
plus     2025-11-20  2026-02-03  4     10     the run of March opens November
waiving  2025-10-20  2025-10-25  1     10     in time
waiving  2025-10-20  2025-10-25  2     10     in time
waiving  2025-10-20  2025-11-03  0     10     no bill was made before it came
waiving  2025-10-20  2025-11-03  1     0      waived, and no run has looked at it yet
waiving  2025-10-20  2025-11-03  2     0      waived
waiving  2025-11-20  2025-11-25  1     10     of the next period, and in time
waiving  2025-11-20  2025-12-03  2     0      of the next period, and waived
"""
ROWS = [line.split(maxsplit=5) for line in TABLE.strip().splitlines()[1:]]


def calls_cents(world: World, month: str) -> int:
    found = unbilled.targets(world.home, month_of(month)).unbilled
    return sum(micros for (_, code, _), micros in found.items() if code == CALLS) // 10_000


def billed_cents(world: World) -> int:
    """All that invoices have of calls."""
    lines = itertools.chain.from_iterable(world.lines(number) for number in world.numbers())
    return sum(cents for text, *_, cents in lines if text.startswith("National calls"))


@pytest.mark.parametrize(("plan", "begun", "came", "runs", "cents", "why"), ROWS, ids=[" ".join(row[:4]) for row in ROWS])
def test_a_month_ends_with_what_bills_will_have(world: World, plan: str, begun: str, came: str, runs: str, cents: str, why: str) -> None:  # noqa: PLR0913, PLR0917 -- a row
    opened(world, plan)
    made = RUNS[: int(runs)]
    for date in (each for each in made if each < came):
        world.bill(date)
    arrive(world, f"{came}T12:00:00", Call(NUMBER, f"{begun}T10:00:00", 60))
    for date in made[sum(each < came for each in made) :]:
        world.bill(date)
    month = begun[:7]
    assert calls_cents(world, month) == int(cents), why
    end = month_of(month).after
    asked = enquire(world.home, "a", end - dt.timedelta(days=1), world.tick())  # the run of the next day is not known then
    assert sum(each.amount_micros for each in asked.lines if each.text == "National calls") // 10_000 == int(cents), why
    for date in RUNS[len(made) :]:
        world.bill(date)
    assert (calls_cents(world, month), billed_cents(world)) == (int(cents), int(cents)), "later bills change nothing of the month"


def test_what_was_waived_is_revenue_again_where_a_version_of_the_plan_bills_it(world: World) -> None:
    opened(world, "waiving")
    world.bill(RUNS[0])
    arrive(world, "2025-11-03T12:00:00", Call(NUMBER, "2025-10-20T10:00:00", 60))
    world.bill(RUNS[1])
    assert calls_cents(world, "2025-10") == 0
    world.catch_up()
    plans = (*shop().plans, msgspec.structs.replace(shop().plans[1], name="waiving"))
    catalogue.publish(world.home, shop(3, START_US + 1, plans=plans, corrects=2), world.tick())
    assert calls_cents(world, "2025-10") == 10
    world.bill(RUNS[2])
    assert (calls_cents(world, "2025-10"), billed_cents(world)) == (10, 10)


def test_what_people_decided_on_and_what_found_no_owner_is_not_revenue_either(world: World) -> None:
    """Of anna 10 cents in time; 40 of hers, 40 of bert, 50 of nobody came too late. One is written off, and nobody's number is sold."""
    late(world)
    assert calls_cents(world, "2025-10") == 10
    deciding.decide(world.home, LateAct("written_off", Choice(records=("late-1",)), "the switch was down", None, None), who(world))
    world.own("8613800000009", "bert-1")
    assert calls_cents(world, "2025-10") == 10
    again(world, "2026-04-01")
    assert calls_cents(world, "2025-10") == 10


def opened(world: World, plan: str) -> None:
    """One customer, on a plan of the shop or on one that waives late usage."""
    plans = (*shop().plans, msgspec.structs.replace(shop().plans[1], name="waiving", late_usage=LateUsage.WAIVE))
    catalogue.publish(world.home, shop(2, START_US + 1, plans=plans), world.tick())
    world.account("a")
    world.subscription("s", "a", f"shop/{plan}", NUMBER)

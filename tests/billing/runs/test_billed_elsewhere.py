"""Late usage is billed in one period alone, though the rule of its plan, its plan, or the closing of its account changes afterwards.

One call of ten minutes of October, at 0.10 a minute: 1.00 in all.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue
from billing.accounts import agreements, kinds, lifecycle
from billing.accounts.picture import account_keys, load
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.rerate import jobs
from billing.rerate.request import request
from billing.verification.rerate_sample import rerate
from rating.model import LateUsage
from tests.billing.runs.test_pools_and_late import arrive
from tests.billing.runs.world import START_US, Call, World, instant_us, shop
from tests.billing.too_late.late_world import ANA, BEN, NUMBERS, open_records, usage_cents, who, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rating.model import Catalogue, Plan

    Made = Callable[[Catalogue], World]

pytestmark = pytest.mark.slow
OF_OCTOBER = Call(NUMBERS["anna"], "2025-10-05T10:00:00", 600, key="x")
BY_ORIGIN, BY_ARRIVAL = LateUsage.ORIGIN_PERIOD, LateUsage.ARRIVAL_PERIOD


@pytest.fixture
def anna(tmp_path: Path) -> Iterator[Callable[[Catalogue], World]]:
    """Makes the home of one account under a catalogue."""
    made: list[World] = []

    def make(of: Catalogue) -> World:
        world = World(tmp_path / "home", catalogues=(of,))
        made.append(world)
        world.account("anna")
        world.subscription("anna-1", "anna", "shop/plus", NUMBERS["anna"])
        return world

    yield make
    for world in made:
        world.home.close()


def plans(late_usage: LateUsage, after_days: int = 0) -> tuple[Plan, ...]:
    return tuple(msgspec.structs.replace(each, late_usage=late_usage, late_after_days=after_days) for each in shop().plans)


def billed_in(world: World) -> dict[str, int]:
    """Cents of usage by the first day of its period."""
    found: dict[str, int] = {}
    for number in world.numbers("anna"):
        for text, first, _, _, cents in world.lines(number):
            if text.startswith("National calls"):
                found[first] = found.get(first, 0) + cents
    return {first: cents for first, cents in found.items() if cents}


@pytest.mark.parametrize("from_day", ["2025-09-01", "2026-02-01"])
def test_a_plan_that_bills_late_usage_as_it_arrives_from_now_on(anna: Made, from_day: str) -> None:
    """It came on 10 January, and the run of 1 February billed it with October, which is closed for that of 1 March."""
    world = anna(shop())
    for date in ("2025-11-01", "2025-12-01", "2026-01-01"):
        world.bill(date)
    arrive(world, "2026-01-10T12:00:00", OF_OCTOBER)
    world.bill("2026-02-01")
    corrects = 1 if from_day == "2025-09-01" else None
    starts_us = START_US if corrects else instant_us(f"{from_day}T00:00:00")
    catalogue.publish(world.home, shop(2, starts_us, plans=plans(BY_ARRIVAL), corrects=corrects), world.tick())
    for date in ("2026-03-01", "2026-04-01"):
        world.bill(date)
        assert (billed_in(world), open_records(world), wrong(world)) == ({"2025-10-01": 100}, [], set())


def test_the_window_begins_earlier_for_another_account(anna: Made) -> None:
    """Bert's bills are held, so the run looks at usage from October on, though Anna's October is closed."""
    world = anna(shop())
    world.account("bert")
    world.subscription("bert-1", "bert", "shop/plus", NUMBERS["bert"])
    agreements.agree(world.home, asked(world), "bert", "hold", dt.date(2025, 10, 30), dt.date(2026, 2, 20), kinds.HoldFact("disputed"))
    for date in ("2025-11-01", "2025-12-01", "2026-01-01"):
        world.bill(date)
    arrive(world, "2026-01-10T12:00:00", OF_OCTOBER)
    world.bill("2026-02-01")
    catalogue.publish(world.home, shop(2, instant_us("2026-02-01T00:00:00"), plans=plans(BY_ARRIVAL)), world.tick())
    for date in ("2026-03-01", "2026-04-01"):
        world.bill(date)
        assert (billed_in(world), open_records(world), wrong(world)) == ({"2025-10-01": 100}, [], set())


@pytest.mark.parametrize("is_correction", [True, False])
def test_a_plan_that_bills_late_usage_by_its_start_from_now_on(anna: Made, is_correction: bool) -> None:  # noqa: FBT001 -- pytest gives it by name
    """It came on 10 February, when October was open, and is billed with February. October is closed for the run of April."""
    world = anna(shop(plans=plans(BY_ARRIVAL)))
    for date in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"):
        world.bill(date)
    arrive(world, "2026-02-10T12:00:00", OF_OCTOBER)
    world.bill("2026-03-01")
    starts_us = START_US if is_correction else instant_us("2026-03-01T00:00:00")
    catalogue.publish(world.home, shop(2, starts_us, plans=plans(BY_ORIGIN), corrects=1 if is_correction else None), world.tick())
    for date in ("2026-04-01", "2026-05-01", "2026-06-01", "2026-07-01"):
        report = world.bill(date)
        assert (billed_in(world), open_records(world), wrong(world)) == ({"2026-02-01": 100}, [], set())
        assert rerate(world.home, report.run_id, 10, 1).disagreements == 0


def test_a_plan_that_waits_fewer_days_for_usage(anna: Made) -> None:
    world = anna(shop(plans=plans(BY_ARRIVAL, 90)))
    for date in ("2025-11-01", "2025-12-01", "2026-01-01"):
        world.bill(date)
    arrive(world, "2026-01-10T12:00:00", OF_OCTOBER)
    world.bill("2026-02-01")
    catalogue.publish(world.home, shop(2, START_US, plans=plans(BY_ARRIVAL), corrects=1), world.tick())
    world.bill("2026-03-01")
    assert (billed_in(world), open_records(world), wrong(world)) == ({"2025-10-01": 100}, [], set())


def test_a_closing_that_is_retracted(anna: Made) -> None:
    """It was billed in the last period of the closed account, and goes on being billed there once the account goes on."""
    world = anna(shop(plans=plans(BY_ARRIVAL)))
    world.bill("2025-11-01")
    world.begun(dt.date(2025, 11, 20))
    agreements.close(world.home, asked(world), "anna", dt.date(2025, 11, 15), "leaves")
    for date in ("2025-12-01", "2026-01-01", "2026-02-01"):
        world.bill(date)
    arrive(world, "2026-02-10T12:00:00", OF_OCTOBER)
    world.bill("2026-03-01")
    assert usage_cents(world, "anna") == 100
    with world.home.connect() as connection:
        (customer,) = load(connection, list(account_keys(connection, ["anna"]).values())).customers.values()
    (closing,) = [fact for fact in customer.facts if fact.kind == "closed"]
    agreements.retract(world.home, asked(world), "anna", closing.fact_id, "mistake", of_subscription=False)
    for date in ("2026-04-01", "2026-05-01"):
        world.bill(date)
        assert (usage_cents(world, "anna"), open_records(world), wrong(world)) == (100, [], set())


@pytest.mark.parametrize("month", ["2025-10", "2025-11"])
@pytest.mark.parametrize(("before", "since"), [(BY_ORIGIN, BY_ARRIVAL), (BY_ARRIVAL, BY_ORIGIN)])
def test_a_rerating_moves_no_usage_to_another_period(anna: Made, before: LateUsage, since: LateUsage, month: str) -> None:
    """It came on 10 November; rules about late usage are those that the last bill knew, prices those of now (0.20 a minute)."""
    world = anna(shop(plans=plans(before)))
    world.bill("2025-11-01")
    arrive(world, "2025-11-10T12:00:00", OF_OCTOBER)
    for date in ("2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01"):
        world.bill(date)
    period = "2025-10-01" if before is BY_ORIGIN else "2025-11-01"
    assert billed_in(world) == {period: 100}
    catalogue.publish(world.home, shop(2, START_US, plans=plans(since), corrects=1), world.tick())
    job = jobs.plan(world.home, request("shop/plus", 2, month, None), who(world))
    if job.state == jobs.WAITING:
        jobs.decide(world.home, job.job_id, jobs.APPROVED, "", who(world, BEN))
    jobs.apply(world.home, job.job_id, dt.date(2026, 5, 1), who(world))
    assert (billed_in(world), open_records(world), wrong(world)) == ({period: 100}, [], set())
    world.bill("2026-06-01")
    assert (billed_in(world), open_records(world), wrong(world)) == ({period: 100}, [], set())


def test_a_plan_change_in_arrears_to_a_plan_that_bills_by_arrival(anna: Made) -> None:
    other = msgspec.structs.replace(plans(BY_ARRIVAL)[-1], name="arr")
    world = anna(shop(plans=(*shop().plans, other)))
    for date in ("2025-11-01", "2025-12-01", "2026-01-01"):
        world.bill(date)
    arrive(world, "2026-01-10T12:00:00", OF_OCTOBER)
    world.bill("2026-02-01")
    lifecycle.change_plan(world.home, asked(world), "anna-1", "shop/arr", dt.date(2025, 10, 1))
    world.bill("2026-03-01")
    assert (billed_in(world), open_records(world), wrong(world)) == ({"2025-10-01": 100}, [], set())


def asked(world: World) -> Asked:
    return Asked(Operator(*ANA), world.tick())


def test_late_usage_that_a_rule_took_off_its_bill_is_billed_by_the_rule_of_since(anna: Made) -> None:
    """It came in January, and twenty days at most took it off October while that was open: it is on no bill, so January has it."""
    world = anna(shop())
    for date in ("2025-11-01", "2025-12-01", "2026-01-01"):
        world.bill(date)
    arrive(world, "2026-01-10T12:00:00", OF_OCTOBER)
    world.bill("2026-01-01")
    assert usage_cents(world, "anna") == 100
    strict = tuple(msgspec.structs.replace(each, late_usage_days_max=20) for each in shop().plans)
    catalogue.publish(world.home, shop(2, START_US, plans=strict, corrects=1), world.tick())
    world.bill("2026-01-01")
    world.bill("2026-02-01")
    assert (usage_cents(world, "anna"), open_records(world)) == (0, ["x"])
    world.begun(dt.date(2026, 2, 10))
    catalogue.publish(world.home, shop(3, START_US, plans=plans(BY_ARRIVAL), corrects=2), world.tick())
    for date in ("2026-03-01", "2026-04-01", "2026-05-01", "2026-06-01"):
        world.bill(date)
        assert (usage_cents(world, "anna"), open_records(world), wrong(world)) == (100, [], set())

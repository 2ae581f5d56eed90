"""Running totals of a session: a late part that lies between two others is in the bill of the later one already."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import msgspec
import pytest

from billing.intake.arrivals import Arrival
from billing.intake.taking import Intake
from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.too_late.listing import listed
from mediation.decoded import Decoded
from mediation.sources.rules import Partials, ServiceRules, Services
from rating.errors import UserError
from tests.billing.intake.test_assembling import SOURCE
from tests.billing.runs.world import instant_us
from tests.billing.too_late.late_world import CENT, NUMBERS, decide, usage_cents, who, wrong
from tests.mediation.segment_rows import BEGIN_US, SECOND_US, TOTALS, Segment, segment_table

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
EACH: Final = msgspec.structs.replace(SOURCE, services=Services(voice=ServiceRules(partials=Partials.EACH, cumulative=True)))
BEFORE: Final = ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01")


def total(minutes: int) -> Segment:
    """The record that says that the session has lasted so long by then; it began on 5 October."""
    begun_s = (instant_us("2025-10-05T10:00:00") - BEGIN_US) // SECOND_US
    return Segment("session", None, begun_s, minutes * 60, TOTALS, NUMBERS["anna"], 8613900000001)


def take(world: World, day: str, *minutes: int) -> None:
    """Records of the session come on a day."""
    world.begun(dt.date.fromisoformat(day))
    decoded = Decoded(segment_table([total(each) for each in minutes]), [], len(minutes), b"", 0)
    Intake(world.home)._take([Arrival("msc1", decoded, None, EACH)], world.tick())  # noqa: SLF001 - as take_file does with a file


def begin(world: World, *minutes: int) -> None:
    """The session's records that came in time, and the runs until October is closed."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", NUMBERS["anna"])
    take(world, "2025-10-06", *minutes)
    for date in BEFORE:
        world.bill(date)


def opened(world: World) -> list[int]:
    """The worth in cents of what is too late and open."""
    return sorted(each.worth_micros // CENT for each in listed(world.home, who(world).now_us).records)


def test_a_part_between_two_that_were_billed_is_not_billed_by_its_worth(world: World) -> None:
    """50 minutes at 0.10 are billed as 10 and 40; the record of 30 minutes comes when October is closed, and adds nothing."""
    begin(world, 10, 50)
    assert usage_cents(world, "anna") == 500
    take(world, "2026-02-10", 30)
    world.bill("2026-03-01")
    assert opened(world) == [0]
    with pytest.raises(UserError, match=r"it is worth 0\.00 CNY, which is nothing that can be billed"):
        decide(world, BILLED, account="anna")
    assert decide(world, WRITTEN_OFF, account="anna").records == 1
    assert (usage_cents(world, "anna"), wrong(world)) == (500, set())


def test_a_part_that_comes_after_a_decision_is_not_billed_by_its_worth(world: World) -> None:
    """10 minutes are billed; 40 more come late, and a person bills them. Then the record of 30 minutes comes."""
    begin(world, 10)
    take(world, "2026-02-10", 50)
    world.bill("2026-03-01")
    assert opened(world) == [400]
    assert sum(each.amount_micros for each in decide(world, BILLED, account="anna").groups) == 400 * CENT
    take(world, "2026-03-10", 30)
    world.bill("2026-04-01")
    assert opened(world) == [0]
    with pytest.raises(UserError, match=r"it is worth 0\.00 CNY, which is nothing that can be billed"):
        decide(world, BILLED, account="anna")


def test_parts_that_nobody_billed_are_billed_by_their_worth(world: World) -> None:
    begin(world, 10)
    take(world, "2026-02-10", 50, 30)
    world.bill("2026-03-01")
    assert opened(world) == [200, 200]
    assert sum(each.amount_micros for each in decide(world, BILLED, account="anna").groups) == 400 * CENT


def test_parts_that_nobody_billed_and_that_came_one_after_the_other(world: World) -> None:
    begin(world, 10)
    take(world, "2026-02-10", 50)
    take(world, "2026-02-11", 30)
    world.bill("2026-03-01")
    assert opened(world) == [200, 200]
    assert sum(each.amount_micros for each in decide(world, BILLED, account="anna").groups) == 400 * CENT

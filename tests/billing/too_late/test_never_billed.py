"""An adjustment of a decision that no bill would have: a day too far ahead is refused, and one whose period was closed first is told."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.controls import books
from billing.documents import adjusting
from billing.late_decisions import BILLED
from billing.left_out.words import sentences
from billing.store import settings
from billing.too_late.listing import listed
from rating.errors import UserError
from tests.billing.too_late.late_world import ANA, decide, late, open_records, take_back, usage_cents, who, wrong
from tests.billing.too_late.test_deciding import found_as

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
BOOK = "late usage: decisions that bill = those that a bill has or will have"


@pytest.mark.parametrize("day", ["2026-04-01", "2030-01-01", "9999-12-31"])
def test_a_day_after_the_running_period_is_refused(world: World, day: str) -> None:
    late(world)
    with pytest.raises(UserError, match=f"{day} is after the running period of anna, which ends on 2026-03-31"):
        decide(world, BILLED, "late-1", on_date=dt.date.fromisoformat(day))
    decide(world, BILLED, "late-1", on_date=dt.date(2026, 3, 31))
    world.bill("2026-04-01")
    assert usage_cents(world, "anna") == 10
    assert [each.state for each in adjusting.list_all(world.home)] == [world.numbers("anna")[-1]]


def test_a_period_that_is_closed_before_a_run_bills_the_adjustment(world: World) -> None:
    """It is named in every place, the books do not balance, and taken back the record can be billed on another day."""
    late(world)
    (group,) = decide(world, BILLED, "late-1", on_date=dt.date(2026, 1, 5)).groups
    assert [each.state for each in adjusting.list_all(world.home)] == [adjusting.WAITING]
    assert wrong(world) == set()
    settings.put(world.home, "reopen_periods_max", "0", *ANA, who(world).now_us)
    world.bill("2026-04-01")
    assert [each.state for each in adjusting.list_all(world.home)] == [adjusting.NEVER]
    assert wrong(world) == {BOOK}
    assert next(each.terms for each in books(world.home) if each.name == BOOK) == {"missing decision 1": 1}
    told = listed(world.home, world.now_us, decided=True).records[0].record
    assert told.decision is not None
    assert told.decision.never_billed
    assert "which no run bills, as its period is closed: `ratewright usage too-late take-back 1`" in sentences(told)[-1]
    assert "任何出账都不会收取" in sentences(told, "zh")[-1]
    never = f"adjustment {group.reference} was to bill it, and its period is closed: take decision 1 back"
    assert found_as(world, "late-1") == never
    take_back(world, 1)
    assert ("late-1" in open_records(world), wrong(world)) == (True, set())
    decide(world, BILLED, "late-1")
    world.bill("2026-05-01")
    assert [each.state for each in adjusting.list_all(world.home)] == [adjusting.RETRACTED, world.numbers("anna")[-1]]
    assert wrong(world) == set()

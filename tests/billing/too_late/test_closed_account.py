"""A late adjustment of an account that has closed: whoever tells what comes next says the same as the run does."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.accounts import agreements
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents.enquiry import enquire
from billing.enquiries import account
from billing.late_decisions import BILLED
from billing.runs.dates.due import due_dates
from tests.billing.too_late.late_world import ANA, CENT, amounts, decide, late, wrong

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow


def due_of(world: World) -> list[tuple[str, int, int, str]]:
    return [(each.bill_date, each.accounts, each.again, each.command) for each in due_dates(world.home, world.now_us).dates]


@pytest.mark.parametrize("others", [True, False])
def test_everybody_tells_of_the_bill_that_the_run_makes(world: World, *, others: bool) -> None:
    late(world)
    world.begun(dt.date(2026, 3, 2))
    for name in ("bert",) if others else ("anna", "bert"):
        agreements.close(world.home, Asked(Operator(*ANA), world.tick()), name, dt.date(2026, 2, 15), "moved")
    world.bill("2026-03-01")
    assert account.standing(world.home, "bert", world.now_us).next_bill_date == ""
    assert enquire(world.home, "bert", None, world.now_us).net_micros == {}
    (group,) = decide(world, BILLED, "late-5", on_date=dt.date(2026, 2, 14)).groups
    assert account.standing(world.home, "bert", world.now_us).next_bill_date == "2026-04-01"
    assert enquire(world.home, "bert", None, world.now_us).net_micros == {"CNY": 40 * CENT}
    assert due_of(world) == [], "its date has not begun"
    world.begun(dt.date(2026, 4, 1))
    ((date, accounts, again, command),) = due_of(world)
    assert (date, accounts, command) == ("2026-04-01", int(others), "ratewright bill run --date 2026-04-01")
    assert world.bill("2026-04-01").accounts == accounts + again
    assert [cents for text, cents in amounts(world, world.numbers("bert")[-1]) if text.startswith(group.text)] == [40]
    assert account.standing(world.home, "bert", world.now_us).next_bill_date == ""
    assert enquire(world.home, "bert", None, world.now_us).net_micros == {}
    assert (due_of(world), wrong(world)) == ([], set())

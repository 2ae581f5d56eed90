"""Runs of dunning beside promises to pay and instalment plans: what is promised or agreed leads to no new step."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import dunning, payments
from billing.controls import books
from billing.payments import instalments, promises, recording
from rating.money import parse_micros

if TYPE_CHECKING:
    from tests.billing.runs.world import World

UNIT = 1_000_000

# date, what happens (promise=AMOUNT/UNTIL, pay=AMOUNT, plan=PARTS/FIRST, nothing), the step of that day's run, the level held back
# 10.60 are due on 15 November, 10.60 on 15 December.
PROMISED = """
2025-11-18  promise=10.60/2025-11-25  -             1
2025-11-25  -                         -             1
2025-11-26  -                         remind        0
2025-12-10  promise=11.00/2026-01-10  -             0
2025-12-16  -                         -             2
2025-12-30  pay=5.00                  -             2
2026-01-10  -                         -             2
2026-01-11  -                         bar_outgoing  0
2026-01-12  promise=20.00/2026-02-01  -             0
2026-01-13  pay=16.20                 clear         0
"""
PLANNED = """
2025-11-18  -                         remind        0
2025-12-16  plan=2/2026-01-10         clear         0
2026-01-10  -                         -             0
2026-01-13  -                         remind        0
2026-01-14  pay=10.60                 clear         0
2026-02-10  -                         -             0
2026-02-13  -                         remind        0
"""


@pytest.fixture
def owing(world: World) -> World:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.bill("2025-11-01")
    world.bill("2025-12-01")
    return world


def happens(world: World, place: int, day: dt.date, event: str) -> None:
    act = payments.Act(recording.NOBODY, world.tick())
    kind, _, told = event.partition("=")
    amount, _, until = told.partition("/")
    if kind == "promise":
        given = promises.Promise(f"m{place}", "anna", parse_micros(amount), day, dt.date.fromisoformat(until))
        promises.promise(world.home, given, act)
    elif kind == "pay":
        payments.record(world.home, f"p{place}", "anna", parse_micros(amount), day, "", world.tick())
    elif kind == "plan":
        wanted = instalments.PlanRequest(f"i{place}", "anna", day, equal=int(amount), first_on=dt.date.fromisoformat(until))
        instalments.agree(world.home, wanted, act)


@pytest.mark.parametrize("diary", [PROMISED, PLANNED], ids=["promises", "instalments"])
def test_a_diary(owing: World, diary: str) -> None:
    for place, row in enumerate(diary.strip().splitlines()):
        date, event, action, held = row.split()
        day = dt.date.fromisoformat(date)
        happens(owing, place, day, event)
        assert dunning.history(owing.home, "anna", day).held_level == int(held), row
        changes = dunning.run(owing.home, day, owing.begun(day))
        assert [each.action for each in changes] == ([] if action == "-" else [action]), row
        assert [book.name for book in books(owing.home) if not book.ok] == [], row


def test_a_promise_holds_back_its_own_account_alone(owing: World) -> None:
    owing.account("ben")
    owing.subscription("ben-1", "ben", "shop/basic", "1002")
    owing.bill("2025-11-01")
    happens(owing, 1, dt.date(2025, 11, 18), "promise=10.60/2025-11-25")
    assert [each.account_id for each in dunning.run(owing.home, dt.date(2025, 11, 18), owing.begun(dt.date(2025, 11, 18)))] == ["ben"]

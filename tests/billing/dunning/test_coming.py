"""Coming steps: those that a run of each day would take. 10.60 are due on 15 November.

The standard policy reminds from the 3rd day on, and bars from the 30th day on, 14 days after a reminder at the earliest.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import dunning, payments
from billing.payments import promises, recording
from rating.errors import NotFoundError
from rating.money import parse_micros

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
# seen from | a promise (AMOUNT/MADE/UNTIL) | the steps that come
COMING = """
2025-11-10 | -                            | 2025-11-18 remind, 2025-12-15 bar_outgoing
2025-11-18 | -                            | 2025-11-18 remind, 2025-12-15 bar_outgoing
2025-11-18 | 10.60/2025-11-17/2025-11-25  | 2025-11-26 remind, 2025-12-15 bar_outgoing
2025-11-10 | 10.60/2025-11-09/2025-12-10  | 2025-12-11 remind, 2025-12-25 bar_outgoing
2025-12-20 | -                            | 2025-12-20 remind, 2026-01-03 bar_outgoing
2024-01-01 | -                            |
"""


@pytest.fixture
def owing(world: World) -> World:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.bill("2025-11-01")
    return world


def steps(world: World, day: dt.date) -> list[str]:
    return [f"{each.on} {each.action}" for each in dunning.coming(world.home, "anna", day)]


def promise(world: World, text: str) -> None:
    amount, made, until = text.split("/")
    given = promises.Promise("m", "anna", parse_micros(amount), dt.date.fromisoformat(made), dt.date.fromisoformat(until))
    promises.promise(world.home, given, payments.Act(recording.NOBODY, world.tick()))


@pytest.mark.parametrize("row", COMING.strip().splitlines())
def test_dates_of_steps(owing: World, row: str) -> None:
    seen, promised, wanted = (part.strip() for part in row.split("|"))
    if promised != "-":
        promise(owing, promised)
    assert steps(owing, dt.date.fromisoformat(seen)) == [each for each in wanted.split(", ") if each]


def test_runs_of_each_day_take_these_steps(owing: World) -> None:
    """Also with a part promised, which is below the least amount of a bar for as long as the promise is open."""
    promise(owing, "1.00/2025-11-12/2025-12-20")
    first = dt.date(2025, 11, 12)
    coming = steps(owing, first)
    taken = []
    for number in range(90):
        day = first + dt.timedelta(days=number)
        taken += [f"{each.as_of} {each.action}" for each in dunning.run(owing.home, day, owing.begun(day))]
    assert taken == coming == ["2025-11-18 remind", "2025-12-21 bar_outgoing"]


def test_what_was_taken_is_not_to_come(owing: World) -> None:
    day = dt.date(2025, 11, 20)
    dunning.run(owing.home, day, owing.begun(day))
    assert steps(owing, day) == ["2025-12-15 bar_outgoing"]
    payments.record(owing.home, "p", "anna", 10_600_000, day, "", owing.tick())
    assert steps(owing, day) == ["2025-11-20 clear"]


def test_an_account_that_is_not_there(owing: World) -> None:
    with pytest.raises(NotFoundError):
        dunning.coming(owing.home, "nobody", dt.date(2025, 11, 20))

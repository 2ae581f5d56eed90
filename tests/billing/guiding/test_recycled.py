"""Numbers that change hands, and what their usage bills: nobody's in the gap, never two owners', back-dated spans by the next run."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from billing.accounts import lifecycle, numbers
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.guiding import NOBODY, Guide
from rating.errors import UserError
from tests.billing.runs.world import Call, instant_us

if TYPE_CHECKING:
    from tests.billing.runs.world import World

NUMBER = "8613800000001"


@pytest.fixture
def anna(world: World) -> World:
    """The number was anna's until 11 October, and is bert's from 21 October on. Both have plan plus: no free minutes, 0.10 each."""
    for name in ("anna", "bert"):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/plus", f"20{name}")
    numbers.give(world.home, asked(world), NUMBER, "anna-1", day("2025-10-01"), 0)
    numbers.take(world.home, asked(world), NUMBER, "anna-1", day("2025-10-11"))
    numbers.give(world.home, asked(world), NUMBER, "bert-1", day("2025-10-21"), 10)
    return world


def asked(world: World) -> Asked:
    return Asked(Operator("ann", 1001), world.tick())


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def owners(world: World, *instants: str) -> list[str]:
    with world.home.connect() as connection:
        seq = world.home.head_seq(connection)
    starts = np.array([instant_us(each) for each in instants])
    keys = Guide(world.home, seq).resolve(pa.array([NUMBER] * len(instants)), starts).tolist()
    names = {world.key("subscriptions", "subscription_key", "subscription_id", f"{name}-1"): name for name in ("anna", "bert")}
    return [names.get(key, "nobody" if key == NOBODY else "?") for key in keys]


def usage(world: World, account: str) -> list[tuple[str, int, int]]:
    """Lines of calls on the invoices of an account: period, events, cents."""
    lines = [line for number in world.numbers(account) for line in world.lines(number)]
    return [(line[1], line[3], line[4]) for line in lines if line[0].startswith("National")]


def test_the_gap_is_nobodys(anna: World) -> None:
    told = owners(anna, "2025-10-10T23:59:59", "2025-10-11T00:00", "2025-10-20T23:59:59", "2025-10-21T00:00")
    assert told == ["anna", "nobody", "nobody", "bert"]
    anna.take(*(Call(NUMBER, f"2025-10-{when}T10:00", 60) for when in ("10", "15", "21", "22")))
    report = anna.bill("2025-11-01")
    assert usage(anna, "anna") == [("2025-10-01", 1, 10)]
    assert usage(anna, "bert") == [("2025-10-01", 2, 20)]
    assert report.events == {"RATED": 3, "UNKNOWN_SUBSCRIPTION": 1}


def test_an_overlap_is_refused(anna: World) -> None:
    with pytest.raises(UserError, match=f"{NUMBER} belongs to bert-1 from 2025-10-21"):
        numbers.give(anna.home, asked(anna), NUMBER, "anna-1", day("2025-11-05"), 0)
    with pytest.raises(UserError, match=f"{NUMBER} was anna-1's to 2025-10-11"):
        numbers.give(anna.home, asked(anna), NUMBER, "bert-1", day("2025-10-12"), 90)
    assert owners(anna, "2025-10-15T00:00", "2025-11-05T00:00") == ["nobody", "bert"]


def test_a_span_that_is_taken_back_was_never_there(anna: World) -> None:
    """The subscription of bert ends before he got the number: his span is empty, and anna may have it back for all of the time."""
    lifecycle.end(anna.home, asked(anna), "bert-1", day("2025-10-15"), "never came")
    assert owners(anna, "2025-10-15T00:00", "2025-11-05T00:00") == ["nobody", "nobody"]
    numbers.give(anna.home, asked(anna), NUMBER, "anna-1", day("2025-10-11"), 90)
    assert owners(anna, "2025-10-15T00:00", "2025-10-21T00:00", "2025-11-05T00:00") == ["anna", "anna", "anna"]


def test_a_back_dated_span_is_billed_by_the_next_run(anna: World) -> None:
    anna.take(Call(NUMBER, "2025-10-15T10:00", 60), Call(NUMBER, "2025-10-22T10:00", 60))
    anna.bill("2025-11-01")
    assert usage(anna, "bert") == [("2025-10-01", 1, 10)]
    said = numbers.give(anna.home, asked(anna), "8613800000002", "bert-1", day("2025-10-05"), 0).said
    assert said[-1] == "back-dated: the next bill, of 2025-12-01, corrects earlier periods from 2025-10-05 on by lines that name them"
    anna.take(Call("8613800000002", "2025-10-06T10:00", 120))
    numbers.give(anna.home, asked(anna), "8613800000003", "anna-1", day("2025-11-05"), 0)
    anna.bill("2025-12-01")
    assert usage(anna, "bert") == [("2025-10-01", 1, 10), ("2025-10-01", 1, 20)]


def test_a_back_dated_activation_is_billed_by_the_next_run(anna: World) -> None:
    anna.take(Call("8613800000009", "2025-10-20T10:00", 60))
    anna.bill("2025-11-01")
    wanted = lifecycle.Activation("bert-2", "bert", "shop/plus", day("2025-10-17"), ("8613800000009",))
    assert lifecycle.activate(anna.home, asked(anna), wanted).said[-1].startswith("back-dated")
    anna.bill("2025-12-01")
    late = [(line[0].partition(",")[0], line[4]) for line in anna.lines(anna.numbers("bert")[-1]) if line[1] == "2025-10-01"]
    assert sorted(late) == [
        ("Line rent", 145),  # 3.00 x 15/31
        ("National calls", 10),
        ("Plus", 1452),  # 30.00 x 15/31
        ("Tax standard 6 %", 96),  # 16.07 x 6 %
    ]

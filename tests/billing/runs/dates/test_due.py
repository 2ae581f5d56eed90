"""Which bill dates are to be run today, as a table: an instant, what was billed, and what is due."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing.accounts import kinds
from billing.documents import undoing
from billing.runs import cycle
from billing.runs.dates.due import due_dates
from billing.runs.preview import preview
from tests.billing.documents.clerk import ANA, BEN, tell, void, who
from tests.billing.runs.world import EPOCH, Call

if TYPE_CHECKING:
    from tests.billing.runs.world import World

# instant (UTC), runs so far, and each bill date that is due: accounts.test.held.passed by, ? where its command has to wait
DUE = """
2025-10-31T15:59  -                      -
2025-10-31T16:00  -                      2025-11-01=2.1.0.0
2025-11-20T12:00  -                      2025-11-01=2.1.0.0 2025-11-15=1.0.0.0
2025-11-20T12:00  2025-11-01             2025-11-15=1.0.0.0
2025-11-20T12:00  2025-11-01,2025-11-15  -
2025-11-30T16:00  2025-11-01,2025-11-15  2025-12-01=2.1.0.0
2025-12-15T05:00  2025-12-01             -
2025-12-15T05:00  2025-11-15             2025-12-01=2.1.0.0
2025-12-14T16:00  2025-12-01             -
2025-12-15T23:00  2025-12-01             2025-12-15=1.0.0.0
2026-01-10T12:00  2025-12-01             2025-12-15=1.0.0.0 2026-01-01=2.1.0.0
"""


def at(text: str) -> int:
    return (dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) - EPOCH) // dt.timedelta(microseconds=1)


def told(world: World, instant: str) -> str:
    """What is due, as the table has it."""
    found = due_dates(world.home, at(instant)).dates
    for each in found:
        assert each.command in {"", f"ratewright bill run --date {each.bill_date}"}
    figures = [f"{each.bill_date}={each.accounts}.{each.test}.{each.held}.{each.passed_by}{'' if each.command else '?'}" for each in found]
    return " ".join(figures) or "-"


@pytest.fixture
def four(world: World) -> World:
    """Two accounts of bill day 1 in Shanghai and one for testing, and one of bill day 15 in Chicago; since October, or 15 October."""
    for name in ("anna", "bert", "test"):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/basic", f"{name}")
    tell(world, "test", "category", kinds.CategoryFact("test"), "2025-10-01")
    world.account("carl", bill_day=15, timezone="America/Chicago", opened_on="2025-10-15")
    world.subscription("carl-1", "carl", "shop/basic", "1004", from_date="2025-10-15")
    return world


@pytest.mark.parametrize("row", DUE.strip().splitlines())
def test_due_dates(four: World, row: str) -> None:
    instant, runs, due = row.split(maxsplit=2)
    for date in () if runs == "-" else runs.split(","):
        four.bill(date)
    assert told(four, instant) == due.strip()


def test_each_command_makes_its_date_go(four: World) -> None:
    now_us = at("2026-01-20T12:00")
    while due := due_dates(four.home, now_us).dates:
        cycle.run(four.home, dt.date.fromisoformat(due[0].bill_date), now_us)
    assert len(four.numbers("anna")) == 3
    assert len(four.numbers("carl")) == 3


def test_a_date_that_has_not_begun_for_somebody_waits(world: World) -> None:
    for name, zone in (("anna", "Asia/Shanghai"), ("dora", "Pacific/Honolulu")):
        world.account(name, timezone=zone)
        world.subscription(f"{name}-1", name, "shop/basic", name)
    (due,) = due_dates(world.home, at("2025-11-01T09:59")).dates
    assert (due.accounts, due.waiting, due.clock, due.command) == (1, 1, "Pacific/Honolulu", "")
    (due,) = due_dates(world.home, at("2025-11-01T10:00")).dates
    assert (due.accounts, due.waiting, due.clock, due.command) == (2, 0, "", "ratewright bill run --date 2025-11-01")


def test_who_is_held_or_passed_by_needs_no_command_of_that_date(four: World) -> None:
    tell(four, "anna", "hold", kinds.HoldFact("a dispute"), "2025-11-01", "2025-12-01")
    assert told(four, "2025-11-02T12:00") == "2025-11-01=1.1.1.0"
    four.bill("2025-11-01")
    assert told(four, "2025-11-02T12:00") == "2025-11-01=0.0.1.0?", "the first run after the hold bills her"
    four.bill("2025-12-01")
    assert told(four, "2025-12-02T12:00") == "-"
    void(four, four.numbers("bert")[0], "2025-12-03")
    assert told(four, "2025-12-04T12:00") == "2025-11-01=0.0.0.1? 2025-12-01=1.0.0.0", "a run of December bills his October"


def test_who_was_held_and_is_free_again_is_due_on_the_next_date(four: World) -> None:
    """Anna's bill of 1 November is held until the 10th. The run of the 15th, the bill day of Carl, bills her too, and only that one."""
    tell(four, "anna", "hold", kinds.HoldFact("a dispute"), "2025-11-01", "2025-11-11")
    tell(four, "bert", "hold", kinds.HoldFact("a dispute"), "2025-11-01", "2025-11-30")
    assert told(four, "2025-11-20T12:00") == "2025-11-01=0.1.2.0 2025-11-15=2.0.0.0", "Bert is held on the 15th as well"
    assert told(four, "2025-12-01T12:00") == "2025-11-01=0.1.2.0 2025-11-15=2.0.0.0 2025-12-01=2.1.0.0", "each once"
    four.bill("2025-11-01")
    assert told(four, "2025-11-20T12:00") == "2025-11-01=0.0.2.0? 2025-11-15=2.0.0.0"
    four.bill("2025-11-15")
    assert [len(four.numbers(each)) for each in ("anna", "bert", "carl")] == [1, 0, 1]
    assert told(four, "2025-11-20T12:00") == "2025-11-01=0.0.1.0?"


# what came since the run of 1 November, which is then undone for anna: due again, and taken in once more; whom its run would bill
@pytest.mark.parametrize(
    ("late", "account", "due", "billed"),
    [
        ((), "", (1, 0), {"anna"}),
        (("bert", "2025-10-05T10:00"), "", (1, 1), {"anna", "bert"}),
        (("anna", "2025-10-05T10:00"), "", (1, 0), {"anna"}),
        (("bert", "2025-11-01T10:00"), "", (1, 0), {"anna"}),  # of the period that goes on
        ((), "bert", (1, 1), {"anna", "bert"}),
    ],
)
def test_after_an_undo_for_some_it_says_whom_a_run_would_bill(
    four: World, late: tuple[str, ...], account: str, due: tuple[int, int], billed: set[str]
) -> None:
    four.bill("2025-11-01")
    if late:
        four.take(Call(*late, 3600))
    if account:
        tell(four, account, "discount", kinds.DiscountFact(name="half", percent_ppm=500_000), "2025-10-01")
    four.catch_up()
    for by in (ANA, BEN):
        undoing.undo(four.home, 1, "a wrong price", who(four, by), accounts=frozenset({"anna"}))
    now_us = at("2025-11-10T12:00")
    (found,) = due_dates(four.home, now_us).dates
    assert ((found.accounts, found.again), found.bill_date) == (due, "2025-11-01")
    assert set(preview(four.home, dt.date(2025, 11, 1), now_us).account_ids) == billed


def test_a_run_that_is_not_finished_comes_first(four: World) -> None:
    cycle.run(four.home, dt.date(2025, 11, 1), at("2025-11-01T12:00"), order=cycle.Order(trial=True))
    due = due_dates(four.home, at("2025-11-02T12:00"))
    assert due.unfinished == "ratewright bill run --date 2025-11-01 --resume"
    assert msgspec.to_builtins(due)["dates"][0]["bill_date"] == "2025-11-01"


def test_a_home_without_accounts_has_nothing_due(world: World) -> None:
    assert due_dates(world.home, at("2025-11-02T12:00")).dates == ()

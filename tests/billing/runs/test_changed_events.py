"""A record that changes, or whose number moves, after it was billed: it is billed once, whichever periods are open by then.

One call of ten minutes, at 0.10 a minute: 1.00. Runs open three periods before the newest.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.accounts import agreements, kinds, lifecycle, numbers
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents import undoing
from billing.persons import Who
from billing.suspense import resolving
from billing.suspense.deciding import Deciding
from rating.errors import UserError
from tests.billing.runs.test_arrivals import keep
from tests.billing.runs.world import Call, World
from tests.billing.suspense.world import asking, listed
from tests.billing.too_late.late_world import ANA, BEN, NUMBERS, open_records, usage_cents, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
OCTOBER = "2025-10-20T10:00:00"
OF_OCTOBER = Call(NUMBERS["anna"], OCTOBER, 600, key="x")


@pytest.fixture
def both(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "home")
    yield made
    made.home.close()


def two(world: World, bill_day: int = 1) -> World:
    """Anna with the call of October, billed on `bill_day`; Bert on the first."""
    for name, day in (("anna", bill_day), ("bert", 1)):
        world.account(name, bill_day=day)
        world.subscription(f"{name}-1", name, "shop/plus", NUMBERS[name])
    world.take(OF_OCTOBER)
    return world


def move(world: World, how: str, day: dt.date) -> None:
    """Anna's number is Bert's from a day on."""
    if how == "transfer":
        lifecycle.transfer(world.home, asked(world), "anna-1", "bert", day, "T1")
        return
    numbers.take(world.home, asked(world), NUMBERS["anna"], "anna-1", day)
    numbers.give(world.home, asked(world), NUMBERS["anna"], "bert-1", day, 0)


def billed(world: World) -> tuple[int, int]:
    assert (open_records(world), wrong(world)) == ([], set())
    return usage_cents(world, "anna"), usage_cents(world, "bert")


@pytest.mark.parametrize("how", ["transfer", "number"])
@pytest.mark.parametrize(
    ("held_to", "recorded_on", "expected"), [("2026-01-10", "2026-01-20", (0, 100)), ("2026-03-10", "2026-03-20", (100, 0))]
)
def test_a_number_that_moves_to_an_account_with_older_open_periods(
    both: World, how: str, held_to: str, recorded_on: str, expected: tuple[int, int]
) -> None:
    """Bert's bills are held, so October is open for him. It is billed to him only where it is open for Anna too."""
    world = two(both)
    hold = kinds.HoldFact("disputed")
    agreements.agree(world.home, asked(world), "bert", "hold", dt.date(2025, 10, 30), dt.date.fromisoformat(held_to), hold)
    dates = ["2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01"]
    for date in (each for each in dates if each <= recorded_on):
        world.bill(date)
    world.begun(dt.date.fromisoformat(recorded_on))
    move(world, how, dt.date(2025, 10, 10))
    for date in (each for each in dates if each > recorded_on):
        world.bill(date)
        assert billed(world) == expected


@pytest.mark.parametrize("how", ["transfer", "number"])
def test_a_number_that_moves_after_bills_of_the_new_owner_were_undone(both: World, how: str) -> None:
    world = two(both)
    dates = ["2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01"]
    for date in dates:
        world.bill(date)
    world.begun(dt.date(2026, 3, 20))
    for run_id in (5, 4, 3, 2, 1):
        for person in (ANA, BEN):
            undoing.undo(world.home, run_id, "wrong", Who(*person, world.tick()), accounts=frozenset({"bert"}))
    move(world, how, dt.date(2025, 10, 10))
    for date in ("2026-04-01", "2026-05-01"):
        world.bill(date)
        assert billed(world) == (100, 0)


@pytest.mark.parametrize(("recorded_on", "expected"), [("2026-01-20", (0, 100)), ("2026-02-20", (100, 0))])
def test_an_owner_of_another_bill_day(both: World, recorded_on: str, expected: tuple[int, int]) -> None:
    """Anna's period from 15 October is closed for her run of 15 March. Bert's October is billed in May for the first time."""
    world = two(both, bill_day=15)
    agreements.agree(world.home, asked(world), "bert", "hold", dt.date(2025, 10, 30), dt.date(2026, 2, 25), kinds.HoldFact("disputed"))
    dates = sorted(f"{month}-{day}" for month in ("2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04") for day in ("01", "15"))
    for date in (each for each in dates if each <= recorded_on):
        world.bill(date)
    world.begun(dt.date.fromisoformat(recorded_on))
    move(world, "transfer", dt.date(2025, 10, 10))
    for date in (each for each in dates if each > recorded_on):
        world.bill(date)
    assert billed(world) == expected


@pytest.mark.parametrize(("skipped", "expected", "late"), [((), 110, []), (("2026-02-01",), 100, ["x"])])
def test_a_version_that_begins_in_another_month(both: World, skipped: tuple[str, ...], expected: int, late: list[str]) -> None:
    """It is kept while October is open. The run of February takes it off October; one of March finds October closed: 0.10 is listed."""
    world = two(both)
    for date in ("2025-11-01", "2025-12-01", "2026-01-01"):
        world.bill(date)
    world.begun(dt.date(2026, 1, 10))
    world.take(Call(NUMBERS["anna"], "2026-01-05T10:00:00", 660, key="x"))
    keep(world, 660)
    for date in ("2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01"):
        if date not in skipped:
            world.bill(date)
            assert (open_records(world), wrong(world), usage_cents(world, "anna")) == (late, set(), expected)


@pytest.mark.parametrize("at", [OCTOBER, "2026-02-05T10:00:00"])
def test_a_version_of_a_record_on_the_bill_of_a_closed_period_is_not_kept(both: World, at: str) -> None:
    world = two(both)
    for date in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01"):
        world.bill(date)
    world.begun(dt.date(2026, 3, 10))
    world.take(Call(NUMBERS["anna"], at, 660, key="x"))
    world.catch_up()
    doubtful = next(each for each in listed(world).rows if each.reason == "conflicting")
    found = resolving.versions(world.home, asking(world).seq, int(doubtful.id))
    on_bill, other = found.names
    with pytest.raises(
        UserError, match=f"version {on_bill} is on the bill of the period of anna from 2025-10-01, and that period is closed"
    ) as caught:
        resolving.resolve(world.home, found, other, Deciding(Operator(*ANA), world.tick(), "so"), {})
    assert caught.value.remedy.startswith(f"keep {on_bill}, and bill or give back a difference with")
    resolving.resolve(world.home, found, on_bill, Deciding(Operator(*ANA), world.tick(), "so"), {})
    for date in ("2026-04-01", "2026-05-01"):
        world.bill(date)
        assert billed(world) == (100, 0)


def asked(world: World) -> Asked:
    return Asked(Operator(*ANA), world.tick())

"""Undoing runs of dunning: two people, the newest first, and levels and bars are what they were."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing import dunning, payments
from billing.controls import books
from billing.ledger.closed_months import Who
from billing.store import tables
from rating.errors import NotFoundError, UserError

if TYPE_CHECKING:
    from tests.billing.runs.world import World

REMINDED, BARRED, AHEAD = dt.date(2025, 11, 20), dt.date(2025, 12, 15), dt.date(2026, 7, 1)


@pytest.fixture
def owing(world: World) -> World:
    """Anna and ben owe 10.60 each since 15 November; anna is barred, ben paid half of it and was only reminded."""
    for name, number in (("anna", "1001"), ("ben", "1002")):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/basic", number)
    world.bill("2025-11-01")
    dunning.run(world.home, REMINDED, world.begun(REMINDED))
    payments.record(world.home, "p1", "ben", 5_000_000, dt.date(2025, 12, 1), "", world.tick())
    dunning.run(world.home, BARRED, world.begun(BARRED))
    return world


def who(world: World, name: str) -> Who:
    return Who(name, {"ana": 2001, "bob": 2002}[name], world.tick())


def undo(world: World, run_id: int, reason: str = "of a wrong date") -> dunning.Undo:
    dunning.undo(world.home, run_id, reason, who(world, "ana"))
    return dunning.undo(world.home, run_id, reason, who(world, "bob"))


def standing(world: World, as_of: dt.date) -> list[tuple[str, int, bool]]:
    """Account, level of the last step that counts, and whether it is barred."""
    found = [dunning.history(world.home, name, as_of) for name in ("anna", "ben")]
    levels = [next((step.level for step in reversed(each.steps) if not step.undone), 0) for each in found]
    return [(each.account_id, level, each.barred) for each, level in zip(found, levels, strict=True)]


def balanced(world: World) -> bool:
    return [book.name for book in books(world.home) if not book.ok] == []


def test_a_run_of_a_date_far_ahead_is_taken_back(owing: World) -> None:
    """It barred ben, who is not due for a bar; undone, the true date is accepted, and who pays is clear and not barred."""
    owing.bill("2025-12-01")
    assert standing(owing, BARRED) == [("anna", 2, True), ("ben", 1, False)]
    dunning.run(owing.home, AHEAD, owing.begun(AHEAD))
    assert standing(owing, AHEAD) == [("anna", 2, True), ("ben", 2, True)]
    payments.record(owing.home, "p2", "ben", 20_000_000, dt.date(2025, 12, 20), "", owing.tick())
    with pytest.raises(UserError, match="dunning has taken steps by 2026-07-01"):
        dunning.run(owing.home, dt.date(2025, 12, 21), owing.begun(dt.date(2025, 12, 21)))
    done = undo(owing, 3)
    assert [(each.account_id, each.level_undone, each.level, each.bar) for each in done.accounts] == [("ben", 2, 1, "unbar")]
    assert (done.waits, done.existed, done.asked_by) == (False, False, "ana")
    assert standing(owing, BARRED) == [("anna", 2, True), ("ben", 1, False)]
    assert [each.action for each in dunning.run(owing.home, dt.date(2025, 12, 21), owing.begun(dt.date(2025, 12, 21)))] == ["clear"]
    assert standing(owing, BARRED) == [("anna", 2, True), ("ben", 0, False)]
    assert balanced(owing)


def test_a_bar_that_a_run_ended_is_put_back(owing: World) -> None:
    payments.record(owing.home, "p2", "anna", 10_600_000, dt.date(2025, 12, 16), "", owing.tick())
    assert [each.action for each in dunning.run(owing.home, dt.date(2025, 12, 16), owing.begun(dt.date(2025, 12, 16)))] == ["clear"]
    done = undo(owing, 3)
    assert [(each.account_id, each.action_undone, each.action, each.bar) for each in done.accounts] == [
        ("anna", "clear", "bar_outgoing", "bar_outgoing")
    ]
    assert standing(owing, BARRED)[0] == ("anna", 2, True)
    undo(owing, 2)
    undo(owing, 1)
    assert standing(owing, BARRED) == [("anna", 0, False), ("ben", 0, False)]
    with owing.home.connect() as connection:
        fact = tables.account_facts.c
        told = connection.execute(sa.select(fact.kind, fact.from_date).order_by(fact.fact_id)).all()
    assert [tuple(each) for each in told] == [
        ("bar_outgoing", "2025-12-15"),
        ("unbar", "2025-12-16"),
        ("bar_outgoing", "2025-12-16"),
        ("unbar", "2025-12-15"),
    ]
    assert balanced(owing)


def test_two_people_are_needed_and_the_first_changes_nothing(owing: World) -> None:
    tried = dunning.undo(owing.home, 2, "wrong", who(owing, "ana"), dry_run=True)
    assert (tried.waits, [each.account_id for each in tried.accounts]) == (True, ["anna"])
    assert dunning.runs(owing.home)[1].state == "counts"
    assert dunning.undo(owing.home, 2, "wrong", who(owing, "ana")).waits
    assert (dunning.runs(owing.home)[1].state, standing(owing, BARRED)[0]) == ("undo_asked", ("anna", 2, True))
    with pytest.raises(UserError, match="ana has asked for run 2 to be undone, and cannot agree to it"):
        dunning.undo(owing.home, 2, "wrong", who(owing, "ana"))
    tried = dunning.undo(owing.home, 2, "so it is", who(owing, "bob"), dry_run=True)
    assert (tried.waits, dunning.runs(owing.home)[1].state) == (False, "undo_asked")
    dunning.undo(owing.home, 2, "so it is", who(owing, "bob"))
    run = dunning.runs(owing.home)[1]
    assert (run.state, run.asked_by, run.undone_by, run.reason) == ("undone", "ana", "bob", "so it is")
    assert dunning.undo(owing.home, 2, "wrong", who(owing, "ana")).existed
    assert balanced(owing)


def test_what_is_refused(owing: World) -> None:
    with pytest.raises(UserError, match="run 1 of 2025-11-20 cannot be undone: run 2 of 2025-12-15 is newer"):
        dunning.undo(owing.home, 1, "wrong", who(owing, "ana"))
    with pytest.raises(NotFoundError, match="there is no dunning run 9"):
        dunning.undo(owing.home, 9, "wrong", who(owing, "ana"))
    for reason in ("", "  ", "two\nlines"):
        with pytest.raises(UserError, match="reason"):
            dunning.undo(owing.home, 2, reason, who(owing, "ana"))


def test_who_asked_for_an_older_run_is_held_to_what_is_newest_then(owing: World) -> None:
    """Asked for, and then another run came: the second person cannot agree before that one is undone."""
    dunning.undo(owing.home, 2, "wrong", who(owing, "ana"))
    payments.record(owing.home, "p2", "anna", 10_600_000, dt.date(2025, 12, 16), "", owing.tick())
    dunning.run(owing.home, dt.date(2025, 12, 16), owing.begun(dt.date(2025, 12, 16)))
    with pytest.raises(UserError, match="run 3 of 2025-12-16 is newer"):
        dunning.undo(owing.home, 2, "wrong", who(owing, "bob"))


def test_the_history_shows_undone_steps_as_undone(owing: World) -> None:
    undo(owing, 2)
    dunning.run(owing.home, dt.date(2025, 12, 18), owing.begun(dt.date(2025, 12, 18)))
    steps = dunning.history(owing.home, "anna", BARRED).steps
    assert [(each.run_id, each.as_of, each.level_before, each.level, each.undone) for each in steps] == [
        (1, "2025-11-20", 0, 1, False),
        (2, "2025-12-15", 1, 2, True),
        (3, "2025-12-18", 1, 2, False),
    ]
    assert balanced(owing)


@pytest.mark.parametrize(
    ("statement", "book"),
    [
        ("DELETE FROM dunning_decisions WHERE kind = 'undone'", "dunning: bars = steps"),
        ("UPDATE dunning_runs SET as_of = '2025-12-14' WHERE run_id = 2", "dunning: steps = open items of their day"),
        ("DELETE FROM dunning_policies", "dunning: steps = open items of their day"),
    ],
)
def test_what_is_changed_afterwards_shows_in_the_books(owing: World, statement: str, book: str) -> None:
    undo(owing, 2)
    assert balanced(owing)
    assert owing.changed(statement) == 1
    assert book in [each.name for each in books(owing.home) if not each.ok]

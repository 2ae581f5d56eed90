"""A decision that is changed behind the product's back makes the books of late usage fail, and so does usage that is billed twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from billing.controls import books
from billing.intake import view
from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.store import tables
from tests.billing.too_late.late_world import decide, late, wrong

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
KEPT = (tables.adjustments, tables.late_decisions, tables.late_decision_events)  # in the order of their foreign keys
USAGE, MADE = "late usage: usage = what becomes of it", "late usage: decisions made = decisions stored"
RECORDS, AMOUNTS = "late usage: records and worth of decisions = records stored", "late usage: amounts of decisions = adjustments"
STORED = "late usage: records of decisions = usage stored"
SIGNED = "commits: given = with the hash of their content"
DECIDED = "late usage: decided CNY = adjustments"
FIRST = "decision_id = 1 AND start_us = (SELECT min(start_us) FROM late_decision_events WHERE decision_id = 1)"
KEY = "(SELECT event_key FROM late_decision_events WHERE decision_id = 2)"
# Decision 1 bills two records of anna, decision 2 writes one of bert off.
TAMPERED = [
    ("DELETE FROM late_decision_events WHERE decision_id = 2", {SIGNED, USAGE, RECORDS}),
    (f"DELETE FROM late_decision_events WHERE {FIRST}", {SIGNED, USAGE, RECORDS}),  # noqa: S608 -- as above
    ("DELETE FROM late_decisions WHERE decision_id = 2", {SIGNED, MADE, RECORDS}),
    ("UPDATE adjustments SET amount_micros = amount_micros + 10000", {SIGNED, AMOUNTS, DECIDED}),
    ("UPDATE adjustments SET amount_micros = 10000", {SIGNED, AMOUNTS, DECIDED}),
    ("UPDATE late_decisions SET amount_micros = amount_micros - 10000 WHERE decision_id = 1", {SIGNED, AMOUNTS, DECIDED}),
    ("UPDATE late_decisions SET records = records + 1 WHERE decision_id = 1", {SIGNED, USAGE, RECORDS}),
    ("UPDATE late_decisions SET worth_micros = worth_micros + 1 WHERE decision_id = 1", {SIGNED, RECORDS}),
    ("UPDATE late_decision_events SET worth_micros = worth_micros + 1 WHERE decision_id = 2", {SIGNED, RECORDS}),
    ("UPDATE late_decision_events SET start_us = start_us + 1 WHERE decision_id = 2", {SIGNED, STORED}),
    ("UPDATE late_decision_events SET event_key = x'000102030405060708090a0b0c0d0e0f' WHERE decision_id = 2", {SIGNED, STORED}),
]


def test_commits_of_decisions_are_counted_as_commits(world: World) -> None:
    """One command decides on two records of two accounts: two decisions, by one commit."""
    late(world)
    decide(world, WRITTEN_OFF, "late-4", "late-5")
    (made,) = [each for each in books(world.home) if each.name == MADE]
    with world.home.connect() as connection:
        decisions = connection.execute(sa.select(sa.func.count()).select_from(tables.late_decisions)).scalar_one()
    assert (made.left, made.unit, decisions) == (1, "commits", 2)


def test_every_fault_is_found(world: World) -> None:
    late(world)
    decide(world, BILLED, account="anna")
    decide(world, WRITTEN_OFF, "late-5")
    (found,) = [each for each in books(world.home) if each.name == USAGE]
    assert found.terms == {
        "usage": 6, "charged": 1, "refused": 0, "not due": 0, "not billable": 0, "too late, open": 2, "too late, billed by adjustment": 2,
        "too late, written off": 1, "decided, counts no more": 0,
    }  # fmt: skip
    assert wrong(world) == set()
    with world.home.connect() as connection:
        rows = [connection.execute(sa.select(table)).all() for table in KEPT]
    for statement, expected in TAMPERED:
        assert world.changed(statement), statement
        assert wrong(world) == expected, statement
        put_back(world, rows)
    assert wrong(world) == set()


def test_a_record_that_a_run_has_charged_and_a_person_has_decided_on(world: World) -> None:
    """The call of 4 October was billed in time: a decision on it that slipped past all checks is found."""
    late(world)
    decide(world, BILLED, "late-1")
    usage = view.usage(world.home, ("event_key", "start_us", "record_id"), 10**6)
    (row,) = [
        each for each in usage.set_column(1, "start_us", usage["start_us"].cast("int64")).to_pylist() if each["record_id"] == "in time"
    ]
    with world.home.begin() as connection:
        connection.execute(tables.late_decision_events.update().values(event_key=row["event_key"], start_us=row["start_us"]))
    (found,) = [each for each in books(world.home) if each.name == USAGE]
    assert (found.ok, found.left, found.right) == (False, 6, 7), "one is billed twice, one is open again"


def put_back(world: World, rows: Sequence[Sequence[Any]]) -> None:
    """The tables as they were."""
    for table in reversed(KEPT):
        world.changed(f"DELETE FROM {table.name}")  # noqa: S608 -- names of our own
    with world.home.begin() as connection:
        for table, kept in zip(KEPT, rows, strict=True):
            connection.execute(table.insert(), [each._asdict() for each in kept])

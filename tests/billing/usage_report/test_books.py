"""The books of a report: their lines by source, file and day, and that harm on either side shows."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.intake.columns import Quantities
from billing.intake.taking import Intake
from billing.usage_report.intake_book import By, IntakeLine, intake_lines
from billing.usage_report.rating_book import rating_book
from billing.usage_report.report import usage_report
from billing.usage_report.span import Span
from rating.dates import utc_midnight_us
from rating.errors import UserError
from tests.billing.runs.world import Call, World
from tests.billing.usage_rows import DAY_US, MARCH_US, UNANSWERED, Event, batch

if TYPE_CHECKING:
    from billing.store.home import Home

MARCH = Span(dt.date(2026, 3, 1), dt.date(2026, 4, 1))
SEQ = 1 << 40
MINE, STRANGER = "8613800000001", "8613800000009"


def fill(home: Home) -> None:
    """Two streams of two days; one row of sw1 cannot be read, one came twice."""
    intake = Intake(home)
    a, b, c = Event("a", 60), Event("b", 0, UNANSWERED), Event("c", 30, start_us=MARCH_US + DAY_US)
    intake.take_batch("sw1", batch(a, b, c, a, rejects=["?"]), MARCH_US)
    intake.take_batch("sw2", batch(Event("d", 5, volume_bytes=700), source="sw2"), MARCH_US)
    intake.take_batch("sw1", batch(Event("e", 9, start_us=utc_midnight_us(dt.date(2026, 4, 1)))), MARCH_US)  # of April


def rows(line: IntakeLine) -> dict[str, int]:
    assert line.counted == line.found
    assert line.ok
    return {outcome: each.rows for outcome, each in line.counted.items()}


def test_by_source(home: Home) -> None:
    fill(home)
    first, second = intake_lines(home, SEQ, MARCH)
    assert (first.source, rows(first)) == ("sw1", {"answered": 2, "unanswered": 1, "duplicate": 1, "rejected": 1, "received": 5})
    assert first.counted["answered"] == Quantities(2, 90_000_000)
    assert (second.source, second.counted["answered"]) == ("sw2", Quantities(1, 5_000_000, 0, 700))


def test_by_day(home: Home) -> None:
    fill(home)
    found = {(line.source, line.day): rows(line) for line in intake_lines(home, SEQ, MARCH, by=By.DAY)}
    assert found == {
        ("sw1", ""): {"rejected": 1, "received": 1},
        ("sw1", "2026-03-01"): {"answered": 1, "unanswered": 1, "duplicate": 1, "received": 3},
        ("sw1", "2026-03-02"): {"answered": 1, "received": 1},
        ("sw2", "2026-03-01"): {"answered": 1, "received": 1},
    }


def test_of_one_source(home: Home) -> None:
    fill(home)
    report = usage_report(home, source="sw2")
    assert [line.source for line in (*report.intake, *report.rating)] == ["sw2", "sw2"]
    assert (report.first_day, report.end_day, report.ok) == ("2026-03-01", "2026-04-01", True)
    assert usage_report(home).first_day == "2026-04-01", "the month of the latest usage"


@pytest.mark.parametrize(
    ("harm", "outcome"),
    [
        ("UPDATE intake_counts SET rows = rows + 1 WHERE outcome = 'answered' AND day = '2026-03-02'", "answered"),
        ("UPDATE intake_counts SET duration_us = 1 WHERE outcome = 'unanswered'", "unanswered"),
        ("UPDATE intake_counts SET rows = 0 WHERE outcome = 'duplicate'", "received"),
        ("DELETE FROM suspense", "rejected"),
        ("DELETE FROM usage_manifest WHERE manifest_id = 1", "answered"),
    ],
)
def test_harm_shows(home: Home, harm: str, outcome: str) -> None:
    fill(home)
    with home.begin() as connection:
        connection.exec_driver_sql(harm)
    line = intake_lines(home, SEQ, MARCH)[0]
    assert not line.ok
    assert line.counted.get(outcome) != line.found.get(outcome)


def test_no_usage_and_no_source_are_told(home: Home) -> None:
    with pytest.raises(UserError, match="no usage was taken in yet"):
        usage_report(home)
    fill(home)
    with pytest.raises(UserError, match="no usage of source sw9"):
        usage_report(home, source="sw9")


FEBRUARY = Span(dt.date(2026, 2, 1), dt.date(2026, 4, 1))


def test_the_rating_book_of_a_bill_run(world: World) -> None:
    """February is billed: a free call, a charged one, and one of a number that nobody owns. March is not yet due."""
    world.account("A1")
    world.subscription("S1", "A1", "shop/basic", MINE)
    free, refused, charged = (
        Call(MINE, "2026-02-10T10:00", 60),
        Call(STRANGER, "2026-02-11T10:00", 60),
        Call(MINE, "2026-02-11T11:00", 36_000),
    )
    world.take(free, refused, charged, Call(MINE, "2026-03-05T10:00", 60))
    world.bill("2026-03-01")
    (line,) = rating_book(world.home, SEQ, FEBRUARY)
    assert line.ok
    assert {name: each.rows for name, each in line.left.items()} == {"accepted": 4, "assembled": 0, "recycled": 0}
    made = {name: each.rows for name, each in line.right.items()}
    assert made == {
        "rated": 1,
        "zero_rated": 1,
        "suspended": 1,
        "not_yet_due": 1,
        "too_late": 0,
        "late_billed": 0,
        "late_written_off": 0,
        "not_billable": 0,
    }
    days = [each.day for each in rating_book(world.home, SEQ, FEBRUARY, by=By.DAY)]
    assert days == ["2026-02-10", "2026-02-11", "2026-03-05"]


def test_a_row_that_is_gone_shows_in_the_rating_book(world: World) -> None:
    world.take(Call(MINE, "2026-02-10T10:00", 60))
    with world.home.begin() as connection:
        connection.exec_driver_sql("DELETE FROM usage_manifest")
    (line,) = rating_book(world.home, SEQ, FEBRUARY)
    assert (line.ok, line.left["accepted"].rows, sum(each.rows for each in line.right.values())) == (False, 1, 0)

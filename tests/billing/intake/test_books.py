"""The intake book finds what is wrong: each test harms one side and sees the other disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.intake import books
from billing.intake.taking import Intake
from tests.billing import behind
from tests.billing.usage_rows import UNANSWERED, Event, batch

if TYPE_CHECKING:
    from billing.store.home import Home

NOW_US = 1_772_323_200_000_000


def fill(home: Home) -> None:
    intake = Intake(home)
    intake.take_batch("sw1", batch(Event("a", 60), Event("b", 9, UNANSWERED), rejects=["?"]), NOW_US)
    intake.take_batch("sw1", batch(Event("c", 30), Event("a", 60)), NOW_US)
    intake.take_batch("sw1", batch(Event("d", 5), Event("d", 6)), NOW_US)


def test_the_lines_and_their_units(home: Home) -> None:
    fill(home)
    assert [(line.name.split(": ")[1], line.left, line.right, line.unit) for line in books.intake_book(home, 3)] == [
        ("received", 7, 7, "rows"),
        ("received", 170_000_000, 170_000_000, "microseconds"),
        ("answered", 2, 2, "rows"),
        ("answered", 90_000_000, 90_000_000, "microseconds"),
        ("unanswered", 1, 1, "rows"),
        ("unanswered", 9_000_000, 9_000_000, "microseconds"),
        ("absorbed", 0, 0, "rows"),
        ("conflicting", 2, 2, "rows"),
        ("conflicting", 11_000_000, 11_000_000, "microseconds"),
        ("rejected", 1, 1, "rows"),
    ]


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        ("DELETE FROM usage_manifest WHERE manifest_id = 2", {"received", "answered"}),
        ("DELETE FROM suspense WHERE event_key IS NULL", {"received", "rejected"}),
        ("DELETE FROM suspense WHERE event_key IS NOT NULL", {"answered", "conflicting"}),
        ("UPDATE intake_counts SET rows = rows + 1 WHERE outcome = 'duplicate'", {"received"}),
        ("UPDATE intake_counts SET duration_us = 1 WHERE outcome = 'unanswered'", {"unanswered"}),
        ("UPDATE intake_counts SET source = 'sw2' WHERE outcome = 'answered' AND commit_seq = 2", {"answered"}),
    ],
)
def test_harm_is_found(home: Home, harm: str, found: set[str]) -> None:
    fill(home)
    behind.change(home, harm)
    assert {line.name.split(": ")[1] for line in books.intake_book(home, 3) if line.left != line.right} == found

"""Answers that are read back from a commit are those that were given: of a void that frees credit, and of a credit note."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import payments
from billing.documents import crediting, voiding
from tests.billing.documents.clerk import credit, customer, void
from tests.billing.runs.world import World, instant_us

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "home")
    yield customer(made)
    made.home.close()


def head(world: World) -> int:
    with world.home.connect() as connection:
        return world.home.head_seq(connection)


def test_a_void_that_frees_credit(world: World) -> None:
    """R-1 of 13.79 is paid whole, so that C-1 of 0.48 is credit; R-2 of December uses it, and is void: 0.48 are free again."""
    world.bill("2025-11-01")
    [number] = world.numbers()
    world.now_us = max(world.now_us, instant_us("2025-11-05T12:00:00"))
    payments.record(world.home, "P-1", "anna", 13_790_000, dt.date(2025, 11, 5), "", world.tick())
    note = credit(world, number, 1, 45)
    seq = head(world)
    assert crediting.issued_by(world.home, seq) == note
    world.bill("2025-12-01")
    done = void(world, world.numbers()[-1], "2025-12-03")
    assert done.freed[note.number] == -note.total_micros
    assert voiding.voided_by(world.home, head(world)) == done
    assert (done.postings, -note.total_micros) == (2, 480_000)

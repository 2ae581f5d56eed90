"""Readers of usage while another process seals: behind their look at the manifest, before they read a file that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from billing.intake import view
from billing.intake.marks import keys_array
from billing.intake.taking import Intake
from billing.left_out import for_good
from billing.runs.selection import session_changes
from billing.store import named_files
from billing.store.checks import checking
from billing.store.home import Home
from billing.suspense.estimate import Estimator
from rating.dates import DAY_US
from server.cli import app
from tests.billing.runs.world import Call
from tests.billing.too_late import late_world
from tests.billing.too_late.session_world import Arrived, begin, live, piece
from tests.billing.too_late.test_sessions import TWO_OF_THREE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import sqlalchemy as sa

    from billing.intake.view import Stored
    from billing.store.named_files import NamedFile
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow


@pytest.fixture
def late(world: World) -> World:
    """A home in which five records came too late, all in the journal."""
    return late_world.late(world)


def seal_behind_the_next_look(world: World, monkeypatch: pytest.MonkeyPatch, after_us: int = 0) -> list[int]:
    """Let another process seal everything once a reader has seen a range of the journal; the ranges that it sealed."""
    original, sealed = view.stored, list[int]()
    now_us = max(world.tick(), after_us)

    def stored(connection: sa.Connection, after_seq: int, seq: int, *span: int, **more: int) -> list[Stored]:
        found = original(connection, after_seq, seq, *span, **more)
        if not sealed and any(each.form == "journal" for each in found):
            sealed.append(0)
            with Home.open(world.home.path) as home:
                sealed[0] = Intake(home).seal(now_us).ranges
        return found

    monkeypatch.setattr(view, "stored", stored)
    return sealed


def head(world: World) -> int:
    with world.home.connect() as connection:
        return world.home.head_seq(connection)


def test_what_a_run_leaves_open_is_counted(late: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """late-1, late-2, late-4, late-5 and late-3, whose day has no owner."""
    before = for_good.open_records(late.home)
    assert before.records
    sealed = seal_behind_the_next_look(late, monkeypatch)
    assert for_good.open_records(late.home) == before
    assert sealed[0] > 0


def test_a_bill_run_ends_as_it_would(late: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seal falls behind what was posted, in front of the list of what the run leaves open."""
    before, now_us = len(late.numbers()), late.tick() + 60 * DAY_US
    original, sealed = for_good._came_late, list[list[int]]()  # noqa: SLF001 -- the look that comes behind what was posted

    def came_late(home: Home, *others: Any) -> bool:  # noqa: ANN401 -- as it is called
        if not sealed:
            sealed.append(seal_behind_the_next_look(late, monkeypatch, now_us))
        return original(home, *others)

    monkeypatch.setattr(for_good, "_came_late", came_late)
    monkeypatch.setattr("server.clock.machine_now_us", lambda: now_us)
    assert app.main(["bill", "run", "--date", "2026-04-01", "--home", str(late.home.path)]) == 0
    assert len(late.numbers()) == before + 2, "of anna and bert"
    assert sealed[0][0] > 0


def test_the_mean_of_a_source_is_that_of_the_newest_usage(late: World, monkeypatch: pytest.MonkeyPatch) -> None:
    estimator = Estimator(late.home, head(late))
    before = estimator._newest("").num_rows  # noqa: SLF001 -- the question
    assert before
    sealed = seal_behind_the_next_look(late, monkeypatch)
    assert estimator._newest("").num_rows == before  # noqa: SLF001 -- the question
    assert sealed[0] > 0


def test_changes_of_sessions_are_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The middle of a call came after October was closed: one change. The view of the database that is asked is an older one."""
    begin(world, "none")
    live(world, TWO_OF_THREE, Arrived("2026-04-10", (piece(60, 60),)))
    seq = head(world)
    sealed = seal_behind_the_next_look(world, monkeypatch)
    with world.home.connect() as connection:
        assert world.home.head_seq(connection) == seq
        found = session_changes.load(world.home, connection, seq)
    assert found is not None
    assert len(found.changes) == 1
    assert sealed[0] > 0


def test_stored_rows_of_events_are_found(late: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from billing.intake import finding  # noqa: PLC0415 -- beside its test

    late.take(Call("1000", "2026-02-11T10:00", 60, key="tail"))
    keys = view.usage(late.home, ["event_key"], head(late), every=True)["event_key"].to_pylist()
    sealed = seal_behind_the_next_look(late, monkeypatch)
    assert finding.stored_rows(late.home, keys_array(keys)).rows.num_rows == len(keys) > 0
    assert sealed[0] > 0


def test_files_are_read_within_steadily_alone(late: World) -> None:
    """So that no further reader forgets it."""
    with late.home.connect() as connection:
        files: Sequence[Stored] = view.stored(connection, 0, head(late))
    with pytest.raises(AssertionError, match="steadily"):
        list(view.parts(late.home, files, ["start_us"], 0, head(late)))
    read = view.steadily(lambda: list(view.parts(late.home, files, ["start_us"], 0, head(late))))
    assert sum(part.num_rows for part in read) == sum(file.rows for file in files)


def test_a_check_of_the_home_has_nothing_to_tell(late: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are hashed after they are listed; what is gone in truth is told all the same."""
    original, ranges = named_files.differences, list[int]()

    def differences(folder: Path, files: list[NamedFile]) -> Iterator[tuple[NamedFile, str]]:
        if not ranges:
            with Home.open(late.home.path) as home:
                ranges.append(Intake(home).seal(late.tick()).ranges)
        return original(folder, files)

    monkeypatch.setattr(named_files, "differences", differences)
    assert checking.check(late.home).findings == []
    assert ranges[0] > 0
    next(late.home.sealed_folder.glob("*.parquet")).unlink()
    (finding,) = checking.check(late.home).findings
    assert finding.what == "cannot be read: No such file or directory (usage_manifest)"

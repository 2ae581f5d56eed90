"""The bytes of a row, wherever its file lies now."""

from __future__ import annotations

import gzip
import zipfile
from typing import TYPE_CHECKING

import pytest

from billing.intake.taking import Intake
from billing.store import tables
from billing.suspense import raw
from billing.suspense.listing import listing
from billing.suspense.selection import Selection
from mediation.bytes import containers
from tests.billing.suspense.world import SWITCH, asterisk_row, listed, take_rows

if TYPE_CHECKING:
    from pathlib import Path

    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
GOOD = asterisk_row("u1", "8613800000001", "2025-10-05 10:00:00", 60)
LONG = b"x" * 100_000  # more than the store keeps


def archived_at(world: World, path: Path) -> None:
    """The only file lies there now."""
    with world.home.begin() as connection:
        connection.execute(tables.raw_files.update().values(archived_path=str(path)))


def test_a_long_row_is_found_in_its_file_and_in_the_archive_it_was_moved_to(world: World, tmp_path: Path) -> None:
    path = tmp_path / "day.csv.gz"
    path.write_bytes(gzip.compress(GOOD.encode() + LONG + b"\n"))
    Intake(world.home).take_file(path, SWITCH, world.now_us)
    (entry,) = listed(world, reasons=("wrong_column_count",)).rows
    assert raw.of_suspense(world.home, int(entry.id)).data == LONG
    moved = path.rename(tmp_path / "archived.csv.gz")
    assert "is not there any more" in raw.of_suspense(world.home, int(entry.id)).problem
    archived_at(world, moved)
    assert raw.of_suspense(world.home, int(entry.id)).data == LONG
    moved.write_bytes(gzip.compress(b"another file"))
    assert "ends before the row" in raw.of_suspense(world.home, int(entry.id)).problem
    moved.write_bytes(path.name.encode() * 40 + b"\0")
    assert "cannot be read" in raw.of_suspense(world.home, int(entry.id)).problem


def test_a_row_of_a_member_of_an_archive(world: World, tmp_path: Path) -> None:
    archive = tmp_path / "day.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("a/Master.csv", "other\n" + GOOD)
        made.writestr("b/Master.csv", GOOD.encode() + LONG + b"\n")
    with containers.files_in(archive) as members:
        Intake(world.home).take_file(members[1].path, SWITCH, world.now_us)
    archived_at(world, archive)
    (entry,) = listed(world, reasons=("wrong_column_count",)).rows
    assert raw.of_suspense(world.home, int(entry.id)).data == LONG


def test_the_first_lines_of_a_file(world: World, tmp_path: Path) -> None:
    take_rows(world, tmp_path, "one.csv", "head\n", GOOD)
    assert raw.header_of(world.home, 1, 2) == b"head\n" + GOOD.encode()
    assert raw.header_of(world.home, 2, 1) is None


def test_what_came_by_a_stream_has_no_file(world: World) -> None:
    assert raw.at(world.home, raw.RawPlace(0, 0, 9)).problem == "it came by a stream, which leaves no file"
    assert "look at it in its file" in raw.at(world.home, raw.RawPlace(1, 0, 1 << 30)).problem
    assert listing(world.home, Selection(), world.tick()).rows == ()

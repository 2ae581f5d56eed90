"""A crash image is what a kill leaves: the same files, byte for byte, and the same rows in every table; on either database."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from tests import postgres_images
from tests.billing import test_kill
from tests.billing.runs import test_kill_decisions
from tests.crash_images import Crashes

pytestmark = pytest.mark.slow
SUBJECTS = (
    (test_kill, ("accounts.before_commit", "intake.journal_written:2", "intake.before_commit", "seal.files_written", "seal.committed")),
    (test_kill_decisions, ("run.drafts_written", "run.before_numbering_commit", "run.chunk_posted", "threshold.before_commit")),
)


@pytest.mark.parametrize(("module", "points"), SUBJECTS)
def test_an_image_is_what_a_kill_leaves(module: object, points: tuple[str, ...], tmp_path: Path) -> None:
    crashes = Crashes(tmp_path, module.prepare, module.work)  # type: ignore[attr-defined]  # modules of tests
    for point in points:
        files, rows = left(crashes.at(point))
        assert (files, rows) == left(crashes.killed(point)), point
        is_open = [name for name in files if name.endswith((".db-wal", "database.json"))]
        assert is_open, "nobody has closed the database"


def test_a_point_that_is_not_reached(tmp_path: Path) -> None:
    crashes = Crashes(tmp_path, test_kill.prepare, Path.exists)
    with pytest.raises(AssertionError, match=r"seal\.committed was not reached"):
        crashes.at("seal.committed")


def left(folder: Path) -> tuple[dict[str, bytes], list[str]]:
    """Files with their bytes, and the rows of every table. Without the bytes of the database, and of locks, which name their process."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    own = (".db", ".db-wal", ".db-shm", ".lock", "database.json")
    return {name: b"" if name.endswith(own) else content for name, content in files.items()}, _rows(folder)


def _rows(folder: Path) -> list[str]:
    on_postgresql = postgres_images.of_homes(folder)
    if on_postgresql:
        copied = [(table, content.decode()) for rows in on_postgresql.values() for table, content in rows.items()]
        return sorted(f"{table} {row}".replace(folder.name, "work") for table, rows in copied for row in rows.splitlines())
    (database,) = folder.rglob("*.db")
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())

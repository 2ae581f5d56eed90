"""The revisions lead to the schema that the code is written against."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import render_python_code

from billing import catalogue
from billing.store import migrations
from billing.store.home import DATABASE_NAME, SCHEMA_VERSIONS, Home
from billing.store.migrations import render, upgrade
from billing.store.tables import metadata
from tests.billing.files import NOW_US, a_catalogue

pytestmark = pytest.mark.slow

SCHEMA = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND name <> 'alembic_version' ORDER BY name"


def test_the_revisions_make_every_table_as_it_is_described() -> None:
    operations = render.differences().upgrade_ops
    assert operations is not None
    assert operations.is_empty(), f"a revision is missing that does\n{render_python_code(operations)}"


def test_the_revisions_make_the_same_constraints() -> None:
    """What alembic does not compare (checks, STRICT, foreign keys) is in the text of the statements."""
    migrated = sa.create_engine("sqlite://")
    with migrated.begin() as connection:
        upgrade.to_head(connection)
        after_revisions = _statements(connection)
    described = sa.create_engine("sqlite://")
    with described.begin() as connection:
        metadata.create_all(connection)
        assert after_revisions == _statements(connection)
    migrated.dispose()
    described.dispose()


def test_every_revision_is_known_to_the_home() -> None:
    files = sorted((Path(migrations.__file__).parent / "versions").glob("r*.py"))
    assert tuple(file.name[1:5] for file in files) == SCHEMA_VERSIONS


def test_a_home_of_the_first_schema_keeps_its_tariffs_and_usage(tmp_path: Path) -> None:
    """Its publications price as before, its files and counts are there, the later schemas' tables are empty, and it is upgraded once."""
    with Home.open(tmp_path / "home", create=True) as home:
        catalogue.publish(home, a_catalogue(), NOW_US)
    path = tmp_path / "home" / DATABASE_NAME
    kept = ("publications", "settings", "commits")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in kept}  # noqa: S608 - names of our own
    path.unlink()
    first = sa.create_engine(f"sqlite:///{path}")
    with first.begin() as connection_:
        upgrade.to_head(connection_, "0001")
        for table, values in rows.items():
            for row in values:
                marks = ", ".join("?" * len(row))
                connection_.exec_driver_sql(f"INSERT INTO {table} VALUES ({marks})", row)  # noqa: S608 - names of our own
        connection_.exec_driver_sql("INSERT INTO raw_files VALUES (1, '/cdr/Master.csv', 'sw1', x'01', 10, 7)")
        for values in ("7, 'sw1', 'answered', 3, 60, 0, 0", "8, 'sw1', 'answered', 1, 5, 0, 0"):
            connection_.exec_driver_sql(f"INSERT INTO intake_counts VALUES ({values})")  # noqa: S608 - values of our own
        connection_.exec_driver_sql("INSERT INTO suspense VALUES (1, NULL, NULL, 'sw1', 'unreadable_time', 1, 0, 9, 'x', 0, 7)")
    first.dispose()
    for _ in range(2):
        with Home.open(tmp_path / "home") as home:
            assert [(each.identity, each.version) for each in catalogue.in_force(home)] == [("mobile", 1)]
            assert (catalogue.drafts(home), catalogue.decisions(home)) == ([], [])
            with home.connect() as connection_:
                counts = connection_.exec_driver_sql("SELECT commit_seq, raw_file_id, day, rows, duration_us FROM intake_counts").all()
                assert sorted(map(tuple, counts)) == [(7, 1, "", 3, 60), (8, 0, "", 1, 5)]
                assert connection_.exec_driver_sql("SELECT reason, through_seq FROM suspense").all() == [("unreadable_time", 7)]
                assert connection_.exec_driver_sql("SELECT path, file_name FROM raw_files").all() == [("/cdr/Master.csv", None)]


def _statements(connection: sa.Connection) -> dict[str, list[str]]:
    """What each statement holds, part by part: a column that was added later stands on the line of the one before it."""
    rows = connection.exec_driver_sql(SCHEMA).all()
    parts = {name: re.split(r"\n|,(?![^(]*\))", text) for _, name, text in rows}
    return {name: sorted(" ".join(part.split()) for part in found if part.strip()) for name, found in parts.items()}

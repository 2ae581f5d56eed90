"""Rows of homes on PostgreSQL, taken and put back: what stands for a copy of the database file where a server holds it.

Another connection sees what is committed and nothing else, which is what a kill leaves: the server undoes what a dead process had begun.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from billing.store import location

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Rows = dict[str, bytes]  # by table, as COPY writes them; tables without rows are left out
_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s AND table_type = 'BASE TABLE' ORDER BY 1"


def of_homes(folder: Path) -> dict[Path, Rows]:
    """The committed content of each home in `folder`, by its path below it."""
    return {home.relative_to(folder): _taken(home) for home in _homes(folder)}


def put_back(folder: Path, images: dict[Path, Rows]) -> None:
    """Each home in `folder` has these rows and no others. Its tables are there."""
    for home, rows in images.items():
        _put(folder / home, rows)


def _homes(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob(location.LOCATION_NAME)):
        yield path.parent


def _taken(home: Path) -> Rows:
    with _connected(home) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        found = {table: _copied(connection, table) for table in _tables(connection, home)}
    return {table: content for table, content in found.items() if content}


def _copied(connection: psycopg.Connection[Any], table: str) -> bytes:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} TO STDOUT") as copy:  # type: ignore[arg-type] # names of our own
        return b"".join(copy)


def _put(home: Path, rows: Rows) -> None:
    with _connected(home) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")  # no table waits for another
        for table in _tables(connection, home):
            connection.execute(f"DELETE FROM {table}")  # type: ignore[arg-type] # noqa: S608 -- as above
            if table in rows:
                with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:  # type: ignore[arg-type] # as above
                    copy.write(rows[table])


def _tables(connection: psycopg.Connection[Any], home: Path) -> list[str]:
    found = [str(name) for (name,) in connection.execute(_TABLES, [_place(home).schema]).fetchall()]
    assert found, f"{home} has no tables"
    return found


def _connected(home: Path) -> psycopg.Connection[Any]:
    """A transaction of its own, which waits for nobody for long."""
    place = _place(home)
    url = location.url_to_connect(place).set(drivername="postgresql")
    options = f"-c search_path={place.schema} -c lock_timeout=5s"
    return psycopg.connect(url.render_as_string(hide_password=False), options=options)


def _place(home: Path) -> location.Location:
    place = location.of_home(home)
    assert place is not None, f"{home} is not on PostgreSQL"
    return place

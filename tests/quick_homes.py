"""New homes without the half second that the revisions take: tests make a thousand.

The first home of a process runs the revisions. On SQLite the next ones replay the statements that made its tables; on PostgreSQL they
get a schema that an earlier test has given back, emptied. Only new homes at the newest schema are made so; whatever else asks for a
migration gets one.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from typing import TYPE_CHECKING

import psycopg

from billing.store import postgres, schema

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

real: Callable[..., None] = schema.migrate  # what runs the revisions
_statements: list[str] = []  # that made the tables of the first SQLite home
_made: list[tuple[sa.URL, str]] = []  # database and schema of homes made here, newest last
_free: list[tuple[sa.URL, str]] = []  # emptied ones
_numbers = itertools.count(1)
_shape: tuple[object, ...] | None = None  # of a schema as the revisions make it
_SHAPE = """
SELECT (SELECT count(*) FROM information_schema.columns WHERE table_schema = %(name)s),
    (SELECT count(*) FROM pg_indexes WHERE schemaname = %(name)s),
    (SELECT count(*) FROM information_schema.table_constraints WHERE constraint_schema = %(name)s),
    (SELECT version_num FROM alembic_version)
"""


def migrate(connection: sa.Connection, name: str | None, to: str = schema.SCHEMA_VERSIONS[-1]) -> None:
    """In the place of `schema.migrate`."""
    if to != schema.SCHEMA_VERSIONS[-1] or schema.table_names(connection):
        real(connection, name, to)
    elif name is None:
        _make_on_sqlite(connection)
    else:
        _make_on_postgresql(connection, name)


def made_so_far() -> int:
    """How many homes on PostgreSQL were made here; for `give_back`."""
    return len(_made)


def keep(first: int) -> None:
    """Homes made from the `first` on stay as long as the server: later tests look at them."""
    del _made[first:]


def give_back(first: int) -> None:
    """Empty the schemas of the homes made from the `first` on, for homes to come."""
    places, _made[first:] = _made[first:], []
    for url, name in places:
        free = f"free_{os.getpid()}_{next(_numbers)}"
        with contextlib.suppress(psycopg.Error):  # a test has dropped it, holds it or has stopped its server: it is not used again
            _empty(url, name, free)
            _free.append((url, free))


def _empty(url: sa.URL, name: str, free: str) -> None:
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"SET search_path = {name}; SET lock_timeout = '2s'; SET session_replication_role = replica")
        tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s AND table_name <> 'alembic_version'"
        statements = [f"DELETE FROM {table}" for (table,) in connection.execute(tables, [name]).fetchall()]  # noqa: S608 -- names of our own
        if connection.execute(_SHAPE, {"name": name}).fetchone() != _shape:
            raise psycopg.Error("a test has changed the schema")
        connection.execute("; ".join([*statements, f"ALTER SCHEMA {name} RENAME TO {free}"]))


def _make_on_sqlite(connection: sa.Connection) -> None:
    if _statements:
        for statement in _statements:
            connection.exec_driver_sql(statement)
        return
    real(connection, None)
    made = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid").scalars()
    version = f"INSERT INTO alembic_version VALUES ('{schema.SCHEMA_VERSIONS[-1]}')"  # noqa: S608 -- a version of our own
    _statements.extend([*made, version])


def _make_on_postgresql(connection: sa.Connection, name: str) -> None:
    global _shape  # noqa: PLW0603 -- told once by the first home of the process
    place = next((place for place in _free if place[0] == connection.engine.url), None)
    if place is None:
        real(connection, name)
        answer = connection.exec_driver_sql(_SHAPE, {"name": name}).one()
        _shape = tuple(answer)
    else:
        _free.remove(place)
        postgres.drop_schema(connection, name)
        connection.exec_driver_sql(f"ALTER SCHEMA {place[1]} RENAME TO {name}")
    _made.append((connection.engine.url, name))

"""Statements that are sent at every call of the service: SQLAlchemy writes each once, and SQLite's driver runs it from then on.

SQLAlchemy takes three times as long to send a query of a few rows as SQLite takes to answer it. What it writes is kept here with the order
of its parameters. A list of keys is filled up to a power of two with its last key: so there are few lengths to write a query for. On
PostgreSQL SQLAlchemy sends the query. Errors are those that it raises.

Only columns whose values the driver gives as they are may be asked for: numbers, text and bytes.
"""

from __future__ import annotations

import collections
import functools
import sqlite3
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.store import database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

KEYS_MAX: Final = 64  # a longer list is sent by SQLAlchemy
_AS_THEY_ARE: Final = (sa.Integer, sa.String, sa.LargeBinary, sa.types.NullType)


class _Ready(NamedTuple):
    """A query as the driver takes it. `values`: of each place a parameter's name with a place in its list, or None with a constant."""

    text: str
    values: tuple[tuple[str | None, Any], ...]


class Prepared:
    """A query, made by `make` when it is asked first. A parameter of it may be `expanding`: a list that is not empty."""

    def __init__(self, make: Callable[[], sa.Select[Any]]) -> None:
        self._make = make
        self._query: sa.Select[Any] | None = None
        self._ready: dict[tuple[int, ...], _Ready] = {}
        self._row: Callable[[Iterable[Any]], Any] | None = None

    def rows(self, connection: sa.Connection, **values: Any) -> list[Any]:  # noqa: ANN401 -- of any type
        """All rows, whose columns have names."""
        query = self._query
        if query is None:
            query = self._query = self._make()
        lists = tuple(each for each in values.values() if isinstance(each, (list, tuple)))
        if connection.dialect.name != "sqlite" or any(len(each) > KEYS_MAX for each in lists):
            return list(connection.execute(query, values))
        if lists:
            values = {name: _filled_up(each) if isinstance(each, (list, tuple)) else each for name, each in values.items()}
        sizes = tuple(len(each) for each in values.values() if isinstance(each, tuple))
        ready = self._ready.get(sizes)
        if ready is None:
            ready = self._ready[sizes] = _prepared(connection, query, values)
        placed = [place if name is None else values[name] if place is None else values[name][place] for name, place in ready.values]
        driver = database.driver_of(connection)
        try:
            cursor = driver.execute(ready.text, placed)
            found = cursor.fetchall()
        except sqlite3.Error as error:
            raise database.as_raised(connection, ready.text, error) from error
        if self._row is None:
            self._row = _row_of(each[0] for each in cursor.description)
        return list(map(self._row, found))

    def one_or_none(self, connection: sa.Connection, **values: Any) -> Any:  # noqa: ANN401 -- a row
        """The row that there may be."""
        found = self.rows(connection, **values)
        assert len(found) < 2, len(found)  # noqa: PLR2004 -- more than one
        return found[0] if found else None


def _row_of(columns: Iterable[str]) -> Callable[[Iterable[Any]], Any]:
    make_kind: Any = collections.namedtuple  # noqa: PYI024 -- the columns are those of a query
    kind = make_kind("Row", tuple(columns), rename=True)
    make: Callable[[Iterable[Any]], Any] = kind._make
    return make


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows that have the same columns, one at least; other columns stay empty."""
    if connection.dialect.name != "sqlite":
        connection.execute(table.insert(), list(rows))
        return
    text, in_order = _insertion(connection.dialect, table, tuple(rows[0]))
    driver = database.driver_of(connection)
    try:
        driver.executemany(text, [[row[name] for name in in_order] for row in rows]).close()
    except sqlite3.Error as error:
        raise database.as_raised(connection, text, error) from error


@functools.cache
def _insertion(dialect: sa.Dialect, table: sa.Table, columns: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The text of an insertion, and the order of its columns."""
    assert all(isinstance(table.c[name].type, _AS_THEY_ARE) for name in columns), table
    written = table.insert().compile(dialect=dialect, column_keys=list(columns))
    return str(written), tuple(written.positiontup or ())


def _prepared(connection: sa.Connection, query: sa.Select[Any], values: dict[str, Any]) -> _Ready:
    """The text of a query, for lists as long as those of `values`."""
    assert all(isinstance(each.type, _AS_THEY_ARE) for each in query.selected_columns), query
    written = query.compile(dialect=connection.dialect).construct_expanded_state(values)
    of_name: dict[str, tuple[str, int | None]] = {name: (name, None) for name in values}
    for name, items in written.parameter_expansion.items():
        of_name.update((item, (name, place)) for place, item in enumerate(items))
    return _Ready(written.statement, tuple(of_name.get(name) or (None, written.parameters[name]) for name in written.positiontup or ()))


def _filled_up(keys: Sequence[Any]) -> tuple[Any, ...]:
    size = 1 << (len(keys) - 1).bit_length()
    return (*keys, *[keys[-1]] * (size - len(keys)))

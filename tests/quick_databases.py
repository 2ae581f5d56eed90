"""Homes of tests without what says nothing about the product: compiling the same again for each home, and waiting for the disk.

SQLAlchemy keeps compiled statements for each engine. A process of the product has one home, hence one engine; tests open thousands. Here
all engines of a kind share what they compiled, and price lists of equal catalogues share their tables. No test cuts the power, so nothing
waits until it is on the disk; whatever another process reads, or a killed one leaves, is the same.
"""

from __future__ import annotations

import functools
import os
import pickle
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

from billing.runs.contracts.price_list import PriceList
from billing.store import database
from tariffs.compiling import compiler

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from _typeshed import FileDescriptorLike

    from rating.tables import Tables

CATALOGUES = 16  # sets of them, of which tables are kept: 4 MB each
STATEMENTS = 4_000  # compiled ones that are kept
real_engine: Callable[[Path, int], sa.Engine] = database.engine  # commits of its homes are on disk when they return
_compiled: LRUCache[Any, Any] = LRUCache(STATEMENTS)
_made_engine = sa.Engine.__init__


def set_up() -> None:
    """For all engines and files of this process from now on."""
    for kind in (SQLiteDialect_pysqlite, PGDialect_psycopg):  # statements are kept by dialect: all of a kind are one
        kind.__hash__ = _hash  # type: ignore[method-assign, assignment] # for tests alone: equal dialects share statements
        kind.__eq__ = _is_alike  # type: ignore[method-assign, assignment] # as above
    sa.Engine.__init__ = _make_engine  # type: ignore[method-assign, assignment] # as above
    database.engine = _engine
    os.fsync = _look_at
    PriceList.tables = functools.cached_property(_tables)  # type: ignore[assignment] # as above
    PriceList.tables.__set_name__(PriceList, "tables")


def _tables(prices: PriceList) -> Tables:
    return _compile(pickle.dumps(prices.catalogues))


@functools.lru_cache(CATALOGUES)
def _compile(catalogues: bytes) -> Tables:
    return compiler.compile_catalogues(pickle.loads(catalogues))  # noqa: S301 -- pickled above


def _hash(dialect: sa.Dialect) -> int:
    return hash(type(dialect))


def _is_alike(dialect: sa.Dialect, other: object) -> bool:
    return type(dialect) is type(other)


def _make_engine(engine: sa.Engine, *words: Any, **options: Any) -> None:  # noqa: ANN401 -- as SQLAlchemy passes them
    _made_engine(engine, *words, **options)
    engine._compiled_cache = _compiled  # noqa: SLF001 -- no option of `create_engine` shares it


def _engine(place: Path, busy_timeout_ms: int) -> sa.Engine:
    made = real_engine(place, busy_timeout_ms)
    sa.event.listen(made, "connect", _do_not_wait)  # after the product's own
    return made


def _do_not_wait(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA synchronous = OFF").close()


def _look_at(file: FileDescriptorLike) -> None:
    """In the place of `os.fsync`: refuses a file that is closed."""
    os.fstat(file if isinstance(file, int) else file.fileno())

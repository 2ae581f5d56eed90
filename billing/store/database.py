"""SQLite as the store needs it: real transactions, durable commits, and failures that say what to do.

A connection that carries the execution option `WRITES` begins its transaction with BEGIN IMMEDIATE, so that it never finds out
late that another one writes; any other reads one unchanging view, and a write through it fails.
"""

from __future__ import annotations

import functools
import operator
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from rating.errors import LockedError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WRITES_OPTION: Final = "ratewright_writes"
WRITES: Final = {WRITES_OPTION: True}  # execution options of a connection that may write

_BETWEEN_TRIES_S: Final = 0.005
_LOCKED: Final = (
    "database {database} is locked: another process has been writing to it all the while",
    "wait until the other command or service is done, or stop it (`fuser` names the process); then try again",
)
_VERSIONS: Final = 2**31
_VERSION_BITS: Final = 32
_MAY_WRITE: Final = "may_write"  # in the `info` of a connection
_DAMAGED: Final = (
    "database {database} is damaged: {error}",
    "put back the last good copy of the home folder, and do not write to this one",
)


def engine(database: Path, busy_timeout_ms: int) -> sa.Engine:
    """An engine whose transactions are SQLite's own.

    The driver would begin transactions by itself, late, and never for reads; so that is switched off, and BEGIN is sent here.
    """
    made = sa.create_engine(sa.URL.create("sqlite", database=str(database)), pool_size=16, max_overflow=48)

    @sa.event.listens_for(made, "connect")
    def set_up(driver_connection: sqlite3.Connection, _record: object) -> None:
        driver_connection.isolation_level = None
        try:
            for pragma in (f"busy_timeout = {busy_timeout_ms}", "synchronous = FULL", "foreign_keys = ON"):
                driver_connection.execute(f"PRAGMA {pragma}").close()
            _log_ahead(driver_connection, busy_timeout_ms)
        except sqlite3.Error:
            driver_connection.close()  # the pool forgets a connection that could not be set up
            raise

    @sa.event.listens_for(made, "begin")
    def begin(connection: sa.Connection) -> None:
        _begin(connection)

    @sa.event.listens_for(made, "before_cursor_execute")
    def take_numpy(*_: object) -> None:
        if "numpy" in sys.modules:
            _adapt_numpy()

    @sa.event.listens_for(made, "handle_error")
    def explain(context: sa.engine.ExceptionContext) -> None:
        known = _explained(context.original_exception, database, writes=_writes(context.connection))
        if known is not None:
            raise known from context.original_exception

    return made


def _begin(connection: sa.Connection) -> None:
    driver, writes = cast("sqlite3.Connection", connection.connection.driver_connection), _writes(connection)
    try:
        if connection.info.get(_MAY_WRITE) is not writes:  # of the driver's connection, which keeps it from one transaction to the next
            driver.execute(f"PRAGMA query_only = {'OFF' if writes else 'ON'}").close()
            connection.info[_MAY_WRITE] = writes
        driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN").close()
    except sqlite3.Error as error:
        raise as_raised(connection, "BEGIN", error) from error


def as_raised(connection: sa.Connection, statement: str, error: sqlite3.Error) -> Exception:
    """The error that SQLAlchemy would have raised for one of the driver."""
    known = _explained(error, Path(str(connection.engine.url.database)), writes=_writes(connection))
    return known or sa.exc.DBAPIError.instance(statement, None, error, sqlite3.Error, dialect=connection.dialect)


def driver_of(connection: sa.Connection) -> sqlite3.Connection:
    """The driver's connection in its transaction, for what SQLAlchemy would send more slowly. It raises the driver's own errors."""
    if not connection.in_transaction():
        connection.begin()
    if "numpy" in sys.modules:
        _adapt_numpy()
    return cast("sqlite3.Connection", connection.connection.driver_connection)


class Changes:
    """Says whether anything was committed to a database, by any process: a number that is another one after each commit of others.

    It is that of a connection of its own, which SQLite compares with what the processes share: no transaction is begun for it.
    """

    def __init__(self, file: Path, busy_timeout_ms: int) -> None:
        self._file, self._busy_timeout_ms = file, busy_timeout_ms
        self._driver: sqlite3.Connection | None = None
        self._opened = 0  # each connection counts by itself
        self._lock = threading.Lock()

    def number(self) -> int:
        """The number now. Raises StoreError where the database does not answer."""
        with self._lock:
            try:
                if self._driver is None:
                    self._opened += 1
                    place = f"{self._file.absolute().as_uri()}?mode=rw"  # else a file that is gone would be made anew, empty
                    self._driver = sqlite3.connect(place, uri=True, isolation_level=None, check_same_thread=False)
                    self._driver.execute(f"PRAGMA busy_timeout = {self._busy_timeout_ms}").close()
                ((found,),) = self._driver.execute("PRAGMA data_version").fetchall()
            except sqlite3.Error as error:
                known = _explained(error, self._file, writes=False) or _explained(error, self._file, writes=True)
                raise known or error from error
            return self._opened << _VERSION_BITS | int(found)

    def close(self) -> None:
        """Give the connection back; a later `number` opens another one."""
        with self._lock:
            if self._driver is not None:
                self._driver.close()
                self._driver = None


def end_lost_commits(engine: sa.Engine) -> None:
    """Let no commit come back that this process does not see.

    SQLite syncs a commit to its log, and then tells the other processes in memory that they share. A process that is killed between the two
    leaves a commit that no other process knows. It comes back when all of them have ended. So a process commits something before it deletes
    or overwrites files by the rows that it sees: the next commit takes the place of a lost one in the log.
    """
    with engine.connect().execution_options(**WRITES) as connection, connection.begin():
        number = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
        connection.exec_driver_sql(f"PRAGMA user_version = {(number + 1) % _VERSIONS}")  # a number of SQLite's that nothing else uses


@functools.cache
def _adapt_numpy() -> None:
    """Numpy's integers would be stored as BLOBs in silence. Asked before each statement: commands that need no numpy do not load it."""
    import numpy as np  # noqa: PLC0415 -- somebody has loaded it

    kinds: tuple[type[Any], ...] = (np.int64, np.int32, np.int16, np.int8)
    for kind in kinds:
        sqlite3.register_adapter(kind, int)


def _log_ahead(driver_connection: sqlite3.Connection, busy_timeout_ms: int) -> None:
    """Put the database in WAL mode. SQLite itself does not wait for another one that makes the same change to a new database."""
    until = time.monotonic() + busy_timeout_ms / 1000
    while True:
        try:
            driver_connection.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(_BETWEEN_TRIES_S)
        else:
            return


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Many rows with the same columns (two or more), as the driver takes them: half the time of a statement that looks at each value."""
    if rows and connection.dialect.name == "postgresql":
        connection.execute(table.insert(), list(rows))
    elif rows:
        statement = table.insert().compile(connection, column_keys=list(rows[0]))
        in_order = operator.itemgetter(*(statement.positiontup or ()))
        connection.exec_driver_sql(str(statement), [in_order(row) for row in rows])


def not_writable(folder: Path) -> StoreError:
    """The home folder or something in it is read-only."""
    return StoreError(
        f"home folder {folder} cannot be written",
        "give this user the right to write the folder and everything in it, or name another with --home",
    )


def not_writable_database(url: sa.URL) -> StoreError:
    """The server allows reading only."""
    return StoreError(
        f"database {url.render_as_string()} is read-only", "name the primary server in database.json, not a copy that follows it"
    )


def _writes(connection: sa.Connection | None) -> bool:
    return connection is None or bool(connection.get_execution_options().get(WRITES_OPTION))


def _not_readable() -> StoreError:
    """The error of a database that cannot be opened or read: it is gone, or its rights have changed."""
    return StoreError("the database of the home cannot be opened", "see that its folder is there and that this account may use it")


def _explained(error: BaseException, database: Path, *, writes: bool) -> StoreError | None:
    """Error with a remedy for a failure of the database, or None for a mistake of ours."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    if primary in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
        if writes:
            return not_writable(database.parent)
        return None if primary == sqlite3.SQLITE_READONLY else _not_readable()  # a read that writes is a mistake of ours
    texts = {
        sqlite3.SQLITE_BUSY: _LOCKED,
        sqlite3.SQLITE_LOCKED: _LOCKED,
        sqlite3.SQLITE_CORRUPT: _DAMAGED,
        sqlite3.SQLITE_NOTADB: _DAMAGED,
        sqlite3.SQLITE_FULL: ("the disk of {database} is full", "make room and try again; nothing was stored"),
        sqlite3.SQLITE_IOERR: ("database {database} cannot be read or written: {error}", "check the disk; nothing was stored"),
    }
    if primary not in texts:
        return None
    message, remedy = texts[primary]
    kind = LockedError if texts[primary] is _LOCKED else StoreError
    return kind(message.format(database=database, error=error), remedy)

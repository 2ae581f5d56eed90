"""PostgreSQL as the store needs it: one writer a home, readers with one unchanging view, and failures that say what to do.

A home owns one schema. A connection with the execution option `WRITES` takes the home's advisory lock when its transaction begins,
which is what BEGIN IMMEDIATE is on SQLite; any other reads REPEATABLE READ, READ ONLY. Text is ordered by code point (COLLATE "C") and
keys are the highest one plus one, both as on SQLite.
"""

from __future__ import annotations

import contextlib
import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

import psycopg
import sqlalchemy as sa

from billing.store.database import WRITES_OPTION, not_writable_database
from rating.errors import LockedError, StoreError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg.abc import Buffer

OLDEST_VERSION: Final = 140000  # PostgreSQL 14
CONNECT_TIMEOUT_S: Final = 10

_GONE: Final = (
    "database {database} does not answer: {error}",
    "see that the server runs and can be reached; nothing was stored that was not committed. Then run the command again",
)
_NUL: Final = "NUL (0x00)"  # in what the driver says of a text with one
# SQLSTATE, or the two characters of its class: what to tell
_LOCKED: Final = "55P03"
_TEXTS: Final = {
    "08": _GONE,
    "57P": _GONE,
    _LOCKED: (
        "database {database} is locked: another process has been writing to it all the while",
        "wait until the other command or service is done, or stop it (pg_locks and pg_stat_activity name it); then try again",
    ),
    "53100": ("the disk of database {database} is full", "make room on the server and try again; nothing was stored"),
    "53200": ("database {database} has no memory left: {error}", "give the server more memory; nothing was stored"),
    "53300": (
        "database {database} takes no more connections",
        "raise max_connections of the server, or stop other clients; then try again",
    ),
    "58": ("database {database} cannot read or write its files: {error}", "check the server's disk; nothing was stored"),
    "XX001": ("database {database} is damaged: {error}", "put back the last good backup, and do not write to this one"),
    "XX002": ("database {database} is damaged: {error}", "put back the last good backup, and do not write to this one"),
    "28": (
        "database {database} does not let this user in: {error}",
        "give the password with PGPASSWORD or ~/.pgpass, and see pg_hba.conf of the server",
    ),
    "3D000": ("database {database} is not there", "make it with `createdb`, or correct the address in database.json"),
    "42501": ("database {database} does not allow it: {error}", "give the user the right to create and write the home's schema"),
}
# How a refused connection, which carries no SQLSTATE, says it.
_REFUSALS: Final = (
    ("password authentication failed", "28"),
    ("no password supplied", "28"),
    ("no pg_hba.conf entry", "28"),
    ("role ", "28"),
    ("does not exist", "3D000"),
    ("too many clients", "53300"),
    ("connection slots", "53300"),
)


class _WholeNumber(psycopg.adapt.Loader):
    """Loader of PostgreSQL's sum of integers, as the integer that it is. Only queries of people ask for fractions."""

    def load(self, data: Buffer) -> int | Decimal:
        text = bytes(data).decode()
        return Decimal(text) if "." in text else int(text)


def engine(url: sa.URL, schema: str, busy_timeout_ms: int) -> sa.Engine:
    """An engine whose connections see one schema alone, and whose write transactions come one after the other."""
    options = f"-c search_path={schema} -c lock_timeout={busy_timeout_ms} -c synchronous_commit=on"
    made = sa.create_engine(
        url,
        pool_size=16,
        max_overflow=48,
        pool_pre_ping=True,
        connect_args={
            "options": " ".join(filter(None, [cast("str | None", url.query.get("options")), options])),
            "connect_timeout": int(cast("str", url.query.get("connect_timeout", CONNECT_TIMEOUT_S))),
            "application_name": "ratewright",
            "client_encoding": "utf8",
        },
    )
    lock = int.from_bytes(hashlib.sha256(schema.encode()).digest()[:8], signed=True)

    @sa.event.listens_for(made, "connect")
    def set_up(driver: psycopg.Connection[Any], _record: object) -> None:
        driver.adapters.register_loader("numeric", _WholeNumber)

    @sa.event.listens_for(made, "begin")
    def begin(connection: sa.Connection) -> None:
        driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
        writes = _writes(connection)
        driver.read_only = not writes
        driver.isolation_level = psycopg.IsolationLevel.READ_COMMITTED if writes else psycopg.IsolationLevel.REPEATABLE_READ
        if writes:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({lock})")

    @sa.event.listens_for(made, "handle_error")
    def explain(context: sa.engine.ExceptionContext) -> None:
        known = _explained(context.original_exception, url, writes=_writes(context.connection))
        if known is not None:
            raise known from context.original_exception

    return made


@contextlib.contextmanager
def explained(connection: sa.Connection, statement: str) -> Iterator[psycopg.Connection[Any]]:
    """The driver's connection, its transaction begun, for what SQLAlchemy cannot do; errors come out as they do from SQLAlchemy."""
    if not connection.in_transaction():
        connection.exec_driver_sql("SELECT 1")
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    try:
        yield driver
    except psycopg.Error as error:
        if driver.broken:
            connection.invalidate(error)
        known = _explained(error, connection.engine.url, writes=_writes(connection))
        raise known or sa.exc.DBAPIError.instance(statement, None, error, psycopg.Error, dialect=connection.dialect) from error


def make_schema(connection: sa.Connection, schema: str) -> None:
    """The empty schema of a new home, in its write transaction. Refuses a server that is too old or does not store UTF-8."""
    version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
    database = connection.engine.url.render_as_string()
    if version < OLDEST_VERSION:
        raise UserError(f"database {database} is of PostgreSQL {version // 10000}", f"use PostgreSQL {OLDEST_VERSION // 10000} or newer")
    encoding = str(connection.exec_driver_sql("SHOW server_encoding").scalar_one())
    if encoding != "UTF8":
        raise UserError(f"database {database} stores text as {encoding}", "make the database with encoding UTF8")
    connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")


def drop_schema(connection: sa.Connection, schema: str) -> None:
    """Take away a home's schema with everything in it."""
    connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def finish_schema(connection: sa.Connection) -> None:
    """After a migration: order of texts and next keys are SQLite's."""
    _collate(connection)
    _number(connection)


def _collate(connection: sa.Connection) -> None:
    """Every text column ordered by code point, unless the database orders so already."""
    ordering = "SELECT datlocprovider::text || datcollate FROM pg_database WHERE datname = current_database()"
    if connection.exec_driver_sql(ordering).scalar_one() in {"cC", "cPOSIX"}:
        return
    query = """
        SELECT table_name, string_agg(format('ALTER COLUMN %%I TYPE text COLLATE "C"', column_name), ', ' ORDER BY ordinal_position)
        FROM information_schema.columns
        WHERE table_schema = current_schema() AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'
        GROUP BY table_name ORDER BY table_name"""
    for table, changes in connection.exec_driver_sql(query).all():
        connection.exec_driver_sql(f"ALTER TABLE {table} {changes}")


def _number(connection: sa.Connection) -> None:
    """Keys by `next_key`, the highest one plus one: a sequence leaves gaps and does not know of keys that were given."""
    connection.exec_driver_sql("""
        CREATE OR REPLACE FUNCTION next_key(of_table text, of_column text) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
        DECLARE found bigint;
        BEGIN
            EXECUTE format('SELECT coalesce(max(%%I), 0) + 1 FROM %%I', of_column, of_table) INTO found;
            RETURN found;
        END $$""")
    # By what owns the sequences, not by the text of defaults: to tell that one, the server locks tables of every home in the database.
    query = """
        SELECT owner.relname, owned.attname, sequence.relname
        FROM pg_class AS sequence
            JOIN pg_depend ON pg_depend.objid = sequence.oid AND pg_depend.deptype = 'a'
                AND pg_depend.classid = 'pg_class'::regclass AND pg_depend.refclassid = 'pg_class'::regclass
            JOIN pg_class AS owner ON owner.oid = pg_depend.refobjid
            JOIN pg_attribute AS owned ON owned.attrelid = owner.oid AND owned.attnum = pg_depend.refobjsubid
        WHERE sequence.relkind = 'S' AND sequence.relnamespace = current_schema()::regnamespace
        ORDER BY owner.relname, owned.attname"""
    for table, column, sequence in connection.exec_driver_sql(query).all():
        connection.exec_driver_sql(
            f"ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT next_key('{table}', '{column}'); DROP SEQUENCE {sequence}"
        )


def _writes(connection: sa.Connection | None) -> bool:
    return connection is None or bool(connection.get_execution_options().get(WRITES_OPTION))


def _explained(error: BaseException | None, url: sa.URL, *, writes: bool) -> UserError | None:
    """Error with a remedy for a failure of the database or a text that it cannot take, or None for a mistake of ours."""
    if not isinstance(error, psycopg.Error):
        return None
    message = " ".join(str(error).split())
    if isinstance(error, psycopg.DataError) and _NUL in message:
        return UserError("a text has a NUL character, which no text of the store has", "leave the character out", exit_status=2)
    state = error.sqlstate or ""
    if state == "25006":  # a write where only reading is allowed
        return not_writable_database(url) if writes else None
    if not state and isinstance(error, psycopg.OperationalError):
        state = next((state for words, state in _REFUSALS if words in message), "08")
    found = next((text for key, text in _TEXTS.items() if state.startswith(key)), None)
    if found is None:
        return None
    told, remedy = found
    kind = LockedError if state == _LOCKED else StoreError
    return kind(told.format(database=url.render_as_string(), error=message), remedy)

"""Bring the database of a home to the schema that this program is written against, and refuse one it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.store import database
from billing.store.migrations import long_step
from rating.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa

SCHEMA_VERSIONS: Final = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0011",
    "0012",
    "0013",
    "0014",
    "0015",
    "0016",
    "0017",
    "0018",
    "0019",
    "0020",
    "0021",
    "0022",
    "0023",
    "0024",
)  # every revision in migrations/versions, oldest first

_TABLE_NAMES: Final = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
    "postgresql": "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()",
}


def is_current(version: str | None) -> bool:
    """Return whether a database at `version` needs no migration."""
    return version == SCHEMA_VERSIONS[-1]


def bring_up_to_date(engine: sa.Engine, folder: Path, schema: str | None) -> None:
    """Run the revisions that are missing, in one write transaction. `schema`: PostgreSQL's, made when it is not there.

    Raises UserError where that takes long: a person does it with `db upgrade`.
    """
    with engine.connect() as connection:
        found = version(connection, folder)
        if is_current(found):
            return
        refuse_newer(found, folder)
        long_step.refuse_long(connection, found, folder)
    with engine.connect().execution_options(**database.WRITES) as connection, connection.begin():
        if version(connection, folder) == found:  # nobody else was faster
            migrate(connection, schema)


def refuse_newer(found: str | None, folder: Path) -> None:
    """Raise UserError for a revision that this program does not know."""
    if found is not None and found > SCHEMA_VERSIONS[-1]:
        raise UserError(
            f"home folder {folder} has schema {found}, newer than this program's {SCHEMA_VERSIONS[-1]}",
            "run the version of ratewright that wrote it, or a newer one",
        )


def migrate(connection: sa.Connection, schema: str | None, to: str = SCHEMA_VERSIONS[-1]) -> None:
    """Run the revisions between the database's and `to`, up or down, in the open write transaction."""
    from billing.store.migrations import upgrade  # noqa: PLC0415 -- alembic takes a second to import and is needed once in a home's life

    if schema is not None:
        from billing.store import postgres  # noqa: PLC0415 -- its driver is not everybody's

        postgres.make_schema(connection, schema)
    upgrade.to(connection, to)
    if schema is not None:
        postgres.finish_schema(connection)


def version(connection: sa.Connection, folder: Path) -> str | None:
    """The revision of the database; None for one that holds nothing yet."""
    names = table_names(connection)
    if not names:
        return None
    if "alembic_version" not in names:
        where = folder / "ratewright.db" if connection.dialect.name == "sqlite" else connection.engine.url.render_as_string()
        raise UserError(f"{where} is not a database of ratewright", "name another folder with --home", exit_status=2)
    return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one())


def table_names(connection: sa.Connection) -> set[str]:
    """Every table of the home, also those of other revisions."""
    return set(connection.exec_driver_sql(_TABLE_NAMES[connection.dialect.name]).scalars())

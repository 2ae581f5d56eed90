"""Check of a whole home: schema, constraints, foreign keys, every file that the database names, and who may read them.

Looks, and changes nothing. What the database enforces is asked again in other words, so that a repaired or copied one is not believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from billing.store import access, named_files, tables
from billing.store.checks import dated_ahead, odd_ids
from billing.store.sums import halves, whole
from billing.store.tables.columns import comparing
from rating.counted import counted

if TYPE_CHECKING:
    from billing.store.home import Home


class TableCount(NamedTuple):
    """A table, how many rows it has, and what its money columns add up to, in micro-units of mixed currencies."""

    table: str
    rows: int
    sums_micros: dict[str, int]


class Finding(NamedTuple):
    """Something that is not as it must be. `place` is a table or a file."""

    place: str
    what: str


class Checked(NamedTuple):
    """The outcome of a check; whole when there are no findings. `notes`: what is as it was written, and deserves a look."""

    tables: list[TableCount]
    files: int
    findings: list[Finding]
    notes: list[Finding]


def check(home: Home) -> Checked:
    """Look through everything, on one view of the database; a file that is gone is looked up in a later one."""
    with home.connect() as connection:
        findings = [*_damage(connection), *_schema(connection), *_constraints(connection), *_foreign_keys(connection)]
        counts = [_count(connection, table) for table in tables.metadata.sorted_tables]
        files = named_files.named(connection, home.path)
        notes = [Finding(*each) for each in (*dated_ahead.notes(connection), *odd_ids.notes(connection))]
    findings += [Finding(file.path, f"{what} ({file.table})") for file, what in _differences(home, files)]
    findings += [Finding(*found) for found in access.looser(home.path)]
    return Checked(sorted(counts), len(files), findings, notes)


def _differences(home: Home, files: list[named_files.NamedFile]) -> list[tuple[named_files.NamedFile, str]]:
    """Files that are not as the database says, and that it still names: while we read, a service may seal, and delete what was sealed."""
    found = list(named_files.differences(home.path, files))
    if not found:
        return []
    with home.connect() as connection:
        still = set(named_files.named(connection, home.path))
    return [(file, what) for file, what in found if file in still]


def _damage(connection: sa.Connection) -> list[Finding]:
    """Damage that SQLite finds in its own pages; PostgreSQL checks its pages as it reads them."""
    if connection.dialect.name != "sqlite":
        return []
    answers = connection.exec_driver_sql("PRAGMA quick_check").scalars()
    return [Finding("ratewright.db", answer) for answer in answers if answer != "ok"]


def _schema(connection: sa.Connection) -> list[Finding]:
    from alembic.autogenerate import api  # noqa: PLC0415 -- takes a second to import
    from alembic.migration import MigrationContext  # noqa: PLC0415 -- as above

    context = MigrationContext.configure(connection, opts=comparing(connection.dialect.name))
    return [Finding("schema", _told(difference)) for difference in api.compare_metadata(context, tables.metadata)]


def _told(difference: Any) -> str:  # noqa: ANN401 -- alembic's tuples, or lists of them
    first = difference[0] if isinstance(difference, list) else difference
    return f"{first[0].replace('_', ' ')}: {', '.join(str(part) for part in first[1:] if part is not None)}"


def _constraints(connection: sa.Connection) -> list[Finding]:
    found = []
    for table in tables.metadata.sorted_tables:
        for constraint in table.constraints:
            if isinstance(constraint, sa.CheckConstraint):
                broken = sa.text(f"NOT ({constraint.sqltext})")
                found += _broken(connection, table, broken, ("breaks", "break"), f"the rule {constraint.name}: {constraint.sqltext}")
    return found


def _foreign_keys(connection: sa.Connection) -> list[Finding]:
    found = []
    for table in tables.metadata.sorted_tables:
        for key in sorted(table.foreign_keys, key=lambda key: key.parent.name):
            other = key.column.table.alias()
            missing = ~sa.exists().where(other.c[key.column.name] == key.parent)
            broken, what = sa.and_(key.parent.is_not(None), missing), f"no row of {key.column.table.name}"
            found += _broken(connection, table, broken, ("names", "name"), what)
    return found


def _broken(
    connection: sa.Connection, table: sa.Table, condition: sa.ColumnElement[bool] | sa.TextClause, verbs: tuple[str, str], what: str
) -> list[Finding]:
    """A finding where rows meet a condition; `verbs`: what one row does, and what several do."""
    rows = connection.execute(sa.select(sa.func.count()).select_from(table).where(condition)).scalar_one()
    one, several = verbs
    return [Finding(str(table.name), f"{counted(rows, f'row {one}', f'rows {several}')} {what}")] if rows else []


def _count(connection: sa.Connection, table: sa.Table) -> TableCount:
    money = [column for column in table.c if column.name.endswith("_micros")]
    parts = [part for column in money for part in halves(column)]
    rows, *sums = connection.execute(sa.select(sa.func.count(), *parts).select_from(table)).one()
    totals = {str(column.name): whole(*sums[2 * place : 2 * place + 2]) for place, column in enumerate(money)}
    return TableCount(str(table.name), rows, totals)  # the library's names are texts of a type of their own, which JSON does not know

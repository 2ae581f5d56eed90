"""Bring a home's database to another schema on demand; opening a home does it too, but only upwards, unasked, and where it is quick."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from billing.store import commit_points, database, frozen_lists, location, schema
from billing.store.home import check_known, engine_of
from billing.store.migrations import long_step
from billing.store.schema import SCHEMA_VERSIONS
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Upgrade(NamedTuple):
    """The revisions from and to, and those between that are run (upwards) or undone (downwards), in that order.

    `left`: accounts whose lines a long step of the last revision filled in, or would.
    `notes`: what a person has to do about data of the schema before.
    """

    found: str
    to: str
    revisions: list[str]
    left: int = 0
    notes: tuple[str, ...] = ()


def upgrade(
    folder: Path, to: str = SCHEMA_VERSIONS[-1], *, dry_run: bool = False, progress: Callable[[int, int], None] | None = None
) -> Upgrade:
    """Run the revisions that lead to `to`, up or down, in one transaction; with `dry_run`, only say which.

    A long step follows in parts, each a transaction; one that was stopped goes on. `progress` is called with accounts done and in all.
    Raises UserError for a revision that is not there, and when something is stored that an older schema has no place for.
    """
    if to not in SCHEMA_VERSIONS:
        raise UserError(f"there is no schema {to!r}", f"name one of {', '.join(SCHEMA_VERSIONS)}", exit_status=2)
    check_known(folder)
    place = location.of_home(folder)
    engine = engine_of(folder, place)
    try:
        with engine.connect().execution_options(**database.WRITES) as connection, connection.begin():
            found = schema.version(connection, folder) or "0000"
            schema.refuse_newer(found, folder)
            frozen_lists.require_nothing_pending(connection, folder, found, to)
            notes = frozen_lists.notes(connection, folder, found, to)
            if found != to and not dry_run:
                schema.migrate(connection, place.schema if place else None, to)
            left = long_step.left(connection) if schema.table_names(connection) else None
            accounts = 0 if left is None or to < left.revision else _accounts(connection, left.after)
        if left is not None and not dry_run:
            _go_on(engine, accounts, progress or (lambda _done, _total: None))
    finally:
        engine.dispose()
    return Upgrade(found, to, _between(found, to), accounts, tuple(notes))


def _go_on(engine: sa.Engine, accounts: int, progress: Callable[[int, int], None]) -> None:
    """Take the parts that are left of a long step."""
    from billing.store.migrations.versions import r0015_billed_with as step  # noqa: PLC0415 -- imports alembic, which takes a second

    left, done = True, 0
    while left:
        with engine.connect().execution_options(**database.WRITES) as connection, connection.begin():
            before = long_step.left(connection)  # another process may have taken parts, or gone back
            last = None if before is None else step.fill(connection, before.after)
            left = last is not None
            if last is None:
                long_step.forget(connection)
            else:
                long_step.note(connection, step.revision, last)
            commit_points.reached("upgrade.before_part_commit")
        commit_points.reached("upgrade.part_committed")
        done = min(done + long_step.ACCOUNTS, accounts) if left else accounts
        progress(done, accounts)


def _accounts(connection: sa.Connection, after: int) -> int:
    """The number of accounts with documents whose keys are above one."""
    key: sa.ColumnClause[int] = sa.column("account_key")
    query = sa.select(sa.func.count(sa.distinct(key))).select_from(sa.table("invoices", key)).where(key > after)
    return int(connection.execute(query).scalar_one())


def _between(found: str, to: str) -> list[str]:
    if to >= found:
        return [each for each in SCHEMA_VERSIONS if found < each <= to]
    return [each for each in reversed(SCHEMA_VERSIONS) if to < each <= found]

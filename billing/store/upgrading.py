"""Bring a home's database to another schema on demand; opening a home does it too, but only upwards and without asking."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from billing.store import database, frozen_lists, location, schema
from billing.store.home import check_known, engine_of
from billing.store.schema import SCHEMA_VERSIONS
from rating.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path


class Upgrade(NamedTuple):
    """The revisions from and to, and those between that are run (upwards) or undone (downwards), in that order.

    `notes`: what a person has to do about data of the schema before.
    """

    found: str
    to: str
    revisions: list[str]
    notes: tuple[str, ...] = ()


def upgrade(folder: Path, to: str = SCHEMA_VERSIONS[-1], *, dry_run: bool = False) -> Upgrade:
    """Run the revisions that lead to `to`, up or down, in one transaction; with `dry_run`, only say which.

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
    finally:
        engine.dispose()
    return Upgrade(found, to, _between(found, to), tuple(notes))


def _between(found: str, to: str) -> list[str]:
    if to >= found:
        return [each for each in SCHEMA_VERSIONS if found < each <= to]
    return [each for each in reversed(SCHEMA_VERSIONS) if to < each <= found]

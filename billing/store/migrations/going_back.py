"""Shared part of the downgrades: refuse where something is stored that the older schema has no place for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from alembic import op

from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable


class NoPlace(NamedTuple):
    """Data that an older schema does not hold: `what` it is, in words, in a column of a table.

    Something is there where `condition` holds; without one, where the column is filled.
    """

    table: str
    column: str
    what: str
    condition: str = ""


def refuse_rows(revision: str, tables: Iterable[str]) -> None:
    """Refuse when one of the tables, which schema `revision` does not have, holds anything."""
    for table in tables:
        _refuse(revision, table, "", f"rows of {table}")


def refuse(revision: str, no_place: Iterable[NoPlace]) -> None:
    """Refuse when something is stored where schema `revision` has no place for it."""
    for each in no_place:
        _refuse(revision, each.table, f" WHERE {each.condition or f'{each.column} IS NOT NULL'}", each.what)


def _refuse(revision: str, table: str, where: str, what: str) -> None:
    rows = op.get_bind().execute(sa.text(f"SELECT count(*) FROM {table}{where}")).scalar_one()  # noqa: S608 -- texts of our own
    if rows:
        raise UserError(
            f"the database cannot go back to schema {revision}, which has no place for {what}: {rows} of them are stored",
            "go on with this version of ratewright, or put back a backup from before the upgrade",
        )

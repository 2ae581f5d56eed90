"""What the downgrades share: refuse where something is stored that the older schema has no place for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import op

from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable


def refuse_rows(revision: str, tables: Iterable[str]) -> None:
    """Refuse when one of the tables, which schema `revision` does not have, holds anything."""
    for table in tables:
        refuse(revision, table, "", f"rows of {table}")


def refuse(revision: str, table: str, condition: str, what: str) -> None:
    """Refuse when rows of `table` meet the condition: `what` they are stands in the message."""
    where = f" WHERE {condition}" if condition else ""
    rows = op.get_bind().execute(sa.text(f"SELECT count(*) FROM {table}{where}")).scalar_one()  # noqa: S608 -- texts of our own
    if rows:
        raise UserError(
            f"the database cannot go back to schema {revision}, which has no place for {what}: {rows} of them are stored",
            "go on with this version of ratewright, or put back a backup from before the upgrade",
        )

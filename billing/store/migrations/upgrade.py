"""Bring a database to another schema. Importing this imports alembic, which takes a second: do it only when there is work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext

if TYPE_CHECKING:
    import sqlalchemy as sa


def to_head(connection: sa.Connection, head: str = "head") -> None:
    """Run the missing revisions, up to `head`, inside the open write transaction of `connection`."""
    command.upgrade(_config(connection), head)


def to(connection: sa.Connection, revision: str) -> None:
    """Run the revisions that lead to `revision`, up or down, inside the open write transaction of `connection`.

    Raises UserError when something is stored that the older schema cannot hold.
    """
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and revision < current:  # revisions are numbered
        command.downgrade(_config(connection), revision)
    else:
        command.upgrade(_config(connection), revision)


def _config(connection: sa.Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config

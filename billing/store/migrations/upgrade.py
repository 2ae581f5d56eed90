"""Bring a database to the newest schema. Importing this imports alembic, which takes a second: do it only when there is work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config

if TYPE_CHECKING:
    import sqlalchemy as sa


def to_head(connection: sa.Connection, head: str = "head") -> None:
    """Run the missing revisions, up to `head`, inside the open write transaction of `connection`."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent))
    command.upgrade(config, head)

"""For developers: print the operations that a new revision needs, the difference between the revisions and `tables.metadata`.

`python -m billing.store.migrations.render` prints the next revision; with `--first`, the first one anew, as long as it was never released.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic.autogenerate import api
from alembic.migration import MigrationContext

from billing.store.migrations import upgrade
from billing.store.tables import metadata
from billing.store.tables.columns import comparing

if TYPE_CHECKING:
    from alembic.operations.ops import MigrationScript


def differences(*, first: bool = False) -> MigrationScript:
    """The operations that lead from the revisions (from nothing with `first`) to the metadata."""
    engine = sa.create_engine("sqlite://")
    try:
        with engine.begin() as connection:
            if not first:
                upgrade.to_head(connection)
            context = MigrationContext.configure(connection, opts=comparing(connection.dialect.name))
            return api.produce_migrations(context, metadata)
    finally:
        engine.dispose()


if __name__ == "__main__":
    script = differences(first="--first" in sys.argv)
    assert script.upgrade_ops is not None
    sys.stdout.write(api.render_python_code(script.upgrade_ops) + "\n")

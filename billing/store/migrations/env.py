"""Run by alembic: the revisions run in the write transaction that `upgrade.to_head` was given, so a schema is never half made."""

from __future__ import annotations

from alembic import context

from billing.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()

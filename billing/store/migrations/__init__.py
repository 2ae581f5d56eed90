"""Alembic revisions of the database, oldest first in `versions`. Packaged, so that an installed program can upgrade a home."""

"""One transaction of this package: committed with its commit points, or rolled back for a preview."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from billing.store import commit_points

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from billing.store.home import Home


@contextlib.contextmanager
def transaction(home: Home, *, dry_run: bool) -> Iterator[sa.Connection]:
    """A write transaction. With `dry_run` everything is done as it would be, so that every refusal is met, and then undone."""
    with home.begin(dry_run=dry_run) as connection:
        yield connection
        if not dry_run:
            commit_points.reached("document.before_commit")
    if not dry_run:
        commit_points.reached("document.committed")

"""The end of a month as a user has it: what its usage comes to, and the entries that close it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.accounting import closing
from billing.accounting.month_end import month_of
from billing.accounting.unbilled import targets
from billing.accounts import entities

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.accounting.closing import Closing
    from billing.persons import Who
    from billing.store.home import Home


def close(  # noqa: PLR0913 -- what, why, by whom, and how
    home: Home, month: str, entity: str, reason: str, who: Who, *, dry_run: bool, progress: Callable[[int, int], None] | None = None
) -> Closing:
    """Post the entries of a month's end and close it; with `dry_run` say what would be posted, and what prevents it.

    Raises UserError for a legal entity that was never added.
    """
    wanted = month_of(month)
    with home.connect() as connection:
        entities.require_known(connection, entity)
    return closing.close(home, wanted, entity, targets(home, wanted, progress=progress), reason, who, dry_run=dry_run)

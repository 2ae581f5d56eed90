"""Usage that no run bills any more: its list, as both doors show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.too_late import listing
from billing.too_late.choosing import require_account
from billing.too_late.rerated import with_documents

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.store.home import Home
    from billing.too_late.listing import Listed


def list_late(
    home: Home, now_us: int, account_id: str | None, *, decided: bool, progress: Callable[[int, int], None] | None = None
) -> Listed:
    """Open records, with documents of re-ratings that may have billed them; or decided ones. An empty account: records without an owner."""
    require_account(home, account_id)
    found = listing.listed(home, now_us, account_id, decided=decided, progress=progress)
    return found if decided else with_documents(home, found)

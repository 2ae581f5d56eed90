"""Acts on settings, from what a user gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing import setting_changes
from billing.store import approvals
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.persons import Who
    from billing.setting_changes import Standing
    from billing.store.home import Home


def list_all(home: Home) -> list[Standing]:
    """Every setting."""
    with home.connect() as connection:
        return list(setting_changes.standing(connection).values())


def find(home: Home, name: str) -> Standing:
    """One setting. Raises UserError for an unknown name."""
    setting_changes.require_known(name)
    with home.connect() as connection:
        return setting_changes.standing(connection)[name]


def agree(home: Home, name: str, note: str, who: Who, *, etag: str = "") -> Standing:
    """Agree to the value that another person asked for. Raises UserError where none waits, and as `setting_changes.agree` does."""
    with home.connect() as connection:
        setting_changes.require_etag(connection, name, etag)
        waits = approvals.waiting(connection, approvals.SETTING, name)
    if waits is None:
        raise UserError(f"no change of {name} waits", "`ratewright settings list` shows what waits", exit_status=2)
    setting_changes.agree(home, approvals.Agreement(waits, who, note), etag)
    return find(home, name)

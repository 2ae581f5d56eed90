"""Two people in tests: one asks, another agrees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing import give_back_limit, setting_changes
from billing.persons import Who
from billing.store import approvals, tables
from billing.store.approvals import Agreement

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.store.home import Home

OPS: Final = ("ops", 1)
CHIEF: Final = ("chief", 2)


def set_by_two(home: Home, name: str, value: str, tick: Callable[[], int]) -> None:
    """Set a value; where that loosens a guard, another person agrees at once."""
    setting_changes.put(home, name, value, *OPS, tick(), reason="as the test needs it")
    with home.connect() as connection:
        waits = approvals.waiting(connection, approvals.SETTING, name)
    if waits is not None:
        setting_changes.agree(home, Agreement(waits, Who(*CHIEF, tick())))


def let_one_give_back(home: Home) -> None:
    """In a home of a test that is not about limits one person gives back whatever it is. No commit is taken: numbers stay as they are."""
    values = {"name": give_back_limit.LIMIT, "value": str(10**15), "by_name": "the test", "by_uid": 0, "at_us": 0, "commit_seq": 0}
    with home.begin() as connection:
        connection.execute(tables.billing_settings.insert().values(**values))

"""Two people in tests: one asks, another agrees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.persons import Who
from billing.store import approvals, settings
from billing.store.approvals import Agreement

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.store.home import Home

OPS: Final = ("ops", 1)
CHIEF: Final = ("chief", 2)


def set_by_two(home: Home, name: str, value: str, tick: Callable[[], int]) -> None:
    """Set a value; where that loosens a guard, another person agrees at once."""
    settings.put(home, name, value, *OPS, tick(), reason="as the test needs it")
    with home.connect() as connection:
        waits = approvals.waiting(connection, approvals.SETTING, name)
    if waits is not None:
        settings.agree(home, Agreement(waits, Who(*CHIEF, tick())))

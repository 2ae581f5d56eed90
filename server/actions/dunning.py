"""Dunning as a user has it: the day by which an account is judged where none is given, and the policies that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from billing import accounts, dunning_policy
from rating.dates import utc_time

if TYPE_CHECKING:
    import datetime as dt

    from billing.dunning_policy import Kept
    from billing.store.home import Home


def today(home: Home, account_id: str, now_us: int) -> dt.date:
    """The day of an instant where the account is. Raises NotFoundError."""
    return utc_time(now_us).astimezone(ZoneInfo(accounts.timezone_of(home, account_id))).date()


def policies(home: Home) -> list[Kept]:
    """Every policy that is known, by name and age."""
    with home.connect() as connection:
        return dunning_policy.kept(connection)

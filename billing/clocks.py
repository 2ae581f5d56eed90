"""Clocks of accounts: the date on each, and the one guard of everything that is dated and binds.

An act that bills, bars or opens is dated on a day that has begun on the clocks of all accounts that it touches. These accounts are looked
up only where the clocks of the home disagree about the day; where it has begun on none of them no account can be meant. Of a home without
accounts the clock is that of UTC.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from billing.store import tables
from rating.dates import local_time
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable


class Clock(NamedTuple):
    """The date in a time zone."""

    today: dt.date
    timezone: str


class Dated(NamedTuple):
    """An act (a noun with its article), its date, and the instant at which it is asked for. `instead`: a further text of its remedy."""

    what: str
    day: dt.date
    now_us: int
    instead: str = ""


def clocks(timezones: Iterable[str], now_us: int) -> list[Clock]:
    """The clock of each time zone, the one furthest behind first; that of UTC where none is given."""
    walls = sorted((_wall_clock(timezone, now_us), timezone) for timezone in set(timezones) or {"UTC"})
    return [Clock(wall.date(), timezone) for wall, timezone in walls]


def clocks_of(connection: sa.Connection, now_us: int, entity: str | None = None) -> list[Clock]:
    """The clocks of all accounts, or of those of a legal entity, the one furthest behind first."""
    account = tables.accounts.c
    query = sa.select(account.timezone).distinct()
    if entity is not None:
        query = query.where(sa.func.coalesce(account.legal_entity, "") == entity)
    return clocks(connection.execute(query).scalars(), now_us)


def require_begun(connection: sa.Connection, act: Dated, touched: Callable[[], Collection[int]]) -> None:
    """Raises UserError for a day that has not begun on the clocks of all accounts (keys) that are touched, or on that of any account."""
    behind = furthest_behind(connection, act.day, act.now_us, touched)
    if behind is not None:
        raise UserError(
            f"{act.what} of {act.day} is refused: that day has not begun on the clock of {behind.timezone}, where it is {behind.today}",
            f"wait until it is {act.day} there, or give a date that has begun{act.instead and f'; {act.instead}'}",
        )


def furthest_behind(connection: sa.Connection, day: dt.date, now_us: int, touched: Callable[[], Collection[int]]) -> Clock | None:
    """The clock furthest behind on which a day has not begun, of accounts (keys) that are touched; None: it has begun on all of them.

    Where it has begun on no clock and no account is touched, the clock on which it begins first.
    """
    known = clocks_of(connection, now_us)
    behind = [clock for clock in known if clock.today < day]
    if not behind:
        return None
    zones = _timezones(connection, behind, touched())
    of_touched = [clock for clock in behind if clock.timezone in zones]
    return (of_touched or behind[-1:])[0] if of_touched or len(behind) == len(known) else None


def _wall_clock(timezone: str, now_us: int) -> dt.datetime:
    return local_time(now_us, timezone).replace(tzinfo=None)


def _timezones(connection: sa.Connection, behind: list[Clock], keys: Collection[int]) -> set[str]:
    """Those of these time zones that are of accounts (keys)."""
    account, wanted = tables.accounts.c, frozenset(keys)
    query = sa.select(account.account_key, account.timezone).where(account.timezone.in_([clock.timezone for clock in behind]))
    return {row.timezone for row in connection.execute(query) if row.account_key in wanted}

"""The clock of commands and of the service: the one place that reads it, and it knows whose home asks.

An ordinary home goes by the clock of the machine, and refuses while RATEWRIGHT_TODAY is set: a forgotten variable must not date a month of
revenue. A practice home takes its day from it, a date of UTC or an instant with its offset; the time of day runs on. Within that day its
clock never goes back behind the last commit, at any time of day of the machine; a day before it is refused as any clock that was set back.
"""

from __future__ import annotations

import datetime as dt
import functools
import os
import time
from typing import TYPE_CHECKING, Final

from billing.days import DayError, read_day, within_reach
from rating.dates import DAY_US, day_number, instant_of, utc_date
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.store.home import Home

TODAY: Final = "RATEWRIGHT_TODAY"

_DATE_LENGTH: Final = len("2026-01-01")


def now_us(home: Home) -> int:
    """Now in a home, in microseconds UTC. Raises UserError where RATEWRIGHT_TODAY is set and the home is no practice home, or no date."""
    text = os.environ.get(TODAY, "")
    if not text:
        return machine_now_us()
    if not home.is_practice:
        require_ordinary(f"{home.path} is an ordinary home folder")
    moved_by_us, last_us = _moved_by_us(text), home.latest_us
    moved_us = moved_by_us + machine_now_us()  # looked at later: an instant that is given has begun
    return last_us if moved_us < last_us and moved_us // DAY_US == last_us // DAY_US else moved_us


def today(home: Home) -> dt.date:
    """The date in a home, of UTC."""
    return utc_date(now_us(home))


def require_ordinary(what: str) -> None:
    """Raises UserError where RATEWRIGHT_TODAY is set for an ordinary home. `what` says which."""
    if os.environ.get(TODAY):
        raise UserError(
            f"{TODAY} is set to {os.environ[TODAY]}, and {what}: only a practice home takes its day from there",
            f"unset {TODAY}; a practice home is made with --practice",
            exit_status=2,
        )


def machine_now_us() -> int:
    """The clock of this machine, in microseconds UTC: for files that it has written, and for what is about no home."""
    return time.time_ns() // 1000


def machine_today() -> dt.date:
    """The date of this machine, of UTC: for files that belong to no home yet."""
    return utc_date(machine_now_us())


@functools.cache
def _moved_by_us(text: str) -> int:
    """Return how far the clock of a practice home is from that of the machine, fixed when this process first asks."""
    machine_us = machine_now_us()
    try:
        if len(text) <= _DATE_LENGTH:
            return (day_number(read_day(text)) - machine_us // DAY_US) * DAY_US
        instant = dt.datetime.fromisoformat(text)
        within_reach(instant.date())
    except DayError as error:
        raise UserError(f"{TODAY}: {error}", error.remedy, exit_status=2) from None
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        remedy = "write 2026-12-01, or with a time of day 2026-12-01T09:00:00+01:00"
        raise UserError(f"{TODAY}: {text!r} is neither a date nor an instant with its offset", remedy, exit_status=2)
    return instant_of(instant) - machine_us

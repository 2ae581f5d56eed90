"""Dates as people and files give them: ISO, and within a range that leaves room for calendars around them.

Bill periods, months and payment terms reach some way beyond a date; at the ends of Python's calendar there is no room for that. So "no end"
is an empty field, never 9999-12-31.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

FIRST_DAY: Final = dt.date(1900, 1, 1)
LAST_DAY: Final = dt.date(2999, 12, 31)


class DayError(ValueError):
    """A date that cannot be used. `remedy` says what to write instead."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def read_day(text: str) -> dt.date:
    """A date of the form 2026-01-31 from FIRST_DAY to LAST_DAY. Raises DayError."""
    try:
        ascii_text = text.encode("ascii").decode()  # `strptime` reads digits of every script
        day = dt.datetime.strptime(ascii_text, "%Y-%m-%d").replace(tzinfo=dt.UTC).date()
    except ValueError:
        raise DayError(f"{text!r} is not a date", "write it as 2026-01-31") from None
    return within_reach(day)


def within_reach(day: dt.date) -> dt.date:
    """The same day. Raises DayError where calendars end."""
    if not FIRST_DAY <= day <= LAST_DAY:
        raise DayError(f"{day} is out of reach", f"give a date from {FIRST_DAY} to {LAST_DAY}; what has no end is left without one")
    return day

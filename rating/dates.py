"""Dates and instants as integers: units, conversions, and the values that stand for "no end" and "no beginning".

Two numbers are kept, and the end of a name says which:

- `_us`: an instant in microseconds since 1970-01-01T00:00Z, or a length of time in microseconds. Conversions to Python's types hold for
  the years 1 to 9999 and raise OverflowError beyond.
- `_day`: a day number, days since 1970-01-01, as in a date32 column. It has no time zone: it is the date on some clock.

A leaf: it imports nothing of this product, so every layer may import it. The plain twin of rating and `billing.verification` keep their
own on purpose.
"""

from __future__ import annotations

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US
DAY_S: Final = 86_400

NEVER: Final = 2**63 - 1  # an instant, a day or a commit after all others: the largest int64, so nothing may be added to it
BEFORE_ALL: Final = -(2**63)  # an instant or a day before all others: the least int64, so nothing may be taken from it
FAR_US: Final = 2**62  # an instant after all others that some days may be added to

ONE_DAY: Final = dt.timedelta(days=1)

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)

NEVER_DAY: Final = (dt.date.max - _EPOCH.date()).days  # the day number of a date that is not known: no date is later
LONG_AGO_DAY: Final = -(2**40)  # a day number before all dates, near enough to count days from it


def utc_time(instant_us: int) -> dt.datetime:
    """The date and time in UTC at an instant."""
    return _EPOCH + dt.timedelta(microseconds=instant_us)


def utc_date(instant_us: int) -> dt.date:
    """The date in UTC at an instant."""
    return utc_time(instant_us).date()


def local_time(instant_us: int, timezone: str) -> dt.datetime:
    """The date and time in a time zone (an IANA name) at an instant."""
    return utc_time(instant_us).astimezone(ZoneInfo(timezone))


def local_date(instant_us: int, timezone: str) -> dt.date:
    """The date in a time zone (an IANA name) at an instant."""
    return local_time(instant_us, timezone).date()


def instant_of(moment: dt.datetime) -> int:
    """The instant, in microseconds, of a date and time that has a time zone."""
    return (moment - _EPOCH) // _MICROSECOND


def midnight_us(day: dt.date, timezone: str) -> int:
    """The first instant of a date in a time zone (an IANA name). Where the clock skips midnight, the instant of the change."""
    return instant_of(dt.datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone)))


def utc_midnight_us(day: dt.date) -> int:
    """The first instant of a date in UTC."""
    return day_number(day) * DAY_US


def last_day(end: dt.date | str) -> dt.date:
    """The last day of a half-open span: the day before its `end`, a date or its ISO text."""
    return (end if isinstance(end, dt.date) else dt.date.fromisoformat(end)) - ONE_DAY


def last_day_text(end: dt.date | str | None) -> str:
    """The same as ISO text; empty where the span has no end."""
    return last_day(end).isoformat() if end else ""


def day_after(day: dt.date) -> dt.date:
    """The end of a half-open span whose last day is `day`."""
    return day + ONE_DAY


def day_number(day: dt.date) -> int:
    """Days since 1970-01-01, as in a date32 column."""
    return (day - _EPOCH.date()).days


def day_of(number: int) -> dt.date:
    """The date of a day number. OverflowError where it is before the year 1 or after 9999."""
    return _EPOCH.date() + dt.timedelta(days=number)

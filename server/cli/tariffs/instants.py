"""Instants as the commands of tariffs read and print them, on the clock of a catalogue."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from rating.dates import instant_of, local_time
from rating.errors import UserError

_DATE_LENGTH = len("2026-01-01")


def told(instant_us: int, timezone: str) -> str:
    """Such as 2026-10-15 00:00:00+02:00."""
    return str(local_time(instant_us, timezone).replace(microsecond=0))


def read(text: str, timezone: str, option: str) -> int:
    """Microseconds UTC of an instant with its offset, or of the beginning of a date on the clock of `timezone`."""
    from tariffs.language import texts

    try:
        if len(text) == _DATE_LENGTH:
            day = texts.date(text)
            midnight = dt.datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone))
            return instant_of(midnight)
        return texts.instant(text)
    except texts.TextError as error:
        raise UserError(f"{option}: {error.message}", f"{error.remedy}; or write a date such as 2026-01-01", exit_status=2) from None

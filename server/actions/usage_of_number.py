"""Records of a number in a span of days, on the clock of the account that had the number last."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from billing.accounts.searching import as_number, search
from billing.enquiries import usage
from billing.enquiries.usage import NumberRecords
from billing.enquiries.usage_rows import Instants
from rating.dates import midnight_us

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.store.home import Home


class Days(NamedTuple):
    """Days, half open; None: without a beginning, or without an end."""

    first: dt.date | None
    after: dt.date | None


class OfNumber(NamedTuple):
    """Records of a number, and the time zone of its days."""

    timezone: str
    found: NumberRecords


def find(home: Home, number: str, days: Days, *, limit: int, progress: Callable[[str, int, int], None] | None = None) -> OfNumber:
    """The oldest records of a number, as `billing.enquiries.usage.find` does. `number`: with + and blanks as people write them."""
    wanted = as_number(number)
    timezone, everything = _timezone(home, wanted), Instants()
    span = Instants(
        everything.from_us if days.first is None else midnight_us(days.first, timezone),
        everything.to_us if days.after is None else midnight_us(days.after, timezone),
    )
    return OfNumber(timezone, usage.find(home, wanted, span, limit=limit, progress=progress))


def _timezone(home: Home, number: str) -> str:
    """The clock of the account that had the number last; UTC where none had it."""
    spans = [each for each in search(home, number).hits if each.found_by == "number" and each.exact]
    return max(spans, key=lambda each: each.from_us or 0).timezone if spans else "UTC"

"""Topics timezone and limits: local dates, which day a bill is due on, and how far ahead one may be asked for."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from billing.charges.periods import next_bill_date, period_from
from billing.runs.contracts.midnights import Midnights
from billing.runs.start import require_date
from rating.dates import local_date
from rating.errors import UserError
from tests.vectors.billing import listed
from tests.vectors.billing.fees import life_of, parts_due
from tests.vectors.billing.form import Case, Otherwise, Shape, day, whole

TOO_FAR: Final = "TARGET_DATE_TOO_FAR"
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NOW_US: Final = 1_767_225_600_000_000  # 2026-01-01T00:00Z
_TODAY: Final = dt.date(2026, 1, 1)


def days_between(case: Case) -> dict[str, Any]:
    """Local days between two instants: those of a period that begins and ends on their local dates."""
    start, end = (_local(case.given["timezone"], case.given[name]) for name in ("start_utc", "end_utc"))
    return {"days": (end - start).days}


def begins_locally(case: Case) -> dict[str, Any]:
    """The local date of an instant, and the days billed from it on."""
    start = _local(case.given["timezone"], case.given["start_instant"]).isoformat()
    parts = parts_due(life_of(case.given | {"start": start}), day(case.given["target"]))
    return {"start_local": start, "intervals": [[f"{part.start}", f"{part.end}"] for part in parts]}


def by_the_hour(case: Case) -> dict[str, Any]:
    """A job that asks every hour whether the local bill date has begun: the first hour in which it has makes the bill, no other."""
    clock = case.given["hourly_clock_utc"]
    made = [hour for hour in clock if _instant_us(hour) >= _begins_us(case, _second_start(case))]
    third = next_bill_date(_second_start(case), _begun(case).day)
    again = [hour for hour in made if _instant_us(hour) >= _begins_us(case, third)]
    return {
        "invoice_created_at": made[0],
        "invoices_total": 1 + len(again[:1]),
        "no_invoice_at": [hour for hour in case.expected["no_invoice_at"] if hour in clock and hour not in {made[0], *again[:1]}],
    }


def around_midnight(case: Case) -> dict[str, Any]:
    """Instants on the local bill date, and instants before it and after it."""
    zone, due = case.given["timezone"], _second_start(case)
    told = [*case.expected["no_invoice_at"], case.expected["invoice_at"]]
    dates = {instant: _date_or_none(zone, instant) for instant in told}
    on_the_day = [instant for instant in told if dates[instant] == due]
    return {
        "no_invoice_at": [instant for instant in case.expected["no_invoice_at"] if dates[instant] not in {None, due}],
        "invoice_at": on_the_day[0] if len(on_the_day) == 1 else on_the_day,
    }


def too_far(case: Case) -> Otherwise:
    """A bill that is asked for some months ahead of today. Ours counts calendar years, whatever number of months others allow."""
    months_max = whole(case.given["max_months_in_future"])
    words = case.given["target"].split()  # today + 60 months
    if words[:2] != ["today", "+"] or words[3] != "months":
        message = f"{case.given['target']!r} is no date that is told from today"
        raise ValueError(message)
    months = whole(words[2])
    target = _TODAY.replace(year=_TODAY.year + months // 12, month=months % 12 + 1)
    theirs = {"error": TOO_FAR if months > months_max else None}
    try:
        require_date(target, _NOW_US)
    except UserError:
        return Otherwise({"error": TOO_FAR}, theirs, listed.ANOTHER_LIMIT)
    return Otherwise({"error": None}, theirs, listed.ANOTHER_LIMIT)


def _date_or_none(zone: str, instant: str) -> dt.date | None:
    """The local date of an instant; None for a text that names no instant."""
    try:
        return _local(zone, instant)
    except ValueError:
        return None


def _begun(case: Case) -> dt.date:
    return _local(case.given["timezone"], case.given["subscribed"])


def _second_start(case: Case) -> dt.date:
    """The local date of the first bill after the day of subscription."""
    return period_from(_begun(case), _begun(case).day).end


def _begins_us(case: Case, date: dt.date) -> int:
    return Midnights().instant_us(case.given["timezone"], date)


def _local(timezone: object, instant: str) -> dt.date:
    if not isinstance(timezone, str):
        message = f"{timezone!r} is no time zone"
        raise ValueError(message)  # noqa: TRY004 -- what a case says, not an argument of the wrong type
    return local_date(_instant_us(instant), timezone)


def _instant_us(text: str) -> int:
    at = dt.datetime.fromisoformat(text)
    return ((at if at.tzinfo else at.replace(tzinfo=dt.UTC)) - _EPOCH) // dt.timedelta(microseconds=1)


ZONES: Final = (
    Shape("start_utc end_utc timezone", "days", days_between),
    Shape("timezone start_instant target bill_cycle_day ?period ?mode ?end", "?start_local ?intervals", begins_locally),
    Shape("timezone subscribed hourly_clock_utc", "?invoice_created_at ?invoices_total no_invoice_at", by_the_hour),
    Shape("timezone subscribed", "no_invoice_at invoice_at", around_midnight),
)
LIMITS: Final = (Shape("target max_months_in_future", "error", too_far),)

"""The request of a re-rating: a plan, the version that prices it now, months, and perhaps accounts."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

import msgspec

from billing.charges.periods import next_bill_date
from rating.errors import UserError

_MONTHS: Final = re.compile(r"(20[0-9][0-9])-(0[1-9]|1[0-2])(?:\.\.(20[0-9][0-9])-(0[1-9]|1[0-2]))?")


class Request(msgspec.Struct, frozen=True):
    """`plan`: catalogue/plan, with any add-ons. Days are local; `accounts` None: all that have the plan."""

    plan: str
    version: int
    first_day: dt.date
    after_day: dt.date
    accounts: tuple[str, ...] | None = None


def request(plan: str, version: int, months: str, accounts: tuple[str, ...] | None = None) -> Request:
    """A request from words: `months` such as `2026-08` or `2026-08..2026-10`. Raises UserError for a request that makes no sense."""
    found = _MONTHS.fullmatch(months)
    if found is None:
        raise UserError(f"{months!r} is not a month", "write a month or two: 2026-08 or 2026-08..2026-10", exit_status=2)
    first = dt.date(int(found[1]), int(found[2]), 1)
    last = dt.date(int(found[3]), int(found[4]), 1) if found[3] else first
    if last < first:
        raise UserError(f"{months!r} ends before it begins", "give the earlier month first", exit_status=2)
    if plan.count("/") != 1 or "+" in plan:
        raise UserError(f"{plan!r} is not a plan", "name it as catalogue/plan, such as mobile/smart-m, without add-ons", exit_status=2)
    return Request(plan, version, first, next_bill_date(last, 1), None if accounts is None else tuple(sorted(set(accounts))))

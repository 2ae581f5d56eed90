"""The gate of the bill cycle: it may not bill while a file of its periods is missing or rejected and not waived.

A bill run of a date bills periods that ended by then, on every account's own clock. A finding belongs to it when records behind it may be
of an instant before the latest of those ends: so a finding without a known date blocks every run.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from billing.collection.findings import open_findings
from billing.store.tables import accounts
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.collection.findings import Finding

SHOWN: Final = 10


def in_the_way(connection: sa.Connection, bill_date: dt.date) -> list[Finding]:
    """Open findings that may hold records of periods that ended by `bill_date`."""
    found = open_findings(connection)
    if not found:
        return []
    end_us = _end_us(connection, bill_date)
    return [each for each in found if each.from_us < end_us]


def require_complete(connection: sa.Connection, bill_date: dt.date) -> None:
    """Raises UserError, which names every finding in the way and how to waive it."""
    found = in_the_way(connection, bill_date)
    if not found:
        return
    lines = [f"\n  {each.name}: {each.text}; remedy: {each.remedy}" for each in found[:SHOWN]]
    more = f"\n  and {len(found) - SHOWN:,} more: `ratewright usage findings` shows all" if len(found) > SHOWN else ""
    what = "a finding about its usage files is" if len(found) == 1 else f"{len(found):,} findings about its usage files are"
    raise UserError(
        f"the bill run of {bill_date} would be incomplete: {what} open{''.join(lines)}{more}",
        "bring the files in with `ratewright usage collect`, or accept what is missing, each by name: "
        f"ratewright usage findings waive {found[0].name} --reason '...'",
    )


def _end_us(connection: sa.Connection, bill_date: dt.date) -> int:
    """The latest instant at which a period can end on `bill_date`: midnight on the clock of the account farthest west."""
    zones = connection.execute(sa.select(accounts.c.timezone).distinct()).scalars().all()
    midnights = [dt.datetime(bill_date.year, bill_date.month, bill_date.day, tzinfo=ZoneInfo(zone)) for zone in (*zones, "UTC")]
    return max(int(each.timestamp()) for each in midnights) * 1_000_000

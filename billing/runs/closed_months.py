"""Months of the ledger that are closed: no document is dated in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    import datetime as dt


def require_open(connection: sa.Connection, on_date: dt.date) -> None:
    """Raises UserError when the month of `on_date` is closed in the books of any legal entity that accounts belong to."""
    event = tables.ledger_periods.c
    told = sa.select(event.entity, event.kind).where(event.month == f"{on_date:%Y-%m}", event.kind.in_(["closed", "reopened"]))
    state: dict[str, str] = {}
    for entity, kind in connection.execute(told.order_by(event.event_id)):
        state[entity] = kind
    closed = sorted(entity for entity, kind in state.items() if kind == "closed")
    if closed:
        whose = f" of {closed[0]}" if closed[0] else ""
        raise UserError(
            f"the month {on_date:%Y-%m} is closed in the ledger{whose}: nothing can be dated {on_date}",
            "bill on a date in an open month, or have the month reopened by two people: ratewright ledger reopen",
        )

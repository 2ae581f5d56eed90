"""Accounts whose bills have usage of numbers that are another account's by now: a re-rating leaves them alone.

The usage stays on the bill of the account that had the number, where its period is closed. A re-rating would take it off there. It would
bill it to no account, since the new owner may have another plan.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from billing.guiding import accounts_of_moved_numbers
from billing.intake import marks, view
from billing.intake.marks import COMMIT_SEQ
from billing.runs.selection.event_charges import ChargeFilter
from billing.runs.selection.owners_now import owners_of_rows
from billing.runs.selection.standing_charges import HomeAsOf, StandingCharges

if TYPE_CHECKING:
    from collections.abc import Collection

    import sqlalchemy as sa

    from billing.store.home import Home

_PERIOD_DAYS_MAX: Final = 62  # a period that reaches into the months may begin so many days before them
_COLUMNS: Final = ("event_key", "served_id", "start_us", COMMIT_SEQ)


def moved_away(  # noqa: PLR0913, PLR0917 -- as of when, whose, and what is on their bills
    home: Home,
    connection: sa.Connection,
    seq: int,
    account_keys: Collection[int],
    days: tuple[dt.date, dt.date],
    instead: marks.Versions | None = None,
) -> set[int]:
    """Those of the accounts (keys) whose bills of periods in `days` (half open) have usage that is not theirs as of `seq`.

    `instead`: rows that final bills have, where others count since, or none.
    """
    first_day, after_day = days
    candidates = accounts_of_moved_numbers(connection, seq) & set(account_keys)
    if not candidates:
        return set()
    wanted = ChargeFilter(account_keys=frozenset(candidates), first_day=first_day - dt.timedelta(_PERIOD_DAYS_MAX), after_day=after_day)
    charges = StandingCharges(HomeAsOf(home, connection, seq), wanted).standing(lambda _: True)
    rows = view.of_keys(home, _COLUMNS, seq, marks.keys_array(sorted({charge.event_key for charge in charges})))
    owners = owners_of_rows(home, connection, seq, _on_bills(rows, marks.hidden(connection, seq), instead))
    known = (charge for charge in charges if charge.event_key in owners)
    return {charge.account_key for charge in known if owners[charge.event_key].account_key != charge.account_key}


def _on_bills(rows: pa.Table, hidden: marks.Hidden, instead: marks.Versions | None) -> pa.Table:
    """The version of each event that is on its bill: the one that counts, but where a final bill has another one. Others are left out."""
    counts = ~marks.is_hidden(rows, hidden)
    if instead is not None:
        counts = np.where(marks.has_key(rows, instead.keys), instead.holds(rows), counts)
    return rows.filter(pa.array(counts))

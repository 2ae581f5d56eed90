"""Accounts whose bills have usage of numbers that are another account's by now: a re-rating leaves them alone.

The usage stays on the bill of the account that had the number, where its period is closed. A re-rating would take it off there. It would
bill it to no account, since the new owner may have another plan.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.guiding import Guide, accounts_of_moved_numbers
from billing.intake import marks, view
from billing.intake.marks import COMMIT_SEQ
from billing.runs.contracts.columns import int64
from billing.runs.contracts.counted_charges import OWNER
from billing.runs.contracts.counted_runs import looked
from billing.runs.selection.standing_charges import Known, StandingCharges
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Collection

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
    wanted = pc.field(OWNER).isin(pa.array(sorted(candidates), pa.int64()))
    wanted &= (pc.field("period_from") >= first_day - dt.timedelta(_PERIOD_DAYS_MAX)) & (pc.field("period_from") < after_day)
    charges = StandingCharges(Known(home, connection, seq), looked(connection, seq), wanted).standing(lambda _: True)
    rows = view.of_keys(home, _COLUMNS, seq, marks.keys_array(sorted({charge.event_key for charge in charges})))
    owners = _owners(home, connection, seq, _on_bills(rows, marks.hidden(connection, seq), instead))
    return {charge.account_key for charge in charges if owners.get(charge.event_key, charge.account_key) != charge.account_key}


def _on_bills(rows: pa.Table, hidden: marks.Hidden, instead: marks.Versions | None) -> pa.Table:
    """The version of each event that is on its bill: the one that counts, but where a final bill has another one. Others are left out."""
    counts = ~marks.is_hidden(rows, hidden)
    if instead is not None:
        counts = np.where(marks.has_key(rows, instead.keys), instead.holds(rows), counts)
    return rows.filter(pa.array(counts))


def _owners(home: Home, connection: sa.Connection, seq: int, rows: pa.Table) -> dict[bytes, int]:
    """The account (key) that owns each row as of `seq`, by its event; 0 for none."""
    subscriptions = Guide(home, seq).resolve(rows["served_id"].combine_chunks(), int64(rows["start_us"].cast(pa.int64()))).tolist()
    column = tables.subscriptions.c
    account_of: dict[int, int] = dict(connection.execute(sa.select(column.subscription_key, column.account_key)).all())
    names: list[Any] = rows["event_key"].to_pylist()
    return {name: account_of.get(key, 0) for name, key in zip(names, subscriptions, strict=True)}

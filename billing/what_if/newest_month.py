"""The newest month with usage: publication asks that a draft was tried on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import sqlalchemy as sa

from billing.intake import view
from billing.store.tables import usage_manifest
from rating.dates import local_time

if TYPE_CHECKING:
    from billing.store.home import Home


def newest_month(home: Home, timezone: str, now_us: int) -> str | None:
    """The calendar month (2026-10) of the newest usage up to now, on a clock; None where there is none.

    Only usage that a what-if compares counts: no unanswered calls, and nothing that waits in suspense. A stored file may hold events of
    the past and of the future, and nothing between. So begins of events are read, from the newest file back.
    """
    row, until_us = usage_manifest.c, now_us + 1
    newest_begin = sa.select(sa.func.max(row.start_min_us)).where(row.sealed_at_seq.is_(None), row.rows > 0)
    with home.connect() as connection:
        seq = home.head_seq(connection)
        while (from_us := connection.execute(newest_begin.where(row.start_min_us < until_us)).scalar_one()) is not None:
            starts_us = view.usage(home, ["start_us"], seq, from_us, until_us)["start_us"].cast(pa.int64()).to_numpy()
            if len(starts_us):
                return f"{local_time(int(starts_us.max()), timezone):%Y-%m}"
            until_us = from_us
    return None

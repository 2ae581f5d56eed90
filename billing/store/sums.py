"""Exact sums of money over any number of rows: what a sum says may be above int64, where SQLite's `sum` and a cast of PostgreSQL's fail.

    query = sa.select(row.currency, *halves(row.amount_micros)).group_by(row.currency)
    sums = {currency: whole(*parts) for currency, *parts in connection.execute(query)}

Each amount is added up in two parts, amount = upper x 2**32 + lower, of its sign; neither runs over below two thousand million rows.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from billing.store.tables.columns import INT64

HALF: Final = 1 << 32
STORED_MAX: Final = 2**63 - 1  # the most that a column of integers holds


def halves(amount: sa.ColumnElement[int]) -> tuple[sa.ColumnElement[int], sa.ColumnElement[int]]:
    """Two columns of a query that adds amounts up, for `whole`. Both databases divide toward zero."""
    half = sa.literal(HALF, INT64)
    upper, lower = (sa.cast(sa.func.coalesce(sa.func.sum(part), 0), INT64) for part in (amount // half, amount % half))
    return upper, lower


def whole(upper: Any, lower: Any) -> int:  # noqa: ANN401 -- cells of a row
    """The sum that `halves` asked for."""
    return int(upper) * HALF + int(lower)

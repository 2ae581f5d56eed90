"""Charges and credits by hand that count as of a commit: those that one person could enter alone, and those that another approved.

Which of the two was decided by the commit that stored them: a limit that is raised later approves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from billing.store import bulk, tables

if TYPE_CHECKING:
    import pyarrow as pa

LIMIT: Final = "adjustment_limit_micros"


def counting(connection: sa.Connection, seq: int) -> pa.Table:
    """Rows of `adjustments` that count as of `seq`, in the order in which they were entered."""
    row = tables.adjustments
    counts = sa.and_(row.c.commit_seq <= seq, row.c.approved_by.is_not(None))
    return bulk.read(connection, sa.select(row).where(counts).order_by(row.c.adjustment_id))

"""Charges and credits by hand that count as of a commit: those that one person could enter alone, and those that another approved.

Which of the two was decided by the commit that stored them: a limit that is raised later approves nothing. What was entered for usage that
came too late counts until that decision is taken back (`billing.late_decisions`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from billing import late_decisions
from billing.allocations.items import voided
from billing.store import bulk, tables

if TYPE_CHECKING:
    import pyarrow as pa

LIMIT: Final = "adjustment_limit_micros"


def counting(connection: sa.Connection, seq: int, retracted_seq: int | None = None) -> pa.Table:
    """Rows of `adjustments` that count as of `seq`, in the order in which they were entered, without those retracted by `retracted_seq`.

    A re-rating knows them as the last run did, and leaves out what was retracted since. None: by `seq`.
    """
    row = tables.adjustments
    counts = sa.and_(row.c.commit_seq <= seq, row.c.approved_by.is_not(None))
    gone = late_decisions.retracted(connection, seq if retracted_seq is None else retracted_seq)
    if gone:
        counts = sa.and_(counts, row.c.adjustment_id.not_in(sorted(gone)))
    return bulk.read(connection, sa.select(row).where(counts).order_by(row.c.adjustment_id))


def retracted(connection: sa.Connection, seq: int) -> pa.Table:
    """Rows of `adjustments` that were retracted by `seq`: no line is due for them, and one that takes such a line back has its name."""
    row = tables.adjustments
    gone = sorted(late_decisions.retracted(connection, seq))
    return bulk.read(connection, sa.select(row).where(row.c.adjustment_id.in_(gone)).order_by(row.c.adjustment_id))


def billed(connection: sa.Connection) -> dict[int, str]:
    """The newest invoice that stands and has the line of an adjustment, by its id."""
    line, invoice = tables.invoice_lines.c, tables.invoices.c
    query = sa.select(line.price_id, invoice.number).join_from(tables.invoice_lines, tables.invoices)
    query = query.where(line.kind == "adjustment", line.price_id > 0, invoice.invoice_key.not_in(voided()))
    return {int(price_id): number for price_id, number in connection.execute(query.order_by(invoice.invoice_key))}

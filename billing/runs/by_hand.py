"""Charges and credits by hand that count as of a commit: those within the limit of one person, and those that another one approved.

Whether an amount was within the limit is asked as of the commit that stored it: a limit that is raised later approves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa
import sqlalchemy as sa

from billing.charges.adjustments import needs_approval
from billing.store import bulk, settings, tables

LIMIT: Final = "adjustment_limit_micros"

if TYPE_CHECKING:
    from collections.abc import Mapping


def counting(connection: sa.Connection, seq: int) -> pa.Table:
    """Rows of `adjustments` that count as of `seq`, in the order in which they were entered."""
    row = tables.adjustments
    found = bulk.read(connection, sa.select(row).where(row.c.commit_seq <= seq).order_by(row.c.adjustment_id))
    if not found.num_rows:
        return found
    limits = _limits(connection)
    columns = (found[name].to_pylist() for name in ("approved_by", "amount_micros", "commit_seq"))
    counts = [who is not None or not needs_approval(amount, _at(limits, commit)) for who, amount, commit in zip(*columns, strict=True)]
    return found if all(counts) else found.filter(pa.array(counts))


def _limits(connection: sa.Connection) -> dict[int, int]:
    """Every value of the limit by the commit that set it, oldest first; the default from the beginning."""
    told = {each.commit_seq: int(each.value) for each in settings.changes(connection) if each.name == LIMIT}
    return {0: int(settings.SETTINGS[LIMIT].default), **told}


def _at(limits: Mapping[int, int], commit_seq: int) -> int:
    return next(value for seq, value in sorted(limits.items(), reverse=True) if seq <= commit_seq)

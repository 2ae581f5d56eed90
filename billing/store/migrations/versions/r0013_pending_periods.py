"""Periods that a run computed without usage which was on another bill then.

Revision 0013. Runs of before stored none: they billed such usage where they expected the next run to take it off the other bill.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.store.migrations import going_back

revision = "0013"
down_revision = "0012"

INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLE = "pending_periods"


def upgrade() -> None:
    """A table, empty."""
    op.create_table(
        _TABLE,
        sa.Column("run_id", INT64, primary_key=True),
        sa.Column("account_key", INT64, primary_key=True),
        sa.Column("period_from", sa.Text(), nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sqlite_strict=True,
    )


def downgrade() -> None:
    """Back to 0012, which would not compute such periods again: the usage would be on no bill.

    Frozen lists with such periods are refused before (`billing.store.frozen_lists`).
    """
    going_back.refuse_rows("0012", (_TABLE,))
    op.drop_table(_TABLE)

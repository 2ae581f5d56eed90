"""Charges of events on interim bills.

Revision 0016. Interim bills of before have none: which usage they have is worked out anew (`billing.runs.selection.interim_charges`).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.store.migrations import going_back

revision = "0016"
down_revision = "0015"

INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLE = "interim_charges"


def upgrade() -> None:
    """A table, empty."""
    op.create_table(
        _TABLE,
        sa.Column("run_id", INT64, primary_key=True),
        sa.Column("event_key", sa.LargeBinary(), primary_key=True),
        sa.Column("account_key", INT64, nullable=False),
        sa.Column("subscription_key", INT64, nullable=False),
        sa.Column("price_id", INT64, nullable=False),
        sa.Column("period_from", sa.Text(), nullable=False),
        sqlite_strict=True,
    )
    op.create_index(f"ix_{_TABLE}_event_key", _TABLE, ["event_key"])
    op.create_index(f"ix_{_TABLE}_account_key", _TABLE, ["account_key"])


def downgrade() -> None:
    """Back to 0015, which would work out anew what such bills have, and not always rightly."""
    going_back.refuse_rows("0015", (_TABLE,))
    op.drop_table(_TABLE)

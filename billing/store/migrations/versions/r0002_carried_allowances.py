"""What the periods of a run left of allowances that roll over.

Revision 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table; runs before it left nothing."""
    op.create_table(
        "carried_allowances",
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("account_key", INT64, nullable=False),
        sa.Column("subscription_key", INT64, nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("allowance_id", INT64, nullable=False),
        sa.Column("period_end", sa.Text(), nullable=False),
        sa.Column("serves_to", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("quantity", INT64, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "account_key", "subscription_key", "identity", "allowance_id", "period_end", "serves_to"),
        sqlite_strict=True,
    )

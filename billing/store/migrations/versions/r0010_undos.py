"""Bill runs that are taken back.

Revision 0010. No run of before was.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.store.migrations import going_back

revision = "0010"
down_revision = "0009"

INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLES = ("run_undos", "run_undo_accounts")


def upgrade() -> None:
    """Two tables, empty."""
    op.create_table(
        "run_undos",
        sa.Column("undo_id", INT64, primary_key=True),
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("restricted", INT64, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("by_uid", INT64, nullable=False),
        sa.Column("at_us", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("ix_run_undos_run_id", "run_undos", ["run_id"], unique=False)
    op.create_table(
        "run_undo_accounts",
        sa.Column("undo_id", INT64, sa.ForeignKey("run_undos.undo_id"), primary_key=True),
        sa.Column("account_key", INT64, primary_key=True),
        sqlite_strict=True,
    )


def downgrade() -> None:
    """Back to 0009, which knows no run that is taken back: what was undone would count again."""
    going_back.refuse_rows("0009", _TABLES)
    for name in reversed(_TABLES):
        op.drop_table(name)

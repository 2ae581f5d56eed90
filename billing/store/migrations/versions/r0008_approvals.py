"""Proposals that wait for a second person, and the decisions of that person; the reason of a change of a setting.

Revision 0008. Nothing of before waits: settings that were changed before hold as they did.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.store.migrations import going_back

revision = "0008"
down_revision = "0007"

_INT = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Two tables, and a column that may be empty."""
    op.create_table(
        "approvals",
        sa.Column("approval_id", _INT, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "subject", "payload")),
        sa.Column("account_key", _INT, nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("amount_micros", _INT, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("reason", "by_name")),
        *(sa.Column(name, _INT, nullable=False) for name in ("by_uid", "at_us", "commit_seq")),
        sa.ForeignKeyConstraint(["account_key"], ["accounts.account_key"]),
        sa.PrimaryKeyConstraint("approval_id"),
        sqlite_strict=True,
    )
    op.create_index("ix_approvals_account_key", "approvals", ["account_key"])
    op.create_index("ix_approvals_commit_seq", "approvals", ["commit_seq"])
    op.create_table(
        "approval_decisions",
        *(sa.Column(name, _INT, nullable=False) for name in ("decision_id", "approval_id")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "note", "by_name")),
        *(sa.Column(name, _INT, nullable=False) for name in ("by_uid", "at_us", "commit_seq")),
        sa.ForeignKeyConstraint(["approval_id"], ["approvals.approval_id"]),
        sa.PrimaryKeyConstraint("decision_id"),
        sa.UniqueConstraint("approval_id"),
        sqlite_strict=True,
    )
    op.create_index("ix_approval_decisions_commit_seq", "approval_decisions", ["commit_seq"])
    op.add_column("billing_settings", sa.Column("reason", sa.Text(), nullable=True))


def downgrade() -> None:
    """Back to 0007, in which nothing waits for a second person."""
    going_back.refuse_rows("0007", ["approvals", "approval_decisions"])
    op.drop_column("billing_settings", "reason")
    op.drop_table("approval_decisions")
    op.drop_table("approvals")

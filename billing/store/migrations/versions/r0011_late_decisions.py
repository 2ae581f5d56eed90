"""Decisions on usage that came too late for its bill.

Revision 0011. Of no usage of before anybody has decided.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.store.migrations import going_back

revision = "0011"
down_revision = "0010"

INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLES = ("late_decisions", "late_decision_events")


def upgrade() -> None:
    """Two tables, empty."""
    op.create_table(
        "late_decisions",
        sa.Column("decision_id", INT64, primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("undoes", INT64, nullable=True, unique=True),
        sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=True),
        sa.Column("subscription_key", INT64, nullable=False),
        sa.Column("currency", sa.Text(), nullable=True),
        *(sa.Column(name, INT64, nullable=False) for name in ("records", "worth_micros", "amount_micros")),
        sa.Column("adjustment_id", INT64, sa.ForeignKey("adjustments.adjustment_id"), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("reason", "by_name")),
        sa.Column("by_uid", INT64, nullable=False),
        sa.Column("agreed_by", sa.Text(), nullable=True),
        sa.Column("agreed_uid", INT64, nullable=True),
        *(sa.Column(name, INT64, nullable=False) for name in ("at_us", "commit_seq")),
        sqlite_strict=True,
    )
    op.create_index("ix_late_decisions_account_key", "late_decisions", ["account_key"], unique=False)
    op.create_table(
        "late_decision_events",
        sa.Column("decision_id", INT64, sa.ForeignKey("late_decisions.decision_id"), primary_key=True),
        sa.Column("event_key", sa.LargeBinary(), primary_key=True),
        *(sa.Column(name, INT64, nullable=False) for name in ("start_us", "worth_micros")),
        sqlite_strict=True,
    )
    op.create_index("ix_late_decision_events_event_key", "late_decision_events", ["event_key"], unique=False)


def downgrade() -> None:
    """Back to 0010, which knows no decision: what was decided could be billed once more."""
    going_back.refuse_rows("0010", _TABLES)
    for name in reversed(_TABLES):
        op.drop_table(name)

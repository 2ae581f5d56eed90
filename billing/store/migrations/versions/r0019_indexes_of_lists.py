"""Indexes for lists of all accounts in pages: documents by day of issue, what was paid out of one, payments as they were recorded.

Revision 0019. Rows stay as they are.
"""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"

_INDEXES = (
    ("ix_invoices_issued_on", "invoices", ["issued_on", "number"]),
    ("ix_payment_events_credit_number", "payment_events", ["credit_number"]),
    ("ix_payments_commit_seq", "payments", ["commit_seq", "payment_id"]),
)


def upgrade() -> None:
    """Add the indexes."""
    for name, table, columns in _INDEXES:
        op.create_index(name, table, columns)


def downgrade() -> None:
    """Back to 0018, which has no lists in pages by these orders."""
    for name, table, _ in _INDEXES:
        op.drop_index(name, table)

"""An index by which the subscription of the next owner is found.

Revision 0022. Rows stay as they are. A handover that was taken back is an end that no older program reads.
"""

from __future__ import annotations

from alembic import op

from billing.store.migrations import going_back
from billing.store.migrations.going_back import NoPlace

revision = "0022"
down_revision = "0021"

_NAME, _TABLE = "ix_subscriptions_transferred_from", "subscriptions"
_TAKEN_BACK = """kind = 'end' AND detail LIKE '%"taken_back"\\:true%'"""


def upgrade() -> None:
    """Add the index."""
    op.create_index(_NAME, _TABLE, ["transferred_from"])


def downgrade() -> None:
    """Back to 0021, which knows no handover that was taken back."""
    going_back.refuse("0021", [NoPlace("subscription_facts", "detail", "handovers that were taken back", _TAKEN_BACK)])
    op.drop_index(_NAME, _TABLE)

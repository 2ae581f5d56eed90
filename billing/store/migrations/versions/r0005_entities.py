"""The legal entity whose bank account a line of a bank file came into.

Revision 0005. Lines of before are of the legal entity without a name.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.store.migrations import going_back
from billing.store.migrations.going_back import NoPlace

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """A column that may be empty."""
    op.add_column("bank_lines", sa.Column("entity", sa.Text(), nullable=True))


def downgrade() -> None:
    """Back to 0004, which knows one bank account alone."""
    going_back.refuse("0004", [NoPlace("bank_lines", "entity", "money that came in for a legal entity")])
    op.drop_column("bank_lines", "entity")

"""Facts about parties: names, addresses, tax ids and bank accounts of customers and of legal entities.

Revision 0021. Homes of before have none.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.store.migrations import going_back

revision = "0021"
down_revision = "0020"

INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLE = "party_facts"


def upgrade() -> None:
    """A table, empty."""
    op.create_table(
        _TABLE,
        sa.Column("fact_id", INT64, primary_key=True),
        sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=name == "to_date") for name in ("entity", "kind", "name", "from_date", "to_date", "detail")),
        sa.Column("found_as", sa.Text(), nullable=True),
        sa.Column("retracts", INT64, nullable=True),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("by_uid", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.CheckConstraint("account_key IS NULL OR entity = ''", name="customer_or_issuer"),
        sqlite_strict=True,
    )
    op.create_index(f"ix_{_TABLE}_account_key", _TABLE, ["account_key"])
    op.create_index(f"ix_{_TABLE}_found_as", _TABLE, ["found_as"])


def downgrade() -> None:
    """Back to 0020, which has no parties."""
    going_back.refuse_rows("0020", (_TABLE,))
    op.drop_table(_TABLE)

"""Pictures of documents, such as an issuer's logo, by the hash of their bytes.

Revision 0023. Homes of before have none.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.store.migrations import going_back

revision = "0023"
down_revision = "0022"

INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLE = "pictures"


def upgrade() -> None:
    """A table, empty."""
    op.create_table(
        _TABLE,
        sa.Column("content_sha256", sa.Text(), primary_key=True),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("by_uid", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sqlite_strict=True,
    )


def downgrade() -> None:
    """Back to 0022, which has no pictures."""
    going_back.refuse_rows("0022", (_TABLE,))
    op.drop_table(_TABLE)

"""Drafts of tariff versions, and what was decided about them.

Revision 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.store.migrations import going_back
from billing.store.migrations.going_back import NoPlace

revision = "0002"
down_revision = "0001"

INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create both tables; homes that have published versions keep them as they are."""
    op.create_table(
        "tariff_decisions",
        sa.Column("decision_id", INT64, nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("version", INT64, nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("by_uid", INT64, nullable=False),
        sa.Column("at_us", INT64, nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.Column("row_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_tariff_decisions_identity"), "tariff_decisions", ["identity"], unique=False)
    op.create_table(
        "tariff_drafts",
        sa.Column("draft_id", INT64, nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("version", INT64, nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("effective_from_us", INT64, nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("author_uid", INT64, nullable=False),
        sa.Column("at_us", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.Column("row_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("draft_id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_tariff_drafts_identity"), "tariff_drafts", ["identity"], unique=False)


def downgrade() -> None:
    """Drop both tables. Refuses where they hold more than how the published versions came about."""
    unpublished = "NOT EXISTS (SELECT 1 FROM publications WHERE publications.content_hash = tariff_drafts.content_hash)"
    no_place = (
        NoPlace("tariff_decisions", "kind", "decisions about tariffs", "kind <> 'published'"),
        NoPlace("tariff_drafts", "content_hash", "drafts of tariffs", unpublished),
    )
    going_back.refuse("0001", no_place)
    op.drop_table("tariff_decisions")
    op.drop_table("tariff_drafts")

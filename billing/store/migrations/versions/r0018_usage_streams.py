"""Usage streams that count their batches.

Revision 0018.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.store.migrations import going_back

revision = "0018"
down_revision = "0017"

INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_STREAMS, _BATCHES = "usage_streams", "usage_stream_batches"
_COUNTS = ("accepted", "duplicate", "conflicting", "rejected", "absorbed")


def upgrade() -> None:
    """Two tables, empty."""
    op.create_table(
        _STREAMS,
        sa.Column("stream_key", INT64, primary_key=True),
        sa.Column("stream_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("by_name", sa.Text(), nullable=False),
        *(_int(name) for name in ("by_uid", "at_us", "commit_seq", "next_offset", *_COUNTS)),
        *(sa.Column(name, INT64, nullable=True) for name in ("finalized_us", "finalized_seq")),
        sa.UniqueConstraint("stream_id"),
        sqlite_strict=True,
    )
    op.create_table(
        _BATCHES,
        sa.Column("stream_key", INT64, primary_key=True),
        sa.Column("batch_offset", INT64, primary_key=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        *(_int(name) for name in (*_COUNTS, "commit_seq")),
        sa.ForeignKeyConstraint(["stream_key"], [f"{_STREAMS}.stream_key"]),
        sqlite_strict=True,
    )


def downgrade() -> None:
    """Back to 0017, which would take a batch again that a stream has: refused where there are streams."""
    going_back.refuse_rows("0017", (_BATCHES, _STREAMS))
    for name in (_BATCHES, _STREAMS):
        op.drop_table(name)


def _int(name: str) -> sa.Column[int]:
    return sa.Column(name, INT64, nullable=False)

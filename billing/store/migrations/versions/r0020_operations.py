"""Operations of the service: work that takes long, each in a process of its own.

Revision 0020. Homes of before have none.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from billing.store.migrations import going_back

revision = "0020"
down_revision = "0019"

INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLE = "operations"


def upgrade() -> None:
    """A table, empty."""
    op.create_table(
        _TABLE,
        sa.Column("operation_key", INT64, primary_key=True),
        _text("name"), _text("kind"), _text("subject"), _text("request"), _int("run_id", nullable=True), _text("resumes", nullable=True),
        _text("by_name"), _int("by_uid"), _text("via"), _text("role", nullable=True), _text("call", nullable=True),
        _text("state"), _int("at_us"), _int("commit_seq"), _text("cancelled_by", nullable=True), _int("cancelled_us", nullable=True),
        _text("stage", nullable=True), _int("done", nullable=True), _int("total", nullable=True),
        _text("result", nullable=True), _text("error", nullable=True), _int("ended_us", nullable=True), _int("ended_seq", nullable=True),
        sa.UniqueConstraint("name"), sqlite_strict=True,
    )  # fmt: skip
    op.create_index(f"ix_{_TABLE}_commit_seq", _TABLE, ["commit_seq"])


def downgrade() -> None:
    """Back to 0019, which has no operations."""
    going_back.refuse_rows("0019", (_TABLE,))
    op.drop_table(_TABLE)


def _int(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, INT64, nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)

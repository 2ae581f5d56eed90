"""The kind of each bill run, and of each account that a run put aside, in words.

Revision 0014. A run of the cycle had no kind before, nor had an account in quarantine: they get theirs. No digest is over these columns.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WORD_OF_NONE: Final = {"bill_runs": "cycle", "quarantine": "quarantined"}


def upgrade() -> None:
    """Fill in the kinds that had no word, and let no row be without one."""
    for table, word in _WORD_OF_NONE.items():
        op.execute(f"UPDATE {table} SET kind = '{word}' WHERE kind IS NULL")  # noqa: S608 -- texts of our own
    _change(nullable=False)


def downgrade() -> None:
    """Back to 0013, in which these kinds have no word."""
    _change(nullable=True)
    for table, word in _WORD_OF_NONE.items():
        op.execute(f"UPDATE {table} SET kind = NULL WHERE kind = '{word}'")  # noqa: S608 -- texts of our own


def _change(*, nullable: bool) -> None:
    """Forbid or allow rows without a kind. SQLite has no statement for that: the two small tables are made anew."""
    if op.get_bind().dialect.name == "postgresql":
        for table in _WORD_OF_NONE:
            op.alter_column(table, "kind", existing_type=sa.Text(), nullable=nullable)
        return
    op.execute("PRAGMA defer_foreign_keys = ON")  # invoices refer to runs, which are back before the commit
    for table, items in _tables(nullable=nullable).items():
        op.execute(f"CREATE TEMP TABLE {table}_kept AS SELECT * FROM main.{table}")  # noqa: S608 -- names of our own
        op.drop_table(table)
        op.create_table(table, *items, sqlite_strict=True)
        op.execute(f"INSERT INTO main.{table} SELECT * FROM temp.{table}_kept")  # noqa: S608 -- names of our own
        op.execute(f"DROP TABLE temp.{table}_kept")


def _tables(*, nullable: bool) -> dict[str, list[sa.schema.SchemaItem]]:
    runs: list[sa.schema.SchemaItem] = [
        sa.Column("run_id", INT64, primary_key=True),
        sa.Column("bill_date", sa.Text(), nullable=False),
        sa.Column("pinned_seq", INT64, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_us", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.Column("kind", sa.Text(), nullable=nullable),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("restricted", INT64, nullable=True),
        sa.UniqueConstraint("bill_date", "pinned_seq"),
    ]
    aside: list[sa.schema.SchemaItem] = [
        sa.Column("run_id", INT64, primary_key=True),
        sa.Column("account_key", INT64, primary_key=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=nullable),
    ]
    return {"bill_runs": runs, "quarantine": aside}

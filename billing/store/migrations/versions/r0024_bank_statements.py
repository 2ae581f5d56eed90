"""Statements of banks: balances and numbers, ids of bookings and payers, and money that left a bank account.

Revision 0024. Lines of before are of CSV files, which have none of these.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.store.migrations import going_back
from billing.store.migrations.going_back import NoPlace

revision = "0024"
down_revision = "0023"

INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LINE_COLUMNS = ("entry_id", "end_to_end_id", "mandate_id")
_FILE_COLUMNS = ("format", "findings")


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _int(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, INT64, nullable=nullable)


def upgrade() -> None:
    """Two tables, empty, and columns that may be empty."""
    for name in _FILE_COLUMNS:
        op.add_column("bank_files", _text(name, nullable=True))
    for name in _LINE_COLUMNS:
        op.add_column("bank_lines", _text(name, nullable=True))
    op.create_index("ix_bank_lines_entry_id", "bank_lines", ["entry_id"])
    op.create_index("ix_bank_lines_end_to_end_id", "bank_lines", ["end_to_end_id"])
    op.create_table(
        "bank_statements",
        sa.Column("bank_statement_id", INT64, primary_key=True),
        sa.Column("bank_file_id", INT64, sa.ForeignKey("bank_files.bank_file_id"), nullable=False),
        *(_text(name) for name in ("kind", "account", "statement_id")),
        _int("number", nullable=True),
        _int("page"),
        _text("currency"),
        _int("opening_micros", nullable=True),
        _int("closing_micros", nullable=True),
        _text("closed_on", nullable=True),
        *(_int(name) for name in ("entries", "net_micros", "is_referenced")),
        sqlite_strict=True,
    )
    op.create_index("ix_bank_statements_bank_file_id", "bank_statements", ["bank_file_id"])
    op.create_index("ix_bank_statements_account", "bank_statements", ["account", "kind"])
    op.create_table(
        "bank_debits",
        sa.Column("bank_file_id", INT64, sa.ForeignKey("bank_files.bank_file_id"), primary_key=True),
        sa.Column("line_no", INT64, primary_key=True),
        sa.Column("line_id", sa.Text(), nullable=False, unique=True),
        *(_text(name) for name in ("entry_id", "kind", "state")),
        _text("event_reference", nullable=True),
        _text("currency"),
        _int("amount_micros"),
        _int("charge_micros"),
        *(_text(name) for name in ("booked_on", "reference", "payee")),
        *(_text(name, nullable=True) for name in ("end_to_end_id", "mandate_id", "reason_code", "follows", "follow_on", "entity")),
        sa.CheckConstraint("amount_micros > 0", name="bank_debit_positive"),
        sqlite_strict=True,
    )
    op.create_index("ix_bank_debits_entry_id", "bank_debits", ["entry_id"])
    op.create_index("ix_bank_debits_event_reference", "bank_debits", ["event_reference"])


def downgrade() -> None:
    """Back to 0023, which knows bank files as CSV alone."""
    going_back.refuse_rows("0023", ("bank_statements", "bank_debits"))
    going_back.refuse("0023", [NoPlace("bank_files", name, "statements of banks") for name in _FILE_COLUMNS])
    going_back.refuse("0023", [NoPlace("bank_lines", name, "ids of bookings and payers") for name in _LINE_COLUMNS])
    op.drop_table("bank_debits")
    op.drop_table("bank_statements")
    op.drop_index("ix_bank_lines_entry_id", "bank_lines")
    op.drop_index("ix_bank_lines_end_to_end_id", "bank_lines")
    for name in _LINE_COLUMNS:
        op.drop_column("bank_lines", name)
    for name in _FILE_COLUMNS:
        op.drop_column("bank_files", name)

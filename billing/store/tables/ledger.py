"""Postings, periods and what the ledger makes itself."""

from __future__ import annotations

import sqlalchemy as sa

from billing.store.tables.columns import id_, int_, table, text

postings = table(
    "postings",
    sa.Column("posting_id", sa.LargeBinary, primary_key=True),  # hash(document, line, leg)
    text("document"),  # invoice number or payment id
    int_("line_no"),
    text("leg"),
    text("debit_account"),
    text("credit_account"),
    text("currency"),
    int_("amount_micros"),
    text("posted_on"),
    int_("commit_seq"),
    text("entity", nullable=True),  # whose books; null: the entity without a name
    sa.CheckConstraint("amount_micros > 0", name="amount_positive"),
    sa.CheckConstraint("debit_account <> credit_account", name="two_accounts"),
)

# What was decided about a month of an entity's books. kind: closed | reopen_asked | reopened.
ledger_periods = table(
    "ledger_periods",
    id_("event_id"),
    text("entity"),
    text("month"),  # 2026-10
    text("kind"),
    text("reason"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
    sa.Index("ix_ledger_periods_month", "entity", "month"),
)
# Documents of the ledger's own: earned revenue, accruals and their turning back, write-offs, provisions.
journal_entries = table(
    "journal_entries",
    sa.Column("document", sa.Text, primary_key=True),
    text("kind"),  # earned | accrual | accrual_reversal | write_off | write_off_reversal | provision
    text("entity"),
    text("month"),
    text("detail"),  # JSON
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
)
gl_exports = table(
    "gl_exports",
    id_("export_id"),
    text("entity"),
    text("month"),
    int_("through_seq"),
    int_("rows"),
    int_("debit_micros"),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    text("file_name"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
)

"""The first schema: facts, usage, runs, invoices, ledger, payments and dunning as `billing.store.tables` describes them.

Revision 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "accounts",
        sa.Column("account_key", INT64, nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("bill_day", INT64, nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("opened_on", sa.Text(), nullable=False),
        sa.Column("billed_through", sa.Text(), nullable=True),
        sa.Column("dunning_policy", sa.Text(), nullable=False),
        sa.Column("payment_days", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.PrimaryKeyConstraint("account_key"),
        sa.UniqueConstraint("account_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "bill_runs",
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("bill_date", sa.Text(), nullable=False),
        sa.Column("pinned_seq", INT64, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_us", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.PrimaryKeyConstraint("run_id"),
        sa.UniqueConstraint("bill_date", "pinned_seq"),
        sqlite_strict=True,
    )
    op.create_table(
        "carried_allowances",
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("account_key", INT64, nullable=False),
        sa.Column("subscription_key", INT64, nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("allowance_id", INT64, nullable=False),
        sa.Column("period_end", sa.Text(), nullable=False),
        sa.Column("serves_to", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("quantity", INT64, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "account_key", "subscription_key", "identity", "allowance_id", "period_end", "serves_to"),
        sqlite_strict=True,
    )
    op.create_table(
        "charge_manifest",
        sa.Column("manifest_id", INT64, nullable=False),
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("rows", INT64, nullable=False),
        sa.Column("charge_micros", INT64, nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.PrimaryKeyConstraint("manifest_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "commits",
        sa.Column("commit_seq", INT64, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at_us", INT64, nullable=False),
        sa.PrimaryKeyConstraint("commit_seq"),
        sqlite_strict=True,
    )
    op.create_table(
        "intake_counts",
        sa.Column("commit_seq", INT64, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("rows", INT64, nullable=False),
        sa.Column("duration_us", INT64, nullable=False),
        sa.Column("units", INT64, nullable=False),
        sa.Column("volume_bytes", INT64, nullable=False),
        sa.PrimaryKeyConstraint("commit_seq", "source", "outcome"),
        sqlite_strict=True,
    )
    op.create_table(
        "number_series",
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("next_number", INT64, nullable=False),
        sa.PrimaryKeyConstraint("series"),
        sqlite_strict=True,
    )
    op.create_table(
        "postings",
        sa.Column("posting_id", sa.LargeBinary(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("line_no", INT64, nullable=False),
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("debit_account", sa.Text(), nullable=False),
        sa.Column("credit_account", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_micros", INT64, nullable=False),
        sa.Column("posted_on", sa.Text(), nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.CheckConstraint("amount_micros > 0", name="amount_positive"),
        sa.CheckConstraint("debit_account <> credit_account", name="two_accounts"),
        sa.PrimaryKeyConstraint("posting_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "publications",
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("version", INT64, nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("effective_from_us", INT64, nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.PrimaryKeyConstraint("identity", "version"),
        sa.UniqueConstraint("content_hash"),
        sqlite_strict=True,
    )
    op.create_table(
        "quarantine",
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("account_key", INT64, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "account_key"),
        sqlite_strict=True,
    )
    op.create_table(
        "raw_files",
        sa.Column("raw_file_id", INT64, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.PrimaryKeyConstraint("raw_file_id"),
        sa.UniqueConstraint("source", "sha256"),
        sqlite_strict=True,
    )
    op.create_table(
        "run_terms",
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("term", sa.Text(), nullable=False),
        sa.Column("rows", INT64, nullable=False),
        sa.Column("amount_micros", INT64, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "term"),
        sqlite_strict=True,
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_strict=True,
    )
    op.create_table(
        "suspense",
        sa.Column("suspense_id", INT64, nullable=False),
        sa.Column("event_key", sa.LargeBinary(), nullable=True),
        sa.Column("content_hash", sa.LargeBinary(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw_file_id", INT64, nullable=False),
        sa.Column("raw_offset", INT64, nullable=False),
        sa.Column("raw_length", INT64, nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("duration_us", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.PrimaryKeyConstraint("suspense_id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_suspense_event_key"), "suspense", ["event_key"], unique=False)
    op.create_table(
        "usage_manifest",
        sa.Column("manifest_id", INT64, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("byte_from", INT64, nullable=False),
        sa.Column("byte_to", INT64, nullable=False),
        sa.Column("rows", INT64, nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("start_min_us", INT64, nullable=False),
        sa.Column("start_max_us", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.Column("sealed_at_seq", INT64, nullable=True),
        sa.PrimaryKeyConstraint("manifest_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "account_facts",
        sa.Column("fact_id", INT64, nullable=False),
        sa.Column("account_key", INT64, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from_date", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_key"],
            ["accounts.account_key"],
        ),
        sa.PrimaryKeyConstraint("fact_id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_account_facts_account_key"), "account_facts", ["account_key"], unique=False)
    op.create_table(
        "dunning_steps",
        sa.Column("step_id", INT64, nullable=False),
        sa.Column("account_key", INT64, nullable=False),
        sa.Column("level", INT64, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Text(), nullable=False),
        sa.Column("oldest_due_on", sa.Text(), nullable=True),
        sa.Column("overdue_micros", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_key"],
            ["accounts.account_key"],
        ),
        sa.PrimaryKeyConstraint("step_id"),
        sa.UniqueConstraint("account_key", "commit_seq"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_dunning_steps_account_key"), "dunning_steps", ["account_key"], unique=False)
    op.create_table(
        "invoices",
        sa.Column("invoice_key", INT64, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("account_key", INT64, nullable=False),
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("period_from", sa.Text(), nullable=False),
        sa.Column("period_to", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Text(), nullable=False),
        sa.Column("net_micros", INT64, nullable=False),
        sa.Column("tax_micros", INT64, nullable=False),
        sa.Column("total_micros", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.CheckConstraint("net_micros + tax_micros = total_micros", name="total_is_net_plus_tax"),
        sa.ForeignKeyConstraint(
            ["account_key"],
            ["accounts.account_key"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["bill_runs.run_id"],
        ),
        sa.PrimaryKeyConstraint("invoice_key"),
        sa.UniqueConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_invoices_account_key"), "invoices", ["account_key"], unique=False)
    op.create_index(op.f("ix_invoices_run_id"), "invoices", ["run_id"], unique=False)
    op.create_table(
        "payments",
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("account_key", INT64, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_micros", INT64, nullable=False),
        sa.Column("received_on", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.CheckConstraint("amount_micros > 0", name="payment_positive"),
        sa.ForeignKeyConstraint(
            ["account_key"],
            ["accounts.account_key"],
        ),
        sa.PrimaryKeyConstraint("payment_id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_payments_account_key"), "payments", ["account_key"], unique=False)
    op.create_table(
        "subscriptions",
        sa.Column("subscription_key", INT64, nullable=False),
        sa.Column("subscription_id", sa.Text(), nullable=False),
        sa.Column("account_key", INT64, nullable=False),
        sa.Column("from_date", sa.Text(), nullable=False),
        sa.Column("to_date", sa.Text(), nullable=True),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_key"],
            ["accounts.account_key"],
        ),
        sa.PrimaryKeyConstraint("subscription_key"),
        sa.UniqueConstraint("subscription_id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_subscriptions_account_key"), "subscriptions", ["account_key"], unique=False)
    op.create_table(
        "allocations",
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("invoice_key", INT64, nullable=False),
        sa.Column("amount_micros", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.ForeignKeyConstraint(
            ["invoice_key"],
            ["invoices.invoice_key"],
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"],
            ["payments.payment_id"],
        ),
        sa.PrimaryKeyConstraint("payment_id", "invoice_key"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_allocations_invoice_key"), "allocations", ["invoice_key"], unique=False)
    op.create_table(
        "subscription_ends",
        sa.Column("subscription_key", INT64, nullable=False),
        sa.Column("to_date", sa.Text(), nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_key"],
            ["subscriptions.subscription_key"],
        ),
        sa.PrimaryKeyConstraint("subscription_key"),
        sqlite_strict=True,
    )
    op.create_table(
        "set_offs",
        sa.Column("credit_invoice_key", INT64, nullable=False),
        sa.Column("invoice_key", INT64, nullable=False),
        sa.Column("amount_micros", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.CheckConstraint("amount_micros > 0", name="set_off_positive"),
        sa.ForeignKeyConstraint(
            ["credit_invoice_key"],
            ["invoices.invoice_key"],
        ),
        sa.ForeignKeyConstraint(
            ["invoice_key"],
            ["invoices.invoice_key"],
        ),
        sa.PrimaryKeyConstraint("credit_invoice_key", "invoice_key"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_set_offs_invoice_key"), "set_offs", ["invoice_key"], unique=False)
    op.create_table(
        "guiding_facts",
        sa.Column("fact_id", INT64, nullable=False),
        sa.Column("served_id", sa.Text(), nullable=False),
        sa.Column("subscription_key", INT64, nullable=False),
        sa.Column("from_us", INT64, nullable=False),
        sa.Column("to_us", INT64, nullable=True),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_key"],
            ["subscriptions.subscription_key"],
        ),
        sa.PrimaryKeyConstraint("fact_id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_guiding_facts_served_id"), "guiding_facts", ["served_id"], unique=False)
    op.create_table(
        "invoice_lines",
        sa.Column("invoice_key", INT64, nullable=False),
        sa.Column("line_no", INT64, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account_key", INT64, nullable=False),
        sa.Column("subscription_key", INT64, nullable=False),
        sa.Column("charge_code", INT64, nullable=False),
        sa.Column("price_id", INT64, nullable=False),
        sa.Column("revenue_code", INT64, nullable=False),
        sa.Column("tax_class", INT64, nullable=False),
        sa.Column("period_from", sa.Text(), nullable=False),
        sa.Column("period_to", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("events", INT64, nullable=False),
        sa.Column("quantity", INT64, nullable=False),
        sa.Column("free_quantity", INT64, nullable=False),
        sa.Column("quantity_unit", INT64, nullable=False),
        sa.Column("exact_micros", INT64, nullable=False),
        sa.Column("amount_micros", INT64, nullable=False),
        sa.ForeignKeyConstraint(
            ["invoice_key"],
            ["invoices.invoice_key"],
        ),
        sa.PrimaryKeyConstraint("invoice_key", "line_no"),
        sqlite_strict=True,
    )
    op.create_table(
        "plan_facts",
        sa.Column("fact_id", INT64, nullable=False),
        sa.Column("subscription_key", INT64, nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("from_date", sa.Text(), nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_key"],
            ["subscriptions.subscription_key"],
        ),
        sa.PrimaryKeyConstraint("fact_id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_plan_facts_subscription_key"), "plan_facts", ["subscription_key"], unique=False)

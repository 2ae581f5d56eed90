"""Invoices and other documents, their numbers and lines."""

from __future__ import annotations

import sqlalchemy as sa

from billing.store.tables.columns import INT64, id_, int_, kept_by_sqlite, table, text

# Who issues: an invoice's number is its entity's prefix, a dash and ten digits. The entity without a name has R and C.
legal_entities = table(
    "legal_entities",
    sa.Column("entity", sa.Text, primary_key=True),
    text("name"),
    sa.Column("invoice_prefix", sa.Text, nullable=False, unique=True),
    sa.Column("credit_prefix", sa.Text, nullable=False, unique=True),
    int_("commit_seq"),
)
number_series = table(  # next_number moves, inside the numbering transaction only
    "number_series", sa.Column("series", sa.Text, primary_key=True), int_("next_number")
)
invoices = table(
    "invoices",
    id_("invoice_key"),
    sa.Column("number", sa.Text, nullable=False, unique=True),
    sa.Column("account_key", INT64, nullable=False, index=True),
    sa.Column("run_id", INT64, nullable=False, index=True),
    text("currency"),
    text("period_from"),
    text("period_to"),
    text("issued_on"),
    text("due_on"),
    int_("net_micros"),
    int_("tax_micros"),
    int_("total_micros"),
    int_("commit_seq"),
    text("document_type", nullable=True),  # null: invoice; credit_note | opening
    text("legal_entity", nullable=True),
    int_("corrects_invoice_key", nullable=True),  # a credit note names the invoice that it is about
    sa.Index("ix_invoices_issued_on", "issued_on", "number"),
    sa.CheckConstraint("net_micros + tax_micros = total_micros", name="total_is_net_plus_tax"),
    kept_by_sqlite("account_key", "accounts.account_key"),
    kept_by_sqlite("run_id", "bill_runs.run_id"),
)
# What became of an invoice after it was issued. kind: voided.
invoice_events = table(
    "invoice_events",
    id_("event_id"),
    sa.Column("invoice_key", INT64, sa.ForeignKey("invoices.invoice_key"), nullable=False),
    text("kind"),
    text("on_date"),
    text("reason"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
    sa.UniqueConstraint("invoice_key", "kind"),
)
# One line a charge_key and invoice. kind: recurring | one_off | usage | volume | commitment | adjustment | discount | tax. `account_key`
# is the payer. A tax line has price_id 0 and its class.
invoice_lines = table(
    "invoice_lines",
    sa.Column("invoice_key", INT64, primary_key=True),
    sa.Column("line_no", INT64, primary_key=True),
    text("kind"),
    int_("account_key"),
    int_("subscription_key"),
    int_("charge_code"),
    int_("price_id"),
    int_("revenue_code"),
    int_("tax_class"),
    text("period_from"),  # of the charge: an earlier period than the invoice's marks a correction of it
    text("period_to"),
    text("text"),
    int_("events"),
    int_("quantity"),
    int_("free_quantity"),
    int_("quantity_unit"),
    int_("exact_micros"),  # sum of the rounded charges, before the line is brought to the minor unit
    int_("amount_micros"),
    int_("corrects_invoice_key", nullable=True),  # the newest invoice that billed this charge key before; null: none did
    text("effect", nullable=True),  # of a credit note's line: outside | advance
    text("billed_with", nullable=True),  # first day of the period with which a fee in advance was billed, or corrected; null: period_from
    kept_by_sqlite("invoice_key", "invoices.invoice_key"),
)

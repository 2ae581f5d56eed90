"""Payments and what they settle, bank files, deposits, promises."""

from __future__ import annotations

import sqlalchemy as sa

from billing.store.tables.columns import INT64, id_, int_, table, text

payments = table(
    "payments",
    sa.Column("payment_id", sa.Text, primary_key=True),
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=False, index=True),
    text("currency"),
    int_("amount_micros"),
    text("received_on"),
    text("reference"),
    int_("commit_seq"),
    text("channel", nullable=True),  # bank | cash | suspense (out of the work list); null: not told
    text("instruction", nullable=True),  # JSON: numbers of the invoices that the payer names
    text("receipt", nullable=True),  # number of the cash desk's receipt
    text("by_name", nullable=True),
    int_("by_uid", nullable=True),
    sa.Index("ix_payments_commit_seq", "commit_seq", "payment_id"),
    sa.CheckConstraint("amount_micros > 0", name="payment_positive"),
)
# What settles what, added to only. credit_kind: payment | invoice (a document with a negative total) | deposit | write_off; credit_id:
# payment id, number, deposit id, document. A negative amount undoes (part of) an earlier row of the same pair.
settlements = table(
    "settlements",
    id_("settlement_id"),
    text("credit_kind"),
    text("credit_id"),
    sa.Column("invoice_key", INT64, sa.ForeignKey("invoices.invoice_key"), nullable=False, index=True),
    int_("amount_micros"),
    int_("commit_seq"),
    sa.Index("ix_settlements_credit", "credit_kind", "credit_id"),
    sa.CheckConstraint("amount_micros <> 0", name="settlement_not_zero"),
)
# Rules of what settles what that hold from a commit on, in homes that settled by another rule before (`billing.allocations.corrected`).
settlement_rules = table("settlement_rules", sa.Column("rule", sa.Text, primary_key=True), int_("from_seq"))
# Credit that is not used up: one row while something is left. `left_micros` moves, and the row goes at zero; controls work it out anew.
credits_left = table(
    "credits_left",
    sa.Column("credit_kind", sa.Text, primary_key=True),  # as in settlements
    sa.Column("credit_id", sa.Text, primary_key=True),
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=False, index=True),
    int_("left_micros"),
    int_("commit_seq"),  # when the credit came
)
# What happened to a payment later, or to the money of a credit document. kind: refund | reversal | chargeback | chargeback_won.
# `reference` makes it count once.
payment_events = table(
    "payment_events",
    id_("event_id"),
    sa.Column("reference", sa.Text, nullable=False, unique=True),
    sa.Column("payment_id", sa.Text, sa.ForeignKey("payments.payment_id"), nullable=True, index=True),
    sa.Column("credit_number", sa.Text, nullable=True, index=True),  # of a document whose credit was paid out
    text("payee", nullable=True),
    text("kind"),
    int_("amount_micros"),
    int_("fee_micros"),
    text("on_date"),
    text("reason"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
    sa.CheckConstraint("amount_micros > 0", name="payment_event_positive"),
)
# Bank files that were imported, and their lines. state of a line: matched, or why it is not; what was decided
# later stands beside it.
bank_files = table(
    "bank_files",
    id_("bank_file_id"),
    text("file_name"),
    sa.Column("sha256", sa.LargeBinary, nullable=False, unique=True),
    int_("rows"),
    int_("amount_micros"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
    text("format", nullable=True),  # camt.053 | camt.054 | mt940; null: CSV
    text("findings", nullable=True),  # JSON: sentences about the file, such as a statement that is missing
)
# Statements and notifications of banks that were imported. Balances are null where there are none.
bank_statements = table(
    "bank_statements",
    id_("bank_statement_id"),
    sa.Column("bank_file_id", INT64, sa.ForeignKey("bank_files.bank_file_id"), nullable=False, index=True),
    text("kind"),  # statement | notification
    text("account"),  # IBAN or number, of an issuer
    text("statement_id"),
    int_("number", nullable=True),
    int_("page"),
    text("currency"),
    int_("opening_micros", nullable=True),
    int_("closing_micros", nullable=True),
    text("closed_on", nullable=True),
    int_("entries"),
    int_("net_micros"),
    int_("is_referenced"),  # 1: each entry has an id of the bank
    sa.Index("ix_bank_statements_account", "account", "kind"),
)
bank_lines = table(
    "bank_lines",
    sa.Column("bank_file_id", INT64, sa.ForeignKey("bank_files.bank_file_id"), primary_key=True),
    sa.Column("line_no", INT64, primary_key=True),
    sa.Column("line_id", sa.Text, nullable=False, unique=True),  # the bank's own id, else a hash of the line
    text("currency"),
    int_("amount_micros"),
    text("received_on"),
    text("reference"),
    text("payer"),
    text("state"),
    text("payment_id", nullable=True),
    text("entity", nullable=True),  # whose bank account it came into; null: the legal entity without a name
    sa.Column("entry_id", sa.Text, nullable=True, index=True),  # the bank's booking that the line is a part of
    sa.Column("end_to_end_id", sa.Text, nullable=True, index=True),  # of the payer, or of our direct debit
    text("mandate_id", nullable=True),
)
# Money that left a bank account. kind: charge | return | refund. state: charged, reversed, refunded and so on, or why it is listed.
bank_debits = table(
    "bank_debits",
    sa.Column("bank_file_id", INT64, sa.ForeignKey("bank_files.bank_file_id"), primary_key=True),
    sa.Column("line_no", INT64, primary_key=True),  # below zero: a charge in the line of that number
    sa.Column("line_id", sa.Text, nullable=False, unique=True),
    sa.Column("entry_id", sa.Text, nullable=False, index=True),
    text("kind"),
    text("state"),
    sa.Column("event_reference", sa.Text, nullable=True, index=True),  # the reversal or refund that it is
    text("currency"),
    int_("amount_micros"),
    int_("charge_micros"),  # of a return, in its amount
    text("booked_on"),
    text("reference"),
    text("payee"),
    text("end_to_end_id", nullable=True),
    text("mandate_id", nullable=True),
    text("reason_code", nullable=True),
    text("follows", nullable=True),  # of a return: again | mandate_ended | desk
    text("follow_on", nullable=True),  # of `again`: the day
    text("entity", nullable=True),
    sa.CheckConstraint("amount_micros > 0", name="bank_debit_positive"),
)
bank_line_decisions = table(  # kind: assigned | returned
    "bank_line_decisions",
    id_("decision_id"),
    sa.Column("line_id", sa.Text, nullable=False, unique=True),
    text("kind"),
    text("payment_id", nullable=True),
    text("note"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
)
deposits = table(
    "deposits",
    sa.Column("deposit_id", sa.Text, primary_key=True),
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=False, index=True),
    text("currency"),
    int_("amount_micros"),
    text("received_on"),
    text("reference"),
    text("by_name"),
    int_("by_uid"),
    int_("commit_seq"),
    sa.CheckConstraint("amount_micros > 0", name="deposit_positive"),
)
deposit_events = table(  # kind: applied (to invoices) | refunded
    "deposit_events",
    sa.Column("reference", sa.Text, primary_key=True),
    sa.Column("deposit_id", sa.Text, sa.ForeignKey("deposits.deposit_id"), nullable=False, index=True),
    text("kind"),
    int_("amount_micros"),
    text("on_date"),
    text("reason"),
    text("by_name"),
    int_("by_uid"),
    int_("commit_seq"),
    sa.CheckConstraint("amount_micros > 0", name="deposit_event_positive"),
)
promises = table(  # kept or broken is worked out from payments
    "promises",
    sa.Column("promise_id", sa.Text, primary_key=True),
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=False, index=True),
    int_("amount_micros"),
    text("made_on"),
    text("due_on"),
    text("note"),
    text("by_name"),
    int_("by_uid"),
    int_("commit_seq"),
)
instalment_plans = table(
    "instalment_plans",
    sa.Column("plan_id", sa.Text, primary_key=True),
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=False, index=True),
    text("agreed_on"),
    text("note"),
    text("by_name"),
    int_("by_uid"),
    int_("commit_seq"),
)
instalments = table(
    "instalments",
    sa.Column("plan_id", sa.Text, sa.ForeignKey("instalment_plans.plan_id"), primary_key=True),
    sa.Column("invoice_key", INT64, sa.ForeignKey("invoices.invoice_key"), primary_key=True, index=True),
    sa.Column("part_no", INT64, primary_key=True),
    text("due_on"),
    int_("amount_micros"),
    sa.CheckConstraint("amount_micros > 0", name="instalment_positive"),
)

"""Dated facts, adjustments, alarms, findings, re-rating, documents and their events, periods of the ledger, settlements, bank files.

Revision 0004. Ends that were learned later become facts, allocations and set-offs one table of settlements.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from billing.store.migrations import going_back
from billing.store.migrations.going_back import NoPlace

revision = "0004"
down_revision = "0003"

INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TYPES: dict[str, sa.types.TypeEngine[Any]] = {"int": INT64, "text": sa.Text(), "blob": sa.LargeBinary()}
# table: its columns, name and kind, a question mark where nothing may stand
_MADE = {
    "billing_settings": "setting_id int, name text, value text, by_name text, by_uid int, at_us int, commit_seq int",
    "subscription_facts": (
        "fact_id int, subscription_key int, kind text, from_date text, to_date text?, detail text, retracts int?, "
        "by_name text, by_uid int, commit_seq int"
    ),
    "opening_items": "account_key int, reference text, issued_on text, due_on text, amount_micros int, commit_seq int",
    "baselines": "account_key int, month text, amount_micros int, commit_seq int",
    "run_accounts": "run_id int, account_key int",
    "run_steps": "run_id int, state text, at_us int, by_name text, by_uid int",
    "run_chunks": "run_id int, chunk int, commit_seq int",
    "run_drafts": "run_id int, path text, invoices int, lines int, net_micros int, sha256 blob, commit_seq int",
    "run_decisions": "decision_id int, run_id int, kind text, sha256 blob, note text, by_name text, by_uid int, at_us int, commit_seq int",
    "adjustments": (
        "adjustment_id int, reference text, account_key int, subscription_key int, on_date text, catalogue text, "
        "tax_class text, charge_code int, revenue_code int, amount_micros int, reason_code text, text text, "
        "by_name text, by_uid int, approved_by text?, approved_uid int?, at_us int, commit_seq int"
    ),
    "limit_alarms": (
        "alarm_id int, kind text, account_key int, subscription_key int, limit_id int, period_from text, "
        "reached_micros int, limit_micros int, action text, run_id int?, at_us int, commit_seq int"
    ),
    "alarm_decisions": "decision_id int, alarm_id int, kind text, note text, by_name text, by_uid int, at_us int, commit_seq int",
    "control_findings": (
        "finding_id int, name text, run_id int?, text text, left_side int, right_side int, unit text, owner text, "
        "due_on text, found_us int, commit_seq int"
    ),
    "finding_decisions": (
        "decision_id int, finding_id int, kind text, owner text, due_on text, note text, by_name text, by_uid int, "
        "at_us int, commit_seq int"
    ),
    "rerate_jobs": (
        "job_id int, reference text, plan text, version int, periods text, accounts text, pinned_seq int, preview text, "
        "net_micros int, by_name text, by_uid int, at_us int, commit_seq int"
    ),
    "rerate_decisions": (
        "decision_id int, job_id int, kind text, note text, run_id int?, by_name text, by_uid int, at_us int, commit_seq int"
    ),
    "legal_entities": "entity text, name text, invoice_prefix text, credit_prefix text, commit_seq int",
    "invoice_events": (
        "event_id int, invoice_key int, kind text, on_date text, reason text, by_name text, by_uid int, at_us int, commit_seq int"
    ),
    "ledger_periods": "event_id int, entity text, month text, kind text, reason text, by_name text, by_uid int, at_us int, commit_seq int",
    "journal_entries": (
        "document text, kind text, entity text, month text, detail text, by_name text, by_uid int, at_us int, commit_seq int"
    ),
    "gl_exports": (
        "export_id int, entity text, month text, through_seq int, rows int, debit_micros int, sha256 blob, "
        "file_name text, by_name text, by_uid int, at_us int, commit_seq int"
    ),
    "settlements": "settlement_id int, credit_kind text, credit_id text, invoice_key int, amount_micros int, commit_seq int",
    "credits_left": "credit_kind text, credit_id text, account_key int, left_micros int, commit_seq int",
    "payment_events": (
        "event_id int, reference text, payment_id text?, credit_number text?, payee text?, kind text, amount_micros int, "
        "fee_micros int, on_date text, reason text, by_name text, by_uid int, at_us int, commit_seq int"
    ),
    "bank_files": (
        "bank_file_id int, file_name text, sha256 blob, rows int, amount_micros int, by_name text, by_uid int, at_us int, commit_seq int"
    ),
    "bank_lines": (
        "bank_file_id int, line_no int, line_id text, currency text, amount_micros int, received_on text, "
        "reference text, payer text, state text, payment_id text?"
    ),
    "bank_line_decisions": (
        "decision_id int, line_id text, kind text, payment_id text?, note text, by_name text, by_uid int, at_us int, commit_seq int"
    ),
    "deposits": (
        "deposit_id text, account_key int, currency text, amount_micros int, received_on text, reference text, "
        "by_name text, by_uid int, commit_seq int"
    ),
    "deposit_events": (
        "reference text, deposit_id text, kind text, amount_micros int, on_date text, reason text, by_name text, by_uid int, commit_seq int"
    ),
    "promises": (
        "promise_id text, account_key int, amount_micros int, made_on text, due_on text, note text, by_name text, "
        "by_uid int, commit_seq int"
    ),
    "instalment_plans": "plan_id text, account_key int, agreed_on text, note text, by_name text, by_uid int, commit_seq int",
    "instalments": "plan_id text, invoice_key int, part_no int, due_on text, amount_micros int",
}
_KEYS = {  # where the primary key is not the first column alone
    "opening_items": "account_key, reference",
    "baselines": "account_key, month",
    "run_accounts": "run_id, account_key",
    "run_steps": "run_id, state",
    "run_chunks": "run_id, chunk",
    "credits_left": "credit_kind, credit_id",
    "bank_lines": "bank_file_id, line_no",
    "instalments": "plan_id, invoice_key, part_no",
}
_CONSTRAINTS: dict[str, tuple[sa.schema.SchemaItem, ...]] = {
    "subscription_facts": (sa.ForeignKeyConstraint(["subscription_key"], ["subscriptions.subscription_key"]),),
    "opening_items": (sa.ForeignKeyConstraint(["account_key"], ["accounts.account_key"]),),
    "baselines": (sa.ForeignKeyConstraint(["account_key"], ["accounts.account_key"]),),
    "adjustments": (
        sa.UniqueConstraint("reference"),
        sa.ForeignKeyConstraint(["account_key"], ["accounts.account_key"]),
    ),
    "limit_alarms": (
        sa.UniqueConstraint("kind", "account_key", "subscription_key", "limit_id", "period_from"),
        sa.ForeignKeyConstraint(["account_key"], ["accounts.account_key"]),
    ),
    "alarm_decisions": (sa.ForeignKeyConstraint(["alarm_id"], ["limit_alarms.alarm_id"]),),
    "finding_decisions": (sa.ForeignKeyConstraint(["finding_id"], ["control_findings.finding_id"]),),
    "rerate_jobs": (sa.UniqueConstraint("reference"),),
    "rerate_decisions": (sa.ForeignKeyConstraint(["job_id"], ["rerate_jobs.job_id"]),),
    "legal_entities": (
        sa.UniqueConstraint("invoice_prefix"),
        sa.UniqueConstraint("credit_prefix"),
    ),
    "invoice_events": (
        sa.UniqueConstraint("invoice_key", "kind"),
        sa.ForeignKeyConstraint(["invoice_key"], ["invoices.invoice_key"]),
    ),
    "settlements": (
        sa.CheckConstraint("amount_micros <> 0", name="settlement_not_zero"),
        sa.ForeignKeyConstraint(["invoice_key"], ["invoices.invoice_key"]),
    ),
    "credits_left": (sa.ForeignKeyConstraint(["account_key"], ["accounts.account_key"]),),
    "payment_events": (
        sa.CheckConstraint("amount_micros > 0", name="payment_event_positive"),
        sa.UniqueConstraint("reference"),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.payment_id"]),
    ),
    "bank_files": (sa.UniqueConstraint("sha256"),),
    "bank_lines": (
        sa.ForeignKeyConstraint(["bank_file_id"], ["bank_files.bank_file_id"]),
        sa.UniqueConstraint("line_id"),
    ),
    "bank_line_decisions": (sa.UniqueConstraint("line_id"),),
    "deposits": (
        sa.CheckConstraint("amount_micros > 0", name="deposit_positive"),
        sa.ForeignKeyConstraint(["account_key"], ["accounts.account_key"]),
    ),
    "deposit_events": (
        sa.CheckConstraint("amount_micros > 0", name="deposit_event_positive"),
        sa.ForeignKeyConstraint(["deposit_id"], ["deposits.deposit_id"]),
    ),
    "promises": (sa.ForeignKeyConstraint(["account_key"], ["accounts.account_key"]),),
    "instalment_plans": (sa.ForeignKeyConstraint(["account_key"], ["accounts.account_key"]),),
    "instalments": (
        sa.CheckConstraint("amount_micros > 0", name="instalment_positive"),
        sa.ForeignKeyConstraint(["plan_id"], ["instalment_plans.plan_id"]),
        sa.ForeignKeyConstraint(["invoice_key"], ["invoices.invoice_key"]),
    ),
}
_INDEXES = (
    ("ix_billing_settings_name", "billing_settings", ("name",)),
    ("ix_subscription_facts_subscription_key", "subscription_facts", ("subscription_key",)),
    ("ix_run_decisions_run_id", "run_decisions", ("run_id",)),
    ("ix_adjustments_account_key", "adjustments", ("account_key",)),
    ("ix_alarm_decisions_alarm_id", "alarm_decisions", ("alarm_id",)),
    ("ix_control_findings_name", "control_findings", ("name",)),
    ("ix_finding_decisions_finding_id", "finding_decisions", ("finding_id",)),
    ("ix_rerate_decisions_job_id", "rerate_decisions", ("job_id",)),
    ("ix_ledger_periods_month", "ledger_periods", ("entity", "month")),
    ("ix_settlements_credit", "settlements", ("credit_kind", "credit_id")),
    ("ix_settlements_invoice_key", "settlements", ("invoice_key",)),
    ("ix_credits_left_account_key", "credits_left", ("account_key",)),
    ("ix_payment_events_payment_id", "payment_events", ("payment_id",)),
    ("ix_deposits_account_key", "deposits", ("account_key",)),
    ("ix_deposit_events_deposit_id", "deposit_events", ("deposit_id",)),
    ("ix_promises_account_key", "promises", ("account_key",)),
    ("ix_instalment_plans_account_key", "instalment_plans", ("account_key",)),
    ("ix_instalments_invoice_key", "instalments", ("invoice_key",)),
)
_ADDED = {
    "account_facts": "to_date text, retracts int, by_name text, by_uid int",
    "accounts": "legal_entity text, category text",
    "bill_runs": "kind text, detail text, restricted int",
    "invoice_lines": "corrects_invoice_key int, effect text",
    "invoices": "document_type text, legal_entity text, corrects_invoice_key int",
    "payments": "channel text, instruction text, receipt text, by_name text, by_uid int",
    "postings": "entity text",
    "quarantine": "kind text",
    "subscriptions": "transferred_from int",
}
_KEYS_OF_MANY = (("invoices", "account_key", "accounts"), ("invoices", "run_id", "bill_runs"), ("invoice_lines", "invoice_key", "invoices"))
_ENDS = """
INSERT INTO subscription_facts (fact_id, subscription_key, kind, from_date, detail, by_name, by_uid, commit_seq)
SELECT row_number() OVER (ORDER BY commit_seq, subscription_key), subscription_key, 'end', to_date, '{}', '', 0, commit_seq
FROM subscription_ends
"""
_SETTLED = """
INSERT INTO settlements (settlement_id, credit_kind, credit_id, invoice_key, amount_micros, commit_seq)
SELECT row_number() OVER (ORDER BY commit_seq, credit_kind, credit_id, invoice_key),
    credit_kind, credit_id, invoice_key, amount_micros, commit_seq
FROM (
    SELECT 'invoice' AS credit_kind, credit.number AS credit_id, set_offs.invoice_key, set_offs.amount_micros, set_offs.commit_seq
    FROM set_offs JOIN invoices AS credit ON credit.invoice_key = set_offs.credit_invoice_key
    UNION ALL
    SELECT 'payment', payment_id, invoice_key, amount_micros, commit_seq FROM allocations
) AS parts
"""


_LEFT = """
INSERT INTO credits_left (credit_kind, credit_id, account_key, left_micros, commit_seq)
SELECT credit_kind, credit_id, account_key, left_micros, commit_seq
FROM (
    SELECT 'payment' AS credit_kind, payment_id AS credit_id, account_key, commit_seq, amount_micros - coalesce(
        (SELECT sum(amount_micros) FROM allocations WHERE allocations.payment_id = payments.payment_id), 0) AS left_micros
    FROM payments
    UNION ALL
    SELECT 'invoice', number, account_key, commit_seq, -total_micros - coalesce(
        (SELECT sum(amount_micros) FROM set_offs WHERE set_offs.credit_invoice_key = invoices.invoice_key), 0)
    FROM invoices WHERE total_micros < 0
) AS credits
WHERE left_micros > 0
"""
# Going back: tables whose rows are taken back or only describe; what has no place; how the others are taken back.
_TAKEN_BACK = {"subscription_facts", "settlements", "credits_left", "run_steps", "run_chunks", "run_drafts"}
_NO_PLACE = (
    NoPlace("subscription_facts", "kind", "facts of subscriptions", "kind <> 'end' OR detail <> '{}' OR to_date IS NOT NULL"),
    NoPlace("subscription_facts", "retracts", "ends that were taken back"),
    NoPlace(
        "subscription_facts",
        "from_date",
        "ends that were changed",
        "EXISTS (SELECT 1 FROM subscription_facts AS other WHERE other.subscription_key = subscription_facts.subscription_key"
        " AND other.fact_id <> subscription_facts.fact_id)",
    ),
    NoPlace("account_facts", "kind", "facts of accounts", "kind NOT IN ('bar_outgoing', 'unbar')"),
    NoPlace("account_facts", "to_date", "facts of accounts with an end"),
    NoPlace("account_facts", "retracts", "facts of accounts that were taken back"),
    NoPlace("settlements", "amount_micros", "settlements undone", "amount_micros < 0"),
    NoPlace("settlements", "credit_kind", "settlements of deposits or write-offs", "credit_kind NOT IN ('payment', 'invoice')"),
    NoPlace(
        "settlements",
        "invoice_key",
        "settlements in several parts",
        "EXISTS (SELECT 1 FROM settlements AS other WHERE other.credit_kind = settlements.credit_kind AND other.credit_id ="
        " settlements.credit_id AND other.invoice_key = settlements.invoice_key AND other.settlement_id <> settlements.settlement_id)",
    ),
    NoPlace("accounts", "legal_entity", "accounts of a legal entity", "legal_entity <> ''"),
    NoPlace("accounts", "category", "accounts of a category", "category <> ''"),
    NoPlace("bill_runs", "kind", "runs of other kinds", "kind <> 'cycle'"),
    NoPlace("bill_runs", "detail", "runs with a date of issue of their own"),
    NoPlace("bill_runs", "restricted", "runs of some accounts", "restricted <> 0"),
    NoPlace("bill_runs", "state", "runs that are computed, rejected or abandoned", "state NOT IN ('computing', 'numbered', 'posted')"),
    NoPlace("quarantine", "kind", "accounts that a run left out for another reason than quarantine"),
    NoPlace("invoices", "document_type", "documents that are not invoices", "document_type <> 'invoice'"),
    NoPlace("invoices", "legal_entity", "invoices of a legal entity", "legal_entity <> ''"),
    NoPlace("invoices", "corrects_invoice_key", "documents that correct an invoice"),
    NoPlace("invoice_lines", "corrects_invoice_key", "lines that correct an invoice"),
    NoPlace("invoice_lines", "effect", "effects of credited lines"),
    NoPlace("payments", "channel", "payments that did not come through the bank", "channel <> 'bank'"),  # nothing told is: the bank
    NoPlace("payments", "instruction", "payments that name their invoices"),
    NoPlace("payments", "receipt", "receipts of the cash desk"),
    NoPlace("postings", "entity", "postings of a legal entity", "entity <> ''"),
    NoPlace("subscriptions", "transferred_from", "subscriptions that changed their owner"),
)
_BACK = (
    """
    INSERT INTO subscription_ends (subscription_key, to_date, commit_seq)
    SELECT subscription_key, from_date, commit_seq FROM subscription_facts
    """,
    """
    INSERT INTO allocations (payment_id, invoice_key, amount_micros, commit_seq)
    SELECT credit_id, invoice_key, amount_micros, commit_seq FROM settlements WHERE credit_kind = 'payment'
    """,
    """
    INSERT INTO set_offs (credit_invoice_key, invoice_key, amount_micros, commit_seq)
    SELECT invoices.invoice_key, settlements.invoice_key, settlements.amount_micros, settlements.commit_seq
    FROM settlements JOIN invoices ON invoices.number = settlements.credit_id WHERE credit_kind = 'invoice'
    """,
)


def upgrade() -> None:
    """Make the new tables, move what stood elsewhere into them, add columns that may be empty."""
    for name, columns in _MADE.items():
        _make(name, columns)
    for name, table, names in _INDEXES:
        op.create_index(name, table, list(names), unique=False)
    for table, columns in _ADDED.items():
        for column in _columns(columns):
            column.nullable = True
            op.add_column(table, column)
    op.execute("UPDATE postings SET entity = ''")
    op.execute(_ENDS)
    op.execute(_LEFT)
    op.execute(_SETTLED)
    for table in ("subscription_ends", "set_offs", "allocations"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":  # which asks for each of five million rows alone
        for table, key, _ in _KEYS_OF_MANY:
            op.drop_constraint(f"{table}_{key}_fkey", table, type_="foreignkey")


def downgrade() -> None:
    """Take ends, allocations and set-offs back to their tables and drop the new ones.

    What only describes is dropped: by whom a fact was entered, the steps and drafts of posted runs. Refuses where anything stands
    that would change what is billed, owed or posted.
    """
    going_back.refuse_rows("0003", [name for name in _MADE if name not in _TAKEN_BACK])
    going_back.refuse("0003", _NO_PLACE)
    _make_old_tables()
    for statement in _BACK:
        op.execute(statement)
    for table, columns in _ADDED.items():
        for column in _columns(columns):
            op.drop_column(table, column.name)
    for name in reversed(_MADE):
        op.drop_table(name)
    if op.get_bind().dialect.name == "postgresql":
        for table, key, target in _KEYS_OF_MANY:
            op.create_foreign_key(f"{table}_{key}_fkey", table, target, [key], [key])


def _make_old_tables() -> None:
    key = sa.ForeignKeyConstraint(["subscription_key"], ["subscriptions.subscription_key"])
    columns = _columns("subscription_key int, to_date text, commit_seq int")
    op.create_table("subscription_ends", *columns, key, sa.PrimaryKeyConstraint("subscription_key"), sqlite_strict=True)
    op.create_table(
        "allocations",
        *_columns("payment_id text, invoice_key int, amount_micros int, commit_seq int"),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.payment_id"]),
        sa.ForeignKeyConstraint(["invoice_key"], ["invoices.invoice_key"]),
        sa.PrimaryKeyConstraint("payment_id", "invoice_key"),
        sqlite_strict=True,
    )
    op.create_table(
        "set_offs",
        *_columns("credit_invoice_key int, invoice_key int, amount_micros int, commit_seq int"),
        sa.CheckConstraint("amount_micros > 0", name="set_off_positive"),
        sa.ForeignKeyConstraint(["credit_invoice_key"], ["invoices.invoice_key"]),
        sa.ForeignKeyConstraint(["invoice_key"], ["invoices.invoice_key"]),
        sa.PrimaryKeyConstraint("credit_invoice_key", "invoice_key"),
        sqlite_strict=True,
    )
    op.create_index("ix_allocations_invoice_key", "allocations", ["invoice_key"], unique=False)
    op.create_index("ix_set_offs_invoice_key", "set_offs", ["invoice_key"], unique=False)


def _make(name: str, columns: str) -> None:
    keys = _KEYS.get(name, columns.partition(" ")[0]).split(", ")
    op.create_table(name, *_columns(columns), *_CONSTRAINTS.get(name, ()), sa.PrimaryKeyConstraint(*keys), sqlite_strict=True)


def _columns(columns: str) -> list[sa.Column[object]]:
    found: list[sa.Column[object]] = []
    for column in columns.split(", "):
        name, kind = column.split(" ")
        found.append(sa.Column(name, _TYPES[kind.rstrip("?")], nullable=kind.endswith("?")))
    return found

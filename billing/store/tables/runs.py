"""Bill runs and what they compute; findings and re-rating."""

from __future__ import annotations

import sqlalchemy as sa

from billing.store.tables.columns import INT64, id_, int_, table, text

# state moves forward only: computing -> computed -> numbered -> posted. Every document comes out of a run. kind: cycle |
# threshold | credit_note | opening | rerate.
bill_runs = table(
    "bill_runs",
    id_("run_id"),
    text("bill_date"),  # the run bills every account whose period ends on or before this date
    int_("pinned_seq"),
    text("state"),
    int_("started_us"),
    int_("commit_seq"),
    text("kind"),
    text("detail", nullable=True),  # JSON: what the kind needs to know
    int_("restricted", nullable=True),  # 1: only the accounts in run_accounts
    sa.UniqueConstraint("bill_date", "pinned_seq"),
)
run_accounts = table(  # the accounts of a restricted run
    "run_accounts", sa.Column("run_id", INT64, primary_key=True), sa.Column("account_key", INT64, primary_key=True)
)
run_steps = table(  # when a run came to a state, and by whose command
    "run_steps",
    sa.Column("run_id", INT64, primary_key=True),
    sa.Column("state", sa.Text, primary_key=True),
    int_("at_us"),
    text("by_name"),
    int_("by_uid"),
)
run_chunks = table(  # a chunk of a run's invoices that is in the ledger, written with its postings
    "run_chunks",
    sa.Column("run_id", INT64, primary_key=True),
    sa.Column("chunk", INT64, primary_key=True),
    int_("commit_seq"),
)
run_drafts = table(  # the frozen list that a computed run will number
    "run_drafts",
    sa.Column("run_id", INT64, primary_key=True),
    text("path"),
    int_("invoices"),
    int_("lines"),
    int_("net_micros"),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    int_("commit_seq"),
)
run_decisions = table(  # kind: approved | rejected, of exactly one frozen list
    "run_decisions",
    id_("decision_id"),
    sa.Column("run_id", INT64, nullable=False, index=True),
    text("kind"),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    text("note"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
)
# A posted run that is taken back. kind: proposed | withdrawn | undone; an undone one counts for these accounts no more, from its commit on.
run_undos = table(
    "run_undos",
    id_("undo_id"),
    sa.Column("run_id", INT64, nullable=False, index=True),
    text("kind"),
    int_("restricted", nullable=True),  # 1: of the accounts in run_undo_accounts; null: of all that took part in the run
    text("reason"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
)
run_undo_accounts = table(
    "run_undo_accounts",
    sa.Column("undo_id", INT64, sa.ForeignKey("run_undos.undo_id"), primary_key=True),
    sa.Column("account_key", INT64, primary_key=True),
)
run_terms = table(  # the terms of the billing book, as the run computed them
    "run_terms",
    sa.Column("run_id", INT64, primary_key=True),
    sa.Column("term", sa.Text, primary_key=True),
    int_("rows"),
    int_("amount_micros"),
)
charge_manifest = table(
    "charge_manifest",
    id_("manifest_id"),
    int_("run_id"),
    text("path"),
    int_("rows"),
    int_("charge_micros"),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    int_("commit_seq"),
)
carried_allowances = table(
    "carried_allowances",  # what the periods of a run left of allowances that roll over; subscription_key 0: of the rating unit
    sa.Column("run_id", INT64, primary_key=True),
    sa.Column("account_key", INT64, primary_key=True),
    sa.Column("subscription_key", INT64, primary_key=True),
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("allowance_id", INT64, primary_key=True),
    sa.Column("period_end", sa.Text, primary_key=True),
    sa.Column("serves_to", sa.Text, primary_key=True),
    text("plan"),
    int_("quantity"),
)
# An account's oldest period that a run computed without usage which was on another bill then: the account's next run computes it again.
pending_periods = table(
    "pending_periods",
    sa.Column("run_id", INT64, primary_key=True),
    sa.Column("account_key", INT64, primary_key=True),
    text("period_from"),
    int_("commit_seq"),
)
# The charges of events that an interim bill computed, whether it billed them or an earlier one had: those of the cycle are in files.
interim_charges = table(
    "interim_charges",
    sa.Column("run_id", INT64, primary_key=True),
    sa.Column("event_key", sa.LargeBinary, primary_key=True, index=True),
    sa.Column("account_key", INT64, nullable=False, index=True),
    int_("subscription_key"),
    int_("price_id"),
    text("period_from"),
)
quarantine = table(
    "quarantine",
    sa.Column("run_id", INT64, primary_key=True),
    sa.Column("account_key", INT64, primary_key=True),
    text("reason"),
    text("kind"),  # quarantined | held | passed by | test
)
# Charges and credits by hand, each with a reason code. One becomes a line of kind adjustment in the period that holds `on_date`.
adjustments = table(
    "adjustments",
    id_("adjustment_id"),
    sa.Column("reference", sa.Text, nullable=False, unique=True),  # the caller's id: makes it count once
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=False, index=True),
    int_("subscription_key"),  # 0: of the account
    text("on_date"),
    text("catalogue"),  # whose tax class
    text("tax_class"),
    int_("charge_code"),
    int_("revenue_code"),
    int_("amount_micros"),
    text("reason_code"),
    text("text"),
    text("by_name"),
    int_("by_uid"),
    text("approved_by", nullable=True),
    int_("approved_uid", nullable=True),
    int_("at_us"),
    int_("commit_seq"),
)
# A limit that unbilled or billed usage reached, told once. kind: spend_limit | bill_threshold | abnormal_bill.
limit_alarms = table(
    "limit_alarms",
    id_("alarm_id"),
    text("kind"),
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=False),
    int_("subscription_key"),
    int_("limit_id"),
    text("period_from"),
    int_("reached_micros"),
    int_("limit_micros"),
    text("action"),
    int_("run_id", nullable=True),
    int_("at_us"),
    int_("commit_seq"),
    sa.UniqueConstraint("kind", "account_key", "subscription_key", "limit_id", "period_from"),
)
alarm_decisions = table(  # kind: told | acted | dismissed
    "alarm_decisions",
    id_("decision_id"),
    sa.Column("alarm_id", INT64, sa.ForeignKey("limit_alarms.alarm_id"), nullable=False, index=True),
    text("kind"),
    text("note"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
)
# Books that did not balance and checks that failed, with who mends them by when. kind of decision: assigned | closed.
control_findings = table(
    "control_findings",
    id_("finding_id"),
    sa.Column("name", sa.Text, nullable=False, index=True),  # of the book or check
    int_("run_id", nullable=True),
    text("text"),
    int_("left_side"),
    int_("right_side"),
    text("unit"),
    text("owner"),
    text("due_on"),
    int_("found_us"),
    int_("commit_seq"),
)
finding_decisions = table(
    "finding_decisions",
    id_("decision_id"),
    sa.Column("finding_id", INT64, sa.ForeignKey("control_findings.finding_id"), nullable=False, index=True),
    text("kind"),
    text("owner"),
    text("due_on"),
    text("note"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
)
# Re-rating of what a version changes, planned and previewed, then decided. kind of decision: approved | rejected | applied.
rerate_jobs = table(
    "rerate_jobs",
    id_("job_id"),
    sa.Column("reference", sa.Text, nullable=False, unique=True),  # hash of what is asked for
    text("plan"),
    int_("version"),
    text("periods"),  # JSON
    text("accounts"),  # JSON; null in it: all
    int_("pinned_seq"),
    text("preview"),  # JSON: who, how much, deciles
    int_("net_micros"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
)
rerate_decisions = table(
    "rerate_decisions",
    id_("decision_id"),
    sa.Column("job_id", INT64, sa.ForeignKey("rerate_jobs.job_id"), nullable=False, index=True),
    text("kind"),
    text("note"),
    int_("run_id", nullable=True),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
)

"""Dunning: its runs, their steps, what was decided about runs, and the policies that steps were taken by."""

from __future__ import annotations

import sqlalchemy as sa

from billing.store.tables.columns import INT64, id_, int_, table, text

# One row a run that took steps. Its number is told; its steps have its commit_seq.
dunning_runs = table(
    "dunning_runs",
    id_("run_id"),
    text("as_of"),
    text("by_name"),  # empty, and uid -1: not known, of runs of before this table
    int_("by_uid"),
    int_("at_us"),
    sa.Column("commit_seq", INT64, nullable=False, unique=True),
)
# What was said about undoing a run. kind: undo_asked | undone.
dunning_decisions = table(
    "dunning_decisions",
    id_("decision_id"),
    sa.Column("run_id", INT64, sa.ForeignKey("dunning_runs.run_id"), nullable=False, index=True),
    text("kind"),
    text("reason"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
)
# One row a step taken for an account: level 1 remind, 2 bar outgoing; 0 cleared.
dunning_steps = table(
    "dunning_steps",
    id_("step_id"),
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=False, index=True),
    int_("level"),
    text("action"),
    text("as_of"),
    text("oldest_due_on", nullable=True),
    int_("overdue_micros"),
    int_("commit_seq"),
    text("policy_hash", nullable=True),  # null: not known, of steps of before this column
    sa.UniqueConstraint("account_key", "commit_seq"),  # on one date an account may be reminded, clear and reminded again
)
# Policies as they were added, or as they were when the first step was taken by them. origin: home | package.
dunning_policies = table(
    "dunning_policies",
    id_("policy_id"),
    text("name"),
    text("policy_hash"),  # SHA-256 of the document
    text("origin"),
    text("document"),  # JSON
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
)

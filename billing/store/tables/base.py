"""Base of every part of the store: the sequence of commits and the settings."""

from __future__ import annotations

import sqlalchemy as sa

from billing.store.tables.columns import id_, int_, table, text

# One row a commit: the sequence itself. kind: usage, stream, seal, collection, fact, draft, publication, repeal, decision, run, invoice,
# payment, dunning, adjustment, ledger, setting, rerate, approval, undo, late, finding, run_decision, waiver, finding_decision, alarm,
# operator, operation. In homes of before run_decision, waiver, finding_decision and alarm are of kind decision.
commits = table(
    "commits",
    id_("commit_seq"),
    text("kind"),
    int_("at_us"),
    sa.Column("chain", sa.LargeBinary, nullable=True),  # hash of it and of all before it (`commit_chain`); null in homes of before
    # The actor (`billing.acting`) and its call; null in commits of before. `subject` is a key, never a number or a name of a customer.
    text("by_name", nullable=True),
    int_("by_uid", nullable=True),
    text("via", nullable=True),
    text("role", nullable=True),
    text("call", nullable=True),
    text("subject", nullable=True),
    text("reason", nullable=True),
    text("peer", nullable=True),
    text("request_id", nullable=True),
)

# One row a key: installation id, hash key of event keys.
settings = table("settings", sa.Column("name", sa.Text, primary_key=True), text("value"))

# What an operator may set, newest row of a name holds (approval, reopen_periods_max, adjustment_limit_micros, allocation_order, ...): of
# one whose commit is in `approvals`, once that is agreed to.
billing_settings = table(
    "billing_settings",
    id_("setting_id"),
    sa.Column("name", sa.Text, nullable=False, index=True),
    text("value"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
    text("reason", nullable=True),
)

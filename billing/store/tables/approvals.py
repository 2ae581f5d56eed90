"""Proposals that wait for a second person, and the decisions of that person."""

from __future__ import annotations

import sqlalchemy as sa

from billing.store.tables.columns import INT64, id_, int_, table, text

# What somebody asked for. kind: setting | credit_note | void | refund | reversal | chargeback | deposit_refund | line_return |
# late_usage_bill | late_usage_write_off.
approvals = table(
    "approvals",
    id_("approval_id"),
    text("kind"),
    text("subject"),  # the caller's id, a number or a name: of a kind and subject one waits at most
    text("payload"),  # JSON: all that doing it needs
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=True, index=True),
    text("currency", nullable=True),
    int_("amount_micros"),  # 0 where it is not about money
    text("reason"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    sa.Column("commit_seq", INT64, nullable=False, index=True),
)
# kind: agreed | refused. The commit of an agreement is the one that does what was asked for.
approval_decisions = table(
    "approval_decisions",
    id_("decision_id"),
    sa.Column("approval_id", INT64, sa.ForeignKey("approvals.approval_id"), nullable=False, unique=True),
    text("kind"),
    text("note"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    sa.Column("commit_seq", INT64, nullable=False, index=True),
)

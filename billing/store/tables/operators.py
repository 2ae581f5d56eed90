"""Operators of the service, their keys and roles, and calls that count once. Rows are only ever added."""

from __future__ import annotations

import sqlalchemy as sa

from billing.store.tables.columns import INT64, id_, int_, table, text

# One row a person or machine. `person_uid` is the number under which everything that operator decides is kept: the one of its account of
# the operating system, or for one without such an account a number above all of those.
operators = table(
    "operators",
    id_("operator_id"),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    text("kind"),  # person | machine
    sa.Column("person_uid", INT64, nullable=False, unique=True),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
)
# kind: token (subject: its id, jti) | certificate (subject: its serial number). An account of the operating system is `person_uid` above.
operator_keys = table(
    "operator_keys",
    id_("key_id"),
    sa.Column("operator_id", INT64, sa.ForeignKey("operators.operator_id"), nullable=False, index=True),
    text("kind"),
    text("subject"),
    int_("from_us"),
    int_("until_us"),  # first instant at which it holds no more
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
    sa.UniqueConstraint("kind", "subject"),
)
# Roles. `entity` and `source`: the one to which the role is limited; null: all.
operator_grants = table(
    "operator_grants",
    id_("grant_id"),
    sa.Column("operator_id", INT64, sa.ForeignKey("operators.operator_id"), nullable=False, index=True),
    text("role"),
    text("entity", nullable=True),
    text("source", nullable=True),
    int_("from_us"),
    int_("until_us", nullable=True),  # null: without end
    text("reason"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
)
# What holds no more, from the commit on. kind: operator | key | grant; `item_id`: its key.
operator_revocations = table(
    "operator_revocations",
    id_("revocation_id"),
    text("kind"),
    int_("item_id"),
    text("reason"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
    sa.UniqueConstraint("kind", "item_id"),
)
# Calls that count once: stored in the first transaction of their effect. `answer` is null until the call was answered.
requests = table(
    "requests",
    id_("request_key"),
    int_("by_uid"),
    text("request_id"),
    sa.Column("nonce", sa.LargeBinary, nullable=False),  # of the call that has the effect
    text("call"),
    text("fields"),  # JSON: a digest of each field of the message, and what the call was about and might show
    sa.Column("commit_seq", INT64, nullable=False, index=True),
    int_("at_us"),
    sa.Column("answer", sa.LargeBinary, nullable=True),
    sa.UniqueConstraint("by_uid", "request_id"),
)

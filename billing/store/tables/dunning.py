"""Steps of dunning."""

from __future__ import annotations

import sqlalchemy as sa

from billing.store.tables.columns import INT64, id_, int_, table, text

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
    sa.UniqueConstraint("account_key", "commit_seq"),  # on one date an account may be reminded, clear and reminded again
)

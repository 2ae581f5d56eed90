"""Operations: work of the service that takes long, each in a process of its own."""

from __future__ import annotations

import sqlalchemy as sa

from billing.store.tables.columns import INT64, id_, int_, table, text

# One row an operation. state: running | succeeded | failed. It is written as the operation is asked for and as its process ends; whether a
# running one still has its process, the lock of its folder says (`server.operations.processes`). JSON: request, result, error.
operations = table(
    "operations",
    id_("operation_key"),
    sa.Column("name", sa.Text, nullable=False, unique=True),  # random, of its resource name
    text("kind"),
    text("subject"),  # such as `bill run 2025-11-01`: one at a time works on it
    text("request"),
    int_("run_id", nullable=True),  # the run that it goes on with
    text("resumes", nullable=True),  # the name of the operation that it goes on with
    text("by_name"),
    int_("by_uid"),
    text("via"),
    text("role", nullable=True),
    text("call", nullable=True),
    text("state"),
    int_("at_us"),
    sa.Column("commit_seq", INT64, nullable=False, index=True),
    text("cancelled_by", nullable=True),  # who asked for its end
    int_("cancelled_us", nullable=True),
    text("stage", nullable=True),  # the last one, and how much of it was done
    int_("done", nullable=True),
    int_("total", nullable=True),
    text("result", nullable=True),
    text("error", nullable=True),
    int_("ended_us", nullable=True),
    int_("ended_seq", nullable=True),
)

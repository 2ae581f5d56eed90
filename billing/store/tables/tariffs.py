"""Versions of tariffs."""

from __future__ import annotations

import sqlalchemy as sa

from billing.store.tables.columns import INT64, id_, int_, table, text

publications = table(
    "publications",
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("version", INT64, primary_key=True),
    sa.Column("content_hash", sa.LargeBinary, nullable=False, unique=True),
    int_("effective_from_us"),
    sa.Column("document", sa.LargeBinary, nullable=False),  # canonical JSON of the checked catalogue
    int_("commit_seq"),
)
# What an author wants to publish. Saved again with other content it is a new row, and the newest one of a version is the draft.
tariff_drafts = table(
    "tariff_drafts",
    id_("draft_id"),
    sa.Column("identity", sa.Text, nullable=False, index=True),
    int_("version"),
    sa.Column("content_hash", sa.LargeBinary, nullable=False),
    int_("effective_from_us"),
    sa.Column("document", sa.LargeBinary, nullable=False),  # canonical JSON, as in publications
    text("origin"),  # the file or folder it was read from
    text("author"),
    int_("author_uid"),
    int_("at_us"),
    int_("commit_seq"),
    sa.Column("row_hash", sa.LargeBinary, nullable=False),  # of all of the row but its id and the document
)
# What somebody decided or found about exactly one content of a version. kind: reviewed | rejected | published | repealed | what_if |
# notice_waived | what_if_waived | review_waived. States are worked out from these rows and never stored.
tariff_decisions = table(
    "tariff_decisions",
    id_("decision_id"),
    sa.Column("identity", sa.Text, nullable=False, index=True),
    int_("version"),
    sa.Column("content_hash", sa.LargeBinary, nullable=False),
    text("kind"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    text("detail"),  # JSON: the reason of a waiver, the note of a review, the instant of a repeal, month and totals of a what-if
    int_("commit_seq"),
    sa.Column("row_hash", sa.LargeBinary, nullable=False),  # of all of the row but its id
)

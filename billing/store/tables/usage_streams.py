"""Usage streams that count their batches, and what is kept of the last ones."""

from __future__ import annotations

import sqlalchemy as sa

from billing.store.tables.columns import INT64, id_, int_, table, text

# One row a stream. `next_offset` and the counts of rows move with each batch, in the transaction that stores it; `finalized_us` and
# `finalized_seq` are filled once. `by_name`, `by_uid`: the operator to whom the stream belongs.
usage_streams = table(
    "usage_streams",
    id_("stream_key"),
    sa.Column("stream_id", sa.Text, nullable=False, unique=True),
    text("source"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
    int_("next_offset"),  # the offset of the batch that comes next: so many are stored
    int_("accepted"),
    int_("duplicate"),
    int_("conflicting"),
    int_("rejected"),
    int_("absorbed"),
    int_("finalized_us", nullable=True),
    int_("finalized_seq", nullable=True),
)
# The answers to the last batches of a stream, for a client that did not get them; older ones are deleted. `digest`: of the batch's records.
usage_stream_batches = table(
    "usage_stream_batches",
    sa.Column("stream_key", INT64, sa.ForeignKey("usage_streams.stream_key"), primary_key=True),
    sa.Column("batch_offset", INT64, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    int_("accepted"),
    int_("duplicate"),
    int_("conflicting"),
    int_("rejected"),
    int_("absorbed"),
    int_("commit_seq"),
)

"""Usage: files, what counts, suspense, collection."""

from __future__ import annotations

import sqlalchemy as sa

from billing.store.tables.columns import INT64, id_, int_, table, text

raw_files = table(
    "raw_files",
    id_("raw_file_id"),
    text("path"),
    text("source"),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    int_("size_bytes"),
    int_("commit_seq"),
    text("file_name", nullable=True),  # without folders
    sa.Column("content_sha256", sa.LargeBinary, nullable=True, index=True),  # of its records, so that packing makes no other file
    int_("taken_us", nullable=True),
    int_("rows", nullable=True),
    text("archived_path", nullable=True),  # where collection put it: moves once
    sa.UniqueConstraint("source", "sha256"),
)
# Counts and quantities of intake, one row a commit, source, file, day and outcome. `received` is what came in; the others share it
# out: answered, unanswered, absorbed, conflicting, duplicate, rejected, waiting, suspended. Beside it: assembled (put together from
# partials) and recycled (out of suspense). When a row gets another outcome later, the commit that does it holds it as minus one under
# the old outcome and plus one under the new one, so the sums hold at every commit_seq.
intake_counts = table(
    "intake_counts",
    sa.Column("commit_seq", INT64, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("raw_file_id", INT64, primary_key=True),  # 0 for a stream
    sa.Column("day", sa.Text, primary_key=True),  # UTC date of the event's start; empty where it is not known
    sa.Column("outcome", sa.Text, primary_key=True),
    int_("rows"),
    int_("duration_us"),
    int_("units"),
    int_("volume_bytes"),
)
# Which usage counts: a byte range of a journal segment, or a sealed Parquet file. Files not named here are garbage.
usage_manifest = table(
    "usage_manifest",
    id_("manifest_id"),
    text("path"),  # relative to the home folder
    text("form"),  # journal | parquet (moves once, when a range is sealed: a new row replaces the sealed ones)
    int_("byte_from"),
    int_("byte_to"),
    int_("rows"),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    int_("start_min_us"),
    int_("start_max_us"),
    int_("commit_seq"),  # of the batch; a sealed file holds the seq of each row in a column
    sa.Column("sealed_at_seq", INT64, nullable=True, index=True),  # set when a Parquet row took this range's place
    int_("partial_rows", nullable=True),  # rows that are partial or assembled; null where nobody counted
)
# Rows that wait for a decision, and marks. A rejected row could not be read: no event_key, it is kept here alone. A row with an
# event_key hides the stored rows of that key that were committed up to `through_seq`, as of its own commit_seq: they wait (conflicting,
# future_time, ...), or something else counts in their stead (absorbed_later, superseded, corrected).
suspense = table(
    "suspense",
    id_("suspense_id"),
    sa.Column("event_key", sa.LargeBinary, nullable=True, index=True),
    sa.Column("content_hash", sa.LargeBinary, nullable=True),
    text("source"),
    text("reason"),
    int_("raw_file_id"),  # 0 for a stream
    int_("raw_offset"),
    int_("raw_length"),
    text("raw"),  # rejected: the row itself, decoded with replacement, cut at 2000 characters; conflicting: what was read from it
    int_("duration_us"),
    int_("commit_seq"),
    int_("through_seq"),
    sa.Column("raw_bytes", sa.LargeBinary, nullable=True),  # of a rejected row, up to 64 KiB; a longer one is found in its file
    int_("start_us", nullable=True),
    text("served_id", nullable=True),
    text("other_raw", nullable=True),
    int_("first_seen_us", nullable=True),  # of a mark on rows that were stored before: when those came
    int_("estimated_micros", nullable=True),  # what it may be worth at the likely tariff, as it was thought when it came
    text("estimated_currency", nullable=True),
    sa.Column("row_sha256", sa.LargeBinary, nullable=True, index=True),  # of a rejected row, which is known by it and its source
    int_("came_again", nullable=True),  # copies of a rejected row that came later, duplicates in the books
)
# What somebody decided about a row in suspense. kind: recycled | written_off | kept | dropped | taken_back.
suspense_decisions = table(
    "suspense_decisions",
    id_("decision_id"),
    sa.Column("suspense_id", INT64, sa.ForeignKey("suspense.suspense_id"), nullable=False, index=True),
    text("kind"),
    text("reason"),
    text("by_name"),
    int_("by_uid"),
    text("approved_by", nullable=True),
    int_("approved_uid", nullable=True),
    int_("at_us"),
    int_("correction_id", nullable=True),
    int_("commit_seq"),
    sa.Column("row_hash", sa.LargeBinary, nullable=False),  # of all of the row but its id
)
# Rules that correct what a source wrote, and what was decided about them. kind: approved | rejected | applied.
corrections = table(
    "corrections",
    id_("correction_id"),
    text("source"),
    sa.Column("document", sa.LargeBinary, nullable=False),  # canonical JSON of the rule
    text("reason"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("estimated_micros"),
    int_("commit_seq"),
)
correction_decisions = table(
    "correction_decisions",
    id_("decision_id"),
    sa.Column("correction_id", INT64, sa.ForeignKey("corrections.correction_id"), nullable=False, index=True),
    text("kind"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    text("detail"),
    int_("commit_seq"),
)
# The state of a call or session that is put together from segments; the newest row of (source, call_ref) holds.
# state: waiting | assembled | suspended.
assemblies = table(
    "assemblies",
    id_("assembly_id"),
    text("source"),
    text("call_ref"),
    text("state"),
    text("missing"),  # what it waits for, in words
    int_("segments"),
    int_("first_us"),  # its rows start from here to last_us
    int_("last_us"),
    int_("deadline_us"),  # how long it waits
    text("rule"),  # join | each | message: how it was put together, and how long its source lets it wait
    int_("timeout_us"),
    int_("commit_seq"),
    sa.Index("ix_assemblies_group", "source", "call_ref"),
)
# Files that hold the index of known events as of a commit; what was committed later is read from the usage files.
index_snapshots = table(
    "index_snapshots",
    id_("snapshot_id"),
    text("path"),  # relative to the home folder
    text("form"),
    int_("keys"),
    int_("through_seq"),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    int_("written_seq"),
)
# Files that collection dealt with. state: taken | resent | rejected.
collected_files = table(
    "collected_files",
    id_("collected_id"),
    text("file_name"),
    sa.Column("source", sa.Text, nullable=False, index=True),
    text("state"),
    int_("raw_file_id", nullable=True),
    text("sequence_stream"),  # empty where files carry no number
    int_("sequence_number", nullable=True),
    int_("claimed_us"),
    int_("done_us"),
    text("reason"),
    text("control_totals"),  # JSON: what the file's trailer or header says, and what was counted
    int_("commit_seq"),
    sa.Index("ix_collected_files_claim", "file_name", "claimed_us"),
)
# Findings of collection that somebody accepts by name, so that a cycle may go on.
finding_waivers = table(
    "finding_waivers",
    id_("waiver_id"),
    sa.Column("finding", sa.Text, nullable=False, index=True),
    text("reason"),
    text("by_name"),
    int_("by_uid"),
    int_("at_us"),
    int_("commit_seq"),
)
# What a person decided about usage that came too late for its bill, of one account and subscription a row. kind: billed | written_off |
# taken_back. The newest word on a record holds; one that is decided is in no bill run.
late_decisions = table(
    "late_decisions",
    id_("decision_id"),
    text("kind"),
    sa.Column("undoes", INT64, nullable=True, unique=True),  # taken_back: the decision that holds no more
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=True, index=True),  # null: nobody's
    int_("subscription_key"),  # 0: nobody's
    text("currency", nullable=True),  # null: of unknown worth
    int_("records"),
    int_("worth_micros"),  # by the tariffs that held as the records began
    int_("amount_micros"),  # of the adjustment; 0 where nothing is billed
    sa.Column("adjustment_id", INT64, sa.ForeignKey("adjustments.adjustment_id"), nullable=True),
    text("reason"),
    text("by_name"),
    int_("by_uid"),
    text("agreed_by", nullable=True),  # the second person
    int_("agreed_uid", nullable=True),
    int_("at_us"),
    int_("commit_seq"),
)
late_decision_events = table(  # the records of a decision; one that is taken back names none of its own
    "late_decision_events",
    sa.Column("decision_id", INT64, sa.ForeignKey("late_decisions.decision_id"), primary_key=True),
    sa.Column("event_key", sa.LargeBinary, primary_key=True, index=True),
    int_("start_us"),
    int_("worth_micros"),
)

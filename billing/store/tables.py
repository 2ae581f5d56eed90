"""Every SQL table of the store, in one place.

Money columns are int64 micro-units in the account's currency. Instants are int64 microseconds UTC, dates are ISO text in the
account's zone, half open. `commit_seq` is the one growing number of DESIGN: every committed batch, fact, publication and decision
takes the next one. Rows are only ever added, except where a comment names the one field that moves.
"""

from __future__ import annotations

import sqlalchemy as sa

INT64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")
metadata = sa.MetaData()


def _table(name: str, *items: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, metadata, *items, sqlite_strict=True)


def _int(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, INT64, nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _id(name: str) -> sa.Column[int]:
    return sa.Column(name, INT64, primary_key=True)


# One row a commit: the sequence itself. kind: usage, seal, collection, fact, draft, publication, repeal, decision, run, invoice,
# payment, dunning.
commits = _table("commits", _id("commit_seq"), _text("kind"), _int("at_us"))

# One row a key: installation id, hash key of event keys.
settings = _table("settings", sa.Column("name", sa.Text, primary_key=True), _text("value"))

# --- tariffs -------------------------------------------------------------------------------------------------------
publications = _table(
    "publications",
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("version", INT64, primary_key=True),
    sa.Column("content_hash", sa.LargeBinary, nullable=False, unique=True),
    _int("effective_from_us"),
    sa.Column("document", sa.LargeBinary, nullable=False),  # canonical JSON of the checked catalogue
    _int("commit_seq"),
)
# What an author wants to publish. Saved again with other content it is a new row, and the newest one of a version is the draft.
tariff_drafts = _table(
    "tariff_drafts",
    _id("draft_id"),
    sa.Column("identity", sa.Text, nullable=False, index=True),
    _int("version"),
    sa.Column("content_hash", sa.LargeBinary, nullable=False),
    _int("effective_from_us"),
    sa.Column("document", sa.LargeBinary, nullable=False),  # canonical JSON, as in publications
    _text("origin"),  # the file or folder it was read from
    _text("author"),
    _int("author_uid"),
    _int("at_us"),
    _int("commit_seq"),
    sa.Column("row_hash", sa.LargeBinary, nullable=False),  # of all of the row but its id and the document
)
# What somebody decided or found about exactly one content of a version. kind: reviewed | rejected | published | repealed | what_if |
# notice_waived | what_if_waived | review_waived. States are worked out from these rows and never stored.
tariff_decisions = _table(
    "tariff_decisions",
    _id("decision_id"),
    sa.Column("identity", sa.Text, nullable=False, index=True),
    _int("version"),
    sa.Column("content_hash", sa.LargeBinary, nullable=False),
    _text("kind"),
    _text("by_name"),
    _int("by_uid"),
    _int("at_us"),
    _text("detail"),  # JSON: the reason of a waiver, the note of a review, the instant of a repeal, month and totals of a what-if
    _int("commit_seq"),
    sa.Column("row_hash", sa.LargeBinary, nullable=False),  # of all of the row but its id
)

# --- facts ---------------------------------------------------------------------------------------------------------
accounts = _table(
    "accounts",
    _id("account_key"),
    sa.Column("account_id", sa.Text, nullable=False, unique=True),
    _text("name"),
    _text("currency"),
    _text("timezone"),
    _int("bill_day"),
    _text("language"),
    _text("opened_on"),
    _text("billed_through", nullable=True),  # an imported account is billed from here
    _text("dunning_policy"),
    _int("payment_days"),
    _int("commit_seq"),
)
subscriptions = _table(
    "subscriptions",
    _id("subscription_key"),
    sa.Column("subscription_id", sa.Text, nullable=False, unique=True),
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=False, index=True),
    _text("from_date"),
    _text("to_date", nullable=True),
    _int("commit_seq"),
)
# An end that was learned after the subscription was imported with an open one: the first day on which it is no longer active.
subscription_ends = _table(
    "subscription_ends",
    sa.Column("subscription_key", INT64, sa.ForeignKey("subscriptions.subscription_key"), primary_key=True),
    _text("to_date"),
    _int("commit_seq"),
)
# Which plan a subscription has, from a local date on.
plan_facts = _table(
    "plan_facts",
    _id("fact_id"),
    sa.Column("subscription_key", INT64, sa.ForeignKey("subscriptions.subscription_key"), nullable=False, index=True),
    _text("plan"),  # catalogue identity/plan name
    _text("from_date"),
    _int("commit_seq"),
)
# Which subscription pays for a served id, at an instant. Half open; null = open end. Of two facts with the same beginning the one
# learned later holds: it tells the end.
guiding_facts = _table(
    "guiding_facts",
    _id("fact_id"),
    sa.Column("served_id", sa.Text, nullable=False, index=True),
    sa.Column("subscription_key", INT64, sa.ForeignKey("subscriptions.subscription_key"), nullable=False),
    _int("from_us"),
    _int("to_us", nullable=True),
    _int("commit_seq"),
)
# What dunning decided, as a dated fact: kind bar_outgoing | unbar.
account_facts = _table(
    "account_facts",
    _id("fact_id"),
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=False, index=True),
    _text("kind"),
    _text("from_date"),
    _text("detail"),
    _int("commit_seq"),
)

# --- usage ---------------------------------------------------------------------------------------------------------
raw_files = _table(
    "raw_files",
    _id("raw_file_id"),
    _text("path"),
    _text("source"),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    _int("size_bytes"),
    _int("commit_seq"),
    _text("file_name", nullable=True),  # without folders
    sa.Column("content_sha256", sa.LargeBinary, nullable=True, index=True),  # of its records, so that packing makes no other file
    _int("taken_us", nullable=True),
    _int("rows", nullable=True),
    _text("archived_path", nullable=True),  # where collection put it: moves once
    sa.UniqueConstraint("source", "sha256"),
)
# Counts and quantities of intake, one row a commit, source, file, day and outcome. `received` is what came in; the others share it
# out: answered, unanswered, absorbed, conflicting, duplicate, rejected, waiting, suspended. Beside it: assembled (put together from
# partials) and recycled (out of suspense). When a row gets another outcome later, the commit that does it holds it as minus one under
# the old outcome and plus one under the new one, so the sums hold at every commit_seq.
intake_counts = _table(
    "intake_counts",
    sa.Column("commit_seq", INT64, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("raw_file_id", INT64, primary_key=True),  # 0 for a stream
    sa.Column("day", sa.Text, primary_key=True),  # UTC date of the event's start; empty where it is not known
    sa.Column("outcome", sa.Text, primary_key=True),
    _int("rows"),
    _int("duration_us"),
    _int("units"),
    _int("volume_bytes"),
)
# Which usage counts: a byte range of a journal segment, or a sealed Parquet file. Files not named here are garbage.
usage_manifest = _table(
    "usage_manifest",
    _id("manifest_id"),
    _text("path"),  # relative to the home folder
    _text("form"),  # journal | parquet (moves once, when a range is sealed: a new row replaces the sealed ones)
    _int("byte_from"),
    _int("byte_to"),
    _int("rows"),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    _int("start_min_us"),
    _int("start_max_us"),
    _int("commit_seq"),  # of the batch; a sealed file holds the seq of each row in a column
    sa.Column("sealed_at_seq", INT64, nullable=True, index=True),  # set when a Parquet row took this range's place
    _int("partial_rows", nullable=True),  # rows that are partial or assembled; null where nobody counted
)
# Rows that wait for a decision, and marks. A rejected row could not be read: no event_key, it is kept here alone. A row with an
# event_key hides the stored rows of that key that were committed up to `through_seq`, as of its own commit_seq: they wait (conflicting,
# future_time, ...), or something else counts in their stead (absorbed_later, superseded, corrected).
suspense = _table(
    "suspense",
    _id("suspense_id"),
    sa.Column("event_key", sa.LargeBinary, nullable=True, index=True),
    sa.Column("content_hash", sa.LargeBinary, nullable=True),
    _text("source"),
    _text("reason"),
    _int("raw_file_id"),  # 0 for a stream
    _int("raw_offset"),
    _int("raw_length"),
    _text("raw"),  # rejected: the row itself, decoded with replacement, cut at 2000 characters; conflicting: what was read from it
    _int("duration_us"),
    _int("commit_seq"),
    _int("through_seq"),
    sa.Column("raw_bytes", sa.LargeBinary, nullable=True),  # of a rejected row, up to 64 KiB; a longer one is found in its file
    _int("start_us", nullable=True),
    _text("served_id", nullable=True),
    _text("other_raw", nullable=True),
    _int("first_seen_us", nullable=True),
    _int("estimated_micros", nullable=True),  # what it may be worth at the likely tariff, as it was thought when it came
    _text("estimated_currency", nullable=True),
)
# What somebody decided about a row in suspense. kind: recycled | written_off | kept | dropped.
suspense_decisions = _table(
    "suspense_decisions",
    _id("decision_id"),
    sa.Column("suspense_id", INT64, sa.ForeignKey("suspense.suspense_id"), nullable=False, index=True),
    _text("kind"),
    _text("reason"),
    _text("by_name"),
    _int("by_uid"),
    _text("approved_by", nullable=True),
    _int("approved_uid", nullable=True),
    _int("at_us"),
    _int("correction_id", nullable=True),
    _int("commit_seq"),
    sa.Column("row_hash", sa.LargeBinary, nullable=False),  # of all of the row but its id
)
# Rules that correct what a source wrote, and what was decided about them. kind: approved | rejected | applied.
corrections = _table(
    "corrections",
    _id("correction_id"),
    _text("source"),
    sa.Column("document", sa.LargeBinary, nullable=False),  # canonical JSON of the rule
    _text("reason"),
    _text("by_name"),
    _int("by_uid"),
    _int("at_us"),
    _int("estimated_micros"),
    _int("commit_seq"),
)
correction_decisions = _table(
    "correction_decisions",
    _id("decision_id"),
    sa.Column("correction_id", INT64, sa.ForeignKey("corrections.correction_id"), nullable=False, index=True),
    _text("kind"),
    _text("by_name"),
    _int("by_uid"),
    _int("at_us"),
    _text("detail"),
    _int("commit_seq"),
)
# The state of a call or session that is put together from segments; the newest row of (source, call_ref) holds.
# state: waiting | assembled | suspended.
assemblies = _table(
    "assemblies",
    _id("assembly_id"),
    _text("source"),
    _text("call_ref"),
    _text("state"),
    _text("missing"),  # what it waits for, in words
    _int("segments"),
    _int("first_us"),  # its rows start from here to last_us
    _int("last_us"),
    _int("deadline_us"),  # how long it waits
    _text("rule"),  # join | each | message: how it was put together, and how long its source lets it wait
    _int("timeout_us"),
    _int("commit_seq"),
    sa.Index("ix_assemblies_group", "source", "call_ref"),
)
# Files that hold the index of known events as of a commit; what was committed later is read from the usage files.
index_snapshots = _table(
    "index_snapshots",
    _id("snapshot_id"),
    _text("path"),  # relative to the home folder
    _text("form"),
    _int("keys"),
    _int("through_seq"),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    _int("written_seq"),
)
# Files that collection dealt with. state: taken | resent | rejected.
collected_files = _table(
    "collected_files",
    _id("collected_id"),
    _text("file_name"),
    sa.Column("source", sa.Text, nullable=False, index=True),
    _text("state"),
    _int("raw_file_id", nullable=True),
    _text("sequence_stream"),  # empty where files carry no number
    _int("sequence_number", nullable=True),
    _int("claimed_us"),
    _int("done_us"),
    _text("reason"),
    _text("control_totals"),  # JSON: what the file's trailer or header says, and what was counted
    _int("commit_seq"),
    sa.Index("ix_collected_files_claim", "file_name", "claimed_us"),
)
# Findings of collection that somebody accepts by name, so that a cycle may go on.
finding_waivers = _table(
    "finding_waivers",
    _id("waiver_id"),
    sa.Column("finding", sa.Text, nullable=False, index=True),
    _text("reason"),
    _text("by_name"),
    _int("by_uid"),
    _int("at_us"),
    _int("commit_seq"),
)

# --- runs and charges ----------------------------------------------------------------------------------------------
# state moves forward only: computing -> numbered -> posted.
bill_runs = _table(
    "bill_runs",
    _id("run_id"),
    _text("bill_date"),  # the run bills every account whose period ends on or before this date
    _int("pinned_seq"),
    _text("state"),
    _int("started_us"),
    _int("commit_seq"),
    sa.UniqueConstraint("bill_date", "pinned_seq"),
)
run_terms = _table(  # the terms of the billing book, as the run computed them
    "run_terms",
    sa.Column("run_id", INT64, primary_key=True),
    sa.Column("term", sa.Text, primary_key=True),
    _int("rows"),
    _int("amount_micros"),
)
charge_manifest = _table(
    "charge_manifest",
    _id("manifest_id"),
    _int("run_id"),
    _text("path"),
    _int("rows"),
    _int("charge_micros"),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    _int("commit_seq"),
)
carried_allowances = _table(
    "carried_allowances",  # what the periods of a run left of allowances that roll over; subscription_key 0: of the rating unit
    sa.Column("run_id", INT64, primary_key=True),
    sa.Column("account_key", INT64, primary_key=True),
    sa.Column("subscription_key", INT64, primary_key=True),
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("allowance_id", INT64, primary_key=True),
    sa.Column("period_end", sa.Text, primary_key=True),
    sa.Column("serves_to", sa.Text, primary_key=True),
    _text("plan"),
    _int("quantity"),
)
quarantine = _table(
    "quarantine",
    sa.Column("run_id", INT64, primary_key=True),
    sa.Column("account_key", INT64, primary_key=True),
    _text("reason"),
)

# --- invoices ------------------------------------------------------------------------------------------------------
number_series = _table(  # next_number moves, inside the numbering transaction only
    "number_series", sa.Column("series", sa.Text, primary_key=True), _int("next_number")
)
invoices = _table(
    "invoices",
    _id("invoice_key"),
    sa.Column("number", sa.Text, nullable=False, unique=True),
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=False, index=True),
    sa.Column("run_id", INT64, sa.ForeignKey("bill_runs.run_id"), nullable=False, index=True),
    _text("currency"),
    _text("period_from"),
    _text("period_to"),
    _text("issued_on"),
    _text("due_on"),
    _int("net_micros"),
    _int("tax_micros"),
    _int("total_micros"),
    _int("commit_seq"),
    sa.CheckConstraint("net_micros + tax_micros = total_micros", name="total_is_net_plus_tax"),
)
# One line a charge_key and invoice. kind: recurring | one_off | usage | tax. A tax line has price_id 0 and its class.
invoice_lines = _table(
    "invoice_lines",
    sa.Column("invoice_key", INT64, sa.ForeignKey("invoices.invoice_key"), primary_key=True),
    sa.Column("line_no", INT64, primary_key=True),
    _text("kind"),
    _int("account_key"),
    _int("subscription_key"),
    _int("charge_code"),
    _int("price_id"),
    _int("revenue_code"),
    _int("tax_class"),
    _text("period_from"),  # of the charge: an earlier period than the invoice's marks a correction of it
    _text("period_to"),
    _text("text"),
    _int("events"),
    _int("quantity"),
    _int("free_quantity"),
    _int("quantity_unit"),
    _int("exact_micros"),  # sum of the rounded charges, before the line is brought to the minor unit
    _int("amount_micros"),
)

# --- ledger --------------------------------------------------------------------------------------------------------
postings = _table(
    "postings",
    sa.Column("posting_id", sa.LargeBinary, primary_key=True),  # hash(document, line, leg)
    _text("document"),  # invoice number or payment id
    _int("line_no"),
    _text("leg"),
    _text("debit_account"),
    _text("credit_account"),
    _text("currency"),
    _int("amount_micros"),
    _text("posted_on"),
    _int("commit_seq"),
    sa.CheckConstraint("amount_micros > 0", name="amount_positive"),
    sa.CheckConstraint("debit_account <> credit_account", name="two_accounts"),
)

# --- payments ------------------------------------------------------------------------------------------------------
payments = _table(
    "payments",
    sa.Column("payment_id", sa.Text, primary_key=True),
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=False, index=True),
    _text("currency"),
    _int("amount_micros"),
    _text("received_on"),
    _text("reference"),
    _int("commit_seq"),
    sa.CheckConstraint("amount_micros > 0", name="payment_positive"),
)
allocations = _table(
    "allocations",
    sa.Column("payment_id", sa.Text, sa.ForeignKey("payments.payment_id"), primary_key=True),
    sa.Column("invoice_key", INT64, sa.ForeignKey("invoices.invoice_key"), primary_key=True, index=True),
    _int("amount_micros"),
    _int("commit_seq"),
)

# Part of an invoice with a negative total that settles (part of) another invoice of the account.
set_offs = _table(
    "set_offs",
    sa.Column("credit_invoice_key", INT64, sa.ForeignKey("invoices.invoice_key"), primary_key=True),
    sa.Column("invoice_key", INT64, sa.ForeignKey("invoices.invoice_key"), primary_key=True, index=True),
    _int("amount_micros"),
    _int("commit_seq"),
    sa.CheckConstraint("amount_micros > 0", name="set_off_positive"),
)

# --- dunning -------------------------------------------------------------------------------------------------------
# One row a step taken for an account: level 1 remind, 2 bar outgoing; 0 cleared.
dunning_steps = _table(
    "dunning_steps",
    _id("step_id"),
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=False, index=True),
    _int("level"),
    _text("action"),
    _text("as_of"),
    _text("oldest_due_on", nullable=True),
    _int("overdue_micros"),
    _int("commit_seq"),
    sa.UniqueConstraint("account_key", "commit_seq"),  # on one date an account may be reminded, clear and reminded again
)

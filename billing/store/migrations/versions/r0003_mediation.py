"""Intake by file and day, marks with an end, decisions on suspense, assembly of segments, collected files, snapshots of the index.

Revision 0003. Tables that change are made anew and filled from the old ones, because SQLite cannot add a required column.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.store.migrations import going_back
from billing.store.migrations.going_back import NoPlace

revision = "0003"
down_revision = "0002"

INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FILE_OF_COMMIT = "coalesce((SELECT max(raw_file_id) FROM raw_files WHERE raw_files.commit_seq = {}.commit_seq), 0)"
# table: its columns before, and what the new ones hold for old rows
_CHANGED = {
    "raw_files": (("raw_file_id", "path", "source", "sha256", "size_bytes", "commit_seq"), {}),
    "intake_counts": (
        ("commit_seq", "source", "outcome", "rows", "duration_us", "units", "volume_bytes"),
        {"raw_file_id": _FILE_OF_COMMIT.format("before"), "day": "''"},
    ),
    "usage_manifest": (
        (
            "manifest_id",
            "path",
            "form",
            "byte_from",
            "byte_to",
            "rows",
            "sha256",
            "start_min_us",
            "start_max_us",
            "commit_seq",
            "sealed_at_seq",
        ),
        {},
    ),
    "suspense": (
        (
            "suspense_id",
            "event_key",
            "content_hash",
            "source",
            "reason",
            "raw_file_id",
            "raw_offset",
            "raw_length",
            "raw",
            "duration_us",
            "commit_seq",
        ),
        {"through_seq": "commit_seq"},
    ),
}
_TEXTS = {"path", "source", "outcome", "form", "reason", "raw"}
_BLOBS = {"sha256", "event_key", "content_hash"}
_MAY_BE_NULL = {"event_key", "content_hash", "sealed_at_seq"}
_NO_PLACE = (
    NoPlace("raw_files", "content_sha256", "hashes of the records of files"),
    NoPlace("raw_files", "archived_path", "archived files"),
    NoPlace("intake_counts", "raw_file_id", "counts by file", f"intake_counts.raw_file_id <> {_FILE_OF_COMMIT.format('intake_counts')}"),
    NoPlace("intake_counts", "day", "counts by day", "day <> ''"),
    NoPlace("suspense", "through_seq", "marks with an end", "through_seq <> commit_seq"),
    NoPlace("suspense", "raw_bytes", "bytes of rows that could not be read"),
    NoPlace("suspense", "start_us", "starts of events in suspense"),
    NoPlace("suspense", "served_id", "numbers of events in suspense"),
    NoPlace("suspense", "other_raw", "dialled numbers of events in suspense"),
    NoPlace("suspense", "first_seen_us", "instants at which events in suspense came"),
    NoPlace("suspense", "estimated_micros", "estimates of events in suspense"),
    NoPlace("suspense", "estimated_currency", "estimates of events in suspense"),
)


def upgrade() -> None:
    """Homes keep what they hold; counts of old commits have no day."""
    _make_new_tables()
    for name, create in (
        ("raw_files", _create_raw_files),
        ("intake_counts", _create_intake_counts),
        ("usage_manifest", _create_usage_manifest),
        ("suspense", _create_suspense),
    ):
        columns, added = _CHANGED[name]
        op.rename_table(name, "before")
        create()
        into = ", ".join((*columns, *added))
        values = ", ".join((*columns, *added.values()))
        op.execute(f"INSERT INTO {name} ({into}) SELECT {values} FROM before")  # noqa: S608 - names of our own
        op.drop_table("before")
    _make_indexes()


def downgrade() -> None:
    """Take the tables back as they were. Dropped is what is known from elsewhere: names of files, when they came, how many rows they have.

    Refuses where calls were assembled, rows in suspense decided on, files collected, or usage taken in by this schema.
    """
    held = ("suspense_decisions", "assemblies", "correction_decisions", "corrections", "finding_waivers", "collected_files")
    going_back.refuse_rows("0002", held)
    going_back.refuse("0002", _NO_PLACE)
    for name in (*held, "index_snapshots"):
        op.drop_table(name)
    op.drop_index("ix_suspense_event_key", "suspense")
    for name, (columns, _added) in _CHANGED.items():
        op.rename_table(name, "before")
        _create_old(name)
        op.execute(f"INSERT INTO {name} ({', '.join(columns)}) SELECT {', '.join(columns)} FROM before")  # noqa: S608 - as above
        op.drop_table("before")
    op.create_index("ix_suspense_event_key", "suspense", ["event_key"], unique=False)


def _create_old(name: str) -> None:
    """The table as revision 0001 made it."""
    columns, _added = _CHANGED[name]
    keys = {"intake_counts": columns[:3]}.get(name, columns[:1])
    unique = (sa.UniqueConstraint("source", "sha256"),) if name == "raw_files" else ()
    op.create_table(name, *map(_old_column, columns), sa.PrimaryKeyConstraint(*keys), *unique, sqlite_strict=True)


def _old_column(name: str) -> sa.Column[object]:
    kind = sa.Text() if name in _TEXTS else sa.LargeBinary() if name in _BLOBS else INT64
    return sa.Column(name, kind, nullable=name in _MAY_BE_NULL)


def _create_raw_files() -> None:
    op.create_table(
        "raw_files",
        sa.Column("raw_file_id", INT64, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("content_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("taken_us", INT64, nullable=True),
        sa.Column("rows", INT64, nullable=True),
        sa.Column("archived_path", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("raw_file_id"),
        sa.UniqueConstraint("source", "sha256"),
        sqlite_strict=True,
    )


def _create_intake_counts() -> None:
    op.create_table(
        "intake_counts",
        sa.Column("commit_seq", INT64, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("raw_file_id", INT64, nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("rows", INT64, nullable=False),
        sa.Column("duration_us", INT64, nullable=False),
        sa.Column("units", INT64, nullable=False),
        sa.Column("volume_bytes", INT64, nullable=False),
        sa.PrimaryKeyConstraint("commit_seq", "source", "raw_file_id", "day", "outcome"),
        sqlite_strict=True,
    )


def _create_usage_manifest() -> None:
    op.create_table(
        "usage_manifest",
        sa.Column("manifest_id", INT64, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("byte_from", INT64, nullable=False),
        sa.Column("byte_to", INT64, nullable=False),
        sa.Column("rows", INT64, nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("start_min_us", INT64, nullable=False),
        sa.Column("start_max_us", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.Column("sealed_at_seq", INT64, nullable=True),
        sa.Column("partial_rows", INT64, nullable=True),
        sa.PrimaryKeyConstraint("manifest_id"),
        sqlite_strict=True,
    )


def _create_suspense() -> None:
    op.create_table(
        "suspense",
        sa.Column("suspense_id", INT64, nullable=False),
        sa.Column("event_key", sa.LargeBinary(), nullable=True),
        sa.Column("content_hash", sa.LargeBinary(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw_file_id", INT64, nullable=False),
        sa.Column("raw_offset", INT64, nullable=False),
        sa.Column("raw_length", INT64, nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("duration_us", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.Column("through_seq", INT64, nullable=False),
        sa.Column("raw_bytes", sa.LargeBinary(), nullable=True),
        sa.Column("start_us", INT64, nullable=True),
        sa.Column("served_id", sa.Text(), nullable=True),
        sa.Column("other_raw", sa.Text(), nullable=True),
        sa.Column("first_seen_us", INT64, nullable=True),
        sa.Column("estimated_micros", INT64, nullable=True),
        sa.Column("estimated_currency", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("suspense_id"),
        sqlite_strict=True,
    )


def _make_new_tables() -> None:
    op.create_table(
        "assemblies",
        sa.Column("assembly_id", INT64, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("call_ref", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("missing", sa.Text(), nullable=False),
        sa.Column("segments", INT64, nullable=False),
        sa.Column("first_us", INT64, nullable=False),
        sa.Column("last_us", INT64, nullable=False),
        sa.Column("deadline_us", INT64, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("timeout_us", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.PrimaryKeyConstraint("assembly_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "collected_files",
        sa.Column("collected_id", INT64, nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("raw_file_id", INT64, nullable=True),
        sa.Column("sequence_stream", sa.Text(), nullable=False),
        sa.Column("sequence_number", INT64, nullable=True),
        sa.Column("claimed_us", INT64, nullable=False),
        sa.Column("done_us", INT64, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("control_totals", sa.Text(), nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.PrimaryKeyConstraint("collected_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "corrections",
        sa.Column("correction_id", INT64, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("by_uid", INT64, nullable=False),
        sa.Column("at_us", INT64, nullable=False),
        sa.Column("estimated_micros", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.PrimaryKeyConstraint("correction_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "correction_decisions",
        sa.Column("decision_id", INT64, nullable=False),
        sa.Column("correction_id", INT64, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("by_uid", INT64, nullable=False),
        sa.Column("at_us", INT64, nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.ForeignKeyConstraint(["correction_id"], ["corrections.correction_id"]),
        sa.PrimaryKeyConstraint("decision_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "finding_waivers",
        sa.Column("waiver_id", INT64, nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("by_uid", INT64, nullable=False),
        sa.Column("at_us", INT64, nullable=False),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.PrimaryKeyConstraint("waiver_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "index_snapshots",
        sa.Column("snapshot_id", INT64, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("keys", INT64, nullable=False),
        sa.Column("through_seq", INT64, nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("written_seq", INT64, nullable=False),
        sa.PrimaryKeyConstraint("snapshot_id"),
        sqlite_strict=True,
    )


def _make_indexes() -> None:
    op.create_table(
        "suspense_decisions",
        sa.Column("decision_id", INT64, nullable=False),
        sa.Column("suspense_id", INT64, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("by_uid", INT64, nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_uid", INT64, nullable=True),
        sa.Column("at_us", INT64, nullable=False),
        sa.Column("correction_id", INT64, nullable=True),
        sa.Column("commit_seq", INT64, nullable=False),
        sa.Column("row_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["suspense_id"], ["suspense.suspense_id"]),
        sa.PrimaryKeyConstraint("decision_id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_assemblies_group"), "assemblies", ["source", "call_ref"], unique=False)
    op.create_index(op.f("ix_collected_files_claim"), "collected_files", ["file_name", "claimed_us"], unique=False)
    op.create_index(op.f("ix_collected_files_source"), "collected_files", ["source"], unique=False)
    op.create_index(op.f("ix_correction_decisions_correction_id"), "correction_decisions", ["correction_id"], unique=False)
    op.create_index(op.f("ix_finding_waivers_finding"), "finding_waivers", ["finding"], unique=False)
    op.create_index(op.f("ix_raw_files_content_sha256"), "raw_files", ["content_sha256"], unique=False)
    op.create_index(op.f("ix_suspense_event_key"), "suspense", ["event_key"], unique=False)
    op.create_index(op.f("ix_usage_manifest_sealed_at_seq"), "usage_manifest", ["sealed_at_seq"], unique=False)
    op.create_index(op.f("ix_suspense_decisions_suspense_id"), "suspense_decisions", ["suspense_id"], unique=False)

"""Rows of the table suspense as they stand, marks and all, for tests to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from billing.store.tables import raw_files, suspense

if TYPE_CHECKING:
    from billing.store.home import Home


class SuspenseRow(msgspec.Struct, frozen=True):
    """One row in suspense. `file` is empty for a stream; `offset` is the byte in the file (unpacked, if it is gz)."""

    suspense_id: int
    source: str
    reason: str
    file: str
    offset: int
    length: int
    raw: str
    commit_seq: int


class SuspenseCount(msgspec.Struct, frozen=True):
    """Rows of one source and reason."""

    source: str
    reason: str
    rows: int


def suspended_rows(home: Home, reason: str | None = None, limit: int | None = None) -> list[SuspenseRow]:
    """Rows in suspense, oldest first; of one reason, if given."""
    row = suspense.c
    query = (
        sa.select(
            row.suspense_id,
            row.source,
            row.reason,
            sa.func.coalesce(raw_files.c.path, ""),
            row.raw_offset,
            row.raw_length,
            row.raw,
            row.commit_seq,
        )
        .select_from(suspense.outerjoin(raw_files, raw_files.c.raw_file_id == row.raw_file_id))
        .order_by(row.suspense_id)
        .limit(limit)
    )
    if reason is not None:
        query = query.where(row.reason == reason)
    with home.connect() as connection:
        return [SuspenseRow(*values) for values in connection.execute(query)]


def suspense_counts(home: Home) -> list[SuspenseCount]:
    """How many rows wait, by source and reason."""
    row = suspense.c
    query = sa.select(row.source, row.reason, sa.func.count()).group_by(row.source, row.reason).order_by(row.source, row.reason)
    with home.connect() as connection:
        return [SuspenseCount(*values) for values in connection.execute(query)]

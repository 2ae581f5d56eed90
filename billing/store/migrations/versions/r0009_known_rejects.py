"""Hash by which a row that could not be read is known when it comes again, and how often it came.

Revision 0009. Rows of before get their hash from the bytes that were kept; those longer than 64 KiB have none and are known no more than
before.
"""

from __future__ import annotations

import collections
import hashlib
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from alembic import op

from billing.store.migrations import going_back
from billing.store.migrations.going_back import NoPlace

if TYPE_CHECKING:
    from collections.abc import Iterator

revision = "0009"
down_revision = "0008"

INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ROWS: Final = 10_000
_NAMES: Final = ("suspense_id", "commit_seq", "raw_file_id", "raw_offset", "raw_length", "event_key", "raw_bytes", "row_sha256")
_suspense: Final = sa.table("suspense", *[sa.column(name) for name in _NAMES])


def upgrade() -> None:
    """Two columns and an index; the hashes of rows of before."""
    op.add_column("suspense", sa.Column("row_sha256", sa.LargeBinary(), nullable=True))
    op.add_column("suspense", sa.Column("came_again", INT64, nullable=True))
    row = _suspense.c
    update = _suspense.update().where(row.suspense_id == sa.bindparam("known_id")).values(row_sha256=sa.bindparam("known_as"))
    seen: collections.Counter[tuple[Any, ...]] = collections.Counter()
    for rows in _rejects():
        hashes = []
        for suspense_id, commit_seq, *place, data in rows:
            whole = hashlib.sha256(data).digest()
            event = (commit_seq, *place, whole)
            hashes.append({"known_id": suspense_id, "known_as": _numbered(whole, seen[event])})
            seen[event] += 1
        op.get_bind().execute(update, hashes)
    op.create_index(op.f("ix_suspense_row_sha256"), "suspense", ["row_sha256"], unique=False)


def downgrade() -> None:
    """Back to 0008, which counted every copy as another row."""
    going_back.refuse("0008", [NoPlace("suspense", "came_again", "how often rejected rows came again")])
    op.drop_index(op.f("ix_suspense_row_sha256"), table_name="suspense")
    op.drop_column("suspense", "came_again")
    op.drop_column("suspense", "row_sha256")


def _rejects() -> Iterator[list[Any]]:
    """Rows that could not be read and are kept whole, in their order."""
    row = _suspense.c
    query = sa.select(row.suspense_id, row.commit_seq, row.raw_file_id, row.raw_offset, row.raw_bytes)
    query = query.where(row.event_key.is_(None), sa.func.length(row.raw_bytes) == row.raw_length).order_by(row.suspense_id).limit(_ROWS)
    after = 0
    while rows := list(op.get_bind().execute(query.where(row.suspense_id > after)).all()):
        yield rows
        after = rows[-1].suspense_id


def _numbered(row_sha256: bytes, number: int) -> bytes:
    """As `known_rejects.numbered` was when this revision was made: tells the rejects of one record apart."""
    return row_sha256 if number == 0 else hashlib.sha256(row_sha256 + number.to_bytes(8, "little")).digest()

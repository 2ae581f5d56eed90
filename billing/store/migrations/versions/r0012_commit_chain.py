"""Commits as a chain of hashes, so that an edit of one is seen.

Revision 0012. The last commit of before gets the hash of all commits as they stand; those before it need none.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from alembic import op

if TYPE_CHECKING:
    from collections.abc import Iterator

revision = "0012"
down_revision = "0011"

_ROWS: Final = 10_000
_DIGEST_BYTES: Final = 16
_commits: Final = sa.table("commits", *[sa.column(name) for name in ("commit_seq", "kind", "at_us", "chain")])


def upgrade() -> None:
    """A column, and the hash of the last commit."""
    op.add_column("commits", sa.Column("chain", sa.LargeBinary(), nullable=True))
    chain, last = b"", 0
    for commit_seq, kind, at_us in _rows():
        chain, last = _following(chain, commit_seq, kind, at_us), commit_seq
    if last:
        op.get_bind().execute(_commits.update().where(_commits.c.commit_seq == last).values(chain=chain))


def downgrade() -> None:
    """Back to a schema that does not see such edits. Nothing is lost: the next upgrade works out a hash anew."""
    op.drop_column("commits", "chain")


def _rows() -> Iterator[Any]:
    """Commits in their order."""
    row = _commits.c
    query = sa.select(row.commit_seq, row.kind, row.at_us).order_by(row.commit_seq).limit(_ROWS)
    after = 0
    while rows := op.get_bind().execute(query.where(row.commit_seq > after)).all():
        yield from rows
        after = rows[-1].commit_seq


def _following(before: bytes, commit_seq: int, kind: str, at_us: int) -> bytes:
    """As `commit_chain.following` was when this revision was made."""
    return hashlib.blake2b(before + f"{commit_seq}\0{kind}\0{at_us}".encode(), digest_size=_DIGEST_BYTES).digest()

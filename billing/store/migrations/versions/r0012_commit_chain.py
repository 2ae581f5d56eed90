"""Commits as a chain of hashes, so that an edit of one is seen.

Revision 0012. The last commit of before gets the hash of all commits as they stand; those before it need none. A home that went back to
an older schema kept the hash of its last commit then, as a setting: that commit gets it again, and those behind it follow on it. So an
edit of commits meanwhile is a finding.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from alembic import op

from billing.store import commit_chain
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

revision = "0012"
down_revision = "0011"

KEPT: Final = "commit_chain_head"  # name of the setting: number and hash of the last commit
_ROWS: Final = 10_000
_DIGEST_BYTES: Final = 16
_commits: Final = sa.table("commits", *[sa.column(name) for name in ("commit_seq", "kind", "at_us", "chain")])
_settings: Final = sa.table("settings", sa.column("name"), sa.column("value"))


def upgrade() -> None:
    """A column, and the hash of the last commit; in a home that went back, those of the commit whose hash it kept and of all behind it."""
    op.add_column("commits", sa.Column("chain", sa.LargeBinary(), nullable=True))
    kept = op.get_bind().execute(sa.select(_settings.c.value).where(_settings.c.name == KEPT)).scalar()
    if kept is None:
        chains = _chains(0, b"")[-1:]
    else:
        last, _, digits = str(kept).partition(" ")
        chains = [(int(last), bytes.fromhex(digits)), *_chains(int(last), bytes.fromhex(digits))]
        op.get_bind().execute(_settings.delete().where(_settings.c.name == KEPT))
    for commit_seq, chain in chains:
        op.get_bind().execute(_commits.update().where(_commits.c.commit_seq == commit_seq).values(chain=chain))


def downgrade() -> None:
    """Back to a schema that does not see such edits. The hash of the last commit is kept; a home with an edit stays."""
    edited, last = commit_chain.broken(op.get_bind()), commit_chain.of_all(op.get_bind())
    if edited:
        raise UserError(
            "the database cannot go back to schema 0011, which sees no edit of commits: "
            f"the hash of commit {edited[0]} is not that of its content",
            "put back a backup in which `ratewright db check` finds no such commit",
        )
    op.drop_column("commits", "chain")
    if last is not None:
        commit_seq, chain = last
        op.get_bind().execute(_settings.insert().values(name=KEPT, value=f"{commit_seq} {chain.hex()}"))


def _chains(after: int, chain: bytes) -> list[tuple[int, bytes]]:
    """Commits after one, each with its hash; `chain`: that of the one they follow on."""
    chains = []
    for commit_seq, kind, at_us in _rows(after):
        chain = _following(chain, commit_seq, kind, at_us)
        chains.append((commit_seq, chain))
    return chains


def _rows(after: int) -> Iterator[Any]:
    """Commits in their order."""
    row = _commits.c
    query = sa.select(row.commit_seq, row.kind, row.at_us).order_by(row.commit_seq).limit(_ROWS)
    while rows := op.get_bind().execute(query.where(row.commit_seq > after)).all():
        yield from rows
        after = rows[-1].commit_seq


def _following(before: bytes, commit_seq: int, kind: str, at_us: int) -> bytes:
    """As `commit_chain.following` was when this revision was made."""
    return hashlib.blake2b(before + f"{commit_seq}\0{kind}\0{at_us}".encode(), digest_size=_DIGEST_BYTES).digest()

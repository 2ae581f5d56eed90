"""Commits as a chain: each has a hash of itself and of all before it, so that none can be edited alone.

The hash of a commit is that of the hash before it, its number, its kind and its time. Commits of homes before schema 0012 have none, but
the last of them, which the upgrade gave one: an edit from before is not seen. From the first hash on each commit has one: none is a
finding, and no commit follows on it. The hashes have no key: whoever edits a commit and works out those of all later ones is not found.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

START: Final = b""  # before the first commit
DIGEST_BYTES: Final = 16
_ROWS_AT_ONCE: Final = 10_000


def following(before: bytes, commit_seq: int, kind: str, at_us: int) -> bytes:
    """The hash of a commit that follows one with the hash `before`."""
    return hashlib.blake2b(before + f"{commit_seq}\0{kind}\0{at_us}".encode(), digest_size=DIGEST_BYTES).digest()


def head(connection: sa.Connection) -> tuple[int, bytes]:
    """The number and the hash of the last commit, in a write transaction; 0 and START in a new home.

    Raises UserError where the last commit has no hash: one that followed on it would hide an edit.
    """
    commit = tables.commits.c
    last = connection.execute(sa.select(commit.commit_seq, commit.chain).order_by(commit.commit_seq.desc()).limit(1)).first()
    if last is None:
        return 0, START
    if last.chain is None:
        raise UserError(
            f"commit {last.commit_seq} has no hash: it was edited, or an older version of ratewright went on during the upgrade",
            "put back a backup in which `ratewright db check` finds no such commit, and stop all other versions",
        )
    return int(last.commit_seq), bytes(last.chain)


def broken(connection: sa.Connection) -> list[int]:
    """Numbers of commits whose hash is not that of what stands there, and of those without one, but in front of the first hash."""
    found, chain, row, is_chained = [], START, None, False
    for row in _rows(connection):
        chain = following(chain, row.commit_seq, row.kind, row.at_us)
        if row.chain is None:
            found += [int(row.commit_seq)] if is_chained else []
        elif bytes(row.chain) != chain:
            found.append(int(row.commit_seq))
            chain = bytes(row.chain)  # those behind it are held against what stands there
        is_chained = is_chained or row.chain is not None
    if row is not None and not is_chained:
        found.append(int(row.commit_seq))
    return found


def _rows(connection: sa.Connection) -> Iterator[Any]:
    """Commits in their order."""
    commit = tables.commits.c
    query = sa.select(commit.commit_seq, commit.kind, commit.at_us, commit.chain)
    yield from connection.execute(query.order_by(commit.commit_seq).execution_options(yield_per=_ROWS_AT_ONCE))

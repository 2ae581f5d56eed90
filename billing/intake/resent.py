"""Files that come again. A file is known by its bytes, and by its records: packed otherwise, or under another header, it is the same."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from billing.intake.columns import key_bytes
from billing.store.tables import raw_files
from mediation.bytes.reader import fingerprint, shown

if TYPE_CHECKING:
    from billing.store.home import Home
    from mediation.decoded import Decoded


class Earlier(NamedTuple):
    """A file that was taken before."""

    path: str
    commit_seq: int


def records_sha256(decoded: Decoded) -> bytes:
    """Hash of a file's records: key and content of each, in order, and the bytes of those that could not be read."""
    digest = hashlib.sha256(decoded.rows.to_bytes(8, "little"))
    for name in ("event_key", "content_hash"):
        digest.update(key_bytes(decoded.usage.column(name)))
    for reject in decoded.rejects:
        digest.update(b"\0".join((str(reject.reason).encode(), reject.length.to_bytes(8, "little"), reject.raw)))
    return digest.digest()


def by_bytes(home: Home, source: str, path: Path) -> Earlier | None:
    """A file of the source with this name and these bytes, before it is decoded. It is read only where one of its size was taken.

    One that comes under another name is known by the hash that decoding gives.
    """
    row = raw_files.c
    size_bytes = path.stat().st_size if path.is_file() else -1
    with home.connect() as connection:
        query = sa.select(sa.func.count()).where(
            row.source == source, row.size_bytes == size_bytes, row.file_name == shown(Path(path.name))
        )
        is_possible = connection.execute(query).scalar_one() > 0
    return by_hash(home, source, fingerprint(path).sha256) if is_possible else None


def by_hash(home: Home, source: str, sha256: bytes, content_sha256: bytes | None = None) -> Earlier | None:
    """A file of the source with this hash of its bytes, or of its records."""
    row = raw_files.c
    is_same = row.sha256 == sha256
    if content_sha256 is not None:
        is_same |= row.content_sha256 == content_sha256
    query = sa.select(row.path, row.commit_seq).where(row.source == source, is_same).order_by(row.raw_file_id).limit(1)
    with home.connect() as connection:
        found = connection.execute(query).one_or_none()
    return None if found is None else Earlier(*found)


def raw_file_id(home: Home, source: str, commit_seq: int) -> int:
    """The file that a commit took or went on taking."""
    row = raw_files.c
    with home.connect() as connection:
        return int(connection.execute(sa.select(row.raw_file_id).where(row.source == source, row.commit_seq == commit_seq)).scalar_one())

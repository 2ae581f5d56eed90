"""Snapshots of the index of known records: files in usage/index/ that table index_snapshots names.

Files first, then one SQL transaction that names them, with what was dropped from them. Files that no row names are garbage. A snapshot
that is gone, damaged or of another version is skipped: the index is then built from the usage files.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing.intake.known_records import source_memory
from billing.store import commit_points
from billing.store.tables import index_snapshots
from mediation.known_records import HashIndex, SequenceBitmaps
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from billing.intake.known_records.source_memory import Memory
    from billing.store.home import Home

FOLDER: Final = "usage/index"
_HASH: Final = "hash"
_BITMAP: Final = "bitmap"


class Indexes(NamedTuple):
    """Hashes of all sources, and the numbers of those that number their records."""

    hashes: HashIndex
    numbers: dict[str, SequenceBitmaps]


class Restored(NamedTuple):
    """The indexes as of a commit."""

    indexes: Indexes
    through_seq: int


def write(home: Home, indexes: Indexes, memory: Mapping[str, Memory], through_seq: int) -> None:
    """Make the indexes as of `through_seq` the newest snapshot, and delete older ones."""
    folder = home.path / FOLDER
    written = [_row(folder / f"{through_seq:012d}.hash", _HASH, len(indexes.hashes), indexes.hashes.save)]
    for source, bitmaps in sorted(indexes.numbers.items()):
        written.append(_row(folder / f"{through_seq:012d}.{source}.bitmap", _BITMAP, len(bitmaps), bitmaps.save))
    commit_points.reached("seal.index_written")
    with home.begin() as connection:
        connection.execute(index_snapshots.delete())
        rows = [{**row, "through_seq": through_seq, "written_seq": through_seq} for row in written]
        connection.execute(index_snapshots.insert(), rows)
        source_memory.write(connection, memory)
    commit_points.reached("seal.index_committed")
    remove_garbage(home)


def newest(
    home: Home, connection: sa.Connection, numbered: AbstractSet[str], hash_of: Callable[[NDArray[np.uint64]], NDArray[np.uint64]]
) -> Restored | None:
    """The newest snapshot, if it is whole and knows the same sources by their numbers; None: build it anew."""
    rows = connection.execute(sa.select(index_snapshots)).all()
    numbers: dict[str, SequenceBitmaps] = {}
    hashes = None
    for row in rows:
        path = home.path / row.path
        try:
            if _sha256(path) != row.sha256:
                return None
            if row.form == _HASH:
                hashes = HashIndex.open(path, hash_of=hash_of)
            else:
                numbers[path.name.split(".", 1)[1].removesuffix(".bitmap")] = SequenceBitmaps.open(path)
        except (OSError, UserError):
            return None
    if hashes is None or numbers.keys() != numbered:
        return None
    return Restored(Indexes(hashes, numbers), rows[0].through_seq)


def remove_garbage(home: Home) -> None:
    """Delete index files that no row names."""
    with home.connect() as connection:
        named = set(connection.execute(sa.select(index_snapshots.c.path)).scalars())
    for file in (home.path / FOLDER).iterdir():
        if file.relative_to(home.path).as_posix() not in named:
            file.unlink()


def _row(path: Path, form: str, keys: int, save: Callable[[Path], bytes]) -> dict[str, object]:
    return {"path": f"{FOLDER}/{path.name}", "form": form, "keys": keys, "sha256": save(path)}


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()

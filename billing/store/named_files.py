"""Every file that the database vouches for, with the hash it must have. All other files in the home folder are garbage."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PIECE_BYTES = 1 << 20


class NamedFile(NamedTuple):
    """A file, or a range of bytes in it."""

    table: str
    path: str  # relative to the home folder
    sha256: bytes
    byte_from: int = 0
    byte_to: int | None = None  # None: to its end


class _FrozenIndex(msgspec.Struct):
    """Files that the index of a frozen list (`billing.runs.frozen_list`) names."""

    sha256: dict[str, bytes]  # of the Parquet files beside it, by name
    charge_files: list[tuple[str, int, int, bytes]]  # path, rows, sum, hash


def named(connection: sa.Connection, folder: Path) -> list[NamedFile]:
    """All of them, in order of table and path. `folder`: of the home, where the frozen lists say which files they have."""
    manifest = tables.usage_manifest.c
    counts = sa.select(manifest.path, manifest.sha256, manifest.form, manifest.byte_from, manifest.byte_to)
    found = [
        NamedFile("usage_manifest", row.path, row.sha256, *((row.byte_from, row.byte_to) if row.form == "journal" else ()))
        for row in connection.execute(counts.where(manifest.sealed_at_seq.is_(None)))
    ]
    for table in (tables.index_snapshots, tables.charge_manifest, tables.run_drafts):
        found += [NamedFile(table.name, row.path, row.sha256) for row in connection.execute(sa.select(table.c.path, table.c.sha256))]
    known = {file.path for file in found}  # such as the charge files of a run that is numbered
    found += [each for file in found if file.table == tables.run_drafts.name for each in _frozen(folder, file) if each.path not in known]
    return sorted(found, key=lambda file: (file.table, file.path, file.byte_from))


def _frozen(folder: Path, file: NamedFile) -> list[NamedFile]:
    """The files that an index names; nothing where it is gone or changed, which `differences` reports."""
    try:
        content = (folder / file.path).read_bytes()
    except OSError:
        return []
    if hashlib.sha256(content).digest() != file.sha256:
        return []
    index = msgspec.json.decode(content, type=_FrozenIndex)
    beside = file.path.rpartition("/")[0]
    lists = [NamedFile(file.table, f"{beside}/{name}.parquet", sha256) for name, sha256 in index.sha256.items()]
    return lists + [NamedFile(file.table, path, sha256) for path, _rows, _sum, sha256 in index.charge_files]


def differences(folder: Path, files: list[NamedFile]) -> Iterator[tuple[NamedFile, str]]:
    """Files that are not as the database says, each with its fault."""
    for file in files:
        try:
            actual = _sha256(folder / file.path, file.byte_from, file.byte_to)
        except OSError as error:
            yield file, f"cannot be read: {error.strerror}"
            continue
        if actual != file.sha256:
            yield file, "is not what was written: its hash differs"


def _sha256(path: Path, byte_from: int, byte_to: int | None) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(byte_from)
        left = byte_to - byte_from if byte_to is not None else None
        while left is None or left > 0:
            piece = file.read(_PIECE_BYTES if left is None else min(left, _PIECE_BYTES))
            if not piece:
                break
            digest.update(piece)
            left = left - len(piece) if left is not None else None
    return digest.digest()

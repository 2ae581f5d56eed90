"""Files of a made-up day as switches would leave them: one after another a source, numbered, some packed, one missing, one sent twice."""

from __future__ import annotations

import gzip
import io
import itertools
import tarfile
import zipfile
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Written(NamedTuple):
    """A file to collect."""

    name: str
    data: bytes


def parted(records: Sequence[bytes], parts: int) -> list[list[bytes]]:
    """The records in `parts` lists, in order, as even as can be."""
    ends = [len(records) * part // parts for part in range(parts + 1)]
    return [list(records[begin:end]) for begin, end in itertools.pairwise(ends)]


def packed_gz(data: bytes) -> bytes:
    """As gzip writes it, with no name and no time in it."""
    return gzip.compress(data, mtime=0)


def packed_zip(members: Sequence[Written]) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            archive.writestr(zipfile.ZipInfo(member.name), member.data)
    return out.getvalue()


def packed_tar(members: Sequence[Written]) -> bytes:
    """A tar archive in gzip."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for member in members:
            info = tarfile.TarInfo(member.name)
            info.size = len(member.data)
            archive.addfile(info, io.BytesIO(member.data))
    return packed_gz(out.getvalue())


def put(folder: Path, files: Sequence[Written]) -> None:
    """Write files as a switch's transfer does: under another name first, then in place."""
    for file in files:
        temporary = folder / f".{file.name}.part"
        temporary.write_bytes(file.data)
        temporary.rename(folder / file.name)

"""Archives of usage files: each member of a zip or tar (plain, gzip, zstd) is a file of its own, unpacked for as long as it is read.

An archive is unpacked whole before its first member is given away, so that a damaged one gives nothing. Members are written under
numbers, never under their own names. Refused are archives that are damaged, encrypted or cut off; with links, devices or sparse
files; with paths that lead out of a folder; with two members of one name; with archives inside; and ones that unpack to more than
`Limits` allows. Left out are folders, and what macOS adds (`__MACOSX`, `._name`). A gzip or zstd file that is no tar is one usage
file: `reader` unpacks it. Memory does not grow with what an archive holds.
"""

from __future__ import annotations

import contextlib
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

from mediation.bytes.reader import BOMB_RATIO, HEAD_BYTES, UNPACKED, CountedFile, Unpacked, bomb, file_head, open_plain, packing
from rating.errors import UnusableFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE_BYTES: Final = 1 << 20
_TAR_MARK: Final = slice(257, 262)
_TAR_BLOCK_BYTES: Final = 512
_NAMES_PER_MEMBER: Final = 4  # an archive holds folders besides files
_ZIP_MARKS: Final = (b"PK\x03\x04", b"PK\x05\x06")
_ZIP_END: Final = b"PK\x05\x06"
_ZIP_END_BYTES: Final = 22
_ZIP64_PLACE_BYTES: Final = 20
_ZIP_COMMENT_BYTES_MAX: Final = 1 << 16
_IN_ZIP64: Final = 0xFFFFFFFF  # the size stands in a record of its own
_ZIP_ENCRYPTED: Final = 1
_TAR_ERRORS: Final = (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError)  # what tarfile raises on hostile headers
_ZIP_ERRORS: Final = (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError, OSError, zlib.error, struct.error)
_FETCH: Final = "fetch the archive again, or unpack it yourself and give its files"


class Limits(NamedTuple):
    """Limits of an archive."""

    members: int = 10_000
    bytes: int = 64 << 30
    directory_bytes: int = 16 << 20  # of zip's list of members
    ratio: int = BOMB_RATIO
    ratio_bytes: int = 1 << 30  # below this, `ratio` does not matter


class Member(NamedTuple):
    """A usage file: where it lies now, and what to call it, such as `monday.zip/pbx/Master.csv`."""

    name: str
    path: Path
    size_bytes: int


def is_archive(path: Path) -> bool:
    """Return whether `path` is a zip or tar, by its first bytes."""
    return _kind(path) != ""


@contextlib.contextmanager
def files_in(path: Path, folder: Path | None = None, limits: Limits = Limits()) -> Iterator[tuple[Member, ...]]:  # noqa: B008 - immutable
    """The usage files of `path`: itself, or the members of an archive in their order there.

    Members lie in a folder of their own inside `folder` (default: the system's for temporary files) until the block is left.
    """
    kind = _kind(path)
    if not kind:
        yield (Member(path.name, path, path.stat().st_size),)
        return
    with tempfile.TemporaryDirectory(prefix=UNPACKED, dir=folder) as place:
        unpacking = _Unpacking(path, Path(place), limits)
        try:
            (_unpack_zip if kind == "zip" else _unpack_tar)(unpacking)
        except OSError as error:
            message = f"{path} cannot be unpacked into {place}: {error.strerror}"
            raise UnusableFileError(message, "make room on that disk, or set TMPDIR to a folder on a larger one") from error
        yield tuple(unpacking.members)


class _Unpacking:
    """Members that have been written so far, and what they may still grow to."""

    def __init__(self, path: Path, folder: Path, limits: Limits) -> None:
        self.path = path
        self.folder = folder
        self.limits = limits
        self.members: list[Member] = []
        self._names: set[str] = set()
        self._bytes = 0
        self._packed_bytes = path.stat().st_size

    def take(self, name: str, content: IO[bytes], size_bytes: int) -> None:
        """Write one member, which has to be as long as the archive says."""
        if _is_of_macos(name):
            return
        if len(self.members) >= self.limits.members:
            raise self.refused(f"holds more than {self.limits.members} files")
        target = self.folder / f"{len(self.members):06d}"
        with target.open("xb") as file:
            written = self.copy(content, file)
        if written != size_bytes:
            raise self.refused(f"is damaged: {_shown(name)} has {written} bytes, not {size_bytes}", _FETCH)
        if is_archive(target):
            raise self.refused(f"holds another archive, {_shown(name)}", "unpack the outer one yourself, and give the inner one")
        self.members.append(Member(f"{self.path.name}/{_shown(name.removeprefix('./'))}", target, written))

    def copy(self, content: IO[bytes] | Unpacked, file: BinaryIO) -> int:
        """Copies in pieces; refuses to go beyond the limits."""
        written = 0
        while piece := content.read(_PIECE_BYTES):
            self._bytes += len(piece)
            if self._bytes > max(self.limits.ratio_bytes, self.limits.ratio * self._packed_bytes):
                raise bomb(self.path)
            if self._bytes > self.limits.bytes:
                raise self.refused(f"unpacks to more than {self.limits.bytes >> 30} GiB", "pack the files into several archives")
            file.write(piece)
            written += len(piece)
        return written

    def check_name(self, name: str) -> None:
        """Refuse what leads out of a folder, and what is there twice."""
        parts = name.replace("\\", "/").split("/")
        if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in name:
            raise self.refused(
                f"holds the path {_shown(name)}, which leads out of the folder", "ask for an archive with plain relative names"
            )
        if name in self._names:
            raise self.refused(f"holds {_shown(name)} twice", "ask which of the two is right; unpack that one yourself")
        if len(self._names) >= _NAMES_PER_MEMBER * self.limits.members:
            raise self.refused(f"holds more than {len(self._names)} entries")
        self._names.add(name)

    def check_room(self, size_bytes: int) -> None:
        """Refuse early what the disk has no room for."""
        if size_bytes > shutil.disk_usage(self.folder).free:
            raise UnusableFileError(
                f"{self.path} unpacks to {size_bytes} bytes, more than {self.folder} has room for",
                "make room on that disk, or set TMPDIR to a folder on a larger one",
            )

    def refused(self, message: str, remedy: str = "pack the files into several archives") -> UnusableFileError:
        """The archive cannot be taken."""
        return UnusableFileError(f"{self.path} {message}: nothing was taken from it", remedy)


def _kind(path: Path) -> str:
    """`zip`, `tar`, or empty for what is no archive."""
    with open_plain(path) as plain:
        head = file_head(path, plain)
        if head.startswith(_ZIP_MARKS):
            return "zip"
        if packing(head):
            size_bytes = path.stat().st_size
            try:
                head = Unpacked(path, CountedFile(path, plain, size_bytes), head).read(HEAD_BYTES)
            except UnusableFileError:  # who reads the file says so
                return ""
        return "tar" if head[_TAR_MARK] == b"ustar" else ""


def _is_of_macos(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1].startswith("._")


def _shown(name: str) -> str:
    """A member's name as text that can be stored and printed."""
    text = name.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return "".join(mark if mark.isprintable() else f"\\x{ord(mark):02x}" for mark in text)[:400]


# ---- zip


def _unpack_zip(unpacking: _Unpacking) -> None:
    path = unpacking.path
    with open_plain(path) as plain:
        if _directory_bytes(plain) > unpacking.limits.directory_bytes:
            raise unpacking.refused(f"holds more than {unpacking.limits.members} files")
        try:
            with zipfile.ZipFile(plain) as archive:
                _unpack_zip_members(unpacking, archive)
        except _ZIP_ERRORS as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise unpacking.refused(f"is a truncated or damaged zip file ({error})", _FETCH) from error


def _unpack_zip_members(unpacking: _Unpacking, archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    for entry in entries:
        mode = entry.external_attr >> 16
        unpacking.check_name(entry.filename)
        if entry.flag_bits & _ZIP_ENCRYPTED:
            raise unpacking.refused("is encrypted", "decrypt it first: unzip asks for the password")
        if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_IFMT(mode) == 0):
            raise unpacking.refused(
                f"holds {_shown(entry.filename)}, which is a link or device", "ask for an archive with plain files only"
            )
    unpacking.check_room(sum(entry.file_size for entry in entries))
    for entry in entries:
        if not entry.is_dir():
            with archive.open(entry) as content:
                unpacking.take(entry.filename, content, entry.file_size)


def _directory_bytes(plain: BinaryIO) -> int:
    """The size of a zip's list of members, which is read into memory whole; 0 if it cannot be found."""
    size_bytes = plain.seek(0, 2)
    plain.seek(max(0, size_bytes - _ZIP_END_BYTES - _ZIP_COMMENT_BYTES_MAX - _ZIP64_PLACE_BYTES))
    tail = plain.read()
    plain.seek(0)
    place = tail.rfind(_ZIP_END)
    if place < 0 or place + _ZIP_END_BYTES > len(tail):
        return 0
    (listed,) = struct.unpack_from("<L", tail, place + 12)
    if listed != _IN_ZIP64 or place < _ZIP64_PLACE_BYTES:
        return int(listed)
    (where,) = struct.unpack_from("<Q", tail, place - 12)
    if where > size_bytes - 56:
        return 0
    plain.seek(where)
    record = plain.read(56)
    plain.seek(0)
    return int(struct.unpack_from("<Q", record, 40)[0])


# ---- tar


class _HeaderGuard:
    """A tar file that is never read in large pieces, as a header with a forged length would have it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        """At most a piece."""
        if size < 0 or size > _PIECE_BYTES:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._file.read(size)


def _unpack_tar(unpacking: _Unpacking) -> None:
    with open_plain(unpacking.path) as plain:
        head = file_head(unpacking.path, plain)
        if not packing(head):
            _unpack_tar_members(unpacking, plain)
            return
        whole = unpacking.folder / "whole.tar"
        size_bytes = unpacking.path.stat().st_size
        with whole.open("x+b") as unpacked:
            _Unpacking(unpacking.path, unpacking.folder, unpacking.limits).copy(
                Unpacked(unpacking.path, CountedFile(unpacking.path, plain, size_bytes), head), unpacked
            )
            whole.unlink()
            unpacked.seek(0)
            _unpack_tar_members(unpacking, unpacked)


def _unpack_tar_members(unpacking: _Unpacking, plain: BinaryIO) -> None:
    guarded: Any = _HeaderGuard(plain)
    try:
        with tarfile.open(fileobj=guarded, mode="r:", errorlevel=2) as archive:
            for entry in archive:
                _take_tar_member(unpacking, archive, entry)
                archive.members = []  # type: ignore[attr-defined]  # the stubs leave it out; else it would remember them all
            end = archive.offset
    except _TAR_ERRORS as error:
        raise unpacking.refused(f"is a truncated or damaged tar file ({error})", _FETCH) from error
    plain.seek(end)
    if len(plain.read(_TAR_BLOCK_BYTES).strip(b"\0")) > 0 or plain.tell() < end + _TAR_BLOCK_BYTES:
        raise unpacking.refused(f"is a truncated or damaged tar file: no header and no end at byte {end}", _FETCH)
    while piece := plain.read(_PIECE_BYTES):
        if piece.strip(b"\0"):
            raise unpacking.refused("has more behind its end, such as a second archive", "give the archives one by one")


def _take_tar_member(unpacking: _Unpacking, archive: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
    unpacking.check_name(entry.name)
    if entry.isdir():
        return
    if not entry.isreg() or entry.issparse():
        raise unpacking.refused(
            f"holds {_shown(entry.name)}, which is a link, a device or a sparse file", "ask for an archive with plain files only"
        )
    unpacking.check_room(entry.size)
    content = archive.extractfile(entry)
    assert content is not None
    with content:
        unpacking.take(entry.name, content, entry.size)

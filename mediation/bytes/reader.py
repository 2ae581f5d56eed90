"""Raw bytes of a usage file, plain, gzip or zstd, through a window of fixed size.

Offsets are those of the decompressed stream. A file is hashed as it lies on disk, and while it is read: the hash is that of the very
bytes that were taken. It is read up to the size it had when it was opened, so that a switch may go on writing. Refuses what
is no text: directories, pipes, archives (`containers` opens these), UTF-16, binary files, damaged gzip and zstd; a file that is cut
off while it is read; and one that grows beyond all measure when it is unpacked.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import stat
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, Self, cast

import numpy as np
import pyarrow as pa

from rating.errors import UnusableFileError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from _typeshed import WriteableBuffer

WINDOW_BYTES: Final = 16 << 20
HEAD_BYTES: Final = 4096
_PIECE_BYTES: Final = 1 << 20
BOMB_BYTES_MIN: Final = 1 << 30  # less than this is taken whatever its packing
BOMB_RATIO: Final = 200  # records shrink to a tenth or a fiftieth, not further
GZIP: Final = b"\x1f\x8b"
UNPACKED: Final = "unpacked-"  # folders of members of an archive, whose sizes the archive tells
ZSTD: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = b"\x2a\x4d\x18"  # bytes 1 to 3 of a zstd file that begins with somebody's own data
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ARCHIVES = {b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}


class Fingerprint(NamedTuple):
    """The identity of a file: its bytes on disk."""

    sha256: bytes
    size_bytes: int


def shown(path: Path) -> str:
    """The path as text that can be stored and printed: a byte that is no UTF-8 is shown by its code."""
    return os.fsencode(path).decode(errors="backslashreplace")


def fingerprint(path: Path) -> Fingerprint:
    """SHA-256 and size of `path` as it lies on disk now."""
    with open_plain(path) as plain:
        file = CountedFile(path, plain, os.fstat(plain.fileno()).st_size)
        while file.read(_PIECE_BYTES):
            pass
        return file.fingerprint()


class CountedFile(io.RawIOBase):
    """The first `size_bytes` of a file, with their hash as far as they were read."""

    def __init__(self, path: Path, plain: BinaryIO, size_bytes: int) -> None:
        super().__init__()
        self._path = path
        self._plain = plain
        self._left = self._size_bytes = size_bytes
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Raises UnusableFileError where the file ends before its size, as it does when a rotation cuts it off under our hands."""
        view = memoryview(buffer)[: self._left]
        try:
            got = cast("int", self._plain.readinto(view))  # type: ignore[attr-defined]  # BinaryIO lacks it
        except OSError as error:
            raise _unreadable(self._path, error) from error
        if got == 0 and self._left > 0:
            raise changed(self._path)
        self._digest.update(view[:got])
        self._left -= got
        return got

    def fingerprint(self) -> Fingerprint:
        """Return the fingerprint of the whole file; the rest that was not read yet is read now."""
        while self._left:
            self.read(_PIECE_BYTES)
        return Fingerprint(self._digest.digest(), self._size_bytes)

    @property
    def read_bytes(self) -> int:
        """Return how many bytes have been read."""
        return self._size_bytes - self._left


class Unpacked(io.RawIOBase):
    """The content of a plain, gzip or zstd file, recognised by its first bytes. Raises UnusableFileError where the packing is damaged."""

    def __init__(self, path: Path, file: CountedFile, head: bytes) -> None:
        super().__init__()
        self._path = path
        self._file = file
        self._packing = packing(head)
        self._stream: Any = file
        if self._packing == "gzip":
            self._stream = gzip.GzipFile(fileobj=file)
        elif self._packing == "zstd":
            self._stream = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")
        self._size_bytes = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fills the buffer as far as there is something."""
        try:
            got = self._stream.readinto(buffer) or 0
        except UnusableFileError:
            raise
        except (EOFError, zlib.error, OSError) as error:  # gzip's and Arrow's ways to say damaged
            message = f"{self._path} is a truncated or damaged {self._packing} file: nothing was taken from it"
            remedy = f"fetch the file again from the switch; `{self._packing} -t FILE` checks whether it is whole"
            raise UnusableFileError(message, remedy) from error
        self._size_bytes += got
        if self._size_bytes > max(BOMB_BYTES_MIN, BOMB_RATIO * self._file.read_bytes):
            raise bomb(self._path)
        return got


def packing(head: bytes) -> str:
    """The packing of a file that begins with `head`: `gzip`, `zstd`, or empty for plain."""
    if head.startswith(GZIP):
        return "gzip"
    is_skippable = head[1:4] == _SKIPPABLE and head[:1] >= b"\x50" and head[:1] <= b"\x5f"
    return "zstd" if head.startswith(ZSTD) or is_skippable else ""


def bomb(path: Path) -> UnusableFileError:
    """The refusal of a file that is packed beyond all measure: such files are made to fill disks."""
    return UnusableFileError(
        f"{path} unpacks to over {BOMB_RATIO} times its size: nothing was taken from it",
        "no usage file packs so well; if this one is right, unpack it yourself and give the plain file",
    )


class Window:
    """Bytes `begin` .. `end` of `data` are in sight; `offset` is the place of `data[0]` in the stream; `is_last`: nothing follows.

    Reads up to `size_bytes` of the file on disk; without it, up to the size that the file has when it is opened.
    """

    def __init__(self, path: Path, window_bytes: int = WINDOW_BYTES, size_bytes: int | None = None) -> None:
        self._is_member = path.parent.name.startswith(UNPACKED) and path.name.isdecimal()
        self.may_be_cut = True
        self._path, self.name = path, shown(path)
        self._buffer = bytearray(window_bytes)
        self.data = np.frombuffer(self._buffer, np.uint8)
        self.data.flags.writeable = False
        self.begin = self.end = self.offset = 0
        self.is_last = False
        self._plain = open_plain(path)
        with contextlib.ExitStack() as closing:  # until it is known that the file can be read
            closing.callback(self._plain.close)
            self.size_bytes = os.fstat(self._plain.fileno()).st_size if size_bytes is None else size_bytes
            self._file = CountedFile(path, self._plain, self.size_bytes)
            self._stream = self._unpacked()
            self._fill()
            self._skip_mark()
            closing.pop_all()

    def _unpacked(self) -> io.RawIOBase:
        head = file_head(self._path, self._plain)
        _refuse_archive(self._path, head)
        self.may_be_cut = not (packing(head) or self._is_member)
        return Unpacked(self._path, self._file, head) if packing(head) else self._file

    def _skip_mark(self) -> None:
        head = bytes(self._buffer[: min(self.end, HEAD_BYTES)])
        _refuse_binary(self._path, head)
        self.begin = len(_BYTE_ORDER_MARK) if head.startswith(_BYTE_ORDER_MARK) else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._plain.close()

    @property
    def read_bytes(self) -> int:
        """Bytes of the file on disk that have been read."""
        return self._file.read_bytes

    def fingerprint(self) -> Fingerprint:
        """Return the fingerprint of the very bytes that were read; asked when nothing follows."""
        return self._file.fingerprint()

    def go_on(self, position: int) -> None:
        """Forget what lies before `position`, move the rest to the front and fill up."""
        rest = self.end - position
        if position > 0 and rest < self.end:
            self._buffer[:rest] = self._buffer[position : self.end]
        self.offset += position
        self.begin, self.end = 0, rest
        self._fill()

    def _fill(self) -> None:
        view = memoryview(self._buffer)
        while self.end < len(self._buffer) and not self.is_last:
            got = self._stream.readinto(view[self.end :]) or 0
            self.end += got
            self.is_last = got == 0


def changed(path: Path) -> UnusableFileError:
    """The file is not what it was when its reading began."""
    return UnusableFileError(
        f"{path} changed while it was read", "wait until the switch has closed the file, then try again; nothing was stored"
    )


def open_plain(path: Path) -> BinaryIO:
    """A file as it lies on disk. Raises UnusableFileError for what is no file or cannot be read."""
    try:
        mode = path.stat().st_mode  # before it is opened: to open a pipe is to wait for its writer
        if stat.S_ISDIR(mode):
            raise UnusableFileError(f"{path} is a folder, not a file", "name one usage file, such as cdr-csv/Master.csv")
        if not stat.S_ISREG(mode):
            raise UnusableFileError(
                f"{path} is a pipe or device, not a file", "write what comes from it to a file first: a usage file is read twice"
            )
        return path.open("rb")
    except FileNotFoundError as error:
        raise UnusableFileError(f"there is no file {path}", "check the path") from error
    except OSError as error:
        raise _unreadable(path, error) from error


def file_head(path: Path, plain: BinaryIO) -> bytes:
    """The first bytes of a file that was just opened."""
    try:
        head = plain.read(HEAD_BYTES)
    except OSError as error:
        raise _unreadable(path, error) from error
    plain.seek(0)
    return head


def _unreadable(path: Path, error: OSError) -> UnusableFileError:
    return UnusableFileError(f"{path} cannot be read: {error.strerror}", "check the file's permissions, and its disk")


def _refuse_archive(path: Path, head: bytes) -> None:
    for mark, name in _ARCHIVES.items():
        if head.startswith(mark):
            raise UnusableFileError(
                f"{path} is a {name} archive", "unpack it first; plain text, gzip and zstd are read as they are, and zip and tar are opened"
            )


def _refuse_binary(path: Path, head: bytes) -> None:
    if head.startswith(_UTF16):
        raise UnusableFileError(f"{path} is UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW")
    for order, zeros, letters in (("LE", head[1::2], head[::2]), ("BE", head[::2], head[1::2])):
        if 2 * zeros.count(0) > len(zeros) and min(letters, default=0) >= ord("\t"):
            message = f"{path} is UTF-16 text without the mark that says so"
            raise UnusableFileError(message, f"convert it: iconv -f UTF-16{order} -t UTF-8 FILE > NEW")
    if b"\0" in head:
        raise UnusableFileError(f"{path} is a binary file, not text", "check that it is the switch's file, and which format its source has")

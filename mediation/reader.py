"""Raw bytes of a usage file, plain or gzip, through a window of fixed size.

Offsets are those of the decompressed stream. A file is hashed as it lies on disk, and while it is read, so that the hash is that of
the very bytes that were taken. It is read up to the size it had when it was opened, so that a switch may go on writing. Refuses what
is no text: directories, pipes, archives, UTF-16, binary files, damaged gzip; and a file that is cut off while it is read.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import stat
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, Self, cast

import numpy as np

from rating.errors import UnusableFileError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from _typeshed import WriteableBuffer

WINDOW_BYTES: Final = 16 << 20
_HEAD_BYTES: Final = 4096
_PIECE_BYTES: Final = 1 << 20
_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ARCHIVES = {b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


class Fingerprint(NamedTuple):
    """What identifies a file: its bytes on disk."""

    sha256: bytes
    size_bytes: int


def shown(path: Path) -> str:
    """The path as text that can be stored and printed: a byte that is no UTF-8 is shown by its code."""
    return os.fsencode(path).decode(errors="backslashreplace")


def fingerprint(path: Path) -> Fingerprint:
    """SHA-256 and size of `path` as it lies on disk now."""
    with _open_plain(path) as plain:
        file = _Counted(path, plain, os.fstat(plain.fileno()).st_size)
        while file.read(_PIECE_BYTES):
            pass
        return file.fingerprint()


class _Counted(io.RawIOBase):
    """The first `size_bytes` of a file, with their hash as far as they were read."""

    def __init__(self, path: Path, plain: BinaryIO, size_bytes: int) -> None:
        super().__init__()
        self._path = path
        self._plain = plain
        self._left = self._size_bytes = size_bytes
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
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
        """Of the whole file; what was not read yet is read now."""
        while self._left:
            self.read(_PIECE_BYTES)
        return Fingerprint(self._digest.digest(), self._size_bytes)

    @property
    def read_bytes(self) -> int:
        return self._size_bytes - self._left


class Window:
    """Bytes `begin` .. `end` of `data` are in sight; `offset` is the place of `data[0]` in the stream; `is_last`: nothing follows.

    Reads up to `size_bytes` of the file on disk; without it, up to the size that the file has when it is opened.
    """

    def __init__(self, path: Path, window_bytes: int = WINDOW_BYTES, size_bytes: int | None = None) -> None:
        self._path = path
        self._buffer = bytearray(window_bytes)
        self.data = np.frombuffer(self._buffer, np.uint8)
        self.data.flags.writeable = False
        self.begin = self.end = self.offset = 0
        self.is_last = False
        self._plain = _open_plain(path)
        with contextlib.ExitStack() as closing:  # until it is known that the file can be read
            closing.callback(self._plain.close)
            self.size_bytes = os.fstat(self._plain.fileno()).st_size if size_bytes is None else size_bytes
            self._file = _Counted(path, self._plain, self.size_bytes)
            self._stream = self._unpacked()
            self._fill()
            self._skip_mark()
            closing.pop_all()

    def _unpacked(self) -> io.RawIOBase | gzip.GzipFile:
        try:
            head = self._plain.read(_HEAD_BYTES)
        except OSError as error:
            raise _unreadable(self._path, error) from error
        self._plain.seek(0)
        _refuse_archive(self._path, head)
        return gzip.GzipFile(fileobj=self._file) if head.startswith(_GZIP) else self._file

    def _skip_mark(self) -> None:
        head = bytes(self._buffer[: min(self.end, _HEAD_BYTES)])
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
        """Of the very bytes that were read; asked when nothing follows."""
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
            got = self._read_into(view[self.end :])
            self.end += got
            self.is_last = got == 0

    def _read_into(self, view: memoryview) -> int:
        try:
            return self._stream.readinto(view) or 0
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            message = f"{self._path} is a truncated or damaged gzip file: nothing was taken from it"
            raise UnusableFileError(message, "fetch the file again from the switch; `gzip -t FILE` tells whether it is whole") from error


def changed(path: Path) -> UnusableFileError:
    """The file is not what it was when its reading began."""
    return UnusableFileError(
        f"{path} changed while it was read", "wait until the switch has closed the file, then try again; nothing was stored"
    )


def _open_plain(path: Path) -> BinaryIO:
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


def _unreadable(path: Path, error: OSError) -> UnusableFileError:
    return UnusableFileError(f"{path} cannot be read: {error.strerror}", "check the file's permissions, and its disk")


def _refuse_archive(path: Path, head: bytes) -> None:
    for mark, name in _ARCHIVES.items():
        if head.startswith(mark):
            raise UnusableFileError(f"{path} is a {name} archive", "unpack it first; plain text and gzip are read as they are")


def _refuse_binary(path: Path, head: bytes) -> None:
    if head.startswith(_UTF16):
        raise UnusableFileError(f"{path} is UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW")
    if b"\0" in head:
        raise UnusableFileError(f"{path} is a binary file, not comma-separated text", "check that it is the switch's CSV file")

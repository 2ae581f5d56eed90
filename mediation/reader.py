"""Raw bytes of a usage file, plain or gzip, through a window of fixed size.

Offsets are those of the decompressed stream. A file is hashed as it lies on disk. A plain file is read up to the size it had when
it was opened, so that a switch may go on writing. Refuses what is no text: directories, archives, UTF-16, binary files, damaged
gzip.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, Self, cast

import numpy as np

from rating.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

WINDOW_BYTES: Final = 16 << 20
_HEAD_BYTES = 4096
_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ARCHIVES = {b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


class Fingerprint(NamedTuple):
    """What identifies a file: its bytes on disk."""

    sha256: bytes
    size_bytes: int


def fingerprint(path: Path) -> Fingerprint:
    """SHA-256 and size of `path` as it lies on disk now."""
    with _open_plain(path) as file:
        size = path.stat().st_size
        digest = hashlib.sha256()
        left = size
        while left > 0 and (piece := file.read(min(1 << 20, left))):
            digest.update(piece)
            left -= len(piece)
    return Fingerprint(digest.digest(), size)


class Window:
    """Bytes `begin` .. `end` of `data` are in sight; `offset` is the place of `data[0]` in the stream; `is_last`: nothing follows."""

    def __init__(self, path: Path, size_bytes: int, window_bytes: int = WINDOW_BYTES) -> None:
        self._path = path
        self._left = size_bytes
        self._buffer = bytearray(window_bytes)
        self.data = np.frombuffer(self._buffer, np.uint8)
        self.data.flags.writeable = False
        self.begin = self.end = self.offset = 0
        self.is_last = False
        self._plain = _open_plain(path)
        with contextlib.ExitStack() as closing:  # until it is known that the file can be read
            closing.callback(self._plain.close)
            self._stream = self._unpacked()
            self._fill()
            self._skip_mark()
            closing.pop_all()

    def _unpacked(self) -> BinaryIO:
        head = self._plain.read(_HEAD_BYTES)
        self._plain.seek(0)
        _refuse_archive(self._path, head)
        self._is_gzip = head.startswith(_GZIP)
        return cast("BinaryIO", gzip.GzipFile(fileobj=self._plain)) if self._is_gzip else self._plain

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
        return self._plain.tell() if not self._plain.closed else 0

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
        if not self._is_gzip:
            got = cast("int", self._stream.readinto(view[: min(len(view), self._left)])) if self._left else 0  # type: ignore[attr-defined]  # BinaryIO lacks it
            self._left -= got
            return got
        try:
            return cast("int", self._stream.readinto(view))  # type: ignore[attr-defined]  # BinaryIO lacks it
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            message = f"{self._path} is a truncated or damaged gzip file: nothing was taken from it"
            raise UserError(message, "fetch the file again from the switch; `gzip -t FILE` tells whether it is whole") from error


def _open_plain(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise UserError(f"there is no file {path}", "check the path") from error
    except IsADirectoryError as error:
        raise UserError(f"{path} is a folder, not a file", "name one usage file, such as cdr-csv/Master.csv") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "check the file's permissions") from error


def _refuse_archive(path: Path, head: bytes) -> None:
    for mark, name in _ARCHIVES.items():
        if head.startswith(mark):
            raise UserError(f"{path} is a {name} archive", "unpack it first; plain text and gzip are read as they are")


def _refuse_binary(path: Path, head: bytes) -> None:
    if head.startswith(_UTF16):
        raise UserError(f"{path} is UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW")
    if b"\0" in head:
        raise UserError(f"{path} is a binary file, not comma-separated text", "check that it is the switch's CSV file")

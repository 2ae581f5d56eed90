"""The spool: files that are being sent, each in a folder of its own until its call ends.

    HOME/spool/lock             held while a service makes its folder, and removes those of services that are gone
    HOME/spool/SERVICE/lock     held while the service lives
    HOME/spool/SERVICE/CALL/    one file, and what is unpacked of it

Nothing in it counts. Refuses: RESOURCE_EXHAUSTED: SPOOL_FULL.
"""

from __future__ import annotations

import collections
import contextlib
import fcntl
import shutil
import tempfile
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import grpc

from billing import acting
from billing.store.home import SPOOL
from server.grpc.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK: Final = "lock"
BYTES_MAX: Final = 2 << 30  # of all files that are being sent to one service


class Spool:
    """The folder of one service."""

    def __init__(self, home: Path, bytes_max: int = BYTES_MAX, own_bytes_max: int | None = None) -> None:
        """Make the folder, and remove what services that were killed have left.

        `own_bytes_max`: of the files of one operator; a quarter of `bytes_max` where none is given.
        """
        folder = home / SPOOL
        folder.mkdir(exist_ok=True)
        self._bytes_max, self._bytes, self._guard = bytes_max, 0, threading.Lock()
        self._own_bytes_max = bytes_max // 4 if own_bytes_max is None else own_bytes_max
        self._of_operator = collections.Counter[str]()
        with (folder / LOCK).open("a") as making:
            fcntl.flock(making, fcntl.LOCK_EX)
            for each in folder.iterdir():
                if each.is_dir() and not _is_held(each / LOCK):
                    shutil.rmtree(each, ignore_errors=True)
            self._own = Path(tempfile.mkdtemp(dir=folder))
            self._held = (self._own / LOCK).open("a")
            fcntl.flock(self._held, fcntl.LOCK_EX)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._own, ignore_errors=True)
        self._held.close()

    @contextlib.contextmanager
    def file(self, name: str) -> Iterator[Incoming]:
        """A file of this name, which is gone at the end of the block, however it ends."""
        with tempfile.TemporaryDirectory(dir=self._own) as folder:
            incoming = Incoming(self, Path(folder) / name)
            try:
                yield incoming
            finally:
                incoming.close()

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        """An empty folder, which is gone at the end of the block."""
        with tempfile.TemporaryDirectory(dir=self._own) as folder:
            yield Path(folder)

    def take(self, size_bytes: int, operator: str) -> None:
        """Take room for some bytes of an operator; below zero gives it back."""
        with self._guard:
            if size_bytes > 0:
                if self._bytes + size_bytes > self._bytes_max:
                    raise _full("the files that are being sent are all that this service takes at once; try again later")
                if self._of_operator[operator] + size_bytes > self._own_bytes_max:
                    raise _full(f"the files that {operator} is sending are all that this service takes of one operator; try again later")
            self._bytes += size_bytes
            self._of_operator[operator] += size_bytes


class Incoming:
    """A file that is being sent."""

    def __init__(self, spool: Spool, path: Path) -> None:
        self.path, self.size_bytes = path, 0
        self._spool, self._operator = spool, acting.current().name
        self._file: IO[bytes] = path.open("xb")

    def write(self, piece: bytes) -> None:
        """Add a piece."""
        self._spool.take(len(piece), self._operator)
        self.size_bytes += len(piece)
        self._file.write(piece)

    def whole(self) -> Path:
        """The path, now that all has come."""
        self._file.close()
        return self.path

    def close(self) -> None:
        """Give the room back."""
        self._file.close()
        self._spool.take(-self.size_bytes, self._operator)


def _full(message: str) -> Refusal:
    return Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "SPOOL_FULL", message)


def _is_held(lock: Path) -> bool:
    """Return whether a living service holds a lock."""
    try:
        with lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no lock file: it was killed while it made its folder
        return False
    return False

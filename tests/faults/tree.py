"""The copy of the tree that faults are planted in, always at one path: kernels are compiled for a path, and compiled again for another.

The copy is a clone of a commit with a virtual environment of its own. What is planted in it is written down before it is planted, so that
whoever comes after one that was killed puts the file back first. A file that is put back has its old time of change, too: nothing that was
compiled of it is compiled again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tests.faults.records import planted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.records import Fault

_OWN: Final = "tests/faults"  # these tests would find any fault, by its text


class CopyError(Exception):
    """The copy cannot be made or used."""


class _Changed(msgspec.Struct, frozen=True):
    """The file that a fault is planted in, and when it was changed before that."""

    file: str
    changed_ns: int


class Copy:
    """A tree with at most one fault in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / ".git" / "faults"  # beside the tree: no test sees it
        self.running = self.state / "running"  # holds the process group of the tests that run
        self._note = self.state / "planted.json"
        self._before = self.state / "before"

    @property
    def revision(self) -> str:
        """The commit that the copy is of."""
        return _git(self.folder, "rev-parse", "HEAD")

    def prepare(self, source: Path, revision: str) -> None:
        """Make the copy, or bring it to a commit of the repository `source`. Files that are the same keep their times."""
        if self.folder.exists() and any(self.folder.iterdir()) and not self.state.is_dir():
            raise CopyError(f"{self.folder} is no copy of before: name an empty or new folder with --copy")
        if not self.state.is_dir():
            _git(source, "clone", "--quiet", "--no-checkout", str(source), str(self.folder))
            self.state.mkdir()
        with self.alone():
            self.restore()
            wanted = _git(source, "rev-parse", f"{revision}^{{commit}}")
            _git(self.folder, "fetch", "--quiet", str(source), wanted)
            _git(self.folder, "status", "--porcelain")  # sees that a file that was put back is the same, so that it keeps its time
            _git(self.folder, "checkout", "--quiet", "--force", "--detach", wanted)
            shutil.rmtree(self.folder / _OWN, ignore_errors=True)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the copy while the block lasts. Raises CopyError where another campaign does."""
        with (self.state / "lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise CopyError(f"another campaign works in {self.folder}") from error
            yield

    def plant(self, fault: Fault) -> None:
        """Put a fault into the tree. Raises DoesNotApplyError where its file is another one, or is not there."""
        self.restore()
        file = self.folder / fault.file
        before = file.read_bytes() if file.is_file() else b""
        after = planted(before.decode(), fault).encode()
        self._before.write_bytes(before)
        noted = self._note.with_suffix(".new")
        noted.write_bytes(msgspec.json.encode(_Changed(fault.file, file.stat().st_mtime_ns)))
        noted.replace(self._note)
        file.write_bytes(after)

    def restore(self) -> None:
        """End the tests that a killed campaign left, and put the file back that a fault was planted in, if any was."""
        self._end_left()
        if self._note.exists():
            changed = msgspec.json.decode(self._note.read_bytes(), type=_Changed)
            file = self.folder / changed.file
            file.write_bytes(self._before.read_bytes())
            os.utime(file, ns=(changed.changed_ns, changed.changed_ns))
            self._note.unlink()

    def _end_left(self) -> None:
        """They would go on beside the next ones. They are told by their folder: another process may have their number by now."""
        if not self.running.exists():
            return
        group = int(self.running.read_text() or 0)
        with contextlib.suppress(OSError):  # it has ended, or the system has no /proc
            if group and Path(f"/proc/{group}/cwd").resolve(strict=True) == self.folder:
                os.killpg(group, signal.SIGKILL)
        self.running.unlink()


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], check=False, capture_output=True, text=True)
    if done.returncode:
        raise CopyError(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()

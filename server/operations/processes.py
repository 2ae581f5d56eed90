"""Processes of operations: each holds a file lock, which the system takes back when it ends, however it ends.

The lock is taken before the operation is stored, and handed to the process as it is spawned. So an operation whose lock is free has no
process. Beside the lock lie the progress and what the process wrote on stderr.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

import msgspec

from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.store.home import Home

FOLDER: Final = "operations"
MODULE: Final = "server.operations"
NICENESS: Final = 10  # how much lower the priority of such a process is than that of the service
ENDING_S: Final = 5.0  # how long a process that was told to end may take
_STEP_S: Final = 0.02


class Mark(msgspec.Struct, frozen=True):
    """The process that holds a lock, and its host."""

    pid: int
    host: str


class Progress(msgspec.Struct, frozen=True):
    """The stage that goes on, how much of it is done, of how many (0: not known), and at which rate."""

    stage: str = ""
    done: int = 0
    total: int = 0
    rate_per_second: int = 0


@contextlib.contextmanager
def reserved(home: Home, name: str) -> Iterator[int]:
    """Hold the lock of an operation that has no process yet. Gives the file descriptor that `spawn` hands on."""
    folder = home.path / FOLDER
    folder.mkdir(exist_ok=True)
    descriptor = os.open(_lock(home, name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)  # the lock stays with the process that has a copy


def spawn(home: Home, name: str, descriptor: int) -> None:
    """Start the process of an operation. It outlives this one."""
    command = [sys.executable, "-P", "-m", MODULE, str(home.path.resolve()), name, str(descriptor)]
    with (home.path / FOLDER / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 -- our own program
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(descriptor,), start_new_session=True
        )
    sign(descriptor, process.pid)
    threading.Thread(target=process.wait, name=f"operation-{name}", daemon=True).start()  # or it stays a zombie


def sign(descriptor: int, pid: int) -> None:
    """Write the holder of a lock into its file. The service and the process itself write the same."""
    os.pwrite(descriptor, msgspec.json.encode(Mark(pid, platform.node())), 0)


def is_alive(home: Home, name: str) -> bool:
    """Return whether the process of an operation holds its lock."""
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(_lock(home, name), os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False


def terminate(home: Home, name: str) -> None:
    """End the process of an operation, and what it has started; return when it is gone. What it has done stays.

    Raises UserError where it runs on another host, or does not end.
    """
    for signum in (signal.SIGTERM, signal.SIGKILL):
        until_s = time.monotonic() + ENDING_S
        while time.monotonic() < until_s:
            if not is_alive(home, name):
                return
            _signal(home, name, signum)
            time.sleep(_STEP_S)
    raise UserError(f"the process of the operation {name} does not end", "cancel it again; it waits for a disk or a database")


def tidy(home_path: Path, name: str) -> None:
    """Remove the files of an operation whose end is stored, but for a log that says something."""
    folder = home_path / FOLDER
    for ending in ("lock", "progress"):
        (folder / f"{name}.{ending}").unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        log = folder / f"{name}.log"
        if log.stat().st_size == 0:
            log.unlink()


def progress(home: Home, name: str) -> Progress:
    """The progress of an operation."""
    try:
        return msgspec.json.decode((home.path / FOLDER / f"{name}.progress").read_bytes(), type=Progress)
    except (FileNotFoundError, msgspec.DecodeError):
        return Progress()


class Reporter:
    """Writes progress into the file of an operation, not more often than each `interval_s`. Reports may come from several threads."""

    def __init__(self, home_path: Path, name: str, interval_s: float = 0.2) -> None:
        self._file = home_path / FOLDER / f"{name}.progress"
        self._interval_s = interval_s
        self._lock = threading.Lock()
        self._stage = ""
        self._began_s = self._written_s = 0.0
        self.last = Progress()

    def report(self, stage: str, done: int, total: int) -> None:
        """Note how much of a stage is done."""
        with self._lock:
            now_s = time.monotonic()
            is_new = stage != self._stage
            if is_new:
                self._stage, self._began_s = stage, now_s
            elapsed_s = now_s - self._began_s
            self.last = Progress(stage, done, total, int(done / elapsed_s) if elapsed_s > 0 else 0)
            if is_new or done == total or now_s - self._written_s >= self._interval_s:
                self._written_s = now_s
                draft = self._file.with_suffix(".draft")
                draft.write_bytes(msgspec.json.encode(self.last))
                draft.replace(self._file)


def _signal(home: Home, name: str, signum: int) -> None:
    """Signal the process that holds a lock. Its number may be another's by now: so it is held first, and the lock is asked again."""
    try:
        mark = msgspec.json.decode(_lock(home, name).read_bytes(), type=Mark)
    except msgspec.DecodeError:
        return  # it has not signed yet
    if mark.host != platform.node():
        raise UserError(f"the operation {name} runs on host {mark.host}", "cancel it by the service of that host")
    with contextlib.suppress(ProcessLookupError):
        held = os.pidfd_open(mark.pid)
        try:
            if is_alive(home, name):
                os.killpg(mark.pid, signum)  # it leads a session of its own
        finally:
            os.close(held)


def _lock(home: Home, name: str) -> Path:
    return home.path / FOLDER / f"{name}.lock"

"""Work that only one process does at a time: a file lock that the system takes back when its process ends, however it ends.

The file names its holder, so that an error can say who works here, since when, and at what. A holder that was killed leaves its name.
The name stays, with that of the next holder behind it, until what the killed one left is put right. One that is killed, refused or
interrupted before that leaves the work to the next one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import time
from typing import TYPE_CHECKING, Final

import msgspec

from rating.dates import utc_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_STEP_S: Final = 0.02
_MODE: Final = 0o666  # as a new file has it, less what the home's mask takes away
_NAMES_BYTES_MAX: Final = 1 << 16
_BETWEEN: Final = b"\n"  # the name of a holder that was killed, and that of the one that has the lock


class Holder(msgspec.Struct, frozen=True):
    """The process that holds a lock: its id and host, since which instant (microseconds UTC), and its work."""

    pid: int
    host: str
    since_us: int
    what: str


class HeldError(Exception):
    """Another process or thread holds the lock. The text names it, such as `: the run of 2025-11-01, process 123 on host a since ... UTC`.

    It is empty where the holder has not said its name yet.
    """


@contextlib.contextmanager
def held(  # noqa: PLR0913 -- what, how long, and what comes first
    path: Path,
    what: str,
    now_us: int,
    *,
    wait_s: float | None = 0.0,
    gives_up: Callable[[], bool] = lambda: False,
    put_right: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Hold the lock at `path`, for `what`. First calls `put_right` where the last holder was killed at its work, which left its name there.

    `wait_s`: seconds to wait for another holder, None for ever. Raises HeldError after that, or once `gives_up` returns true.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _MODE)
    try:
        if not _locked(file, wait_s, gives_up):
            raise HeldError(_holder(file))
        killed = os.pread(file, _NAMES_BYTES_MAX, 0).split(_BETWEEN)[0]  # of several the first: names would pile up
        name = msgspec.json.encode(Holder(os.getpid(), platform.node(), now_us, what))
        left = len(killed)
        try:
            if killed:
                os.ftruncate(file, left)
                name = _BETWEEN + name
            os.write(file, name)
            if killed:
                put_right()
            left = 0
            yield
        finally:
            os.ftruncate(file, left)
    finally:
        os.close(file)


def holder_of(path: Path) -> Holder | None:
    """The holder of the lock at `path`, by its own word, without trying the lock; None for one that has ended on this host."""
    try:
        if not path.stat().st_size:  # as it is most of the time
            return None
        holder = _last(path.read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    if holder.host == platform.node():
        try:
            os.kill(holder.pid, 0)
        except ProcessLookupError:
            return None
        except PermissionError:
            pass  # it lives, and is another user's
    return holder


def _locked(file: int, wait_s: float | None, gives_up: Callable[[], bool]) -> bool:
    if wait_s is None:
        fcntl.flock(file, fcntl.LOCK_EX)
        return True
    for _ in range(max(1, int(wait_s / _STEP_S))):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if gives_up():
                return False
            if wait_s:
                time.sleep(_STEP_S)
        else:
            return True
    return False


def _holder(file: int) -> str:
    try:
        holder = _last(os.pread(file, _NAMES_BYTES_MAX, 0))
    except msgspec.DecodeError:
        return ""
    since = utc_time(holder.since_us)
    return f": {holder.what}, process {holder.pid} on {holder.host} since {since:%Y-%m-%d %H:%M:%S} UTC"


def _last(names: bytes) -> Holder:
    """The one that has the lock, or had it last."""
    return msgspec.json.decode(names.rpartition(_BETWEEN)[2], type=Holder)

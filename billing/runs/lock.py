"""One bill run at a time on a home: a file lock that the system takes back when its process ends, however it ends.

The file says who holds it, for whoever comes second.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
from typing import TYPE_CHECKING, Final

import msgspec

from billing.runs.contracts.facts import EPOCH_INSTANT, MICROSECOND
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedRandom

    from billing.store.home import Home

LOCK_NAME: Final = "run.lock"
_GOES_ON: Final = "wait until it is done (`--wait` does), or stop it; then call the same run again: it goes on where the other one ended"
_AGAIN: Final = "wait until it is done, then give the command again"


class Holder(msgspec.Struct, frozen=True):
    """Who works on a home: process, host, since which instant (microseconds UTC), and at what."""

    pid: int
    host: str
    since_us: int
    what: str


@contextlib.contextmanager
def only_run(home: Home, what: str, now_us: int, *, wait: bool | None = None) -> Iterator[None]:
    """Hold the lock of bill runs, for `what`. Where another process or thread holds it: `wait`, or UserError at once that names it.

    `wait` None: of an act that is no run, which cannot wait and does not go on where it ended.
    """
    with (home.charges_folder / LOCK_NAME).open("ab+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise UserError(
                f"another process is working on {home.path}{_held_by(file)}",
                _AGAIN if wait is None else _GOES_ON,
            ) from error
        _say(file, Holder(os.getpid(), platform.node(), now_us, what))
        try:
            yield
        finally:
            file.truncate(0)


def _say(file: BufferedRandom, holder: Holder) -> None:
    file.truncate(0)
    file.write(msgspec.json.encode(holder))
    file.flush()


def _held_by(file: BufferedRandom) -> str:
    """Such as `: the run of 2025-11-01, process 123 on host a since 2025-11-01 08:00:00 UTC`; nothing if it does not say (yet)."""
    file.seek(0)
    try:
        holder = msgspec.json.decode(file.read(), type=Holder)
    except msgspec.DecodeError:
        return ""
    since = EPOCH_INSTANT + holder.since_us * MICROSECOND
    return f": {holder.what}, process {holder.pid} on {holder.host} since {since:%Y-%m-%d %H:%M:%S} UTC"

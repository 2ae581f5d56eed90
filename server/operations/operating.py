"""Operations as a caller has them: start one, wait for it, end it, go on with it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import msgspec

from rating.errors import UserError
from server.operations import processes, rows, work
from server.operations.rows import New, Operation, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.store.home import Home
    from server.operations.work import Work

_STEP_S: Final = 0.05


class NotResumableError(UserError):
    """An operation that runs, or that has its result, is not gone on with."""


def start(home: Home, name: str, wanted: Work, now_us: int, *, run_id: int | None = None, resumes: str = "") -> Operation:  # noqa: PLR0913 -- what, when, and what it goes on with
    """Store an operation of the current actor, and start its process. `name`: new and random.

    `run_id`: the run that it goes on with; `resumes`: the operation. Raises RunningError where another one works on the same.
    """
    request = msgspec.json.encode(wanted).decode()
    with processes.reserved(home, name) as descriptor:
        try:
            seq = rows.add(home, New(name, work.kind_of(wanted), wanted.subject, request, run_id, resumes), now_us)
        except BaseException:  # it is not stored: refused, or the store does not answer
            processes.tidy(home.path, name)
            raise
        processes.spawn(home, name, descriptor)
    return rows.by_commit(home, seq)


def resume(home: Home, old_name: str, name: str, now_us: int) -> Operation:
    """Go on with an operation that was cancelled or interrupted, as a new one. Raises NotFoundError, NotResumableError, RunningError."""
    old = require_resumable(home, old_name)
    return start(home, name, work.read_work(old.request), now_us, run_id=rows.run_of(home, old), resumes=old.name)


def require_resumable(home: Home, name: str) -> Operation:
    """An operation that can be gone on with. Raises NotFoundError and NotResumableError."""
    old = rows.find(home, name)
    if old.state is State.RUNNING:
        raise NotResumableError(f"the operation {name} still runs", "wait for it")
    if old.state is State.SUCCEEDED:
        raise NotResumableError(f"the operation {name} has ended: {old.subject}", "start a new one")
    return old


def cancel(home: Home, name: str, now_us: int) -> None:
    """End an operation so that it can be gone on with; nothing where it is done. Raises NotFoundError."""
    if not rows.find(home, name).is_done:
        rows.note_cancelled(home, name, now_us)
        processes.terminate(home, name)


def wait(home: Home, name: str, timeout_s: float, gives_up: Callable[[], bool] = lambda: False) -> Operation:
    """An operation when it is done, or as it is after `timeout_s` seconds or once `gives_up` returns true. Raises NotFoundError."""
    until_s = time.monotonic() + timeout_s
    found = rows.find(home, name)
    while not found.is_done and time.monotonic() < until_s and not gives_up():
        time.sleep(_STEP_S)
        if not processes.is_alive(home, name):
            found = rows.find(home, name)
    return found if found.is_done else rows.find(home, name)

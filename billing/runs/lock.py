"""One bill run, or decision beside it, at a time on a home."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from billing.store import lock
from rating.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.store.home import Home

LOCK_NAME: Final = "run.lock"
_GOES_ON: Final = "wait until it is done (`--wait` does), or stop it; then call the same run again: it goes on where the other one ended"
_AGAIN: Final = "wait until it is done, then give the command again"


def is_at_work(home: Home) -> bool:
    """Return whether a bill run, or a decision beside it, is at work on the home."""
    return lock.holder_of(home.charges_folder / LOCK_NAME) is not None


@contextlib.contextmanager
def only_run(home: Home, what: str, now_us: int, *, wait: bool | None = None) -> Iterator[None]:
    """Hold the lock of bill runs, for `what`. If another process or thread holds it: `wait`, or raise UserError at once that names it.

    `wait` None: for an act that is no run, which cannot wait and is not resumed.
    """
    with contextlib.ExitStack() as stack:
        try:
            path, wait_s = home.charges_folder / LOCK_NAME, None if wait else 0.0
            first = home.end_lost_commits  # before files are deleted that nothing seems to name
            stack.enter_context(lock.held(path, what, now_us, wait_s=wait_s, put_right=first))
        except lock.HeldError as error:
            remedy = _AGAIN if wait is None else _GOES_ON
            raise BusyError(f"another process is working on {home.path}{error}", remedy) from error
        yield

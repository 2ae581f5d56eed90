"""One intake at a time on a home, and one mover of its collected files."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from billing.store import lock
from rating.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextlib.contextmanager
def exclusive(path: Path, what: str, now_us: int, wait_s: float, gives_up: Callable[[], bool] = lambda: False) -> Iterator[bool]:
    """Hold the lock at `path`, for `what`. Yields as `billing.store.lock.held`.

    Raises StoreError when another process still holds it after `wait_s`, or once `gives_up` returns true.
    """
    with contextlib.ExitStack() as stack:
        try:
            was_killed = stack.enter_context(lock.held(path, what, now_us, wait_s=wait_s, gives_up=gives_up))
        except lock.HeldError as error:
            raise StoreError(
                f"another intake is writing to {path.parent.parent}{error}",
                "wait until the other ingest, seal or service is done, or stop it; then try again: nothing was stored",
            ) from error
        yield was_killed

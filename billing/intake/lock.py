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
def exclusive(  # noqa: PLR0913 -- as `billing.store.lock.held`
    path: Path,
    what: str,
    now_us: int,
    wait_s: float,
    *,
    gives_up: Callable[[], bool] = lambda: False,
    put_right: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Hold the lock at `path`, for `what`. `put_right`: see `billing.store.lock.held`.

    Raises StoreError when another process still holds it after `wait_s`, or once `gives_up` returns true.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock.held(path, what, now_us, wait_s=wait_s, gives_up=gives_up, put_right=put_right))
        except lock.HeldError as error:
            raise StoreError(
                f"another intake is writing to {path.parent.parent}{error}",
                "wait until the other ingest, seal or service is done, or stop it; then try again: nothing was stored",
            ) from error
        yield

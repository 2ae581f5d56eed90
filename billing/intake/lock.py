"""One intake at a time: a file lock that the system takes back when its process ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import time
from typing import TYPE_CHECKING, Final

from rating.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_STEP_S: Final = 0.02


@contextlib.contextmanager
def exclusive(path: Path, wait_s: float, gives_up: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Hold the lock at `path`; raise StoreError when another process still holds it after about `wait_s`, or once `gives_up` says so."""
    with path.open("ab") as file:
        for _ in range(max(1, int(wait_s / _STEP_S))):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if gives_up():
                    raise _held(path) from error
                time.sleep(_STEP_S)
        else:
            raise _held(path)
        yield


def _held(path: Path) -> StoreError:
    return StoreError(
        f"another intake is writing to {path.parent.parent}",
        "wait until the other ingest, seal or service is done, or stop it; then try again: nothing was stored",
    )

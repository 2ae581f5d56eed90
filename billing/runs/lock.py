"""One bill run at a time on a home: a file lock that the system takes back when its process ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
from typing import TYPE_CHECKING

from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.store.home import Home


@contextlib.contextmanager
def only_run(home: Home) -> Iterator[None]:
    """Hold the lock of bill runs. Raises UserError at once when another process or thread holds it."""
    with (home.charges_folder / "run.lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"another bill run is working on {home.path}",
                "wait until it is done, or stop it; then call the same run again: it goes on where the other one ended",
            ) from error
        yield

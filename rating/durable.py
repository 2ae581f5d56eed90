"""Files that survive a power cut: synced content, synced names, and whole replacement of a file."""

from __future__ import annotations

import contextlib
import os
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def sync(file: IO[bytes]) -> None:
    """Bring what was written to an open file to the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_file(path: Path) -> None:
    """Bring the content of a closed file to the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_names(*folders: Path) -> None:
    """Bring the names in folders to the disk: new files, renames and removals."""
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def put(beside: Path, target: Path) -> None:
    """Give a synced file its name, in one step, in place of a file that has it. Both lie in one folder."""
    assert beside.parent.absolute() == target.parent.absolute(), f"{beside} is not beside {target}"
    beside.replace(target)
    sync_names(target.parent)


@contextlib.contextmanager
def replaced(target: Path, beside: Path) -> Iterator[IO[bytes]]:
    """Write a file whole or not at all: into `beside`, which gets the name `target` when the block ends.

    Raises OSError as the disk does. `beside` is removed then, and `target` is as before.
    """
    try:
        with beside.open("wb") as file:
            yield file
            sync(file)
        put(beside, target)
    except BaseException:  # whatever ends the block, an interrupt too: nothing half written stays; it goes on to the caller
        with contextlib.suppress(OSError):
            beside.unlink()
        raise

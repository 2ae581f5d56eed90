"""Detection of finished files in the watched folder, from what can be seen of them from outside.

A file is finished when its source's ready file (marker) is there; without a marker, when size, time of change and inode have stayed
the same for `settle_us`, or at first sight where that is 0 (for switches that write under another name and rename). Never taken are
names that begin with a dot or end as unfinished transfers do, ready files themselves, links, pipes and folders.

`listing` reads the folder; `Stability` is pure: it remembers what it saw and is given the time, in microseconds of any steady clock.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final, NamedTuple

from billing.collection.folders import ARCHIVE, CLAIMED, INCOMING, REJECTED, base_name
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from billing.collection.folders import Folders

UNFINISHED_SUFFIXES: Final = (".tmp", ".temp", ".part", ".partial", ".filepart", ".writing", ".incomplete", ".crdownload", ".swp", "~")
DEPTH_MAX: Final = 8  # folders below the watched one that are looked into
_OWN_FOLDERS: Final = frozenset({CLAIMED, ARCHIVE, REJECTED, INCOMING})


class Seen(NamedTuple):
    """Signs that a file is still written to: any of these changes."""

    size_bytes: int
    changed_ns: int
    inode: int


def seen(path: Path) -> Seen:
    """Present state of `path`. Raises UserError where it is gone."""
    try:
        status = path.stat()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}", "it was claimed by a collector: leave what lies in .claimed to it"
        ) from error
    return Seen(status.st_size, status.st_mtime_ns, status.st_ino)


def listing(folders: Folders) -> dict[str, Seen]:
    """Every regular file below the incoming folder that might be usage, by its name below it, with / between folders."""
    is_root = folders.incoming == folders.root
    return dict(_files(folders.incoming, "", _OWN_FOLDERS if is_root else frozenset(), DEPTH_MAX))


def is_unfinished_name(name: str) -> bool:
    """Return whether a name says that the file is hidden or still being transferred."""
    base = base_name(name)
    return base.startswith(".") or base.lower().endswith(UNFINISHED_SUFFIXES)


class Stability:
    """Memory of each file's last state and of since when it has not changed."""

    def __init__(self, settle_us: int) -> None:
        self._settle_us = settle_us
        self._since: dict[str, tuple[Seen, int]] = {}

    def finished(self, files: Mapping[str, Seen], marker_of: Callable[[str], str], tick_us: int) -> list[str]:
        """Names of the finished ones, oldest first. `marker_of` gives the ending of a file's ready file, or nothing where it has none.

        `files` is everything that is there now; `tick_us` never goes back.
        """
        self._since = {name: self._seen_since(name, now, tick_us) for name, now in files.items()}
        found = [name for name in files if self._is_finished(name, files, marker_of(name), tick_us)]
        return sorted(found, key=lambda name: (files[name].changed_ns, name))

    def _seen_since(self, name: str, now: Seen, tick_us: int) -> tuple[Seen, int]:
        before = self._since.get(name)
        return before if before is not None and before[0] == now else (now, tick_us)

    def _is_finished(self, name: str, files: Mapping[str, Seen], marker: str, tick_us: int) -> bool:
        if marker:
            return name + marker in files
        return tick_us - self._since[name][1] >= self._settle_us


def without_markers(files: Mapping[str, Seen], markers: Sequence[str]) -> dict[str, Seen]:
    """The files that are no ready files. A ready file without its file is left out too: it is nothing to take."""
    endings = tuple(marker for marker in markers if marker)
    return {name: now for name, now in files.items() if not (endings and name.endswith(endings))}


def _files(folder: Path, prefix: str, left_out: frozenset[str], depth: int) -> Iterator[tuple[str, Seen]]:
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except FileNotFoundError:
        return  # a folder that was removed meanwhile
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror}", "give this user the right to read the watched folder") from error
    for entry in found:
        name = prefix + entry.name
        if entry.is_dir(follow_symlinks=False):
            if depth > 0 and entry.name not in left_out and not entry.name.startswith("."):
                yield from _files(folder / entry.name, name + "/", frozenset(), depth - 1)
            continue
        if is_unfinished_name(name):
            continue
        status = _status(entry)
        if status is not None and stat.S_ISREG(status.st_mode):
            yield name, Seen(status.st_size, status.st_mtime_ns, status.st_ino)


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """Status of a file; None for one that another collector has just claimed."""
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None

"""Rights to a home: its owner alone, or a group that shares it; never everybody.

A home holds what customers called and what they pay. A new one is readable by its owner only (0700). A folder that its group can write is
shared: it keeps its group (0770 with the set-group-ID bit), as people who approve what another did need it. Files that are made later get
the same rights, by any code: opening a home sets the process's file mode creation mask (umask) by it.
Homes that are looser are warned about and reported by `ratewright db check`; no rights are taken away unasked.
"""

from __future__ import annotations

import contextlib
import os
import stat
import warnings
from typing import TYPE_CHECKING, Final

from rating.counted import counted
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NOBODY_ELSE: Final = 0o077
_NO_STRANGERS: Final = 0o007
_GROUP: Final = 0o070
_SHARED_FOLDER: Final = 0o2770
_OWN_FOLDER: Final = 0o700
_FILE: Final = 0o666


class LooseRightsWarning(UserWarning):
    """Everybody on the machine may enter a home."""


def of_new_home(folder: Path) -> None:
    """Make the folder of a home that is to come, or close an empty one that is there to strangers.

    A folder of another owner stays as it is.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=_OWN_FOLDER)
        return
    found = folder.stat()
    if found.st_uid == os.geteuid() and found.st_mode & _NO_STRANGERS:
        folder.chmod(_SHARED_FOLDER if _is_shared(found) else _OWN_FOLDER)


def set_mask(folder: Path) -> None:
    """Let every file that this process makes from now on have the rights of the home at `folder`. Warns where strangers may enter it."""
    found = folder.stat()
    mask = _USERS_MASK
    if not found.st_mode & stat.S_IWOTH:
        mask = (mask & ~_GROUP) | _NO_STRANGERS if _is_shared(found) else mask | _NOBODY_ELSE
    os.umask(mask)
    if found.st_mode & _NO_STRANGERS:
        warnings.warn(f"everybody on this machine may enter {folder}; close it: chmod -R o-rwx {folder}", LooseRightsWarning, stacklevel=2)


def make_file(path: Path) -> None:
    """An empty file with the rights of its home, where none is: SQLite would make one that a group cannot write."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, _FILE))
    except OSError as error:
        raise UserError(f"{path} cannot be made: {error.strerror}", "give this user the right to write the folder") from error


def as_any_file(path: Path) -> None:
    """Give a file that was made for its owner alone, as temporary files are, the rights that files of its home have."""
    path.chmod(_FILE & ~_current_mask())


@contextlib.contextmanager
def users_mask() -> Iterator[None]:
    """Make files beside the home, such as exports, with the rights that the user's own umask gives."""
    of_home = os.umask(_USERS_MASK)
    try:
        yield
    finally:
        os.umask(of_home)


def looser(folder: Path) -> list[tuple[str, str]]:
    """Places in the home at `folder` that more people may use than should, with what is wrong: the folder itself, then what is in it."""
    found = folder.stat()
    told = [(".", f"everybody may enter it: chmod o-rwx {folder}")] if found.st_mode & _NO_STRANGERS else []
    wrong = _NO_STRANGERS if _is_shared(found) else _NOBODY_ELSE
    inside = sorted(path for path in folder.rglob("*") if not path.is_symlink() and path.lstat().st_mode & wrong)
    if inside:
        who, remedy = ("everybody", "o-rwx") if _is_shared(found) else ("more than its owner", "go-rwx")
        others = f" and {counted(len(inside) - 1, 'other')}" if len(inside) > 1 else ""
        told.append((str(inside[0].relative_to(folder)), f"{who} may use it{others}: chmod -R {remedy} {folder}"))
    return told


def _is_shared(found: os.stat_result) -> bool:
    return bool(found.st_mode & stat.S_IWGRP)


def _current_mask() -> int:
    mask = os.umask(_NOBODY_ELSE)
    os.umask(mask)
    return mask


_USERS_MASK: Final = _current_mask()  # as the process was started, before a home changed it

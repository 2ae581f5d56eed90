"""Folders that only this user can write, for files that are run when they are read.

A folder counts as private when it is a folder and no link and belongs to this user. Neither its group nor others can write it. No other
user may be able to put another in its place either. So each folder above belongs to this user or to root, and others cannot write it, or
it is sticky, as the temporary folder is. A group that has the number of its only user (a private group) is not another's.

Folders above this file are not checked: a user who can exchange one of them can exchange this program. In a container `/` may belong to
a user that has no number there.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

_PRIVATE: Final = 0o700
_ROOT: Final = 0
_ABOVE_THIS_FILE: Final = frozenset(Path(__file__).resolve().parents)


def made(folder: Path, *, below: Path) -> bool:
    """Make `folder` and what is missing above it with mode 0700; False where it cannot be made, or one of them is not private.

    `folder` lies in `below`. The folders between the two must be private; `below` and what is above it must be guarded against exchange.
    """
    try:
        below.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        if not _is_guarded(below.resolve()):
            return False
        for each in [*reversed(folder.relative_to(below).parents[:-1]), folder.relative_to(below)]:
            (below / each).mkdir(mode=_PRIVATE, exist_ok=True)
            if not is_private(below / each):
                return False
    except OSError:
        return False
    return True


def is_private(folder: Path) -> bool:
    """True for a folder, not a link to one, that belongs to this user and that no other user can write."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not _is_open(found)


def _is_guarded(folder: Path) -> bool:
    return all(_cannot_be_exchanged(each.stat()) for each in (folder, *folder.parents) if each not in _ABOVE_THIS_FILE)


def _cannot_be_exchanged(found: os.stat_result) -> bool:
    return found.st_uid in {_ROOT, os.geteuid()} and (not _is_open(found) or bool(found.st_mode & stat.S_ISVTX))


def _is_open(found: os.stat_result) -> bool:
    by_group = bool(found.st_mode & stat.S_IWGRP) and not found.st_gid == os.getegid() == os.geteuid()
    return by_group or bool(found.st_mode & stat.S_IWOTH)

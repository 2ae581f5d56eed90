"""Files that a user names for what a command makes: whole or not at all, and none that is there already is replaced unasked.

The content goes to a file beside it, which takes its name when it is whole. So a failure leaves what was there. A device or a pipe, such as
/dev/stdout, is written to as it is. A link stays, and what it leads to is replaced.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from billing.store import access
from rating import durable
from rating.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

_DEVICES: Final = ("/dev/", "/proc/")


def require_free(path: Path, *, overwrite: bool) -> None:
    """Raises UserError where a file may not be written, before any work for it is done: one is there, or its folder is not."""
    if _is_device(path):
        return
    if path.is_dir():
        raise UserError(f"{path} is a folder", "name a file in it", exit_status=2)
    if path.is_symlink() and not path.exists():
        raise UserError(f"{path} is a link that leads nowhere", "name another file, or remove the link", exit_status=2)
    if path.exists() and not overwrite:
        raise _taken(path)
    if not path.resolve().parent.is_dir():
        raise UserError(f"{path} cannot be written: No such file or directory", "name a file in a folder that is there")


def write(path: Path, content: bytes, *, overwrite: bool) -> None:
    """Write a file. Raises UserError where it may not be written, or could not be: then it is as it was."""
    require_free(path, overwrite=overwrite)
    try:
        with access.users_mask():
            if _is_device(path):
                with path.open("wb") as device:
                    device.write(content)
            else:
                _replace(path.resolve(), content, overwrite=overwrite)
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}", "name a file in a folder that is there, or make room") from error


def _taken(path: Path) -> UserError:
    return UserError(f"{path} is there already", "name another file, or replace it with --overwrite", exit_status=2)


def _is_device(path: Path) -> bool:
    """True for what is written to as it is. What /dev/stdout leads to may be a file: the caller's own redirection."""
    if str(path.absolute()).startswith(_DEVICES):
        return True
    try:
        found = path.stat()
    except OSError:
        return False
    return not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode)


def _replace(path: Path, content: bytes, *, overwrite: bool) -> None:
    """Put the content in the place of a file, with the rights that this one had."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    beside.unlink(missing_ok=True)  # of a process of this number that was killed
    try:
        with beside.open("xb") as file:
            if path.exists():
                os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
            file.write(content)
            durable.sync(file)
        if overwrite:
            durable.put(beside, path)
        else:
            _take_name(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _take_name(beside: Path, path: Path) -> None:
    """Give a file its name unless another has it by now."""
    try:
        path.hardlink_to(beside)
    except FileExistsError:
        raise
    except OSError:  # a disk without links
        if path.exists():
            raise FileExistsError from None
        durable.put(beside, path)
    else:
        durable.sync_names(path.parent)

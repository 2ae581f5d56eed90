"""The folders of collection, all inside the watched one, and moves between them that neither lose nor overwrite a file.

    incoming/                           where switches put their files; without it the watched folder itself
    .claimed/N/INSTANT/file/...         what collector N works on, one folder a claim
    .claimed/N/INSTANT/marker/...       and the ready file that came with it
    archive/YYYY-MM-DD/SOURCE/          files that are taken, by the UTC date on which they were claimed
    rejected/                           files that are not, each with its reason beside it in FILE.reason.json

A move is one rename inside one file system: at every instant the file has exactly one place. Refuses folders that cannot be read or
written, and folders that lie on different file systems.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, NamedTuple

from billing.intake import lock
from billing.store import access
from rating import durable
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INCOMING: Final = "incoming"
CLAIMED: Final = ".claimed"
ARCHIVE: Final = "archive"
REJECTED: Final = "rejected"
REASON_SUFFIX: Final = ".reason.json"
NAME_BYTES_MAX: Final = 255  # of one part of a path, on every file system we know
MOVE_WAIT_S: Final = 30.0


class Folders(NamedTuple):
    """The folders below `root`. `incoming` is `root` itself where it has no folder of that name."""

    root: Path
    incoming: Path

    @property
    def claimed(self) -> Path:
        """Files that collectors work on."""
        return self.root / CLAIMED

    @property
    def archive(self) -> Path:
        """Files that are taken."""
        return self.root / ARCHIVE

    @property
    def rejected(self) -> Path:
        """Files that are not."""
        return self.root / REJECTED


def open_folders(root: Path) -> Folders:
    """The folders below `root`, made where they are missing. Raises UserError where that cannot be."""
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "does not exist"
        raise UserError(f"the folder to watch {root} {what}", "name the folder into which switches put their files", exit_status=2)
    absolute = root.absolute()
    incoming = absolute / INCOMING
    folders = Folders(absolute, incoming if incoming.is_dir() else absolute)
    for folder in (folders.claimed, folders.archive, folders.rejected):
        make(folder)
    _check_one_file_system(folders)
    if not os.access(folders.incoming, os.R_OK | os.W_OK | os.X_OK):
        raise UserError(f"{folders.incoming} cannot be read and written", "give this user the right to move files out of it")
    return folders


@access.users_mask()
def make(folder: Path) -> None:
    """Make a folder and those above it. Raises UserError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_movable(folder, error) from error


def move(path: Path, target: Path) -> bool:
    """Rename a file; False when it is no longer there. The caller knows that nothing is at `target`, whose folder exists."""
    try:
        path.rename(target)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _not_movable(target, error) from error
    for folder in {path.parent, target.parent}:
        with contextlib.suppress(FileNotFoundError):
            durable.sync_names(folder)
    return True


@contextlib.contextmanager
def moving(folders: Folders, now_us: int) -> Iterator[None]:
    """The only one, among all collectors of these folders, who chooses names in archive and rejected."""
    with lock.exclusive(folders.claimed / "moving.lock", "moving of collected files", now_us, MOVE_WAIT_S):
        yield


def free_path(folder: Path, name: str, is_reserved: Callable[[Path], bool]) -> Path:
    """A path in `folder` that nothing has: `name`, or name.2, name.3 and so on. The caller holds `moving`."""
    number = 1
    while True:
        path = folder / numbered(name, number)
        if not path.exists() and not path.is_symlink() and not is_reserved(path):
            return path
        number += 1


def numbered(name: str, number: int) -> str:
    """A file's name with a number behind it, cut so that the reason beside it can have a name as well."""
    ending = "" if number == 1 else f".{number}"
    room = NAME_BYTES_MAX - len(REASON_SUFFIX) - len(ending)
    return os.fsdecode(os.fsencode(name)[:room]) + ending


def base_name(name: str) -> str:
    """The last part of a file's name below the watched folder."""
    return PurePosixPath(name).name


def remove_empty(folder: Path, top: Path) -> None:
    """Remove `folder` and those above it, up to but not including `top`, as far as they are empty."""
    while folder != top:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _check_one_file_system(folders: Folders) -> None:
    """Raises UserError for folders on several file systems. Claims and moves are renames, and these work on one file system only."""
    device = folders.incoming.stat().st_dev
    for folder in (folders.claimed, folders.archive, folders.rejected):
        if folder.stat().st_dev != device:
            raise UserError(
                f"{folder} lies on another file system than {folders.incoming}",
                "files are claimed and archived by renaming: put all folders below the watched one on one file system",
            )


def _not_movable(path: Path, error: OSError) -> UserError:
    remedies = {errno.ENOSPC: "make room on the disk", errno.EXDEV: "put all folders below the watched one on one file system"}
    remedy = remedies.get(error.errno or 0, "give this user the right to write the watched folder and everything below it")
    return UserError(f"{path} cannot be written: {error.strerror}", f"{remedy}; no file is lost, it goes on at the next start")

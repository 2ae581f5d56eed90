"""Claims: several collectors share one folder, and no file is taken by two.

To claim a file is to rename it into a folder of one's own: the file system lets exactly one win. A collector's place among the claims
is the lowest number whose lock file it can hold; the system releases the lock when the process ends in any way. So files under a number
with a free lock are those of a dead collector. A collector that holds that lock may take them over.

A claim is known by the instant at which it was made and the file's name; both survive in its path.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from billing.collection.folders import make, move, remove_empty
from billing.store import access, commit_points
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing.collection.folders import Folders

PLACES_MAX: Final = 64  # collectors of one folder
_FILE: Final = "file"
_MARKER: Final = "marker"
_SCRATCH: Final = "unpacked"


class Claim(NamedTuple):
    """A file that is ours alone. `name` is its name below the incoming folder, `folder` holds it as `folder/file/name`."""

    name: str
    claimed_us: int
    folder: Path

    @property
    def path(self) -> Path:
        """Path at which the file lies."""
        return self.folder / _FILE / self.name

    def marker_path(self, marker: str) -> Path:
        """Path at which its ready file lies."""
        return self.folder / _MARKER / (self.name + marker)


class Claims:
    """One collector's place. Use `taken_place`."""

    def __init__(self, folders: Folders, place: int) -> None:
        self._folders = folders
        self.place = place
        self._own = folders.claimed / str(place)
        make(self._own)
        shutil.rmtree(self._own / _SCRATCH, ignore_errors=True)  # of one that was killed while it read an archive

    def scratch_folder(self) -> Path:
        """Folder in which archives are unpacked: on the disk on which they lie."""
        make(self._own / _SCRATCH)
        return self._own / _SCRATCH

    def claim(self, name: str, marker: str, claimed_us: int, is_used: Callable[[str, int], bool]) -> Claim | None:
        """Make the file `name` ours, and its ready file; None when another one was faster.

        `claimed_us` moves on where one of our claims has it, or `is_used` knows an earlier file of that name and instant.
        """
        while (self._own / _instant(claimed_us)).exists() or is_used(name, claimed_us):
            claimed_us += 1
        claim = Claim(name, claimed_us, self._own / _instant(claimed_us))
        make(claim.path.parent)
        if not move(self._folders.incoming / name, claim.path):
            self.forget(claim)
            return None
        self._fetch_marker(claim, marker)
        commit_points.reached("collect.claimed")
        return claim

    def left(self) -> list[Claim]:
        """Unfinished claims: our own of an earlier life, and those of collectors that are dead, which become ours."""
        for place in range(1, PLACES_MAX + 1):
            if place != self.place and (self._folders.claimed / str(place)).is_dir():
                with _held(self._folders, place) as is_held:
                    if is_held:
                        self._take_over(place)
        return sorted(_claims(self._own), key=lambda claim: (claim.claimed_us, claim.name))

    def refresh(self, claim: Claim, marker: str) -> None:
        """Fetch the ready file of a claim that was killed before it did. One of a new file of that name stays where it is."""
        if marker and not (self._folders.incoming / claim.name).exists():
            self._fetch_marker(claim, marker)

    def put_back(self, claim: Claim, marker: str) -> bool:
        """Give a claim up, so that its file is looked at again; False where a new file of that name is there by now."""
        if (self._folders.incoming / claim.name).exists():
            return False
        make((self._folders.incoming / claim.name).parent)
        if marker and claim.marker_path(marker).exists():
            move(claim.marker_path(marker), self._folders.incoming / (claim.name + marker))
        move(claim.path, self._folders.incoming / claim.name)
        self.forget(claim)
        return True

    def forget(self, claim: Claim) -> None:
        """Remove the empty folders of a claim whose file has gone on. What is not empty stays."""
        for part in (_FILE, _MARKER):
            remove_empty((claim.folder / part / claim.name).parent, claim.folder)
        remove_empty(claim.folder, self._own)

    def _fetch_marker(self, claim: Claim, marker: str) -> None:
        marker_path = claim.marker_path(marker)
        if marker and not marker_path.exists() and (self._folders.incoming / (claim.name + marker)).exists():
            make(marker_path.parent)
            move(self._folders.incoming / (claim.name + marker), marker_path)

    def _take_over(self, place: int) -> None:
        """Move the claims of a dead collector to ours; one whose instant we use as well is left for the next time."""
        for instant in sorted(_instants(self._folders.claimed / str(place))):
            target = self._own / instant.name
            if not target.exists():
                move(instant, target)


@contextlib.contextmanager
def taken_place(folders: Folders) -> Iterator[Claims]:
    """The first free place, ours while the block lasts. Raises UserError when all are in use."""
    for place in range(1, PLACES_MAX + 1):
        with _held(folders, place) as is_held:
            if is_held:
                yield Claims(folders, place)
                return
    raise UserError(
        f"{PLACES_MAX} collectors work on {folders.root}, more than may", "stop some of them: two or three keep all processors busy"
    )


@contextlib.contextmanager
def _held(folders: Folders, place: int) -> Iterator[bool]:
    """Try to hold the lock of a place; says whether it is held."""
    with access.users_mask():
        lock = (folders.claimed / f"{place}.lock").open("ab")
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _instant(claimed_us: int) -> str:
    return f"{claimed_us:016d}"


def _instants(place: Path) -> Iterator[Path]:
    """The folders of claims in a place; all other entries are ignored."""
    return (path for path in place.iterdir() if path.name.isdigit() and path.is_dir())


def _claims(place: Path) -> Iterator[Claim]:
    """The claims in a place. Folders in which a kill left no file are removed."""
    for instant in list(_instants(place)):
        files = instant / _FILE
        found = [Path(root) / name for root, _, names in os.walk(files) for name in names]
        for path in found:
            yield Claim(path.relative_to(files).as_posix(), int(instant.name), instant)
        if not found:
            for root, _, _ in os.walk(instant, topdown=False):
                remove_empty(Path(root), place)

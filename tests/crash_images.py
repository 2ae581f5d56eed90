"""Crash images: a folder as a kill leaves it at each commit point, from one run of some work.

A kill takes nothing back from the kernel: the files stay as they are, with the write-ahead log of SQLite and whatever is half done.
So a copy of the folder, made where the work says that it has reached a point, is what a kill there leaves. The work runs once in this
process, and a folder is copied at each point; on PostgreSQL with the rows that are committed there, for the server undoes the rest.
`test_crash_images` holds images against real kills. Each point of `by_kill` is reached by a process of its own that kills itself.
"""

from __future__ import annotations

import collections
import itertools
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from billing.store import commit_points
from tests import postgres_images, quick_homes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tests.postgres_images import Rows

ROOT = Path(__file__).parents[1]


class Crashes:
    """The folder `room`/work as it is when `work` was killed in it, after `prepare` has laid it out.

    Every state is put back in the same place, since a home may name files by their whole path. `work` is a function of a module, so
    that another process finds it.
    """

    def __init__(
        self, room: Path, prepare: Callable[[Path], object], work: Callable[[Path], object], *, by_kill: Collection[str] = ()
    ) -> None:
        self.folder = room / "work"
        self._room = room
        self._images = room / "images"
        self._prepare = prepare
        self._work = work
        self._by_kill = by_kill
        self._numbers = itertools.count(1)
        self._rows: dict[Path, dict[Path, Rows]] = {}  # on PostgreSQL, of the homes in an image
        self._place = self.folder  # of the images
        self._reached: collections.Counter[str] = collections.Counter()

    def unharmed(self) -> Path:
        """The folder when nobody killed the work."""
        self._begin()
        self._work(self.folder)
        return self.folder

    def at(self, point: str) -> Path:
        """The folder after a kill at a commit point, or at point:3 for the third time that it is reached."""
        if point in self._by_kill:
            return self.killed(point)
        if not self._images.exists():
            self._take()
        name, _, time = point.partition(":")
        image = self._images / f"{name}-{time or 1}"
        assert image.exists(), f"{point} was not reached"
        self.folder = self._place
        self._clear()
        shutil.copytree(image, self.folder)
        if _is_on_postgresql():
            postgres_images.put_back(self.folder, self._rows[image])
        return self.folder

    def killed(self, point: str) -> Path:
        """The same by a real SIGKILL of a process that does the work."""
        self._begin()
        module, name = self._work.__module__, self._work.__qualname__
        code = f"import sys; from pathlib import Path; from {module} import {name}; {name}(Path(sys.argv[1]))"
        environment = {**os.environ, commit_points.VARIABLE: point}
        words = [sys.executable, "-c", code, str(self.folder)]
        done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == -signal.SIGKILL, f"{point} was not reached: {done.stderr}"
        return self.folder

    def _take(self) -> None:
        before = quick_homes.made_so_far()
        self._begin()
        self._images.mkdir()
        self._place = self.folder
        with mock.patch.object(commit_points, "reached", self._copy):
            self._work(self.folder)
        quick_homes.keep(before)

    def _copy(self, name: str) -> None:
        """In the place of `commit_points.reached`. Another process copies: SQLite's locks end where theirs closes a file of the home."""
        assert name in commit_points.POINTS, name
        self._reached[name] += 1
        image = self._images / f"{name}-{self._reached[name]}"
        subprocess.run(["cp", "-a", self.folder, image], check=True)
        if _is_on_postgresql():
            self._rows[image] = postgres_images.of_homes(self.folder)

    def _begin(self) -> None:
        if _is_on_postgresql():
            self.folder = self._room / f"work{next(self._numbers)}"  # a schema goes by the name of its folder, and stays
        else:
            self._clear()
        self._prepare(self.folder)

    def _clear(self) -> None:
        if self.folder.exists():
            shutil.rmtree(self.folder)


def _is_on_postgresql() -> bool:
    return "RATEWRIGHT_DATABASE" in os.environ

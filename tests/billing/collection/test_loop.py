"""Once for a scheduler, and again and again until somebody says stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.collection import collecting, folders, loop
from billing.collection.claims import taken_place
from billing.collection.reading import Reading
from billing.store.home import Home
from rating.errors import UserError
from tests.billing.collection.drop import NOW_US, SOURCES, Call, put, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class World:
    """A clock that moves when somebody sleeps, and a list of what is done at the next sleeps."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self.tick_us = 0
        self.steps = list(steps)
        self.slept: list[int] = []
        self.told: list[str] = []
        self.complaints: list[str] = []
        self.is_over = False

    def surroundings(self) -> loop.Surroundings:
        """What the loop is given."""
        return loop.Surroundings(
            lambda: self.tick_us,
            lambda: NOW_US,
            self._sleep,
            lambda: self.is_over,
            lambda report: self.told.append(report.file),
            lambda file, error: self.complaints.append(f"{file}: {error.message}"),
        )

    def end(self) -> None:
        """Somebody says stop."""
        self.is_over = True

    def _sleep(self, microseconds: int) -> None:
        self.tick_us += microseconds
        self.slept.append(microseconds)
        if self.steps:
            self.steps.pop(0)()
        else:
            self.end()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "drop"
    made.mkdir()
    return made


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home.open(tmp_path / "home", create=True) as opened:
        yield opened


def _file(root: Path, number: int) -> Path:
    return put(root, f"sw1_{number:04d}.csv", text(Call(f"c{number}")))


def _collector(home: Home, root: Path, place: object, settle_us: int) -> collecting.Collector:
    rules = collecting.Rules(SOURCES, settle_us)
    return collecting.Collector(home, folders.open_folders(root), place, rules, collecting.Clocks(lambda: NOW_US, lambda: NOW_US))  # type: ignore[arg-type]  # Claims


def test_once_waits_until_files_have_settled_and_leaves_those_that_have_not(home: Home, root: Path) -> None:
    _file(root, 1)
    growing = _file(root, 2)
    world = World(lambda: growing.write_text(text(Call("x"), Call("y"))))
    with taken_place(folders.open_folders(root)) as place:
        found = loop.once(home, _collector(home, root, place, 5), loop.Pace(1, 5, 0), world.surroundings())
    assert (world.told, world.slept, found.waiting) == (["sw1_0001.csv"], [5], 1)
    assert [each.file for each in found.done] == world.told


def test_once_does_not_wait_for_nothing(home: Home, root: Path) -> None:
    world = World()
    with taken_place(folders.open_folders(root)) as place:
        assert loop.once(home, _collector(home, root, place, 5), loop.Pace(1, 5, 0), world.surroundings()).done == []
    assert world.slept == []


def test_watch_takes_what_comes_and_seals_when_there_is_enough(home: Home, root: Path) -> None:
    _file(root, 1)
    world = World(lambda: _file(root, 2), lambda: _file(root, 3))
    with taken_place(folders.open_folders(root)) as place:
        files = loop.watch(home, _collector(home, root, place, 0), loop.Pace(7, 0, 2), world.surroundings())
    assert (files, world.told, world.slept) == (3, ["sw1_0001.csv", "sw1_0002.csv", "sw1_0003.csv"], [7, 7, 7])
    assert loop.journal_rows(home) == 1, "two were sealed"


def test_stop_is_asked_between_files(home: Home, root: Path) -> None:
    for number in (1, 2, 3):
        _file(root, number)
    world = World()
    around = world.surroundings()
    with taken_place(folders.open_folders(root)) as place:
        tell = lambda report: (world.told.append(report.file), world.end())  # noqa: E731 - two words
        loop.watch(home, _collector(home, root, place, 0), loop.Pace(7, 0, 1), around._replace(tell=tell))
    assert world.told == ["sw1_0001.csv"]
    assert loop.journal_rows(home) == 1, "and nothing is begun after it"


def test_the_same_trouble_is_told_once(home: Home, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _file(root, 1)
    messages = iter(["full", "full", "locked", "full"])

    def fails(*_args: object, **_named: object) -> None:
        raise UserError(next(messages), "wait")

    monkeypatch.setattr(Reading, "verdict", fails)
    world = World(lambda: None, lambda: None, lambda: None)
    with taken_place(folders.open_folders(root)) as place:
        loop.watch(home, _collector(home, root, place, 0), loop.Pace(7, 0, 0), world.surroundings())
    assert world.complaints == [f"sw1_0001.csv: {message}" for message in ("full", "locked", "full")]


def test_trouble_with_the_folder_does_not_end_a_watch(home: Home, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _file(root, 1)
    look = collecting.watching.listing
    errors: list[Exception] = [OSError(5, "Input/output error", "/cdr"), UserError("the share is gone", "mount it")]

    def listing(opened: folders.Folders) -> object:
        if errors:
            raise errors.pop()
        return look(opened)

    monkeypatch.setattr(collecting.watching, "listing", listing)
    world = World(lambda: None, lambda: None)
    with taken_place(folders.open_folders(root)) as place:
        loop.watch(home, _collector(home, root, place, 0), loop.Pace(7, 0, 0), world.surroundings())
    assert world.complaints == ["collection: the share is gone", "collection: /cdr: Input/output error"]
    assert world.told == ["sw1_0001.csv"]

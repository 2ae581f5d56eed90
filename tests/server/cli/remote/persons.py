"""Persons at two homes that are alike: each command is given by the same person in the one, and by the service in front of the other."""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING

from billing.catalogue import Operator
from server.operations import doing, processes
from tests.billing.runs.world import World
from tests.server.access.conftest import NOW_US, Guarded
from tests.server.cli.remote.conftest import Both

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import pytest

    from billing.store.home import Home
    from rating.model import Catalogue

BOSS = "boss"
# Others than the boss have an account in the shell, and by the service a number of their own.
_PERSON = re.compile(r'("(?:by_)?uid": )(\d+)')
# Operations are commits of the home behind the service alone: by their numbers both homes differ.
_COMMIT = re.compile(r'(as of commit +|"(?:pinned_seq|seq|commit_seq)": )\d+')


class Persons(Both):
    """Two homes with the same operators. `name` gives the commands: boss, an admin, or one of Guarded, such as `the-approver`."""

    name = BOSS
    hides_commits = True

    def there(self, *words: object, status: int = 0, as_operator: str = "") -> str:
        """The output of a command that the service does for the person."""
        return super().there(*words, status=status, as_operator=as_operator or self.name)

    def behind(self, *words: object, status: int = 0) -> str:
        """The output of a command that works in the home behind the service."""
        return self.run(*words, "--home", self.guarded.home.path, status=status)

    def in_both_homes(self, *words: object) -> None:
        """A command that works in both homes: what comes before a test."""
        for home in (self.twin.home, self.guarded.home):
            self.run(*words, "--home", home.path)

    def run(self, *words: object, status: int = 0) -> str:
        """The output of a command; of one that fails its error, or its result where that is the failure.

        Numbers of commits, and of other persons than the boss, are 0.
        """
        told = self._told(words, status)
        text = _PERSON.sub(lambda found: found[0] if int(found[2]) == os.getuid() else f"{found[1]}0", told.out or told.err)
        return _COMMIT.sub(r"\g<1>0", text) if self.hides_commits else text

    @contextlib.contextmanager
    def acting(self, name: str) -> Iterator[None]:
        """Commands of another person."""
        self.name, before = name, self.name
        try:
            yield
        finally:
            self.name = before

    def current(self) -> Operator:
        """The account of the person in the shell. Operators without one have the number of the operator."""
        if self.name == BOSS:
            return Operator(BOSS, os.getuid())
        return Operator(self.name, 4_000 + sum(self.name.encode()))


@contextlib.contextmanager
def two_homes(  # noqa: PLR0913, PLR0917 -- fixtures of pytest, and how the homes begin
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[World], object],
    catalogues: Sequence[Catalogue] | None = None,
    now_us: int = NOW_US,
) -> Iterator[Persons]:
    """Both homes with the shop or other catalogues, prepared alike. Operations are done before they are answered."""

    def spawn(home: Home, name: str, _descriptor: int) -> None:
        doing.do(home.path, name)

    worlds = tuple(World(tmp_path / name, catalogues=catalogues) for name in ("twin", "home"))
    twin, guarded = (Guarded.of(world, prepare, now_us=now_us) for world in worlds)
    guarded.start()
    made = Persons(twin.world, guarded, tmp_path, capsys)
    monkeypatch.delenv("RATEWRIGHT_HOME", raising=False)
    monkeypatch.setattr(processes, "spawn", spawn)
    monkeypatch.setattr("server.clock.machine_now_us", lambda: now_us)
    monkeypatch.setattr("server.operator.current", made.current)
    try:
        yield made
    finally:
        guarded.stop()
        for world in worlds:
            world.home.close()

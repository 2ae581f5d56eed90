"""Two homes that are alike: commands work in the one, and by a guarded service in the other; what they print is compared."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from billing.catalogue import Operator
from server.cli import app
from server.grpc.operator_limits import Limit, OperatorLimits
from tests.billing.runs.world import World
from tests.server.access.conftest import NOW_US, Guarded
from tests.server.grpc.finance.conftest import bill_two

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Both:
    """The home `twin` and the service `guarded` in front of another one. One person acts in both: boss, an admin."""

    def __init__(self, twin: World, guarded: Guarded, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.twin, self.guarded = twin, guarded
        self._folder, self._capsys = folder, capsys

    def __call__(self, *words: object, status: int = 0) -> str:
        """The output of a command, which is alike by both ways, to the letter."""
        here = self.here(*words, status=status)
        assert self.there(*words, status=status) == here
        return here

    def printed(self, *words: object, status: int) -> str:
        """The output of a command that only looks, in the home of the service; its exit status says the result."""
        here = self._printed(*words, "--home", self.guarded.home.path, status=status)
        assert self._printed(*words, *self._service("boss"), status=status) == here
        return here

    def here(self, *words: object, status: int = 0) -> str:
        """The output of a command that works in the home."""
        return self.run(*words, *self._home(), status=status)

    def there(self, *words: object, status: int = 0, as_operator: str = "boss") -> str:
        """The output of a command that the service does."""
        return self.run(*words, *self._service(as_operator), status=status)

    def run(self, *words: object, status: int = 0) -> str:
        """The output of a command; of one that fails its error."""
        told = self._told(words, status)
        return told.err if status else told.out

    def _printed(self, *words: object, status: int) -> str:
        told = self._told(words, status)
        assert "error: " not in told.err
        return told.out

    def _told(self, words: tuple[object, ...], status: int) -> pytest.CaptureResult[str]:
        self._capsys.readouterr()
        found = app.main(list(map(str, words)))
        told = self._capsys.readouterr()
        assert found == status, (words, told)
        return told

    def _home(self) -> tuple[object, ...]:
        return "--home", self.twin.home.path

    def _service(self, name: str) -> tuple[object, ...]:
        file = self._folder / f"{name}.token"
        file.write_text(self.guarded.tokens[name])
        file.chmod(0o600)
        return "--server", self.guarded.service.address, "--token-file", file


@pytest.fixture
def both(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Both]:
    """Anna owes 11.55, berta 10.60, in both homes."""
    twin, world = World(tmp_path / "twin"), World(tmp_path / "home")
    twin.lived(bill_two)
    guarded = Guarded.of(world, bill_two)
    guarded.start(OperatorLimits(Limit(deadline_max_s=600, deadline_required=True)))  # the bound that `serve` has
    monkeypatch.delenv("RATEWRIGHT_HOME", raising=False)
    monkeypatch.setattr("server.clock.machine_now_us", lambda: NOW_US)
    monkeypatch.setattr("server.operator.current", lambda: Operator("boss", os.getuid()))
    try:
        yield Both(twin, guarded, tmp_path, capsys)
    finally:
        guarded.stop()
        world.home.close()
        twin.home.close()

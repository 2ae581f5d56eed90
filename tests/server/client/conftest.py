"""Services for the client: a guarded one of this process, and `serve` as a process that can be killed and started again."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from server.client import Connection, Retries
from tests.server.access.conftest import Guarded, guarded
from tests.server.cli.test_serve import COMMAND

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["guarded"]
START_S = 30.0


class Killable:
    """`ratewright serve` over a home, always on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.starts = folder, "0", 0
        self.process: subprocess.Popen[bytes] | None = None
        self.after_death = threading.Thread(target=self._start_again)

    def start(self, **environment: str) -> None:
        """Answer calls."""
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        words = [COMMAND, "serve", "--home", self.folder / "home", "--address", f"127.0.0.1:{self.port}", "--port-file", port_file]
        with (self.folder / "serve.log").open("a") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, env=os.environ | environment)
        self.starts += 1
        waited_until = time.monotonic() + START_S
        while not port_file.exists():
            assert self.process.poll() is None, (self.folder / "serve.log").read_text()
            assert time.monotonic() < waited_until
            time.sleep(0.02)
        self.port = port_file.read_text().strip()

    def kill(self) -> None:
        """End it at once, as a crash does."""
        assert self.process is not None
        self.process.kill()

    def _start_again(self) -> None:
        assert self.process is not None
        self.process.wait()
        self.start()

    def connect(self, **words: object) -> Connection:
        """A connection with the token of the account that serves. It is patient: a busy machine starts a service slowly."""
        patient = {"retries": Retries(attempts_max=20)} | words
        return Connection(f"127.0.0.1:{self.port}", token_file=self.folder / "home" / "keys" / "local-token", **patient)


@pytest.fixture
def killable(tmp_path: Path) -> Iterator[Killable]:
    """The process; not started."""
    made = Killable(tmp_path)
    yield made
    if made.after_death.is_alive():
        with contextlib.suppress(ProcessLookupError):
            made.kill()
        made.after_death.join(START_S)
    if made.process is not None:
        made.kill()
        made.process.wait()


def connect(guarded: Guarded, folder: Path, name: str, **words: object) -> Connection:
    """A connection with the token of an operator."""
    token = folder / f"{name}.token"
    token.write_text(guarded.tokens[name])
    token.chmod(0o600)
    return Connection(str(guarded.service.address), token_file=token, **words)

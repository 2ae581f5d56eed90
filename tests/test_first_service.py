"""The page of the first service does what it says: its commands run in a shell, over TLS, and print what stands on the page.

A shell as a reader has it runs each command; the service listens on a free port in the place of the page's.
`...` stands for what differs each time.
Progress of clients goes to stderr and is no part of the page: of a command that succeeds stdout is compared, of one that fails both.

Figures by hand: two fees of 12.99, and 2 x 0.79 + 0.15 = 1.73 for the call, are 27.71. VAT of 19 %: 14.72 x 0.19 = 2.7968 for October and
12.99 x 0.19 = 2.4681 for November, rounded 2.80 + 2.47 = 5.27. The total is 32.98.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "first-service.md").read_text(encoding="utf-8")
RECIPES = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(sh|console)\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = BLOCK.findall(PAGE)
PORT = "50051"
TIMEOUT_S = 120
PAGE_LINES_MAX = 140  # two pages


class Reader:
    """A reader who does what the page says, in an empty folder beside the project's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "first"
        self.folder.mkdir()
        (folder / "ratewright").symlink_to(ROOT)
        theirs = {name: value for name, value in os.environ.items() if not name.startswith("RATEWRIGHT")}
        self.environment = theirs | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}
        self.port = _free_port()
        self.service: subprocess.Popen[str] | None = None
        self.commands: list[str] = []

    def do(self, command: str, expected: str) -> None:
        """One command; it prints what is expected."""
        self.commands.append(command)
        command, expected = command.replace(PORT, self.port), expected.replace(PORT, self.port)
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            self.environment[name] = value.strip('"')
            told = ""
        elif command.endswith(" &"):
            told = self._start(command.removesuffix(" &"), expected.count("\n"))
        elif command == "kill %1":
            told = self._stop()
        else:
            told = self._run(command)
        pattern = re.sub(r"[\[\]?*]", lambda found: f"[{found[0]}]", expected).replace("...", "*")
        assert fnmatch.fnmatchcase(told, pattern), f"$ {command}\n{told}"

    def _run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
        return done.stdout if done.returncode == 0 else done.stdout + done.stderr

    def _start(self, command: str, lines: int) -> str:
        self.service = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.service.stdout is not None
        return "".join(self.service.stdout.readline() for _ in range(lines))

    def _stop(self) -> str:
        assert self.service is not None
        self.service.send_signal(signal.SIGTERM)
        told, _ = self.service.communicate(timeout=TIMEOUT_S)
        assert self.service.returncode == 0
        return told


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    made = Reader(tmp_path)
    yield made
    if made.service is not None:
        with contextlib.suppress(ProcessLookupError):
            made.service.kill()
        made.service.communicate()


def test_the_first_service(reader: Reader) -> None:
    """Calls from a shell are tried before its last block, with which the service ends."""
    for kind, body in [*BLOCKS[:-1], *BLOCK.findall(RECIPES), BLOCKS[-1]]:
        if kind == "sh":
            subprocess.run(["bash", "-e", "-c", body], cwd=reader.folder, check=True, timeout=TIMEOUT_S)
            continue
        for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
            reader.do(*part.split("\n", 1))
    assert reader.service is not None
    assert reader.service.returncode == 0
    assert sum("--token-file" in each for each in reader.commands) == 6


def test_the_page_is_two_pages_at_most() -> None:
    assert PAGE.count("\n") <= PAGE_LINES_MAX


def _free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])

"""Calls the installed `ratewright` and the example clients as a user would, and follows what they say on stderr.

Refuses to go on when one fails: its own words are shown, with what to do about it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BIN = Path(sys.executable).parent
EXAMPLES = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
HASH_KEY = b"ratewright-keys1".hex()  # of the home: calls of one instant go by keys that are made with it
_TODAY: dict[str, str] = {}  # what the environment of commands says about the day


class DemoError(Exception):
    """Something the user can mend: what is wrong and what to do."""

    def __init__(self, message: str, remedy: str, *, is_wrong_call: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.is_wrong_call = is_wrong_call


def on_day(day: str) -> None:
    """What day it is for the commands that follow: the home of the demo is a practice home."""
    _TODAY["RATEWRIGHT_TODAY"] = day


def ratewright(*words: str | Path, watch: Callable[[str], None] | None = None, statuses: Sequence[int] = (0,)) -> Any:  # noqa: ANN401 - JSON
    """Run `ratewright WORDS --json`; return what it prints."""
    return json.loads(run([BIN / "ratewright", *words, "--json"], watch=watch, statuses=statuses))


def ratewright_text(*words: str | Path) -> str:
    """Run `ratewright WORDS`; return its text."""
    return run([BIN / "ratewright", *words])


def example(name: str, *words: str | Path, watch: Callable[[str], None] | None = None) -> str:
    """Run one of the example clients; return what it prints."""
    return run([sys.executable, EXAMPLES / name, *words], watch=watch)


def run(words: Sequence[str | Path], *, watch: Callable[[str], None] | None = None, statuses: Sequence[int] = (0,)) -> str:
    """Run a command; lines of its stderr go to `watch`. Raises DemoError with its own words when it fails."""
    said: list[str] = []
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        command = [str(word) for word in words]
        with subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True, env=_environment()) as process:  # noqa: S603 - our own words
            assert process.stderr is not None
            for line in process.stderr:
                said.append(line.rstrip())
                if watch is not None:
                    watch(said[-1])
        out.seek(0)
        text = out.read()
    if process.returncode not in statuses:
        raise _failure(words, process.returncode, said)
    return text


def _failure(words: Sequence[str | Path], status: int, said: list[str]) -> DemoError:
    """What a command said at its end, in its own words; `ratewright --json` says it as JSON."""
    again = "give the same command again: the demo goes on where it stopped"
    shown = f"{' '.join(str(word) for word in words[:4])} ... ended with status {status}"
    try:
        error = json.loads(said[-1])["error"]
        return DemoError(
            "\n".join([shown, error["message"], *(f"{each['file']}: {each['path']}: {each['message']}" for each in error["problems"])]),
            f"{error['remedy']}; then {again}",
        )
    except (IndexError, KeyError, TypeError, json.JSONDecodeError):
        return DemoError("\n".join([shown, *said[-20:]]), f"mend it and {again}")


class Server:
    """`ratewright serve` on a free loopback port, for the time of a `with`."""

    def __init__(self, home: Path, folder: Path) -> None:
        self._home, self._port_file, self._log = home, folder / "serve.port", folder / "serve.log"
        self._pid_file = folder / "serve.pid"
        self.words: tuple[str | Path, ...] = ()  # with which a client finds it, and shows who it is

    def __enter__(self) -> Self:
        self._end_left_over()
        self._port_file.unlink(missing_ok=True)
        words = [BIN / "ratewright", "serve", "--home", self._home, "--address", "127.0.0.1:0", "--port-file", self._port_file]
        with self._log.open("w", encoding="utf-8") as log:
            command = [str(word) for word in words]
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=_environment())  # noqa: S603 - our own words
        self._pid_file.write_text(str(self._process.pid), encoding="utf-8")
        waited_until = time.monotonic() + START_TIMEOUT_S
        while not self._port_file.exists():
            if self._process.poll() is not None or time.monotonic() > waited_until:
                self._process.kill()
                raise DemoError(
                    f"ratewright serve did not start:\n{self._log.read_text(encoding='utf-8')}", "mend it and give the same command again"
                )
            time.sleep(0.02)
        address = f"127.0.0.1:{int(self._port_file.read_text(encoding='utf-8'))}"
        self.words = ("--address", address, "--token-file", self._home / "keys" / "local-token")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._pid_file.unlink(missing_ok=True)

    def _end_left_over(self) -> None:
        """End the server of a demo that was killed without it. /proc tells that the process is still ours; elsewhere it is left alone."""
        with contextlib.suppress(OSError, ValueError):
            process = int(self._pid_file.read_text(encoding="utf-8"))
            if str(self._port_file) in Path(f"/proc/{process}/cmdline").read_text(encoding="utf-8"):
                os.kill(process, signal.SIGTERM)


def _environment() -> dict[str, str]:
    """The user's, without a home folder and a day of theirs: the demo names its own, and its key, so that every run has the same totals."""
    theirs = {name: value for name, value in os.environ.items() if name not in {"RATEWRIGHT_HOME", "RATEWRIGHT_TODAY"}}
    return theirs | {"PYTHONUNBUFFERED": "1", "RATEWRIGHT_HASH_KEY": HASH_KEY} | _TODAY

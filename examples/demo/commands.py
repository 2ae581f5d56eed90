"""Calls the installed `ratewright` and the example clients as a user would, and follows what they say on stderr.

Refuses to go on when one fails: its own words are shown, with what to do about it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BIN = Path(sys.executable).parent
EXAMPLES = Path(__file__).resolve().parent.parent
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


def refused_example(name: str, *words: str | Path) -> str:
    """Run one of the example clients, which has to be refused; return how it says so. Raises DemoError where it is not."""
    said: list[str] = []
    run([sys.executable, EXAMPLES / name, *words], watch=said.append, statuses=(1,))
    return said[-1].removeprefix("error: ")


def run(words: Sequence[str | Path], *, watch: Callable[[str], None] | None = None, statuses: Sequence[int] = (0,)) -> str:
    """Run a command; lines of its stderr go to `watch`. Raises DemoError with its own words when it fails."""
    said: list[str] = []
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        command = [str(word) for word in words]
        with subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True, env=environment()) as process:  # noqa: S603 - our own words
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


def environment() -> dict[str, str]:
    """The user's, without a home folder and a day of theirs: the demo names its own, and its key, so that every run has the same totals."""
    theirs = {name: value for name, value in os.environ.items() if name not in {"RATEWRIGHT_HOME", "RATEWRIGHT_TODAY"}}
    return theirs | {"PYTHONUNBUFFERED": "1", "RATEWRIGHT_HASH_KEY": HASH_KEY} | _TODAY

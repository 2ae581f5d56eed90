"""Running tests in the copy, and which of them failed."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from tests import tiers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.faults.records import Fault
    from tests.faults.tree import Copy

NOTHING_COLLECTED: Final = 5  # exit status of pytest: the target leaves these tests out
TIMED_OUT: Final = "no end"  # stands for a test that never ended
_SAID: Final = re.compile(r"^(?:FAILED|ERROR) (tests/\S*?\.py(?:::\w+)*(?:\[.*?\])?)(?= - |$)", re.MULTILINE)
_SHARED: Final = 4  # letters that two words have in common
_TAIL: Final = 2_000  # characters of output that are kept where nothing can be told


class Target(NamedTuple):
    """A set of tests. `first`: a command for some of them, with `{tests}` in it; `whole`: commands for all of them.

    Without `whole` only some are run. The bounds are minutes, after which a command counts as one that never ends.
    """

    first: str
    whole: tuple[str, ...]
    first_minutes: float = 30
    whole_minutes: float = 90


class Run(NamedTuple):
    """The end of a command. `failed`: the tests that did, the first one first; `tail`: the end of what it said."""

    status: int
    failed: tuple[str, ...]
    seconds: float
    tail: str

    @property
    def passed(self) -> bool:
        """True where all tests passed, or there were none."""
        return self.status in {0, NOTHING_COLLECTED} and not self.failed


def failed_in(output: str) -> tuple[str, ...]:
    """The tests that pytest's summary names, each once."""
    return tuple(dict.fromkeys(_SAID.findall(output)))


def run_first(copy: Copy, target: Target, tests: Sequence[str]) -> Run:
    """Run some tests of the target."""
    return _run(copy, target.first.format(tests=shlex.join(tests)), target.first_minutes)


def run_whole(copy: Copy, target: Target) -> Run:
    """Run all tests of the target, command by command up to the first that fails."""
    seconds = 0.0
    found = Run(0, (), seconds, "")
    for command in target.whole:
        found = _run(copy, command, target.whole_minutes)
        seconds += found.seconds
        if not found.passed:
            break
    return found._replace(seconds=seconds)


def tests_of(copy: Copy, fault: Fault, wanted: Sequence[str]) -> tuple[str, ...]:
    """Files of those of the tests that are there, for tests move. Those come first whose names share words with the fault or its file."""
    there = [each for each in wanted if (copy.folder / each).exists()] or [f"tests/{fault.file.partition('/')[0]}"]
    files = [file for each in there for file in _files(copy.folder, each)]
    words = _words(f"{fault.id}/{fault.file}/{fault.shows_in}")
    return tuple(sorted(dict.fromkeys(files), key=lambda file: -len(words & _words(file.rpartition("/")[2]))))


def _words(name: str) -> set[str]:
    """Beginnings of words: a void is about voiding, too."""
    return {word[:_SHARED] for word in re.findall(r"[a-z]+", name) if len(word) >= _SHARED}


def _files(root: Path, test: str) -> list[str]:
    folder = root / test
    return sorted(str(file.relative_to(root)) for file in folder.rglob("test_*.py")) if folder.is_dir() else [test]


def _run(copy: Copy, command: str, minutes: float) -> Run:
    began = time.monotonic()
    environment = os.environ | {
        "PYTEST_ADDOPTS": "-x -rfE --color=no",
        "XDG_CACHE_HOME": str(copy.state / "cache"),  # kernels with faults stay out of the user's own
        "PYTHONDONTWRITEBYTECODE": "1",  # a fault of equal length, planted within a second, would meet the code of before
        tiers.PLANTED: "1",  # so a tier keeps no bytecode either
    }
    output = copy.state / "output.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            shlex.split(command), cwd=copy.folder, env=environment, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
        copy.running.write_text(str(process.pid))
        try:
            status = process.wait(minutes * 60)
        except subprocess.TimeoutExpired:
            return Run(-1, (TIMED_OUT,), time.monotonic() - began, _text(output)[-_TAIL:])
        finally:
            _end(process)
            copy.running.unlink()
    said = _text(output)
    return Run(status, failed_in(said), time.monotonic() - began, said[-_TAIL:])


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command with all that it began, such as workers and servers."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _text(output: Path) -> str:
    return output.read_text(errors="replace")

"""Two tiers of tests: `make test` for each change, `make test-deep` for the rest.

Cost decides, then meaning. `costly.txt` lists what took long when it was measured. `tiers.toml` says what of it stays in the first tier,
and what moves with it, both with reasons. By hand `pytest tests/...` runs all that it names; `--tier test` and `--tier deep` choose.
On PostgreSQL the first tier is a short list of its own, and `make test-deep` runs the tests of billing there.

    python -m tests.tiers test|deep [arguments of pytest]     run a tier on two cores; it ends with the time that it took
    python -m tests.tiers measure LOG                         write costly.txt by the output of `pytest -vv --durations=0`
"""

from __future__ import annotations

import functools
import os
import re
import resource
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

ROOT: Final = Path(__file__).parents[1]
LIST: Final = Path(__file__).with_name("tiers.toml")
MEASURED: Final = Path(__file__).with_name("costly.txt")
TEST: Final = "test"
DEEP: Final = "deep"
COSTLY_MIN_S: Final = 0.4  # a case that takes so long is costly
ONE_STAYS_MAX_S: Final = 0.8  # of a test with costly cases alone the cheapest stays, if it takes less
BOUND: Final = "at most 8 minutes on two quiet cores, or 16 processor minutes"
_PYTEST: Final = (sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
_FOLDER: Final = "tests/"
_DURATION: Final = re.compile(r"^\s*([\d.]+)s call +(tests/.*)$", re.MULTILINE)
_NOTHING_COLLECTED: Final = 5  # exit status of pytest: a folder may have tests of one tier alone
_SECONDS_PER_MINUTE: Final = 60


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Folders, files, tests or cases below tests/, and why they are in a tier. `only`: those whose case has this word in its id."""

    why: str
    tests: tuple[str, ...]
    only: str = ""


class Tiers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The list. `stays`: costly tests of the first tier; `moves`: other ones of the deep tier; `on_postgresql`: first tier there."""

    on_postgresql: tuple[str, ...]
    stays: tuple[Group, ...]
    moves: tuple[Group, ...]


@functools.cache
def load() -> Tiers:
    """The list in `tiers.toml`."""
    return msgspec.convert(tomllib.loads(LIST.read_text(encoding="utf-8")), Tiers)


@functools.cache
def costly() -> frozenset[str]:
    """The tests in `costly.txt`. One that has another name since is not in it, so that the first tier runs it."""
    return frozenset(line.split(maxsplit=1)[1] for line in MEASURED.read_text(encoding="utf-8").splitlines())


def chosen(ids: Sequence[str], tier: str, tiers: Tiers, measured: Collection[str] = (), *, is_on_postgresql: bool = False) -> set[str]:
    """Those of the tests that are in a tier; without a tier all are."""
    if not tier:
        return set(ids)
    if is_on_postgresql and tier == TEST:
        return {each for each in ids if any(is_of(each, key) for key in tiers.on_postgresql)}
    moves = {each for each in ids if any(is_in(each, group) for group in tiers.moves)}
    stays = {each for each in set(ids) & set(measured) if any(is_in(each, group) for group in tiers.stays)}
    deep = moves | set(ids) & set(measured) - stays
    return deep if tier == DEEP else set(ids) - deep


def is_in(test: str, group: Group) -> bool:
    """True where a group names this test, or a file or folder that holds it."""
    return group.only in test.partition("[")[2] and any(is_of(test, key) for key in group.tests)


def is_of(test: str, key: str) -> bool:
    """True where a folder, file, test or case of the list is or holds this test."""
    path = test.removeprefix(_FOLDER)
    return path == key or (path.startswith(key) and path[len(key)] in "/:[")


def measured_in(log: str) -> list[str]:
    """Lines of `costly.txt`: what took long by the output of pytest, but the cheapest case of a test that has no other ones."""
    tests: dict[str, list[tuple[float, str]]] = {}
    for seconds, case in _DURATION.findall(log):
        tests.setdefault(case.partition("[")[0], []).append((float(seconds), case))
    found: list[tuple[str, float]] = []
    for cases in tests.values():
        cases.sort()
        one_stays = COSTLY_MIN_S <= cases[0][0] < ONE_STAYS_MAX_S
        found += [(case, seconds) for seconds, case in cases[one_stays:] if seconds >= COSTLY_MIN_S]
    return [f"{seconds:6.2f} {case}" for case, seconds in sorted(found)]


def main(words: Sequence[str]) -> int:
    """Run a tier, or write down what tests cost."""
    name, *arguments = words
    if name == "measure":
        lines = measured_in(Path(arguments[0]).read_text(encoding="utf-8"))
        MEASURED.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return 0
    return run(name, arguments)


def run(tier: str, arguments: Sequence[str]) -> int:
    """Run a tier. Arguments of pytest narrow its first command, and leave out the other one."""
    commands = [[*_PYTEST, "--tier", tier, *arguments]]
    if not arguments:
        files = sorted({_FOLDER + key.partition("::")[0] for key in load().on_postgresql})
        on_postgresql = [*_PYTEST, "--tier", tier, *files]
        commands.append(on_postgresql if tier == TEST else ["make", "--no-print-directory", "test-postgresql"])
    began = time.monotonic()
    statuses = []
    for place, command in enumerate(commands):
        environment = os.environ | ({"RATEWRIGHT_TEST_STORE": "postgresql"} if place else {})
        statuses.append(subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode)
    sys.stdout.write(f"{_time_told(tier, time.monotonic() - began)}\n")
    return next((status for status in statuses if status not in {0, _NOTHING_COLLECTED}), 0)


def _time_told(tier: str, seconds: float) -> str:
    """Processor time is that of all child processes that were waited for; servers of PostgreSQL are not."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = used.ru_utime + used.ru_stime
    name, bound = ("make test", f" ({BOUND})") if tier == TEST else ("make test-deep", "")
    return f"{name}: {seconds / _SECONDS_PER_MINUTE:.1f} minutes, {processor / _SECONDS_PER_MINUTE:.1f} processor minutes{bound}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

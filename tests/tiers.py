"""Two tiers of tests: `make test` for each change, `make test-deep` for the rest. `deep.toml` lists the rest, with reasons.

By hand `pytest tests/...` runs all that it names; `--tier test` and `--tier deep` choose. On PostgreSQL the first tier is the short list
`on_postgresql`, and `make test-deep` runs the tests of billing there.

    python -m tests.tiers test|deep [arguments of pytest]

runs a tier on two cores, and ends with the time that it took.
"""

from __future__ import annotations

import functools
import os
import resource
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT: Final = Path(__file__).parents[1]
LIST: Final = Path(__file__).with_name("deep.toml")
TEST: Final = "test"
DEEP: Final = "deep"
BOUND: Final = "at most 8 minutes on two quiet cores, or 16 processor minutes"
_PYTEST: Final = (sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
_FOLDER: Final = "tests/"
_SECONDS_PER_MINUTE: Final = 60


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Tests of the deep tier for one reason. `tests`: by folder, file or test, the cases of each test that stay in the first tier."""

    why: str
    tests: dict[str, int | tuple[str, ...]]  # 0 none, n every nth, or the ids of those
    only: str = ""  # a word in the ids of cases that the group is about


class Tiers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The list. `on_postgresql`: tests of the first tier that run on PostgreSQL as well."""

    on_postgresql: tuple[str, ...]
    group: tuple[Group, ...]


@functools.cache
def load() -> Tiers:
    """What `deep.toml` says."""
    return msgspec.convert(tomllib.loads(LIST.read_text(encoding="utf-8")), Tiers)


def chosen(ids: Sequence[str], tier: str, tiers: Tiers, *, is_on_postgresql: bool = False) -> set[str]:
    """Those of the tests that are in a tier; without a tier all are."""
    if not tier:
        return set(ids)
    if is_on_postgresql and tier == TEST:
        return {each for each in ids if any(is_of(each, key) for key in tiers.on_postgresql)}
    deep = {each for group in tiers.group for key, stays in group.tests.items() for each in moved(ids, group, key, stays)}
    return deep if tier == DEEP else set(ids) - deep


def moved(ids: Iterable[str], group: Group, key: str, stays: int | tuple[str, ...]) -> list[str]:
    """Those of the tests that a line of a group moves to the deep tier."""
    cases: dict[str, list[str]] = {}
    for each in ids:
        name, _, case = each.partition("[")
        if is_of(each, key) and group.only in case:
            cases.setdefault(name, []).append(each)
    return [each for found in cases.values() for place, each in enumerate(found) if not _stays(place, each, stays)]


def is_of(test: str, key: str) -> bool:
    """True where a folder, file or test of the list is or holds this test."""
    path = test.removeprefix(_FOLDER)
    return path == key or (path.startswith(key) and path[len(key)] in "/:[")


def main(words: Sequence[str]) -> int:
    """Run a tier. Arguments of pytest narrow its first command, and leave out the other one."""
    tier, *arguments = words
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
    return next((status for status in statuses if status), 0)


def _time_told(tier: str, seconds: float) -> str:
    """Processor time is that of all child processes that were waited for; servers of PostgreSQL are not."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = used.ru_utime + used.ru_stime
    name, bound = ("make test", f" ({BOUND})") if tier == TEST else ("make test-deep", "")
    return f"{name}: {seconds / _SECONDS_PER_MINUTE:.1f} minutes, {processor / _SECONDS_PER_MINUTE:.1f} processor minutes{bound}"


def _stays(place: int, test: str, stays: int | tuple[str, ...]) -> bool:
    if isinstance(stays, int):
        return stays > 0 and place % stays == 0
    return test.partition("[")[2].removesuffix("]") in stays


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

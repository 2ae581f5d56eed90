"""Two tiers of tests: `make test` for each change, `make test-deep` for the rest.

Cost decides, then meaning. `costly.txt` lists what took long when it was measured. `tiers.toml` says what of it stays in the first tier,
and what moves with it, both with reasons. By hand `pytest tests/...` runs all that it names; `--tier test` and `--tier deep` choose.
On PostgreSQL `postgresql.txt` lists tests that send each statement once (tests/statements.py), and `tiers.toml` what has to run there all
the same. The first tier is a short list of its own there; `make test-deep` runs the others.

    python -m tests.tiers test|deep [arguments of pytest]     run a tier on two cores; it ends with the time that it took
    python -m tests.tiers postgresql [arguments of pytest]    run all that is listed for PostgreSQL
    python -m tests.tiers measure LOG                         write costly.txt by the output of `pytest -vv --durations=0`
    python -m tests.tiers cover LOG                           write postgresql.txt by the statements of `pytest --statements LOG`
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
import pytest

from tests import statements

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

ROOT: Final = Path(__file__).parents[1]
LIST: Final = Path(__file__).with_name("tiers.toml")
MEASURED: Final = Path(__file__).with_name("costly.txt")
COVERING: Final = Path(__file__).with_name("postgresql.txt")
TEST: Final = "test"
DEEP: Final = "deep"
POSTGRESQL: Final = "postgresql"  # both tiers, of what is run on PostgreSQL
COSTLY_MIN_S: Final = 0.4  # a case that takes so long is costly
ONE_STAYS_MAX_S: Final = 0.8  # of a test with costly cases alone the cheapest stays, if it takes less
BOUND: Final = "at most 8 minutes on two quiet cores, or 16 processor minutes"
PLANTED: Final = "RATEWRIGHT_FAULT_PLANTED"  # a variable that is set where the code has a planted fault (tests/faults)
COLLECTED: Final = pytest.StashKey[list[str]]()  # of a run: all its tests, of both tiers
_PYTEST: Final = (sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
_NO_BYTECODE: Final = "PYTHONDONTWRITEBYTECODE"
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
    """The list. `stays`: costly tests of the first tier; `moves`: other ones of the deep tier.

    `on_postgresql`: first tier there; `postgresql`: what runs there, whatever statements it sends.
    """

    on_postgresql: tuple[str, ...]
    postgresql: tuple[Group, ...]
    stays: tuple[Group, ...]
    moves: tuple[Group, ...]


@functools.cache
def load() -> Tiers:
    """The list in `tiers.toml`."""
    return msgspec.convert(tomllib.loads(LIST.read_text(encoding="utf-8")), Tiers)


@functools.cache
def costly() -> frozenset[str]:
    """The tests in `costly.txt`. One that has another name since is not in it, so that the first tier runs it."""
    return _listed_in(MEASURED)


@functools.cache
def covering() -> frozenset[str]:
    """The tests in `postgresql.txt`."""
    return _listed_in(COVERING)


def chosen(ids: Sequence[str], tier: str, tiers: Tiers, measured: Collection[str] = ()) -> set[str]:
    """Those of the tests that are in a tier; without a tier all are."""
    if not tier:
        return set(ids)
    moves = {each for each in ids if any(is_in(each, group) for group in tiers.moves)}
    stays = {each for each in set(ids) & set(measured) if any(is_in(each, group) for group in tiers.stays)}
    deep = moves | set(ids) & set(measured) - stays
    return deep if tier == DEEP else set(ids) - deep


def chosen_on_postgresql(ids: Sequence[str], tier: str, tiers: Tiers, covers: Collection[str] = ()) -> set[str]:
    """Those of the tests that run on PostgreSQL: in the first tier, in the deep one, or in either."""
    if not tier:
        return set(ids)
    first = {each for each in ids if any(is_of(each, key) for key in tiers.on_postgresql)}
    every = first | set(ids) & set(covers) | {each for each in ids if any(is_in(each, group) for group in tiers.postgresql)}
    return {TEST: first, DEEP: every - first, POSTGRESQL: every}[tier]


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


def covering_of(log: bytes) -> tuple[list[str], str]:
    """Lines of `postgresql.txt` by what was noted on SQLite, and a sentence about them."""
    noted = statements.read(log)
    ids = [each.test for each in noted]
    named = chosen_on_postgresql(ids, POSTGRESQL, load())
    both = {each for each in ids if _names_sqlite(each)}
    choice = statements.fewest(noted, named | both)
    seconds = sum(each.seconds for each in noted)
    taken = sum(each.seconds for each in choice.tests)
    lines = sorted(f"{each.seconds:6.2f} {each.test}" for each in choice.tests)
    return lines, (
        f"{choice.statements} statements of {len(noted)} tests ({seconds:.0f} s): {choice.anyway} are sent by {len(named)} tests that are "
        f"named and {len(both)} that run on both databases, the others by {len(lines)} tests ({taken:.0f} s)"
    )


def main(words: Sequence[str]) -> int:
    """Run a tier, or write down what tests cost and send."""
    name, *arguments = words
    if name == "measure":
        _write(MEASURED, measured_in(Path(arguments[0]).read_text(encoding="utf-8")))
    elif name == "cover":
        lines, told = covering_of(Path(arguments[0]).read_bytes())
        _write(COVERING, lines)
        sys.stdout.write(f"{told}\n")
    else:
        return run(name, arguments)
    return 0


def run(tier: str, arguments: Sequence[str]) -> int:
    """Run a tier. Arguments of pytest narrow its first command, and leave out the other one."""
    on_sqlite = [*_PYTEST, "--tier", tier, *arguments]
    on_postgresql = [*_PYTEST, "--tier", tier, "-m", "slow", *(arguments or files_on_postgresql(tier))]
    commands = {"": on_sqlite, "postgresql": on_postgresql}
    if tier == POSTGRESQL:
        del commands[""]
    elif arguments:
        del commands["postgresql"]
    began = time.monotonic()
    statuses = []
    for store, command in commands.items():
        statuses.append(subprocess.run(command, cwd=ROOT, env=environment_of(os.environ, store), check=False).returncode)
    sys.stdout.write(f"{_time_told(tier, time.monotonic() - began)}\n")
    return next((status for status in statuses if status not in {0, _NOTHING_COLLECTED}), 0)


def environment_of(given: Mapping[str, str], store: str) -> dict[str, str]:
    """The environment of a tier. Bytecode is kept, also where the user's shell keeps none.

    Each worker, and each server and command that a test starts, would compile every module anew: eight seconds of a worker. Beside a
    planted fault none is kept, since the code changes within a second.
    """
    dropped = set() if PLANTED in given else {_NO_BYTECODE}
    kept = {name: value for name, value in given.items() if name not in dropped}
    return kept | ({"RATEWRIGHT_TEST_STORE": store} if store else {})


def files_on_postgresql(tier: str) -> list[str]:
    """Files and folders that have what a tier runs on PostgreSQL: importing the others takes longer than the first tier there."""
    ids = [_FOLDER + key for key in load().on_postgresql]
    if tier != TEST:
        ids += [*(_FOLDER + key for group in load().postgresql for key in group.tests), *covering()]
    return sorted({each.partition("::")[0] for each in ids})


def _names_sqlite(test: str) -> bool:
    """True for a case of a test that runs on both databases: its twin runs on PostgreSQL, whatever the others do."""
    return "sqlite" in test.partition("[")[2].removesuffix("]").split("-")


def _listed_in(file: Path) -> frozenset[str]:
    return frozenset(line.split(maxsplit=1)[1] for line in file.read_text(encoding="utf-8").splitlines())


def _write(file: Path, lines: Sequence[str]) -> None:
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _time_told(tier: str, seconds: float) -> str:
    """Processor time is that of all child processes that were waited for; servers of PostgreSQL are not."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = used.ru_utime + used.ru_stime
    name, bound = f"make test-{tier}".removesuffix(f"-{TEST}"), f" ({BOUND})" if tier == TEST else ""
    return f"{name}: {seconds / _SECONDS_PER_MINUTE:.1f} minutes, {processor / _SECONDS_PER_MINUTE:.1f} processor minutes{bound}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

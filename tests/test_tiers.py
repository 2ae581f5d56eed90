"""Two tiers: which tests a line of the list moves, and that every line is about tests that there are."""

from __future__ import annotations

import collections
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import tiers
from tests.tiers import DEEP, POSTGRESQL, TEST, Group, Tiers

if TYPE_CHECKING:
    from collections.abc import Sequence

TABLE = [f"tests/a/test_b.py::test_c[{case}]" for case in ("1", "2", "3")]
BOTH = [f"tests/a/test_b.py::test_d[{case}]" for case in ("sqlite", "postgresql")]
ALONE = "tests/a/test_b.py::test_e"
NEAR = "tests/a/test_b.py::test_ee"
OTHER = "tests/ab/test_b.py::test_c[1]"
ALL = [*TABLE, *BOTH, ALONE, NEAR, OTHER]
LOG = """
1.50s call     tests/a/test_b.py::test_c[1 0.30s call]
0.39s call     tests/a/test_b.py::test_c[2]
0.40s call     tests/a/test_b.py::test_c[3]
9.00s setup    tests/a/test_b.py::test_c[2]
0.60s call     tests/a/test_b.py::test_d[2]
0.50s call     tests/a/test_b.py::test_d[1]
0.80s call     tests/a/test_b.py::test_e
0.79s call     tests/a/test_b.py::test_ee
"""


@pytest.mark.parametrize(
    ("key", "only", "named"),
    [
        ("a/test_b.py::test_c", "", TABLE),
        ("a/test_b.py::test_c[3]", "", [TABLE[2]]),
        ("a/test_b.py::test_e", "", [ALONE]),
        ("a/test_b.py", "", ALL[:-1]),
        ("a", "", ALL[:-1]),
        ("a", "postgresql", [BOTH[1]]),
        ("ab", "", [OTHER]),
    ],
)
def test_a_key_names_a_folder_a_file_a_test_or_a_case(key: str, only: str, named: Sequence[str]) -> None:
    group = Group("Because.", (key,), only)
    assert [each for each in ALL if tiers.is_in(each, group)] == named


def test_each_test_is_in_one_tier() -> None:
    stays, moves = Group("Cheap enough.", ("a/test_b.py::test_c[1]", "a/test_b.py::test_e")), Group("No.", ("a/test_b.py::test_e", "ab"))
    both = Tiers((), (), (stays,), (moves,))
    measured = {TABLE[0], TABLE[1], "tests/gone.py::test_gone"}
    assert tiers.chosen(ALL, DEEP, both, measured) == {TABLE[1], ALONE, OTHER}
    assert tiers.chosen(ALL, TEST, both, measured) == set(ALL) - {TABLE[1], ALONE, OTHER}
    assert tiers.chosen(ALL, "", both, measured) == set(ALL)


def test_on_postgresql_each_test_is_in_one_tier_or_in_none() -> None:
    named = Tiers(("a/test_b.py::test_e", "ab"), (Group("Kills.", ("a/test_b.py::test_d",), "postgresql"),), (), ())
    covers = {TABLE[0], ALONE, "tests/gone.py::test_gone"}
    assert tiers.chosen_on_postgresql(ALL, TEST, named, covers) == {ALONE, OTHER}
    assert tiers.chosen_on_postgresql(ALL, DEEP, named, covers) == {TABLE[0], BOTH[1]}
    assert tiers.chosen_on_postgresql(ALL, POSTGRESQL, named, covers) == {TABLE[0], BOTH[1], ALONE, OTHER}
    assert tiers.chosen_on_postgresql(ALL, "", named, covers) == set(ALL)


def test_a_tier_keeps_bytecode_but_beside_a_planted_fault() -> None:
    given = {"HOME": "/home/anna", "PYTHONDONTWRITEBYTECODE": "1"}
    assert tiers.environment_of(given, "") == {"HOME": "/home/anna"}
    assert tiers.environment_of({"HOME": "/home/anna"}, "postgresql") == {"HOME": "/home/anna", "RATEWRIGHT_TEST_STORE": "postgresql"}
    planted = given | {tiers.PLANTED: "1"}
    assert tiers.environment_of(planted, "") == planted


def test_on_postgresql_a_tier_imports_the_files_of_its_own_tests_alone() -> None:
    named = tiers.load()
    assert tiers.files_on_postgresql(TEST) == sorted({f"tests/{key.partition('::')[0]}" for key in named.on_postgresql})
    every = tiers.files_on_postgresql(DEEP)
    assert every == tiers.files_on_postgresql(POSTGRESQL)
    wanted = [*tiers.covering(), *(f"tests/{key}" for group in named.postgresql for key in group.tests)]
    assert {each.partition("::")[0] for each in wanted} | set(tiers.files_on_postgresql(TEST)) == set(every)


def test_costly_is_what_took_long_but_the_cheapest_where_nothing_else_is_left() -> None:
    assert tiers.measured_in(LOG) == [
        "  1.50 tests/a/test_b.py::test_c[1 0.30s call]",
        "  0.40 tests/a/test_b.py::test_c[3]",
        "  0.60 tests/a/test_b.py::test_d[2]",
        "  0.80 tests/a/test_b.py::test_e",
    ]


@pytest.mark.slow
def test_every_line_of_the_list_is_about_tests_that_there_are(pytestconfig: pytest.Config) -> None:
    found = tiers.load()
    groups = [*found.stays, *found.moves, *found.postgresql]
    named = [key for group in (*found.stays, *found.moves) for key in group.tests]
    on_postgresql = [*found.on_postgresql, *(key for group in found.postgresql for key in group.tests)]
    for keys in (named, found.on_postgresql):
        assert [key for key, count in collections.Counter(keys).items() if count > 1] == []
    keys = [*named, *on_postgresql, *(each.removeprefix("tests/") for each in tiers.covering())]
    there = pytestconfig.stash[tiers.COLLECTED]
    if pytestconfig.args != ["tests"]:  # some tests alone
        there = _collected(sorted({f"tests/{key.partition('::')[0]}" for key in keys}))
    for key in keys:
        assert any(tiers.is_of(each, key) for each in there), f"{key} is no test: see tiers.toml or, for postgresql.txt, CONTRIBUTING.md"
    for group in groups:
        assert any(tiers.is_in(each, group) for each in there), group.why


def _collected(files: Sequence[str]) -> list[str]:
    words = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:xdist", *files]
    done = subprocess.run(words, cwd=tiers.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    return [line for line in done.stdout.splitlines() if line.startswith("tests/")]

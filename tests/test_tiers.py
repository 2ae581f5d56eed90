"""Two tiers: which tests a line of the list moves, and that every line is about tests that there are."""

from __future__ import annotations

import collections
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import tiers
from tests.tiers import DEEP, TEST, Group, Tiers

if TYPE_CHECKING:
    from collections.abc import Sequence

TABLE = [f"tests/a/test_b.py::test_c[{case}]" for case in ("1", "2", "3", "4", "5")]
BOTH = [f"tests/a/test_b.py::test_d[{case}]" for case in ("sqlite", "postgresql")]
ALONE = "tests/a/test_b.py::test_e"
NEAR = "tests/a/test_b.py::test_ee"
OTHER = "tests/ab/test_b.py::test_c[1]"
ALL = [*TABLE, *BOTH, ALONE, NEAR, OTHER]


@pytest.mark.parametrize(
    ("key", "stays", "only", "deep"),
    [
        ("a/test_b.py::test_c", 0, "", TABLE),
        ("a/test_b.py::test_c", 2, "", [TABLE[1], TABLE[3]]),
        ("a/test_b.py::test_c", 9, "", TABLE[1:]),
        ("a/test_b.py::test_c", ("2", "4"), "", [TABLE[0], TABLE[2], TABLE[4]]),
        ("a/test_b.py::test_c[4]", 0, "", [TABLE[3]]),
        ("a/test_b.py::test_e", 0, "", [ALONE]),
        ("a/test_b.py", 2, "", [TABLE[1], TABLE[3], BOTH[1]]),  # every second case of each test
        ("a", 0, "", ALL[:-1]),
        ("a", 0, "postgresql", [BOTH[1]]),
    ],
)
def test_a_line_moves_the_cases_that_do_not_stay(key: str, stays: int | tuple[str, ...], only: str, deep: Sequence[str]) -> None:
    both = Tiers((), (Group("Because.", {key: stays}, only),))
    assert tiers.chosen(ALL, DEEP, both) == set(deep)
    assert tiers.chosen(ALL, TEST, both) == set(ALL) - set(deep)
    assert tiers.chosen(ALL, "", both) == set(ALL)


def test_on_postgresql_the_first_tier_is_a_short_list() -> None:
    both = Tiers(("a/test_b.py::test_e", "ab"), ())
    assert tiers.chosen(ALL, TEST, both, is_on_postgresql=True) == {ALONE, OTHER}


@pytest.mark.slow
def test_every_line_of_the_list_is_about_tests_that_there_are() -> None:
    """Also of cases: an id that is written wrongly would stay nowhere."""
    found = tiers.load()
    lines = [(key, stays, group.only) for group in found.group for key, stays in group.tests.items()]
    keys = [key for key, _, _ in lines] + list(found.on_postgresql)
    assert [key for key, count in collections.Counter(keys).items() if count > 1] == []
    there = _collected(sorted({f"tests/{key.partition('::')[0]}" for key in keys}))
    for key in keys:
        assert any(tiers.is_of(each, key) for each in there), f"deep.toml: {key} is no test"
    for key, stays, only in lines:
        cases = [each.partition("[")[2].removesuffix("]") for each in there if tiers.is_of(each, key)]
        assert any(only in case for case in cases), key
        assert set(stays if isinstance(stays, tuple) else ()) <= set(cases), f"deep.toml: {key} has not all of the cases {stays}"


def _collected(files: Sequence[str]) -> list[str]:
    words = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:xdist", *files]
    done = subprocess.run(words, cwd=tiers.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    return [line for line in done.stdout.splitlines() if line.startswith("tests/")]

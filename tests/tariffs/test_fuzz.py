"""Whatever stands in a file: a good catalogue or a list of mistakes, never anything else; a good one compiles, and can be warned about."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import pytest

from rating.errors import ProblemsError
from tariffs.compiling.compiler import compile_catalogues
from tariffs.reading.load import load_located
from tariffs.warnings import CODES, warn
from tests.rating.generator_tariffs import make_catalogues, make_era
from tests.tariffs.rich import RICH
from tests.tariffs.sample import SAMPLE

if TYPE_CHECKING:
    from pathlib import Path

    from rating.errors import Problem

SEED = 7
ROUNDS = 400
STRANGE = [
    "null", "true", "-1", "0", "1e99", "0.5", "99999999999999999999", "[]", "{}", "[[]]", "{a: b}", '""', '"x"', "60s", "0s",
    "999999h", "1MB", '"0.000001"', '"999999999999"', "mon", '"24:00"', "other", "any", '"*"', "week", "9999-12-31T23:59:59+00:00",
    "0001-01-01T00:00:00+23:59", "1/1", "999999999/999999999", "\U0001f600", "[null]", "[1, 2]", "- a",
    "home", "graduated", "package", "262-01", "dec", "whole_increments", "-1", "[voice, data]", '{size: 1B, price: "1"}',
]  # fmt: skip


@pytest.mark.parametrize("text", [SAMPLE, RICH], ids=["sample", "rich"])
def test_mangled_catalogues(tmp_path: Path, text: str) -> None:
    rng = random.Random(SEED)
    outcomes = [_outcome(tmp_path, _mangled(text, rng)) for _ in range(ROUNDS)]
    good = outcomes.count(())
    assert 0 < good < ROUNDS
    assert all(problem.message and problem.remedy and problem.path for problems in outcomes for problem in problems)


def _outcome(folder: Path, text: str) -> tuple[Problem, ...]:
    """The mistakes of a text; none when it is good, and then it compiles, and every warning about it has a place in it."""
    path = folder / "sample.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        located = load_located(path)
    except ProblemsError as error:
        return error.problems
    compile_catalogues([located.catalogue])
    places = [located.locate(warning.finding).path for warning in warn(located.catalogue, before=located.catalogue)]
    assert all("(line " in place for place in places), places
    return ()


@pytest.mark.parametrize("seed", range(6))
def test_warnings_about_any_tariff(seed: int) -> None:
    rng = random.Random(seed)
    versions = make_catalogues(rng, make_era(rng))
    found = [warning for one, two in itertools.pairwise(versions) for warning in warn(two, before=one, others=versions)]
    assert found, "a random tariff is full of doubtful things"
    assert {warning.code for warning in found} <= set(CODES)


def _mangled(text: str, rng: random.Random) -> str:
    """A text with one to four values, words or lines changed."""
    for _ in range(rng.randint(1, 4)):
        kind = rng.randrange(4)
        if kind == 0:
            lines = text.splitlines(keepends=True)
            del lines[rng.randrange(len(lines))]
            text = "".join(lines)
        elif kind == 1:
            position = rng.randrange(len(text))
            text = text[:position] + rng.choice('{}[]:,-"*&!|>#%@` \n\t0aé') + text[position + 1 :]
        else:
            head, colon, tail = _split_at_value(text, rng)
            end = min((tail.find(mark) for mark in ",}\n" if mark in tail), default=len(tail))
            text = head + colon + rng.choice(STRANGE) + tail[end:]
    return text


def _split_at_value(text: str, rng: random.Random) -> tuple[str, str, str]:
    places = [index for index in range(len(text)) if text.startswith(": ", index)]
    place = rng.choice(places)
    return text[:place], ": ", text[place + 2 :]

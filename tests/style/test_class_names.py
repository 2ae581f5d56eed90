"""Public classes have names of their own: a word of grammar (what is wanted, found, told) names no further class.

The counts are those of today, and may only fall. A term of the field (`Line`, `Step`, `Plan`) may name a class in several rooms.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("rating", "tariffs", "mediation", "billing", "server")
CLASSES_MAX = {
    "Wanted": 3,
    "Found": 2,
    "Asked": 3,
    "Told": 4,
    "Known": 2,
    "Kept": 5,
    "Place": 3,
    "Settlement": 1,
    "Change": 5,
    "Span": 4,
    "Rule": 3,
}


@pytest.mark.parametrize(("name", "most"), CLASSES_MAX.items())
def test_a_word_names_no_further_class(name: str, most: int) -> None:
    pattern = re.compile(rf"^class {name}\b", re.MULTILINE)
    files = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    found = [path.relative_to(ROOT).as_posix() for path in files if pattern.search(path.read_text(encoding="utf-8"))]
    assert len(found) <= most, f"{name} is a class of {', '.join(found)}: say what the new one is, with words of docs/glossary.md"

"""Persons are compared in one place alone."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from billing.persons import is_among, same_person

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ALLOWED = {"billing/persons.py"}
FOLDER_OWNER = "st_uid"  # of a file, and no person's


def compared(path: Path) -> Iterator[int]:
    """Lines that compare something with uid in its name, or look whether it is among others."""
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)) if "uid" in text else ():
        if not isinstance(node, ast.Compare) or all(isinstance(each, (ast.Is, ast.IsNot)) for each in node.ops):
            continue
        names = [
            each.attr if isinstance(each, ast.Attribute) else each.id
            for each in ast.walk(node)
            if isinstance(each, (ast.Attribute, ast.Name))
        ]
        if any(name == "uid" or name.endswith("_uid") for name in names) and FOLDER_OWNER not in names:
            yield node.lineno


def test_no_other_module_compares_persons() -> None:
    files = [path for package in ("billing", "server") for path in (ROOT / package).rglob("*.py")]
    assert len(files) > 300
    found = {f"{path.relative_to(ROOT)}:{line}" for path in files for line in compared(path)}
    assert {each for each in found if each.partition(":")[0] not in ALLOWED} == set()
    assert any(each.startswith("billing/persons.py:") for each in found), "the search finds something"


def test_same_person() -> None:
    assert [same_person(*pair) for pair in ((1, 1), (1, 2), (None, 1), (1, None), (None, None), (-1, -1), (0, 0))] == [
        True, False, False, False, False, True, True,
    ]  # fmt: skip
    assert (is_among(1, {1, 2}), is_among(3, {1, 2}), is_among(1, ())) == (True, False, False)

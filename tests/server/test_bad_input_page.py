"""The table of bad input in docs/service.md names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ROW = re.compile(r"^\| (.+?) \| (.+?) \| (.*?) ?\| (.+) \|$", re.MULTILINE)
_TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")


def test_each_kind_names_its_test() -> None:
    page = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
    rows = _ROW.findall(page[page.index("## Bad input") :])[1:]
    assert len(rows) == page[page.index("## Bad input") :].count("\n| ") - 1
    for what, _, _, tests in rows:
        found = _TEST.findall(tests)
        assert found, what
        for file, name in found:
            assert f"def {name}(" in (ROOT / "tests" / "server" / file).read_text(encoding="utf-8"), (what, file, name)

"""The example in the reference of the language is a good catalogue."""

from __future__ import annotations

import re
from pathlib import Path

from tests.tariffs.sample import loaded

DOCS = Path(__file__).parents[2] / "docs" / "tariffs.md"


def test_the_example_is_good(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert [plan.name for plan in loaded(tmp_path, blocks[0]).plans] == ["smart-m"]

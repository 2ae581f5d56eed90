"""docs/sources.md is complete: every reason, every field of a definition, every canonical field."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from mediation.definitions.file import read_source
from mediation.reasons import EXPLANATIONS, Reason
from mediation.sources.format_columns import COLUMNS
from mediation.sources.model import Source
from mediation.sources.rules import CANONICAL_FIELDS, Dialect, Legs, Numbering, Sequence, ServiceRules, Unit

DOCS = Path(__file__).parents[2] / "docs"
DEFINITIONS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in sorted(DOCS.glob("formats/*.md"))
    for number, block in enumerate(re.findall(r"^```yaml\n(name: .*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
]
PAGE = (DOCS / "sources.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_explained(reason: Reason) -> None:
    assert re.search(rf"^\|.*\b{reason}\b", PAGE, re.MULTILINE)
    assert EXPLANATIONS[reason]


def test_every_format_and_field_is_named() -> None:
    parts = (Source, Numbering, Legs, Sequence, Dialect, ServiceRules)
    names = {field.name.removesuffix("_us") for part in parts for field in msgspec.structs.fields(part)} - {"layouts", "start_on_confirmed"}
    missing = {name for name in names if not re.search(rf"\b{name}\b", PAGE)}
    assert not missing
    assert not {name for name in (*COLUMNS, *CANONICAL_FIELDS) if not re.search(rf"(?<![a-z_-]){name}(?![a-z_])", PAGE)}
    assert not {unit.value for unit in Unit if unit.value not in PAGE}


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_definitions_of_the_pages_are_right(definition: str, tmp_path: Path) -> None:
    path = tmp_path / "source.yaml"
    path.write_text(definition)
    assert read_source(path).name

"""docs/sources.md is complete: every reason, every field of a definition, every canonical field."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from mediation.format_columns import COLUMNS
from mediation.reasons import EXPLANATIONS, Reason
from mediation.source_rules import CANONICAL_FIELDS, Dialect, Legs, Numbering, Sequence, ServiceRules, Unit
from mediation.sources import Source

PAGE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")


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

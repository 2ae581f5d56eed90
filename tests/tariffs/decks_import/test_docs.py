"""The page about rate decks: every field stands on it, and its examples are good."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from tariffs.decks_import import mapping, target
from tariffs.decks_import.preview import Kind
from tariffs.documents import deck_files

PAGE = (Path(__file__).parents[3] / "docs" / "rate-decks.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
WORDS = set(re.findall(r"`([a-z_]+)`", PAGE))


def test_every_field_stands_on_the_page() -> None:
    entries = (mapping.DeckMapping, mapping.ColumnsEntry, mapping.AmountsEntry)
    fields = {field.encode_name for entry in entries for field in msgspec.structs.fields(entry)}
    assert fields <= WORDS, fields - WORDS
    assert {*deck_files.COLUMNS, *deck_files.OPTIONAL} <= WORDS
    assert {kind.value for kind in Kind} <= WORDS


@pytest.mark.parametrize("block", BLOCKS, ids=["deck", "mapping"])
def test_every_example_is_good(tmp_path: Path, block: str) -> None:
    (tmp_path / "a.yaml").write_text(block)
    if block.startswith("decks:"):
        assert target.find(tmp_path, None).name == "world"
    else:
        assert mapping.read(tmp_path / "a.yaml").columns.action == "Change"

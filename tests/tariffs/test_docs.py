"""The reference of the language: every example on the page is good, and the tables of fields are those of the structs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tariffs.language.entries import Document
from tariffs.reading.load import load
from tariffs.reference import field_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parents[2] / "docs" / "tariffs.md"
BLOCKS = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
FILES = {
    "deck.csv": "zone_id,zone,prefixes,rate\n50,france,33,0.0049\n",
    "holidays.csv": "date\n2026-05-01\n",
    "prefixes.csv": "prefix\n44\n",
}


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_every_example_is_good(tmp_path: Path, block: int) -> None:
    """The first is a whole catalogue; the others are added to it."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    for number in sorted({0, block}):
        (tmp_path / f"{number}.yaml").write_text(BLOCKS[number], encoding="utf-8")
    assert "smart-m" in [plan.name for plan in load(tmp_path).plans]


def test_the_field_tables_are_those_of_the_structs() -> None:
    """Mended by `python -m tariffs.reference.field_tables --write docs/tariffs.md`."""
    page = DOCS.read_text(encoding="utf-8")
    assert field_tables.with_tables(page) == page


def test_every_entry_has_its_table_under_its_heading() -> None:
    page = DOCS.read_text(encoding="utf-8")
    tables = re.findall(r"^#+ (.*)\n\n<!-- fields: (\w+) -->$", page, re.MULTILINE)
    entries = {kind.__name__ for kind in _kinds(Document)}
    assert {name for _, name in tables} == entries
    assert [name for _, name in tables if page.count(f"<!-- fields: {name} -->") > 1] == []
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", page, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([\w-]+)\)", page)) <= headings


@pytest.mark.parametrize(("words", "status"), [(["--check"], 0), (["--write"], 0), ([], 2), (["--list"], 2)])
def test_the_command_of_the_tables(tmp_path: Path, words: list[str], status: int) -> None:
    page = tmp_path / "page.md"
    page.write_text(DOCS.read_text(encoding="utf-8"), encoding="utf-8")
    assert field_tables.main([*words, str(page)] if words else []) == status


def test_the_command_tells_and_mends_an_old_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, right = tmp_path / "page.md", DOCS.read_text(encoding="utf-8")
    page.write_text(right.replace("| `identity` | text |", "| `identity` | number |"), encoding="utf-8")
    assert field_tables.main(["--check", str(page)]) == 1
    assert "--write" in capsys.readouterr().err
    assert field_tables.main(["--write", str(page)]) == 0
    assert page.read_text(encoding="utf-8") == right


def _kinds(kind: type[msgspec.Struct]) -> set[type[msgspec.Struct]]:
    """An entry, and all entries inside it."""
    inner = {each for field in msgspec.structs.fields(kind) for each in _inner(field.type)}
    return {kind}.union(*(_kinds(each) for each in inner))


def _inner(annotation: Any) -> Iterator[type[msgspec.Struct]]:  # noqa: ANN401 - a type expression
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _inner(argument)
